//! Tensors in messages: numbers of any type, or texts.

use super::wire::{Field, Fields, doubles, integers, singles};

/// TensorFlow's numbers of types.
pub(super) const FLOAT: i64 = 1;
pub(super) const DOUBLE: i64 = 2;
pub(super) const STRING: i64 = 7;

/// A tensor. Its numbers are as many as stand in the message, which may be fewer than the shape says.
#[derive(Debug, Default)]
pub(super) struct Tensor<'a> {
    pub data_type: i64,
    pub shape: Vec<u64>,
    pub numbers: Vec<f64>,
    pub texts: Vec<&'a [u8]>,
}

impl<'a> Tensor<'a> {
    /// None if the message is none.
    pub fn of(message: &'a [u8]) -> Option<Self> {
        let (mut tensor, mut content) = (Tensor::default(), &[][..]);
        let mut halves = Vec::new();
        for field in Fields::of(message) {
            match field? {
                (1, Field::Varint(data_type)) => tensor.data_type = data_type as i64,
                (2, Field::Bytes(shape)) => tensor.shape = sizes(shape)?,
                (4, Field::Bytes(bytes)) => content = bytes,
                (5, field) => singles(field, &mut tensor.numbers),
                (6, field) => doubles(field, &mut tensor.numbers),
                (8, Field::Bytes(text)) => tensor.texts.push(text),
                (7 | 10 | 11 | 16 | 17, field) => integers(field, &mut tensor.numbers)?,
                (13, field) => integers(field, &mut halves)?,
                _ => {}
            }
        }
        tensor.numbers.extend(halves.iter().map(|bits| half(*bits as u16, tensor.data_type)));
        if tensor.numbers.is_empty() {
            tensor.numbers = numbers(content, tensor.data_type);
        }
        Some(tensor)
    }

    /// The one number of a tensor that has one.
    pub fn number(&self) -> Option<f64> {
        if self.shape.iter().all(|size| *size == 1) { self.numbers.first().copied() } else { None }
    }

    pub fn is_text(&self) -> bool {
        self.data_type == STRING
    }
}

fn sizes(shape: &[u8]) -> Option<Vec<u64>> {
    let mut sizes = Vec::new();
    for field in Fields::of(shape) {
        if let (2, Field::Bytes(dimension)) = field? {
            let mut size = 0;
            for field in Fields::of(dimension) {
                if let (1, Field::Varint(value)) = field? {
                    size = value;
                }
            }
            sizes.push(size);
        }
    }
    Some(sizes)
}

/// The numbers of a tensor that stand as they lie in memory, little-endian.
fn numbers(content: &[u8], data_type: i64) -> Vec<f64> {
    fn each<const N: usize>(content: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        content.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
    }
    match data_type {
        FLOAT => each(content, |bytes| f64::from(f32::from_le_bytes(bytes))),
        DOUBLE => each(content, f64::from_le_bytes),
        3 => each(content, |bytes| f64::from(i32::from_le_bytes(bytes))),
        4 | 10 => each(content, |[byte]| f64::from(byte)),
        5 => each(content, |bytes| f64::from(i16::from_le_bytes(bytes))),
        6 => each(content, |[byte]| f64::from(byte as i8)),
        9 => each(content, |bytes| i64::from_le_bytes(bytes) as f64),
        17 => each(content, |bytes| f64::from(u16::from_le_bytes(bytes))),
        22 => each(content, |bytes| f64::from(u32::from_le_bytes(bytes))),
        23 => each(content, |bytes| u64::from_le_bytes(bytes) as f64),
        HALF | BFLOAT16 => each(content, |bytes| half(u16::from_le_bytes(bytes), data_type)),
        _ => vec![],
    }
}

const BFLOAT16: i64 = 14;
const HALF: i64 = 19;

fn half(bits: u16, data_type: i64) -> f64 {
    match data_type {
        BFLOAT16 => half::bf16::from_bits(bits).to_f64(),
        _ => half::f16::from_bits(bits).to_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Message;
    use super::*;

    fn number(message: Message) -> Option<f64> {
        Tensor::of(&message.0).unwrap().number()
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        let of = |data_type| Message::new().integer(1, data_type).message(2, Message::new());
        assert_eq!(number(of(FLOAT).single(5, 0.5)), Some(0.5));
        assert_eq!(number(of(DOUBLE).bytes(4, 0.1f64.to_le_bytes())), Some(0.1));
        assert_eq!(number(of(3).integer(7, -2)), Some(-2.0));
        assert_eq!(number(of(9).bytes(4, (-3i64).to_le_bytes())), Some(-3.0));
        assert_eq!(number(of(10).integer(11, 1)), Some(1.0));
        assert_eq!(number(of(HALF).integer(13, 0x3800)), Some(0.5));
        assert_eq!(number(of(BFLOAT16).bytes(4, [0x00, 0x3f])), Some(0.5));
        assert_eq!(number(of(18).bytes(4, [0; 16])), None);
    }

    #[test]
    fn a_tensor_of_several_is_no_number() {
        let shape = Message::new().message(2, Message::new().integer(1, 2));
        assert_eq!(number(Message::new().integer(1, FLOAT).message(2, shape).single(5, 1.0).single(5, 2.0)), None);
    }
}

//! Protobuf's wire format: numbered fields of four kinds. Nothing is copied and nothing reserved by a length that a message
//! states, so a message costs what it has. Source: <https://protobuf.dev/programming-guides/encoding/>.

/// A field as it stands in a message. What it means is said by its number; one of another kind than its number has is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// The fields of a message, one after another; `None` in place of one where the bytes are no message, and then no more.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    left: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields { left: message }
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.varint()?;
        let field = match key & 7 {
            VARINT => Field::Varint(self.varint()?),
            FIXED64 => Field::Fixed64(u64::from_le_bytes(*self.take(8)?.first_chunk()?)),
            BYTES => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            FIXED32 => Field::Fixed32(u32::from_le_bytes(*self.take(4)?.first_chunk()?)),
            // Groups, which none of our messages has, and what there is not.
            _ => return None,
        };
        Some((key >> 3, field))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let (first, rest) = self.left.split_first()?;
            self.left = rest;
            value |= u64::from(first & 0x7f) << (7 * place);
            if *first < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(bytes)?;
        self.left = left;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.left = &[];
        }
        Some(field)
    }
}

/// Integers of a repeated field: one alone, or many packed. None if the bytes are no integers.
pub(super) fn integers(field: Field<'_>, into: &mut Vec<f64>) -> Option<()> {
    match field {
        Field::Varint(value) => into.push(value as i64 as f64),
        Field::Bytes(bytes) => {
            let mut packed = Fields::of(bytes);
            while !packed.left.is_empty() {
                into.push(packed.varint()? as i64 as f64);
            }
        }
        Field::Fixed32(_) | Field::Fixed64(_) => {}
    }
    Some(())
}

/// Numbers of four bytes of a repeated field, as `f32`.
pub(super) fn singles(field: Field<'_>, into: &mut Vec<f64>) {
    let number = |bits| f64::from(f32::from_bits(bits));
    match field {
        Field::Fixed32(bits) => into.push(number(bits)),
        Field::Bytes(bytes) => into.extend(bytes.as_chunks().0.iter().map(|four| number(u32::from_le_bytes(*four)))),
        Field::Varint(_) | Field::Fixed64(_) => {}
    }
}

/// Numbers of eight bytes of a repeated field, as `f64`.
pub(super) fn doubles(field: Field<'_>, into: &mut Vec<f64>) {
    match field {
        Field::Fixed64(bits) => into.push(f64::from_bits(bits)),
        Field::Bytes(bytes) => into.extend(bytes.as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight))),
        Field::Varint(_) | Field::Fixed32(_) => {}
    }
}

/// A message that is being written: each method adds a field.
#[derive(Debug, Default)]
pub(super) struct Message(pub Vec<u8>);

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn integer(mut self, number: u64, value: i64) -> Self {
        self.key(number, VARINT);
        self.varint(value as u64);
        self
    }

    pub fn single(mut self, number: u64, value: f32) -> Self {
        self.key(number, FIXED32);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn double(mut self, number: u64, value: f64) -> Self {
        self.key(number, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn bytes(mut self, number: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.key(number, BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub fn message(self, number: u64, value: Message) -> Self {
        self.bytes(number, value.0)
    }

    /// Packed.
    pub fn doubles(mut self, number: u64, values: impl ExactSizeIterator<Item = f64>) -> Self {
        self.key(number, BYTES);
        self.varint(values.len() as u64 * 8);
        values.for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        self
    }

    fn key(&mut self, number: u64, kind: u64) {
        self.varint((number << 3) | kind);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_protobuf_makes_of_it() {
        // Protobuf's own examples: field 1 is 150, field 2 the text "testing".
        assert_eq!(Message::new().integer(1, 150).bytes(2, "testing").0, b"\x08\x96\x01\x12\x07testing");
        let fields: Vec<_> = Fields::of(b"\x08\x96\x01\x12\x07testing").map(Option::unwrap).collect();
        assert_eq!(fields, [(1, Field::Varint(150)), (2, Field::Bytes(b"testing"))]);
    }

    #[test]
    fn negative_integers_and_numbers_come_back() {
        let message = Message::new().integer(1, -3).single(2, 0.5).double(3, f64::MAX).doubles(4, [1.0, 2.0].into_iter());
        let (mut wholes, mut parts) = (vec![], vec![]);
        for (number, field) in Fields::of(&message.0).map(Option::unwrap) {
            match number {
                1 => integers(field, &mut wholes).unwrap(),
                2 => singles(field, &mut parts),
                _ => doubles(field, &mut parts),
            }
        }
        assert_eq!((wholes, parts), (vec![-3.0], vec![0.5, f64::MAX, 1.0, 2.0]));
    }

    #[test]
    fn a_length_beyond_the_message_ends_it() {
        for wrong in [&b"\x12\x07test"[..], b"\x08", b"\x0b", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &[0xff; 11]] {
            assert_eq!(Fields::of(wrong).collect::<Vec<_>>(), [None], "{wrong:?}");
        }
    }
}

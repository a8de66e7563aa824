//! Protobuf's wire format: numbered fields of four kinds.

use prost::encoding::{self, WireType, decode_key, decode_varint};

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// All fields of a message with their numbers; None if it is none.
pub(super) fn fields(mut message: &[u8]) -> Option<Vec<(u32, Field<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (number, kind) = decode_key(&mut message).ok()?;
        let field = match kind {
            WireType::Varint => Field::Varint(decode_varint(&mut message).ok()?),
            WireType::SixtyFourBit => Field::Fixed64(u64::from_le_bytes(take(&mut message, 8)?.try_into().ok()?)),
            WireType::ThirtyTwoBit => Field::Fixed32(u32::from_le_bytes(take(&mut message, 4)?.try_into().ok()?)),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).ok()?;
                Field::Bytes(take(&mut message, usize::try_from(length).ok()?)?)
            }
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        fields.push((number, field));
    }
    Some(fields)
}

fn take<'a>(message: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, left) = message.split_at_checked(bytes)?;
    *message = left;
    Some(taken)
}

impl<'a> Field<'a> {
    pub fn bytes(self) -> Option<&'a [u8]> {
        if let Field::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub fn text(self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    pub fn integer(self) -> Option<i64> {
        if let Field::Varint(value) = self { Some(value as i64) } else { None }
    }

    /// Floats of either width, alone or packed.
    pub fn floats(self, width: usize) -> Vec<f64> {
        match self {
            Field::Fixed32(bits) => vec![f64::from(f32::from_bits(bits))],
            Field::Fixed64(bits) => vec![f64::from_bits(bits)],
            Field::Bytes(bytes) => floats(bytes, width),
            Field::Varint(_) => vec![],
        }
    }
}

/// Floats of 4 or 8 bytes one after another.
pub(super) fn floats(bytes: &[u8], width: usize) -> Vec<f64> {
    let float = |bytes: &[u8]| match bytes.try_into() {
        Ok(eight) => f64::from_le_bytes(eight),
        Err(_) => f64::from(f32::from_le_bytes(bytes.try_into().unwrap_or_default())),
    };
    bytes.chunks_exact(width).map(float).collect()
}

/// A message on its way.
#[derive(Debug, Default)]
pub(super) struct Message(pub Vec<u8>);

impl Message {
    pub fn double(mut self, number: u32, value: f64) -> Self {
        encoding::double::encode(number, &value, &mut self.0);
        self
    }

    pub fn float(mut self, number: u32, value: f32) -> Self {
        encoding::float::encode(number, &value, &mut self.0);
        self
    }

    pub fn integer(mut self, number: u32, value: i64) -> Self {
        encoding::int64::encode(number, &value, &mut self.0);
        self
    }

    pub fn text(mut self, number: u32, value: &str) -> Self {
        encoding::string::encode(number, &value.to_owned(), &mut self.0);
        self
    }

    pub fn bytes(mut self, number: u32, value: &[u8]) -> Self {
        encoding::bytes::encode(number, &value.to_vec(), &mut self.0);
        self
    }

    pub fn doubles(mut self, number: u32, values: &[f64]) -> Self {
        encoding::double::encode_packed(number, values, &mut self.0);
        self
    }

    pub fn message(self, number: u32, message: Message) -> Self {
        self.bytes(number, &message.0)
    }
}

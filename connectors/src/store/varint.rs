//! Integers in as few bytes as they need: seven bits a byte, the lowest first; signed ones zigzagged, so that small
//! negative numbers are short too.

/// The longest varint of 64 bits.
const BYTES_MAX: usize = 10;

pub(super) fn push_unsigned(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

pub(super) fn push_signed(bytes: &mut Vec<u8>, value: i64) {
    push_unsigned(bytes, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads what was pushed; each method gives None where the bytes do not hold that.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { left: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.left.split_first()?;
        self.left = rest;
        Some(*first)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (these, rest) = self.left.split_at_checked(count)?;
        self.left = rest;
        Some(these)
    }

    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..BYTES_MAX {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, -1, 63, 64, -64, -65, 1 << 40, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            push_signed(&mut bytes, value);
            push_unsigned(&mut bytes, value as u64);
            let mut reader = Reader::new(&bytes);
            assert_eq!((reader.signed(), reader.unsigned(), reader.is_at_end()), (Some(value), Some(value as u64), true));
        }
    }

    #[test]
    fn what_is_cut_short_is_no_number() {
        assert_eq!(Reader::new(&[]).unsigned(), None);
        assert_eq!(Reader::new(&[0x80; 20]).unsigned(), None);
        assert_eq!(Reader::new(&[1]).bytes(2), None);
    }
}

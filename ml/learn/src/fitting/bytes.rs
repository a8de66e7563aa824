//! Reading states back from their bytes.

use gradframe_ml_core::{Error, Result};

/// A reader of little-endian numbers and length-prefixed texts.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(broken)?;
        self.0 = rest;
        Ok(head)
    }

    pub fn u8(&mut self) -> Result<u8> {
        self.take(1)?.first().copied().ok_or_else(broken)
    }

    pub fn i16(&mut self) -> Result<i16> {
        let bytes = self.take(2)?.try_into().map_err(|_| broken())?;
        Ok(i16::from_le_bytes(bytes))
    }

    pub fn u64(&mut self) -> Result<u64> {
        let bytes = self.take(8)?.try_into().map_err(|_| broken())?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub fn f64(&mut self) -> Result<f64> {
        self.u64().map(f64::from_bits)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let length = usize::try_from(self.u64()?).map_err(|_| broken())?;
        std::str::from_utf8(self.take(length)?).map_err(|_| broken())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(crate) fn broken() -> Error {
    Error::internal("fit", "the state of a statistic is not readable")
}

//! How many bytes arrays may take: as many as memory has addresses, and what the machine has, if somebody has said that.

use std::sync::atomic::{AtomicUsize, Ordering};

use gradframe_ml_core::{Error, Result};

use crate::element::ArrayType;

/// What no machine has: an array may be as long as its elements can be counted.
const BYTES_MAX: usize = isize::MAX as usize;

static LIMIT_BYTES: AtomicUsize = AtomicUsize::new(BYTES_MAX);

/// From now on values of more bytes than this are refused before any memory is taken: `ml` reads no files, so it does not know what
/// the machine has. The engine says it for the sessions and the bindings that it makes.
pub fn limit_memory(bytes: usize) {
    LIMIT_BYTES.store(bytes.min(BYTES_MAX), Ordering::Relaxed);
}

/// Bytes that values may take.
pub(crate) fn limit_bytes() -> usize {
    LIMIT_BYTES.load(Ordering::Relaxed)
}

/// Refuses a result whose elements cannot be counted; one that is made of single numbers alone (`made`: zeros, random numbers) also if
/// the machine cannot hold it, as it is made whole. Others may never come to be: what follows may fold them.
/// Errors: `Shape`, `Resources` naming the type.
pub(crate) fn check(op: &str, ty: &ArrayType, made: bool) -> Result<()> {
    let bytes = ty.bytes().ok_or_else(|| Error::shape(op, format!("{ty} has more elements than memory has addresses")))?;
    if made { check_held(op, ty, bytes) } else { Ok(()) }
}

/// Refuses values of these types that the machine cannot hold beside one another. Errors: `Resources` naming the largest.
pub(crate) fn check_all<'a>(op: &str, types: impl Iterator<Item = &'a ArrayType> + Clone) -> Result<()> {
    let size = |ty: &ArrayType| ty.bytes().unwrap_or(usize::MAX);
    let all = types.clone().map(size).fold(0, usize::saturating_add);
    types.max_by_key(|ty| size(ty)).map_or(Ok(()), |largest| check_held(op, largest, all))
}

fn check_held(op: &str, ty: &ArrayType, bytes: usize) -> Result<()> {
    let limit = limit_bytes();
    if bytes <= limit {
        return Ok(());
    }
    let what = format!("{ty} takes {bytes} bytes, this machine has {limit}");
    Err(Error::resources(op, what).hint("make it in parts, or of a narrower type"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Element;

    #[test]
    fn a_shape_is_counted_as_if_none_of_its_sizes_were_zero() {
        let bytes = |shape: &[usize]| ArrayType::new(Element::FLOAT, shape).bytes();
        assert_eq!((bytes(&[3, 4]), bytes(&[]), bytes(&[0, 5])), (Some(48), Some(4), Some(0)));
        assert_eq!((bytes(&[1 << 62, 4]), bytes(&[1 << 62, 4, 0]), bytes(&[1 << 61])), (None, None, None));
        assert_eq!(bytes(&[(1 << 61) - 1]), Some((1 << 63) - 4));
    }
}

//! Untyped memory read as elements of a type.

/// Types without padding for which every bit pattern is a value.
///
/// # Safety
/// Only for such types.
pub unsafe trait Plain: Copy + Default + Send + Sync + 'static {}

macro_rules! plain {
    ($($t:ty)*) => { $(
        // SAFETY: a number, of which every bit pattern is a value.
        unsafe impl Plain for $t {}
    )* };
}

/// One line of a cache: memory in which vectors never lie across two.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub struct Line(#[allow(dead_code)] [u64; 8]); // only ever read as bytes

impl Line {
    /// Bytes of a line.
    pub const BYTES: usize = 64;
}

// SAFETY: numbers without padding.
unsafe impl Plain for Line {}

plain! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 half::f16 half::bf16 }

/// The bytes as elements. They must be aligned and a whole number of elements, as buffers are.
pub fn typed<T: Plain>(bytes: &[u8]) -> &[T] {
    // SAFETY: every bit pattern is a value of a plain type.
    let (before, values, after) = unsafe { bytes.align_to::<T>() };
    assert!(before.is_empty() && after.is_empty(), "a buffer is not aligned to its elements");
    values
}

/// The bytes as elements that can be written; see [`typed`].
pub fn typed_mut<T: Plain>(bytes: &mut [u8]) -> &mut [T] {
    // SAFETY: every bit pattern is a value of a plain type, and every value a bit pattern.
    let (before, values, after) = unsafe { bytes.align_to_mut::<T>() };
    assert!(before.is_empty() && after.is_empty(), "a buffer is not aligned to its elements");
    values
}

/// Elements as bytes.
pub fn as_bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: plain values have no padding, and bytes no alignment.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// Elements as bytes that can be written.
pub fn bytes_of_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: plain values have no padding, every bit pattern is one, and bytes have no alignment.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// Calls `$body` with `$T` the unsigned type of this many bytes: for moving elements whatever they are.
macro_rules! with_width {
    ($width:expr, $T:ident => $body:expr) => {
        match $width {
            1 => {
                type $T = u8;
                $body
            }
            2 => {
                type $T = u16;
                $body
            }
            4 => {
                type $T = u32;
                $body
            }
            _ => {
                type $T = u64;
                $body
            }
        }
    };
}
pub(crate) use with_width;

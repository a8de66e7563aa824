//! Realised arrays: an element type, a shape, and one contiguous row-major buffer.

use std::hash::{Hash, Hasher};

use arrow_buffer::Buffer;

use crate::dtype::DType;
use crate::error::{Error, Result};

/// A Rust type that stands for a `DType` in memory.
pub trait Element: arrow_buffer::ArrowNativeType {
    /// The element type it stands for.
    const DTYPE: DType;
}

macro_rules! elements {
    ($($rust:ty => $dtype:ident),* $(,)?) => { $(impl Element for $rust { const DTYPE: DType = DType::$dtype; })* };
}

elements! { i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64,
half::f16 => F16, f32 => F32, f64 => F64 }

/// A realised array. Cheap to clone: the buffer is shared (and may be an Arrow column's own).
#[derive(Debug, Clone)]
pub struct Tensor {
    dtype: DType,
    shape: Box<[usize]>,
    data: Buffer,
}

impl Tensor {
    /// Wraps a buffer without copying. bool is one byte a value (0 or 1); bf16 is its 16 bits.
    /// Errors: `Shape` if the buffer holds another number of elements than the shape; `Internal` if it is not aligned.
    pub fn try_new(dtype: DType, shape: &[usize], data: Buffer) -> Result<Self> {
        let bytes = shape.iter().filter(|&&size| size > 0).try_fold(dtype.size_bytes(), |all, &size| all.checked_mul(size));
        let no_memory = || Error::shape("tensor", format!("shape {shape:?} of {dtype} has more bytes than memory has addresses"));
        let expected = if shape.contains(&0) { bytes.map(|_| 0) } else { bytes }.ok_or_else(no_memory)?;
        if data.len() != expected {
            return Err(Error::shape(
                "tensor",
                format!("shape {shape:?} of {dtype} needs {expected} bytes, the buffer has {}", data.len()),
            ));
        }
        if data.as_ptr().align_offset(dtype.size_bytes()) != 0 {
            return Err(Error::internal("tensor", format!("buffer is not aligned to {dtype}")));
        }
        Ok(Tensor { dtype, shape: shape.into(), data })
    }

    /// A tensor of these values. Errors: `Shape` if their number does not fit the shape.
    pub fn from_vec<T: Element>(shape: &[usize], values: Vec<T>) -> Result<Self> {
        Self::try_new(T::DTYPE, shape, Buffer::from_vec(values))
    }

    /// A tensor of booleans.
    pub fn from_bools(shape: &[usize], values: &[bool]) -> Result<Self> {
        Self::try_new(DType::Bool, shape, Buffer::from_vec(values.iter().map(|&b| b as u8).collect::<Vec<u8>>()))
    }

    /// A single number, shape `[]`.
    pub fn scalar<T: Element>(value: T) -> Self {
        Tensor { dtype: T::DTYPE, shape: Box::new([]), data: Buffer::from_vec(vec![value]) }
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Sizes, outermost axis first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if some axis has size 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, row-major.
    pub fn buffer(&self) -> &Buffer {
        &self.data
    }

    /// The bytes, row-major: for who owns the tensor and wants its memory.
    pub fn into_buffer(self) -> Buffer {
        self.data
    }

    /// The elements. Errors: `DType` if they are not `T` (a `u8` view of bool is allowed).
    pub fn values<T: Element>(&self) -> Result<&[T]> {
        let byte_view = self.dtype == DType::Bool && T::DTYPE == DType::U8;
        if self.dtype != T::DTYPE && !byte_view {
            return Err(Error::dtype("tensor", format!("holds {}, read as {}", self.dtype, T::DTYPE)));
        }
        Ok(self.data.typed_data::<T>())
    }

    /// The elements of any type as f64; integers beyond 2^53 are rounded, bool is 0 or 1.
    pub fn to_f64(&self) -> Vec<f64> {
        crate::ops::wide::decode(self).to_floats()
    }

    /// The same elements in another element type, as `Cast` does it. Errors: none but `Internal`.
    pub fn cast(&self, dtype: DType) -> Result<Self> {
        crate::ops::wide::encode(dtype, &self.shape, &crate::ops::wide::decode(self))
    }

    /// Rows from `from` on, `count` of them; nothing is copied. Errors: `Shape` if there are not as many; of bool or narrow
    /// types none but `Internal`.
    pub fn rows(&self, from: usize, count: usize) -> Result<Self> {
        let [rows, rest @ ..] = self.shape() else { return Err(Error::shape("rows", "a single number has no rows")) };
        if from + count > *rows {
            return Err(Error::shape("rows", format!("rows {from} to {} of {rows}", from + count)));
        }
        let row_bytes = rest.iter().product::<usize>() * self.dtype.size_bytes();
        let shape: Vec<usize> = std::iter::once(count).chain(rest.iter().copied()).collect();
        Self::try_new(self.dtype, &shape, self.data.slice_with_length(from * row_bytes, count * row_bytes))
    }

    /// The same elements in another shape. Errors: `Shape` if the number of elements differs.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Self> {
        Self::try_new(self.dtype, shape, self.data.clone())
    }
}

// By bits, so that constants can be hash-consed: NaN equals itself, 0.0 differs from -0.0.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype && self.shape == other.shape && self.data.as_slice() == other.data.as_slice()
    }
}

impl Eq for Tensor {}

impl Hash for Tensor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dtype.hash(state);
        self.shape.hash(state);
        self.data.as_slice().hash(state);
    }
}

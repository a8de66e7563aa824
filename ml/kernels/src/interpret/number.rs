//! Single numbers of the types that are computed in, and of all that are stored.

use arrow_buffer::Buffer;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use half::{bf16, f16};

/// One number. Narrow types hold theirs in the type that they are computed in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// bool.
    Bool(bool),
    /// i8, i16, i32, i64, u8, u16, u32.
    Signed(i64),
    /// u64.
    Unsigned(u64),
    /// f16, bf16, f32.
    Single(f32),
    /// f64.
    Double(f64),
}

use Number::{Bool, Double, Signed, Single, Unsigned};

impl Number {
    /// The number in another type. A float in an integer type truncates and saturates (NaN: 0), an integer wraps; bool
    /// is whether it is not 0.
    pub fn cast(self, to: DType) -> Number {
        match to {
            DType::Bool => Bool(self.is_true()),
            DType::F64 => Double(self.to_f64()),
            DType::F32 => Single(self.to_f32()),
            DType::F16 => Single(f16::from_f64(self.to_f64()).to_f32()),
            DType::BF16 => Single(bf16::from_f64(self.to_f64()).to_f32()),
            DType::U64 => Unsigned(match self {
                Single(x) => x as u64,
                Double(x) => x as u64,
                other => other.to_wide() as u64,
            }),
            _ => Signed(self.to_signed(to)),
        }
    }

    fn to_signed(self, to: DType) -> i64 {
        macro_rules! narrowed {
            ($t:ty) => {
                match self {
                    Single(x) => x as $t as i64,
                    Double(x) => x as $t as i64,
                    other => other.to_wide() as $t as i64,
                }
            };
        }
        match to {
            DType::I8 => narrowed!(i8),
            DType::I16 => narrowed!(i16),
            DType::I32 => narrowed!(i32),
            DType::U8 => narrowed!(u8),
            DType::U16 => narrowed!(u16),
            DType::U32 => narrowed!(u32),
            _ => narrowed!(i64),
        }
    }

    /// Whether it is not 0; a NaN is not.
    pub fn is_true(self) -> bool {
        match self {
            Bool(x) => x,
            Signed(x) => x != 0,
            Unsigned(x) => x != 0,
            Single(x) => x != 0.0,
            Double(x) => x != 0.0,
        }
    }

    /// An integer or bool, exactly; of a float, its whole part.
    pub fn to_wide(self) -> i128 {
        match self {
            Bool(x) => x as i128,
            Signed(x) => x as i128,
            Unsigned(x) => x as i128,
            Single(x) => x as i128,
            Double(x) => x as i128,
        }
    }

    /// As f64, rounded.
    pub fn to_f64(self) -> f64 {
        match self {
            Single(x) => x as f64,
            Double(x) => x,
            other => other.to_wide() as f64,
        }
    }

    fn to_f32(self) -> f32 {
        match self {
            Single(x) => x,
            Double(x) => x as f32,
            other => other.to_wide() as f32,
        }
    }

    /// The bits as the type is stored.
    pub fn bits(self, dtype: DType) -> u64 {
        match (dtype, self) {
            (DType::F64, x) => x.to_f64().to_bits(),
            (DType::F32, x) => x.to_f32().to_bits() as u64,
            (DType::F16, x) => f16::from_f64(x.to_f64()).to_bits() as u64,
            (DType::BF16, x) => bf16::from_f64(x.to_f64()).to_bits() as u64,
            (_, x) => x.to_wide() as u64,
        }
    }

    /// The number that these bits are in a type.
    pub fn from_bits(dtype: DType, bits: u64) -> Number {
        match dtype {
            DType::Bool => Bool(bits as u8 != 0),
            DType::I8 => Signed(bits as i8 as i64),
            DType::I16 => Signed(bits as i16 as i64),
            DType::I32 => Signed(bits as i32 as i64),
            DType::I64 => Signed(bits as i64),
            DType::U8 => Signed(bits as u8 as i64),
            DType::U16 => Signed(bits as u16 as i64),
            DType::U32 => Signed(bits as u32 as i64),
            DType::U64 => Unsigned(bits),
            DType::F16 => Single(f16::from_bits(bits as u16).to_f32()),
            DType::BF16 => Single(bf16::from_bits(bits as u16).to_f32()),
            DType::F32 => Single(f32::from_bits(bits as u32)),
            DType::F64 => Double(f64::from_bits(bits)),
        }
    }
}

/// The elements of a tensor.
pub fn read(tensor: &Tensor) -> Vec<Number> {
    let dtype = tensor.dtype();
    let bits = |element: &[u8]| element.iter().rev().fold(0, |word, &byte| word << 8 | byte as u64);
    tensor.buffer().as_slice().chunks_exact(dtype.size_bytes()).map(|e| Number::from_bits(dtype, bits(e))).collect()
}

/// A tensor of these numbers. Errors: `Internal` if their number does not fit the shape.
pub fn written(dtype: DType, shape: &[usize], numbers: &[Number]) -> Result<Tensor> {
    let width = dtype.size_bytes();
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.bits(dtype).to_le_bytes().into_iter().take(width)).collect();
    Tensor::try_new(dtype, shape, Buffer::from_slice_ref(&bytes))
        .map_err(|e| Error::internal("interpret", "a kernel wrote another number of elements than its buffer has").because(e))
}

//! Element types and shapes of arrays: those of tensors, and complex numbers as pairs.

use std::fmt;

use gradframe_ml_core::complex::ComplexType;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Shape};
use smallvec::SmallVec;

/// Sizes, outermost axis first.
pub type Sizes = SmallVec<[usize; 4]>;

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// A real number or a truth value.
    Real(DType),
    /// A complex number: two floats side by side.
    Complex(ComplexType),
}

impl Element {
    /// True or false.
    pub const BOOL: Element = Element::Real(DType::Bool);
    /// What Python's integers become.
    pub const INT: Element = Element::Real(DType::I64);
    /// What Python's floats become.
    pub const FLOAT: Element = Element::Real(DType::F32);
    /// What Python's complex numbers become.
    pub const COMPLEX: Element = Element::Complex(ComplexType::Complex64);

    /// Every type that arrays have, in the order of the standard.
    pub const ALL: [Element; 15] = [
        Element::Real(DType::Bool),
        Element::Real(DType::I8),
        Element::Real(DType::I16),
        Element::Real(DType::I32),
        Element::Real(DType::I64),
        Element::Real(DType::U8),
        Element::Real(DType::U16),
        Element::Real(DType::U32),
        Element::Real(DType::U64),
        Element::Real(DType::F16),
        Element::Real(DType::BF16),
        Element::Real(DType::F32),
        Element::Real(DType::F64),
        Element::Complex(ComplexType::Complex64),
        Element::Complex(ComplexType::Complex128),
    ];

    /// The name in NumPy and in the standard: `float32`.
    pub const fn name(self) -> &'static str {
        match self {
            Element::Real(DType::Bool) => "bool",
            Element::Real(DType::I8) => "int8",
            Element::Real(DType::I16) => "int16",
            Element::Real(DType::I32) => "int32",
            Element::Real(DType::I64) => "int64",
            Element::Real(DType::U8) => "uint8",
            Element::Real(DType::U16) => "uint16",
            Element::Real(DType::U32) => "uint32",
            Element::Real(DType::U64) => "uint64",
            Element::Real(DType::F16) => "float16",
            Element::Real(DType::BF16) => "bfloat16",
            Element::Real(DType::F32) => "float32",
            Element::Real(DType::F64) => "float64",
            Element::Complex(ComplexType::Complex32) => "complex32",
            Element::Complex(ComplexType::Complex64) => "complex64",
            Element::Complex(ComplexType::Complex128) => "complex128",
        }
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        Element::ALL.into_iter().find(|e| e.name() == name)
    }

    /// The type of the numbers in memory: of a complex number's parts.
    pub const fn part(self) -> DType {
        match self {
            Element::Real(dtype) => dtype,
            Element::Complex(ComplexType::Complex32) => DType::F16,
            Element::Complex(ComplexType::Complex64) => DType::F32,
            Element::Complex(ComplexType::Complex128) => DType::F64,
        }
    }

    /// Bytes of one element.
    pub const fn size_bytes(self) -> usize {
        match self {
            Element::Real(dtype) => dtype.size_bytes(),
            Element::Complex(_) => 2 * self.part().size_bytes(),
        }
    }

    /// True for complex numbers.
    pub const fn is_complex(self) -> bool {
        matches!(self, Element::Complex(_))
    }

    /// True for real floats.
    pub const fn is_float(self) -> bool {
        matches!(self, Element::Real(dtype) if dtype.is_float())
    }

    /// True for signed and unsigned integers.
    pub const fn is_integer(self) -> bool {
        matches!(self, Element::Real(dtype) if dtype.is_integer())
    }

    /// True for what has derivatives: floats, real and complex.
    pub const fn is_differentiable(self) -> bool {
        self.is_complex() || self.is_float()
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Element type and shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArrayType {
    /// Element type.
    pub element: Element,
    /// Sizes, outermost axis first.
    pub shape: Sizes,
}

impl ArrayType {
    /// The type of this element type and shape.
    pub fn new(element: Element, shape: &[usize]) -> Self {
        ArrayType { element, shape: shape.into() }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of all elements; None if memory has not as many addresses, were every axis of size 0 one of size 1.
    pub fn bytes(&self) -> Option<usize> {
        let sizes = self.shape.iter().filter(|&&size| size > 0);
        let bytes = sizes.clone().try_fold(self.element.size_bytes(), |all, &size| all.checked_mul(size));
        let bytes = bytes.filter(|&bytes| isize::try_from(bytes).is_ok())?;
        Some(if self.is_empty() { 0 } else { bytes })
    }

    /// True if some axis has size 0.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// The sizes of the tensor that holds it: complex numbers are pairs in one more axis.
    pub fn stored_shape(&self) -> Sizes {
        let pair = self.element.is_complex().then_some(2);
        self.shape.iter().copied().chain(pair).collect()
    }

    /// The type of the tensor that holds it, in a graph.
    pub fn stored(&self) -> Type {
        Type::new(self.element.part(), Shape::fixed(&self.stored_shape()))
    }
}

impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        write!(f, "{}[{}]", self.element, sizes.join(", "))
    }
}

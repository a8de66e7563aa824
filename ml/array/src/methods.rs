//! Operations as methods, for Rust. [`Array::call`] has all of them by name.

use gradframe_ml_core::{Error, Result};
use smallvec::SmallVec;

use crate::array::Array;
use crate::element::Element;
use crate::node::{Arg, Args, Operand};

impl Array {
    /// The one result of an operation. Errors: as for [`Array::call`].
    pub fn call_one(name: &str, operands: &[Operand], args: Args) -> Result<Array> {
        let results = Self::call(name, operands, args)?;
        results.into_iter().next().ok_or_else(|| Error::internal(name, "it has no result"))
    }

    /// The sum over `axes` (None: all), which stay with size 1 if `keep`. Errors: `Shape` if there is no such axis.
    pub fn sum(&self, axes: Option<&[i64]>, keep: bool) -> Result<Array> {
        self.folded("sum", axes, keep)
    }

    /// The mean over `axes`, as for [`Array::sum`]; integers become floats.
    pub fn mean(&self, axes: Option<&[i64]>, keep: bool) -> Result<Array> {
        self.folded("mean", axes, keep)
    }

    /// The largest over `axes`, as for [`Array::sum`]. Errors: also `Shape` for an empty axis.
    pub fn max(&self, axes: Option<&[i64]>, keep: bool) -> Result<Array> {
        self.folded("max", axes, keep)
    }

    /// The smallest over `axes`, as for [`Array::max`].
    pub fn min(&self, axes: Option<&[i64]>, keep: bool) -> Result<Array> {
        self.folded("min", axes, keep)
    }

    fn folded(&self, name: &str, axes: Option<&[i64]>, keep: bool) -> Result<Array> {
        let axes = axes.map_or(Arg::None, |axes| Arg::Ints(SmallVec::from_slice(axes)));
        Self::call_one(name, &[self.into()], SmallVec::from_iter([axes, Arg::Bool(keep)]))
    }

    /// The same elements in another shape; one size may be -1, which is what remains. Errors: `Shape` naming both.
    pub fn reshape(&self, shape: &[i64]) -> Result<Array> {
        Self::call_one("reshape", &[self.into()], SmallVec::from_iter([Arg::Ints(SmallVec::from_slice(shape))]))
    }

    /// The same numbers in another element type.
    pub fn astype(&self, element: Element) -> Result<Array> {
        Self::call_one("astype", &[self.into()], SmallVec::from_iter([Arg::Element(element)]))
    }

    /// Axes in another order. Errors: `Shape` if it is none.
    pub fn permute_dims(&self, axes: &[i64]) -> Result<Array> {
        Self::call_one("permute_dims", &[self.into()], SmallVec::from_iter([Arg::Ints(SmallVec::from_slice(axes))]))
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $(, $other:ident)?;)*) => {
        impl Array { $(
            $(#[$doc])*
            pub fn $name(&self $(, $other: impl Into<Operand>)?) -> Result<Array> {
                Self::call_one(stringify!($name), &[self.into() $(, $other.into())?], Args::new())
            }
        )* }
    };
}

methods! {
    /// `self + other`, broadcast.
    add, other;
    /// `self - other`, broadcast.
    subtract, other;
    /// `self * other`, broadcast.
    multiply, other;
    /// `self / other`, broadcast; integers become floats.
    divide, other;
    /// `self ^ other`, broadcast.
    pow, other;
    /// The larger; NaN if either is.
    maximum, other;
    /// The smaller; NaN if either is.
    minimum, other;
    /// Where both are equal.
    equal, other;
    /// Where `self` is less.
    less, other;
    /// Where `self` is greater.
    greater, other;
    /// The product of matrices: [.., m, k] x [.., k, n] -> [.., m, n].
    matmul, other;
    /// `-self`.
    negative;
    /// The size of each element.
    abs;
    /// `e^self`.
    exp;
    /// The natural logarithm.
    log;
    /// The square root.
    sqrt;
    /// Sine of radians.
    sin;
    /// Cosine of radians.
    cos;
    /// The hyperbolic tangent.
    tanh;
    /// `1 / (1 + e^-self)`.
    sigmoid;
    /// `self` where it is positive, else 0.
    relu;
    /// `self * self`.
    square;
}

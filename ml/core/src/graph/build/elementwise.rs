//! Elementwise functions, with NumPy broadcasting: axes are matched from the last; size 1 stretches.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Fn1, Fn2, Graph, Kind, NodeId};
use crate::shape::{Dim, Shape};

impl Graph {
    /// An elementwise function of one operand. Errors: `DType` if the function does not take it.
    pub fn map1(&mut self, f: Fn1, x: NodeId) -> Result<NodeId> {
        self.apply(Kind::Map1(f), &[x])
    }

    /// An elementwise function of two operands, which broadcast against each other.
    /// Errors: `Shape` if they don't; `DType` if they differ in element type or the function does not take it.
    pub fn map2(&mut self, f: Fn2, a: NodeId, b: NodeId) -> Result<NodeId> {
        if self.ty(a).shape == self.ty(b).shape {
            return self.apply(Kind::Map2(f), &[a, b]);
        }
        let shape = self.broadcast_shape(f.name(), &[a, b])?;
        let (a, b) = (self.broadcast_to(a, &shape)?, self.broadcast_to(b, &shape)?);
        self.apply(Kind::Map2(f), &[a, b])
    }

    /// `condition ? a : b`, all three broadcast. Errors: `DType` if `condition` is not bool or `a` and `b` differ.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
        let shape = self.broadcast_shape("select", &[condition, a, b])?;
        let operands = [self.broadcast_to(condition, &shape)?, self.broadcast_to(a, &shape)?, self.broadcast_to(b, &shape)?];
        self.apply(Kind::Select, &operands)
    }

    /// The same values in another element type (see [`Kind::Cast`]).
    pub fn cast(&mut self, x: NodeId, dtype: DType) -> Result<NodeId> {
        self.apply(Kind::Cast(dtype), &[x])
    }

    /// Threefry-2x32-20 of a key and a counter, both u64, broadcast.
    pub fn threefry(&mut self, key: NodeId, counter: NodeId) -> Result<NodeId> {
        let shape = self.broadcast_shape("threefry", &[key, counter])?;
        let operands = [self.broadcast_to(key, &shape)?, self.broadcast_to(counter, &shape)?];
        self.apply(Kind::Threefry, &operands)
    }

    /// The identity, through which no gradient flows.
    pub fn stop_gradient(&mut self, x: NodeId) -> Result<NodeId> {
        self.apply(Kind::StopGradient, &[x])
    }

    /// The identity, across which nothing is fused or simplified.
    pub fn barrier(&mut self, x: NodeId) -> Result<NodeId> {
        self.apply(Kind::Barrier, &[x])
    }

    /// The shape to which all operands broadcast. Errors: `Shape` naming `op` and both dimensions.
    pub fn broadcast_shape(&self, op: &str, operands: &[NodeId]) -> Result<Shape> {
        let mut shape = Shape::scalar();
        for &operand in operands {
            shape = broadcast_pair(op, &shape, &self.ty(operand).shape)?;
        }
        Ok(shape)
    }
}

fn broadcast_pair(op: &str, a: &Shape, b: &Shape) -> Result<Shape> {
    let rank = a.rank().max(b.rank());
    let dim = |s: &Shape, axis: usize| (axis + s.rank()).checked_sub(rank).map_or(Dim::fixed(1), |i| s.dims()[i].clone());
    let joined = (0..rank).map(|axis| match (dim(a, axis), dim(b, axis)) {
        (x, y) if x == y || y.is_one() => Ok(x),
        (x, y) if x.is_one() => Ok(y),
        (x, y) => Err(Error::shape(op, format!("operands {a} and {b} do not broadcast: axis {axis} is {x} and {y}"))),
    });
    Ok(Shape(joined.collect::<Result<_>>()?))
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident => $variant:ident),* $(,)?) => {
        impl Graph { $(
            $(#[$doc])*
            pub fn $name(&mut self, x: NodeId) -> Result<NodeId> { self.map1(Fn1::$variant, x) }
        )* }
    };
}

unary! {
    /// `-x`.
    neg => Neg,
    /// `|x|`; its derivative at 0 is 0.
    abs => Abs,
    /// -1, 0 or 1; 0 for 0, NaN for NaN.
    sign => Sign,
    /// `e^x`.
    exp => Exp,
    /// `e^x - 1`, exact near 0.
    expm1 => Expm1,
    /// The natural logarithm.
    log => Log,
    /// `log(1 + x)`, exact near 0.
    log1p => Log1p,
    /// The square root.
    sqrt => Sqrt,
    /// `1 / sqrt(x)`.
    rsqrt => Rsqrt,
    /// Sine of radians.
    sin => Sin,
    /// Cosine of radians.
    cos => Cos,
    /// Tangent of radians.
    tan => Tan,
    /// Arc sine.
    asin => Asin,
    /// Arc cosine.
    acos => Acos,
    /// Arc tangent.
    atan => Atan,
    /// Hyperbolic sine.
    sinh => Sinh,
    /// Hyperbolic cosine.
    cosh => Cosh,
    /// Hyperbolic tangent.
    tanh => Tanh,
    /// The error function.
    erf => Erf,
    /// `1 - erf(x)`, exact for large x.
    erfc => Erfc,
    /// `e^(x^2) erfc(x)`: no overflow, no underflow for large x.
    erfcx => Erfcx,
    /// `e^-|x| I_0(x)`, the scaled modified Bessel function of the first kind.
    i0e => I0e,
    /// `e^-|x| I_1(x)`.
    i1e => I1e,
    /// `e^x K_0(x)`, the scaled modified Bessel function of the second kind.
    k0e => K0e,
    /// `e^x K_1(x)`.
    k1e => K1e,
    /// The Bessel function of the first kind, of order 0.
    j0 => J0,
    /// The Bessel function of the first kind, of order 1.
    j1 => J1,
    /// The Bessel function of the second kind, of order 0.
    y0 => Y0,
    /// The Bessel function of the second kind, of order 1.
    y1 => Y1,
    /// `log |gamma(x)|`.
    lgamma => Lgamma,
    /// The derivative of `lgamma`.
    digamma => Digamma,
    /// The largest integer not above x.
    floor => Floor,
    /// The smallest integer not below x.
    ceil => Ceil,
    /// The nearest integer, halves to even.
    round => Round,
    /// The integer part.
    trunc => Trunc,
    /// Logical (bool) or bitwise (integers) complement.
    not => Not,
    /// True where x is NaN.
    isnan => IsNan,
    /// True where x is neither NaN nor infinite.
    isfinite => IsFinite,
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => $variant:ident),* $(,)?) => {
        impl Graph { $(
            $(#[$doc])*
            pub fn $name(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> { self.map2(Fn2::$variant, a, b) }
        )* }
    };
}

binary! {
    /// `a + b`; integers wrap.
    add => Add,
    /// `a - b`; integers wrap.
    sub => Sub,
    /// `a * b`; integers wrap.
    mul => Mul,
    /// `a / b`; integers truncate, and give 0 where b is 0.
    div => Div,
    /// The remainder, with the sign of a.
    rem => Rem,
    /// `a^b`.
    pow => Pow,
    /// The angle of the point (b, a).
    atan2 => Atan2,
    /// The larger; NaN if either is.
    max => Max,
    /// The smaller; NaN if either is.
    min => Min,
    /// `a == b`, as bool.
    eq => Eq,
    /// `a != b`, as bool.
    ne => Ne,
    /// `a < b`, as bool.
    lt => Lt,
    /// `a <= b`, as bool.
    le => Le,
    /// `a > b`, as bool.
    gt => Gt,
    /// `a >= b`, as bool.
    ge => Ge,
    /// And: logical on bool, bitwise on integers.
    and => And,
    /// Or: logical on bool, bitwise on integers.
    or => Or,
    /// Exclusive or: logical on bool, bitwise on integers.
    xor => Xor,
    /// The greatest common divisor of integers; 0 for two zeros.
    gcd => Gcd,
    /// Hurwitz's zeta function `sum_k (b + k)^-a`; differentiable in b.
    zeta => Zeta,
    /// The regularised lower incomplete gamma function P(a, b); differentiable in b.
    igamma => Igamma,
    /// The regularised upper incomplete gamma function Q(a, b); differentiable in b.
    igammac => Igammac,
    /// Shift left.
    shl => Shl,
    /// Shift right; arithmetic for signed integers.
    shr => Shr,
}

//! The node kinds: what a graph can say.
//!
//! Scalar functions are data (`Fn1`, `Fn2`); only structure gets a kind. The meaning of each kind (shape rule,
//! reference evaluation, jvp, transpose, batching) is in `ops/<kind>.rs`; this file only names them.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::graph::{Function, Linalg, Window};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// A node of one graph. Only meaningful together with the graph that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Position in the graph's arena: inputs of a node always come before it.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Element type and shape of a node's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Type {
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost axis first.
    pub shape: Shape,
}

impl Type {
    /// The type of this element type and shape.
    pub fn new(dtype: DType, shape: Shape) -> Self {
        Type { dtype, shape }
    }
}

/// One node: its kind, its operands and the type of its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it does.
    pub kind: Kind,
    /// Its operands, which come before it.
    pub inputs: SmallVec<[NodeId; 3]>,
    /// The type of its value.
    pub ty: Type,
}

/// What a node does. Shapes in the comments: `S` any shape; `[a, b]` axes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The graph's `index`-th argument. No operands.
    Input { index: u32 },
    /// A value known when the graph is built. No operands.
    Const(Arc<Tensor>),
    /// 0, 1, 2 ... along `axis`, in the integer or float type `dtype`. No operands; the shape is given.
    Iota { axis: usize, dtype: DType, shape: Shape },
    /// An elementwise function of one operand: S -> S.
    Map1(Fn1),
    /// An elementwise function of two operands of equal shape and dtype: S, S -> S (bool for comparisons).
    Map2(Fn2),
    /// `c ? a : b`, elementwise: bool S, S, S -> S.
    Select,
    /// The same values in another element type: float to integer truncates toward zero and saturates (NaN -> 0);
    /// to bool is `x != 0`.
    Cast(DType),
    /// Threefry-2x32-20, elementwise: key u64 S, counter u64 S -> u64 S. The high 32 bits of each word are the
    /// cipher's first half. Source: Salmon et al. 2011.
    Threefry,
    /// The same elements in row-major order under another shape.
    Reshape(Shape),
    /// Axes in another order: output axis i is operand axis `perm[i]`.
    Permute(SmallVec<[usize; 4]>),
    /// Repeats axes of size 1 up to the given shape (same rank).
    Expand(Shape),
    /// Reverses the given axes (sorted).
    Flip(SmallVec<[usize; 4]>),
    /// Puts `low[i]` zeros before and `high[i]` zeros after axis i.
    Pad { low: SmallVec<[usize; 4]>, high: SmallVec<[usize; 4]> },
    /// Elements `start, start+step, ... < stop` of each axis.
    Slice(SmallVec<[Span; 4]>),
    /// Joins operands along `axis`.
    Concat { axis: usize },
    /// `size` elements along `axis` of the first operand from a start (second operand, i64 []) on; zeros where they leave it.
    DynSlice { axis: usize, size: Dim },
    /// The first operand with the second in place of its elements along `axis` from a start (third operand, i64 []) on; what
    /// leaves the axis is dropped.
    DynUpdate { axis: usize },
    /// Folds `axes` (sorted) away; the other axes stay.
    Reduce { op: ReduceOp, axes: SmallVec<[usize; 4]> },
    /// Folds each element with all before it along `axis`: S -> S.
    Scan { op: ScanOp, axis: usize },
    /// The places (i64) that put each line along `axis` in order: S -> S. Equal elements keep their order; a NaN counts
    /// as largest, -0 as 0.
    Sort { axis: usize, descending: bool },
    /// The same bits read as another element type of the same size: S -> S.
    Bitcast(DType),
    /// Index (i64) of the first largest or smallest element along `axis`, which goes away. NaN counts as extreme.
    ArgReduce { op: ArgOp, axis: usize },
    /// General contraction of two operands. Output axes: batch, free axes of the left, free axes of the right.
    Dot(DotDims),
    /// A convolution, or one of the two sums over its products that its derivatives are.
    Conv(Arc<Conv>),
    /// Picks along `axis` of the first operand by the second (i32 or i64, shape I):
    /// [A.., n, B..], I -> [A.., I.., B..]. An index outside 0..n gives zeros.
    Gather { axis: usize },
    /// Folds the first operand [A.., I.., B..] into `size` groups given by the second operand (i32 or i64, shape I):
    /// -> [A.., size, B..]. An index outside 0..size is dropped; an empty group holds the fold's neutral element.
    ScatterReduce { op: ScatterOp, axis: usize, size: Dim },
    /// A factorization of, or a solver with, the matrices in the last two axes.
    Linalg(Linalg),
    /// The discrete Fourier transform of lines of complex numbers as pairs: [.., n, 2] -> [.., n, 2], not scaled; with
    /// the sign of the inverse if `inverse`.
    Fft { inverse: bool },
    /// A named composite with its meaning spelled out as a body; back ends may know a faster way.
    Call(Arc<Call>),
    /// A body applied a known number of times to the values that it carries; one of the values carried to the end.
    Loop(Arc<Loop>),
    /// A body applied to the values that it carries as long as a condition holds; one of the values carried to the end.
    While(Arc<While>),
    /// One of two functions of the same operands, as a condition says; one of its results.
    Cond(Arc<Cond>),
    /// The identity, through which no gradient flows.
    StopGradient,
    /// The identity, across which nothing is fused.
    Barrier,
}

/// A named composite.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// `softmax`, `log_softmax`, `sigmoid`, `cross_entropy` ...
    pub name: &'static str,
    /// Its meaning: a closed function of the operands, with one output.
    pub body: Function,
    /// Its derivative, where that is not to be the body's: see [`crate::Graph::call_with_tangent`].
    pub tangent: Option<Function>,
    /// True if reverse mode computes the body again rather than keep what is inside it: see [`crate::Graph::checkpoint`].
    pub recomputed: bool,
    /// Of a composite that is linear in its last operands: what their cotangents are, each a function of the other operands and of the
    /// value's cotangent. Empty where that is the body's transpose.
    pub transposes: Vec<Function>,
    /// What it is, for back ends that have one kernel for all of it.
    pub whole: Option<Whole>,
}

impl Call {
    /// A composite whose every rule goes through its body.
    pub fn of(name: &'static str, body: Function) -> Self {
        Call { name, body, tangent: None, recomputed: false, transposes: Vec::new(), whole: None }
    }
}

/// A composite that a back end may have a kernel for. `T` queries, `S` keys, `H` heads; with `causal` a query sees the keys up to its
/// own, of which the last stands beside the last query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whole {
    /// `softmax(scale q k') v` by heads: q [B, H, T, D], k, v [B, H, S, D] -> [B, T, H, D].
    Attention(Heads),
    /// `softmax(scale q k') v` of texts side by side, over the keys of a text's own tokens: q, k, v [B, T, H, D], lengths i64 [B] ->
    /// [B, T, H, D].
    AttentionOfTexts {
        /// Bits of the factor of the scores, in float64.
        scale_bits: u64,
    },
    /// The cotangent of one of its operands, from q, k, v, the value and its cotangent [B, T, H, D]: [B, T or S, H, D].
    AttentionCotangent {
        /// Of which attention.
        heads: Heads,
        /// 0: of q, 1: of k, 2: of v.
        operand: usize,
    },
}

/// How an attention is scaled and what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heads {
    /// No key after the query's own.
    pub causal: bool,
    /// Bits of the factor of the scores, in float64.
    pub scale_bits: u64,
}

impl Heads {
    /// The factor of the scores.
    pub fn scale(&self) -> f64 {
        f64::from_bits(self.scale_bits)
    }
}

/// A loop of a known number of steps. Its operands are the carried values and then the constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Loop {
    /// From the step's number (i64), the carried values and the constants: the next carried values.
    pub body: Function,
    /// The number of steps.
    pub count: usize,
    /// Which of the carried values is the node's.
    pub result: usize,
}

impl Loop {
    /// The number of carried values.
    pub fn carries(&self) -> usize {
        self.body.outputs.len()
    }
}

/// A loop that ends when its condition does not hold. Its operands are the carried values and then the constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct While {
    /// From the step's number (i64), the carried values and the constants: whether there is another step, bool [].
    pub condition: Function,
    /// From the same: the next carried values.
    pub body: Function,
    /// The number of steps after which it is an error that the condition still holds.
    pub limit: usize,
    /// Which of the carried values is the node's.
    pub result: usize,
}

impl While {
    /// The number of carried values.
    pub fn carries(&self) -> usize {
        self.body.outputs.len()
    }
}

/// A choice. Its operands are the condition (bool []) and then those of both branches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cond {
    /// What is computed if the condition is true, and if it is false; of the same types.
    pub branches: [Function; 2],
    /// Which of the results is the node's.
    pub result: usize,
}

impl Kind {
    /// For loops and choices, whose nodes are one of several results: which. Nodes with the same operands that differ in
    /// this alone are run, and transposed, together.
    pub fn result(&self) -> Option<usize> {
        match self {
            Kind::Loop(own) => Some(own.result),
            Kind::While(own) => Some(own.result),
            Kind::Cond(own) => Some(own.result),
            _ => None,
        }
    }

    /// True if the two are results of the same loop or choice of the same operands.
    pub fn is_sibling(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::Loop(a), Kind::Loop(b)) => a.count == b.count && a.body == b.body,
            (Kind::While(a), Kind::While(b)) => a.limit == b.limit && a.condition == b.condition && a.body == b.body,
            (Kind::Cond(a), Kind::Cond(b)) => a.branches == b.branches,
            _ => false,
        }
    }
}

/// A range of one axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// First position taken.
    pub start: usize,
    /// First position not taken; may be symbolic.
    pub stop: Dim,
    /// Distance between positions, 1 or more.
    pub step: usize,
}

/// The axes of a contraction. `batch` and `contract` pair an axis of the left operand with one of the right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct DotDims {
    /// Axes that both operands and the result share.
    pub batch: SmallVec<[(usize, usize); 2]>,
    /// Axes that are multiplied and summed away.
    pub contract: SmallVec<[(usize, usize); 2]>,
}

/// A convolution of x [B, G c, n..] with w [G o, c, k..] to y [B, G o, m..], and which of the three a node is. The
/// operands are the other two, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Windows along each axis n.
    pub windows: Vec<Window>,
    /// G: channels see those of their group alone.
    pub groups: Dim,
    /// What the node is.
    pub of: ConvOf,
    /// n: several sizes may have as many windows.
    pub sizes: Vec<usize>,
}

/// One of the three arrays of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConvOf {
    /// y, of x and w.
    Output,
    /// x, of w and y: each y goes back to where it came from, and what meets is added.
    Input,
    /// w, of x and y, summed over images and places.
    Weight,
}

/// Folds of a reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    /// The sum; of numbers.
    Sum,
    /// The product; of numbers.
    Prod,
    /// The largest; NaN if any is.
    Max,
    /// The smallest; NaN if any is.
    Min,
    /// True where all are; of bool.
    All,
    /// True where any is; of bool.
    Any,
}

impl ReduceOp {
    /// Every one, so that tables can be checked for completeness.
    pub const ALL: &'static [ReduceOp] =
        &[ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min, ReduceOp::All, ReduceOp::Any];

    /// Its name in printed graphs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            ReduceOp::Sum => "sum",
            ReduceOp::Prod => "prod",
            ReduceOp::Max => "max",
            ReduceOp::Min => "min",
            ReduceOp::All => "all",
            ReduceOp::Any => "any",
        }
    }
}

/// Folds of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanOp {
    /// The sum so far; of numbers.
    Sum,
    /// The product so far; of numbers.
    Prod,
    /// The largest so far; NaN from the first NaN on.
    Max,
}

impl ScanOp {
    /// Every one, so that tables can be checked for completeness.
    pub const ALL: &'static [ScanOp] = &[ScanOp::Sum, ScanOp::Prod, ScanOp::Max];

    /// Its name in printed graphs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            ScanOp::Sum => "sum",
            ScanOp::Prod => "prod",
            ScanOp::Max => "max",
        }
    }

    /// The fold of the same name.
    pub const fn fold(self) -> ReduceOp {
        match self {
            ScanOp::Sum => ReduceOp::Sum,
            ScanOp::Prod => ReduceOp::Prod,
            ScanOp::Max => ReduceOp::Max,
        }
    }
}

/// Searches of an index reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgOp {
    /// Of the first largest.
    Max,
    /// Of the first smallest.
    Min,
}

impl ArgOp {
    /// Every one, so that tables can be checked for completeness.
    pub const ALL: &'static [ArgOp] = &[ArgOp::Max, ArgOp::Min];

    /// Its name in printed graphs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            ArgOp::Max => "max",
            ArgOp::Min => "min",
        }
    }
}

/// Folds of a segment reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScatterOp {
    /// The sum; 0 for an empty group.
    Sum,
    /// The largest; the type's lowest value for an empty group.
    Max,
    /// The smallest; the type's highest value for an empty group.
    Min,
}

impl ScatterOp {
    /// Every one, so that tables can be checked for completeness.
    pub const ALL: &'static [ScatterOp] = &[ScatterOp::Sum, ScatterOp::Max, ScatterOp::Min];

    /// Its name in printed graphs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            ScatterOp::Sum => "sum",
            ScatterOp::Max => "max",
            ScatterOp::Min => "min",
        }
    }
}

macro_rules! functions {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($variant),* }

        impl $name {
            /// Every function, so that tables can be checked for completeness.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Its name in printed graphs, proofs and errors.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }
    };
}

functions! {
    /// Elementwise functions of one operand. Float functions take floats; `Not` takes bool or integers (bitwise).
    Fn1 {
        Neg => "neg", Abs => "abs", Sign => "sign", Exp => "exp", Expm1 => "expm1", Log => "log", Log1p => "log1p",
        Sqrt => "sqrt", Rsqrt => "rsqrt", Sin => "sin", Cos => "cos", Tan => "tan", Asin => "asin", Acos => "acos",
        Atan => "atan", Sinh => "sinh", Cosh => "cosh", Tanh => "tanh", Erf => "erf", Erfc => "erfc",
        Erfcx => "erfcx", Lgamma => "lgamma", Digamma => "digamma", I0e => "i0e", I1e => "i1e", K0e => "k0e", K1e => "k1e",
        J0 => "j0", J1 => "j1", Y0 => "y0", Y1 => "y1", Floor => "floor", Ceil => "ceil", Round => "round",
        Trunc => "trunc", Not => "not", IsNan => "isnan", IsFinite => "isfinite",
    }
}

functions! {
    /// Elementwise functions of two operands. Comparisons give bool; `And`, `Or`, `Xor` are logical on bool and
    /// bitwise on integers; shifts take integers. Integer arithmetic wraps; integer division by zero gives 0.
    /// `Rem` has the sign of the dividend. `Max` and `Min` propagate NaN.
    Fn2 {
        Add => "add", Sub => "sub", Mul => "mul", Div => "div", Rem => "rem", Pow => "pow", Atan2 => "atan2",
        Max => "max", Min => "min", Eq => "eq", Ne => "ne", Lt => "lt", Le => "le", Gt => "gt", Ge => "ge",
        And => "and", Or => "or", Xor => "xor", Shl => "shl", Shr => "shr",
        Gcd => "gcd", Zeta => "zeta", Igamma => "igamma", Igammac => "igammac",
    }
}

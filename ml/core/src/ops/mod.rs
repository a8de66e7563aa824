//! The meaning of each node kind, one file each.
//!
//! A file holds, side by side, a kind's shape rule, reference evaluation, derivative, transpose and batching, and its
//! rows in the proof table. [`Kind::rules`] leads from a node to them. A kind that has no rule for something answers
//! with an error that names it, never with a silent zero.

mod arg_reduce;
mod barrier;
mod bitcast;
mod call;
mod cast;
mod concat;
mod cond;
mod constant;
mod conv;
mod dot;
mod dyn_slice;
mod dyn_update;
mod expand;
mod fft;
mod flip;
mod gather;
mod input;
mod iota;
mod linalg;
mod map1;
mod map1_derivatives;
mod map2;
mod map2_derivatives;
mod moves;
mod pad;
mod permute;
#[cfg(test)]
pub(crate) mod proof;
mod reduce;
mod repeat;
mod repeat_while;
mod reshape;
mod scan;
mod scatter_reduce;
mod select;
mod slice;
mod sort;
pub mod special;
mod steps;
mod stop_gradient;
mod threefry;
pub(crate) mod wide;

pub(crate) use linalg::fixed_matrix;
pub use repeat_while::check_limit;

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// What a node kind means. The implementors borrow the kind's own parameters.
pub trait Rules {
    /// Its name in printed graphs, proofs and errors.
    fn name(&self) -> &'static str;

    /// The type of the value, from the operands' types.
    /// Errors: `Shape` or `DType` saying what was expected and what was got.
    fn infer(&self, operands: &[&Type]) -> Result<Type>;

    /// The plain meaning, which every back end is compared with. `out` is the type of the value with its sizes known.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor>;

    /// The tangent of the value, from the tangents of the operands (None: zero). At least one is given.
    fn jvp(&self, _g: &mut Graph, _at: &Site, _tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        Err(no_rule(self.name(), "derivative"))
    }

    /// The cotangents of the operands in which the node is linear (the others: None), from the cotangent of its value.
    fn transpose(&self, _g: &mut Graph, _at: &Linear, _cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        Err(no_rule(self.name(), "transpose"))
    }

    /// As [`Rules::transpose`], for all nodes at once that are results of one loop or choice: from the cotangents of some of
    /// these, each with its number.
    fn transpose_all(&self, g: &mut Graph, at: &Linear, cotangents: &[(usize, NodeId)]) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        match cotangents {
            [(_, cotangent)] => self.transpose(g, at, *cotangent),
            _ => Err(Error::internal(self.name(), "has one result")),
        }
    }

    /// The node for a whole batch: operands that are batched, and the value, have one more axis, first, of size `size`.
    /// At least one operand is batched.
    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId>;
}

/// A type with its sizes known.
#[derive(Debug, Clone, Copy)]
pub struct Realised<'a> {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost axis first.
    pub shape: &'a [usize],
}

/// Where a rule is applied: a node that stands in the graph.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The node's operands.
    pub operands: &'a [NodeId],
    /// The node itself.
    pub value: NodeId,
}

/// Where a transpose is applied.
#[derive(Debug, Clone, Copy)]
pub struct Linear<'a> {
    /// The node's operands.
    pub operands: &'a [NodeId],
    /// Which of them carry the linear argument.
    pub linear: &'a [bool],
}

/// An operand under `vmap`.
#[derive(Debug, Clone, Copy)]
pub struct Batched {
    /// Its node.
    pub node: NodeId,
    /// True if its first axis is the batch.
    pub batched: bool,
}

macro_rules! kinds {
    ($($pattern:pat => $name:literal, $rules:expr;)*) => {
        impl Kind {
            /// The name of every kind.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Its name in printed graphs, proofs and errors.
            #[allow(unused_variables)] // the patterns bind the parameters that `rules` needs
            pub fn name(&self) -> &'static str {
                match self { $($pattern => $name,)* }
            }

            /// Its meaning.
            pub fn rules(&self) -> Box<dyn Rules + '_> {
                match self { $($pattern => Box::new($rules),)* }
            }
        }
    };
}

kinds! {
    Kind::Input { .. } => "input", input::Input;
    Kind::Const(value) => "constant", constant::Constant(value);
    Kind::Iota { axis, dtype, shape } => "iota", iota::Iota { axis: *axis, dtype: *dtype, shape };
    Kind::Map1(f) => "map1", map1::Map1(*f);
    Kind::Map2(f) => "map2", map2::Map2(*f);
    Kind::Select => "select", select::Select;
    Kind::Cast(dtype) => "cast", cast::Cast(*dtype);
    Kind::Threefry => "threefry", threefry::Threefry;
    Kind::Reshape(shape) => "reshape", reshape::Reshape(shape);
    Kind::Permute(perm) => "permute", permute::Permute(perm);
    Kind::Expand(shape) => "expand", expand::Expand(shape);
    Kind::Flip(axes) => "flip", flip::Flip(axes);
    Kind::Pad { low, high } => "pad", pad::Pad { low, high };
    Kind::Slice(spans) => "slice", slice::Slice(spans);
    Kind::Concat { axis } => "concat", concat::Concat { axis: *axis };
    Kind::DynSlice { axis, size } => "dyn_slice", dyn_slice::DynSlice { axis: *axis, size };
    Kind::DynUpdate { axis } => "dyn_update", dyn_update::DynUpdate { axis: *axis };
    Kind::Reduce { op, axes } => "reduce", reduce::Reduce { op: *op, axes };
    Kind::Scan { op, axis } => "scan", scan::Scan { op: *op, axis: *axis };
    Kind::Sort { axis, descending } => "sort", sort::Sort { axis: *axis, descending: *descending };
    Kind::Bitcast(dtype) => "bitcast", bitcast::Bitcast(*dtype);
    Kind::ArgReduce { op, axis } => "arg_reduce", arg_reduce::ArgReduce { op: *op, axis: *axis };
    Kind::Dot(dims) => "dot", dot::Dot(dims);
    Kind::Conv(own) => "conv", conv::Convolution(own);
    Kind::Gather { axis } => "gather", gather::Gather { axis: *axis };
    Kind::ScatterReduce { op, axis, size } => "scatter_reduce", scatter_reduce::ScatterReduce { op: *op, axis: *axis, size };
    Kind::Fft { inverse } => "fft", fft::Fft { inverse: *inverse };
    Kind::Linalg(op) => "linalg", linalg::Matrices(*op);
    Kind::Call(call) => "call", call::CallBody(call);
    Kind::Loop(own) => "loop", repeat::Repeat(own);
    Kind::While(own) => "while", repeat_while::RepeatWhile(own);
    Kind::Cond(own) => "cond", cond::Choice(own);
    Kind::StopGradient => "stop_gradient", stop_gradient::StopGradient;
    Kind::Barrier => "barrier", barrier::Barrier;
}

fn no_rule(name: &str, rule: &str) -> Error {
    Error::not_implemented(name, format!("has no {rule} rule"))
}

/// The operands, if there are as many as expected. Errors: `Shape` naming `op`.
fn arity<'a, T, const N: usize>(op: &str, operands: &'a [T]) -> Result<&'a [T; N]> {
    operands.try_into().map_err(|_| Error::shape(op, format!("expected {N} operands, got {}", operands.len())))
}

/// Refuses an axis beyond the rank.
fn check_axis(op: &str, axis: usize, shape: &Shape) -> Result<()> {
    if axis < shape.rank() {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected an axis below {}, got {axis} of {shape}", shape.rank())))
}

/// Refuses axes that are not sorted, distinct and below the rank.
fn check_axes(op: &str, axes: &[usize], shape: &Shape) -> Result<()> {
    axes.iter().try_for_each(|&a| check_axis(op, a, shape))?;
    match axes.windows(2).find(|w| w[0] >= w[1]) {
        Some(w) => Err(Error::shape(op, format!("expected distinct axes, got {} and {}", w[0], w[1]))),
        None => Ok(()),
    }
}

/// Refuses operands whose element types differ.
fn check_same_dtype(op: &str, a: &Type, b: &Type) -> Result<()> {
    if a.dtype == b.dtype {
        return Ok(());
    }
    Err(Error::dtype(op, format!("expected operands of one type, got {} and {}", a.dtype, b.dtype)).hint("cast one of them"))
}

/// Refuses operands whose shapes differ.
fn check_same_shape(op: &str, a: &Type, b: &Type) -> Result<()> {
    if a.shape == b.shape {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected operands of one shape, got {} and {}", a.shape, b.shape)))
}

/// Refuses indices that are not i32 or i64.
fn check_indices(op: &str, indices: &Type) -> Result<()> {
    if matches!(indices.dtype, DType::I32 | DType::I64) {
        return Ok(());
    }
    Err(Error::dtype(op, format!("expected indices of i32 or i64, got {}", indices.dtype)))
}

/// The node with its batch axis: an operand that is the same for the whole batch is repeated.
fn with_batch(g: &mut Graph, operand: &Batched, size: &Dim) -> Result<NodeId> {
    if operand.batched { Ok(operand.node) } else { g.repeat_axis(operand.node, 0, size) }
}

/// Batching of elementwise kinds: the same kind on operands that all have the batch axis.
fn batch_elementwise(g: &mut Graph, kind: Kind, operands: &[Batched], size: &Dim) -> Result<NodeId> {
    let nodes: Vec<NodeId> = operands.iter().map(|o| with_batch(g, o, size)).collect::<Result<_>>()?;
    g.apply(kind, &nodes)
}

/// Axes as they are once a batch axis stands before them.
fn shifted(axes: &[usize]) -> SmallVec<[usize; 4]> {
    axes.iter().map(|a| a + 1).collect()
}

/// A + B, where None is zero.
pub(crate) fn add_tangents(g: &mut Graph, a: Option<NodeId>, b: Option<NodeId>) -> Result<Option<NodeId>> {
    match (a, b) {
        (Some(a), Some(b)) => g.add(a, b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// The only cotangent of a kind with one linear operand.
fn only(node: NodeId) -> SmallVec<[Option<NodeId>; 3]> {
    SmallVec::from_iter([Some(node)])
}

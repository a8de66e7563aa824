//! Node kinds as they are stored: names and numbers.

use std::fmt::Write;
use std::sync::Arc;

use arrow_buffer::Buffer;
use gradframe_ml_core::graph::{
    ArgOp, Cond, Conv, ConvOf, DotDims, Fn1, Fn2, Kind, Linalg, Loop, ReduceOp, ScanOp, ScatterOp, Span, While, Window,
};
use gradframe_ml_core::{Error, Result, Tensor};
use serde::{Deserialize, Serialize};

use super::{StoredDim, StoredFunction, damaged, dim, dtype, shape, stored_dim, stored_shape};

/// A kind with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum StoredKind {
    /// The bytes, row-major, in hexadecimal: to the bit.
    Const {
        dtype: String,
        sizes: Vec<usize>,
        bytes: String,
    },
    Iota {
        axis: usize,
        dtype: String,
        shape: Vec<StoredDim>,
    },
    Map1 {
        f: String,
    },
    Map2 {
        f: String,
    },
    Select,
    Cast {
        dtype: String,
    },
    Threefry,
    Reshape {
        shape: Vec<StoredDim>,
    },
    Permute {
        axes: Vec<usize>,
    },
    Expand {
        shape: Vec<StoredDim>,
    },
    Flip {
        axes: Vec<usize>,
    },
    Pad {
        low: Vec<usize>,
        high: Vec<usize>,
    },
    Slice {
        spans: Vec<(usize, StoredDim, usize)>,
    },
    Concat {
        axis: usize,
    },
    DynSlice {
        axis: usize,
        size: StoredDim,
    },
    DynUpdate {
        axis: usize,
    },
    Reduce {
        fold: String,
        axes: Vec<usize>,
    },
    Scan {
        fold: String,
        axis: usize,
    },
    Sort {
        axis: usize,
        descending: bool,
    },
    Bitcast {
        dtype: String,
    },
    ArgReduce {
        which: String,
        axis: usize,
    },
    Dot {
        batch: Vec<(usize, usize)>,
        contract: Vec<(usize, usize)>,
    },
    /// Windows are size, stride, dilation, padding.
    Conv {
        windows: Vec<[usize; 4]>,
        groups: StoredDim,
        result: String,
        sizes: Vec<usize>,
    },
    Gather {
        axis: usize,
    },
    ScatterReduce {
        fold: String,
        axis: usize,
        size: StoredDim,
    },
    /// The first three say how to solve; `rtol` is the bits of a float.
    Linalg {
        name: String,
        upper: bool,
        transposed: bool,
        unit: bool,
        rtol: u64,
    },
    Fft {
        inverse: bool,
    },
    Loop {
        body: StoredFunction,
        count: usize,
        result: usize,
    },
    While {
        condition: StoredFunction,
        body: StoredFunction,
        limit: usize,
        result: usize,
    },
    Cond {
        yes: StoredFunction,
        no: StoredFunction,
        result: usize,
    },
    StopGradient,
    Barrier,
}

impl StoredKind {
    /// The kind as it is stored. Errors: `Internal` for a composite or an argument, which are not stored as nodes.
    pub fn of(kind: &Kind) -> Result<Self> {
        Ok(match kind {
            Kind::Input { .. } | Kind::Call(_) => {
                return Err(Error::internal("model", format!("`{}` is no stored kind", kind.name())));
            }
            Kind::Const(value) => stored_constant(value),
            Kind::Iota { axis, dtype, shape } => {
                StoredKind::Iota { axis: *axis, dtype: dtype.to_string(), shape: stored_shape(shape) }
            }
            Kind::Map1(f) => StoredKind::Map1 { f: f.name().into() },
            Kind::Map2(f) => StoredKind::Map2 { f: f.name().into() },
            Kind::Select => StoredKind::Select,
            Kind::Cast(dtype) => StoredKind::Cast { dtype: dtype.to_string() },
            Kind::Threefry => StoredKind::Threefry,
            Kind::Reshape(shape) => StoredKind::Reshape { shape: stored_shape(shape) },
            Kind::Permute(axes) => StoredKind::Permute { axes: axes.to_vec() },
            Kind::Expand(shape) => StoredKind::Expand { shape: stored_shape(shape) },
            Kind::Flip(axes) => StoredKind::Flip { axes: axes.to_vec() },
            Kind::Pad { low, high } => StoredKind::Pad { low: low.to_vec(), high: high.to_vec() },
            Kind::Slice(spans) => {
                StoredKind::Slice { spans: spans.iter().map(|s| (s.start, stored_dim(&s.stop), s.step)).collect() }
            }
            Kind::Concat { axis } => StoredKind::Concat { axis: *axis },
            Kind::DynSlice { axis, size } => StoredKind::DynSlice { axis: *axis, size: stored_dim(size) },
            Kind::DynUpdate { axis } => StoredKind::DynUpdate { axis: *axis },
            Kind::Reduce { op, axes } => StoredKind::Reduce { fold: op.name().into(), axes: axes.to_vec() },
            Kind::Scan { op, axis } => StoredKind::Scan { fold: op.name().into(), axis: *axis },
            Kind::Sort { axis, descending } => StoredKind::Sort { axis: *axis, descending: *descending },
            Kind::Bitcast(dtype) => StoredKind::Bitcast { dtype: dtype.to_string() },
            Kind::ArgReduce { op, axis } => StoredKind::ArgReduce { which: op.name().into(), axis: *axis },
            Kind::Dot(dims) => StoredKind::Dot { batch: dims.batch.to_vec(), contract: dims.contract.to_vec() },
            Kind::Conv(own) => stored_conv(own),
            Kind::Gather { axis } => StoredKind::Gather { axis: *axis },
            Kind::ScatterReduce { op, axis, size } => {
                StoredKind::ScatterReduce { fold: op.name().into(), axis: *axis, size: stored_dim(size) }
            }
            Kind::Linalg(own) => stored_linalg(*own),
            Kind::Fft { inverse } => StoredKind::Fft { inverse: *inverse },
            Kind::Loop(own) => StoredKind::Loop { body: StoredFunction::of(&own.body)?, count: own.count, result: own.result },
            Kind::While(own) => StoredKind::While {
                condition: StoredFunction::of(&own.condition)?,
                body: StoredFunction::of(&own.body)?,
                limit: own.limit,
                result: own.result,
            },
            Kind::Cond(own) => {
                let [yes, no] = &own.branches;
                StoredKind::Cond { yes: StoredFunction::of(yes)?, no: StoredFunction::of(no)?, result: own.result }
            }
            Kind::StopGradient => StoredKind::StopGradient,
            Kind::Barrier => StoredKind::Barrier,
        })
    }

    /// The kind that was stored. Errors: `Execution` for a name that is none of ours.
    pub fn kind(&self) -> Result<Kind> {
        Ok(match self {
            StoredKind::Const { dtype: name, sizes, bytes } => Kind::Const(Arc::new(constant(name, sizes, bytes)?)),
            StoredKind::Iota { axis, dtype: name, shape: dims } => {
                Kind::Iota { axis: *axis, dtype: dtype(name)?, shape: shape(dims)? }
            }
            StoredKind::Map1 { f } => Kind::Map1(named(Fn1::ALL, Fn1::name, f)?),
            StoredKind::Map2 { f } => Kind::Map2(named(Fn2::ALL, Fn2::name, f)?),
            StoredKind::Select => Kind::Select,
            StoredKind::Cast { dtype: name } => Kind::Cast(dtype(name)?),
            StoredKind::Threefry => Kind::Threefry,
            StoredKind::Reshape { shape: dims } => Kind::Reshape(shape(dims)?),
            StoredKind::Permute { axes } => Kind::Permute(axes.iter().copied().collect()),
            StoredKind::Expand { shape: dims } => Kind::Expand(shape(dims)?),
            StoredKind::Flip { axes } => Kind::Flip(axes.iter().copied().collect()),
            StoredKind::Pad { low, high } => {
                Kind::Pad { low: low.iter().copied().collect(), high: high.iter().copied().collect() }
            }
            StoredKind::Slice { spans } => {
                let span =
                    |(start, stop, step): &(usize, StoredDim, usize)| Ok(Span { start: *start, stop: dim(stop)?, step: *step });
                Kind::Slice(spans.iter().map(span).collect::<Result<_>>()?)
            }
            StoredKind::Concat { axis } => Kind::Concat { axis: *axis },
            StoredKind::DynSlice { axis, size } => Kind::DynSlice { axis: *axis, size: dim(size)? },
            StoredKind::DynUpdate { axis } => Kind::DynUpdate { axis: *axis },
            StoredKind::Reduce { fold, axes } => {
                Kind::Reduce { op: named(ReduceOp::ALL, ReduceOp::name, fold)?, axes: axes.iter().copied().collect() }
            }
            StoredKind::Scan { fold, axis } => Kind::Scan { op: named(ScanOp::ALL, ScanOp::name, fold)?, axis: *axis },
            StoredKind::Sort { axis, descending } => Kind::Sort { axis: *axis, descending: *descending },
            StoredKind::Bitcast { dtype: name } => Kind::Bitcast(dtype(name)?),
            StoredKind::ArgReduce { which, axis } => Kind::ArgReduce { op: named(ArgOp::ALL, ArgOp::name, which)?, axis: *axis },
            StoredKind::Dot { batch, contract } => {
                Kind::Dot(DotDims { batch: batch.iter().copied().collect(), contract: contract.iter().copied().collect() })
            }
            StoredKind::Conv { windows, groups, result, sizes } => {
                let (windows, groups, of) = (windows.iter().map(window).collect(), dim(groups)?, conv_of(result)?);
                Kind::Conv(Arc::new(Conv { windows, groups, of, sizes: sizes.clone() }))
            }
            StoredKind::Gather { axis } => Kind::Gather { axis: *axis },
            StoredKind::ScatterReduce { fold, axis, size } => {
                Kind::ScatterReduce { op: named(ScatterOp::ALL, ScatterOp::name, fold)?, axis: *axis, size: dim(size)? }
            }
            StoredKind::Linalg { name, upper, transposed, unit, rtol } => {
                Kind::Linalg(linalg(name, *upper, *transposed, *unit, *rtol)?)
            }
            StoredKind::Fft { inverse } => Kind::Fft { inverse: *inverse },
            StoredKind::Loop { body, count, result } => {
                let body = body.function()?;
                inside(*result, body.outputs.len())?;
                Kind::Loop(Arc::new(Loop { body, count: *count, result: *result }))
            }
            StoredKind::While { condition, body, limit, result } => {
                let (condition, body) = (condition.function()?, body.function()?);
                inside(*result, body.outputs.len())?;
                Kind::While(Arc::new(While { condition, body, limit: *limit, result: *result }))
            }
            StoredKind::Cond { yes, no, result } => {
                let branches = [yes.function()?, no.function()?];
                inside(*result, branches[0].outputs.len().min(branches[1].outputs.len()))?;
                Kind::Cond(Arc::new(Cond { branches, result: *result }))
            }
            StoredKind::StopGradient => Kind::StopGradient,
            StoredKind::Barrier => Kind::Barrier,
        })
    }
}

fn inside(result: usize, results: usize) -> Result<()> {
    if result < results { Ok(()) } else { Err(damaged(format!("result {result} of {results}"))) }
}

fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, wanted: &str) -> Result<T> {
    let found = all.iter().copied().find(|one| name(*one) == wanted);
    found.ok_or_else(|| damaged(format!("there is no function `{wanted}`")))
}

fn stored_constant(value: &Tensor) -> StoredKind {
    let mut bytes = String::with_capacity(2 * value.buffer().len());
    for byte in value.buffer().as_slice() {
        let _ = write!(bytes, "{byte:02x}"); // a String takes all
    }
    StoredKind::Const { dtype: value.dtype().to_string(), sizes: value.shape().to_vec(), bytes }
}

fn constant(name: &str, sizes: &[usize], text: &str) -> Result<Tensor> {
    let digit = |c: u8| char::from(c).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8);
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    let bytes = bytes.ok_or_else(|| damaged("a constant is not in hexadecimal".into()))?;
    let elements = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    if elements.is_none() {
        return Err(damaged("a constant is too large".into()));
    }
    // Through 64-bit words, so that it is aligned for every element type.
    let mut words = vec![0u64; bytes.len().div_ceil(8)];
    words.iter_mut().zip(bytes.chunks(8)).for_each(|(word, chunk)| {
        let mut whole = [0; 8];
        whole[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_ne_bytes(whole);
    });
    Tensor::try_new(dtype(name)?, sizes, Buffer::from_vec(words).slice_with_length(0, bytes.len()))
}

fn stored_conv(own: &Conv) -> StoredKind {
    let result = match own.of {
        ConvOf::Output => "output",
        ConvOf::Input => "input",
        ConvOf::Weight => "weight",
    };
    let windows = own.windows.iter().map(|w| [w.size, w.stride, w.dilation, w.padding]).collect();
    StoredKind::Conv { windows, groups: stored_dim(&own.groups), result: result.into(), sizes: own.sizes.clone() }
}

fn window(&[size, stride, dilation, padding]: &[usize; 4]) -> Window {
    Window { size, stride, dilation, padding }
}

fn conv_of(name: &str) -> Result<ConvOf> {
    match name {
        "output" => Ok(ConvOf::Output),
        "input" => Ok(ConvOf::Input),
        "weight" => Ok(ConvOf::Weight),
        other => Err(damaged(format!("there is no convolution of `{other}`"))),
    }
}

fn stored_linalg(own: Linalg) -> StoredKind {
    let (upper, transposed, unit, rtol) = match own {
        Linalg::Triangular { upper, transposed, unit } => (upper, transposed, unit, 0),
        Linalg::Solve { transposed } => (false, transposed, false, 0),
        Linalg::Pinv { rtol } => (false, false, false, rtol),
        _ => (false, false, false, 0),
    };
    StoredKind::Linalg { name: own.name().into(), upper, transposed, unit, rtol }
}

fn linalg(name: &str, upper: bool, transposed: bool, unit: bool, rtol: u64) -> Result<Linalg> {
    Ok(match named(Linalg::ALL, Linalg::name, name)? {
        Linalg::Triangular { .. } => Linalg::Triangular { upper, transposed, unit },
        Linalg::Solve { .. } => Linalg::Solve { transposed },
        Linalg::Pinv { .. } => Linalg::Pinv { rtol },
        other => other,
    })
}

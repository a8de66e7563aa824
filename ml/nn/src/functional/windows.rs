//! Convolutions.

use gradframe_ml_array::{Arg, Array, Index};
use gradframe_ml_core::{Error, Result};
use smallvec::SmallVec;

use super::{check_shape, ints, one};

/// How windows lie along `N` axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows<const N: usize> {
    /// From one window to the next.
    pub stride: [usize; N],
    /// Zeros before and after each axis.
    pub padding: [usize; N],
    /// From one place of a window to the next.
    pub dilation: [usize; N],
}

impl<const N: usize> Default for Windows<N> {
    fn default() -> Self {
        Windows { stride: [1; N], padding: [0; N], dilation: [1; N] }
    }
}

impl<const N: usize> Windows<N> {
    pub(crate) fn args(&self) -> [Arg; 3] {
        [ints(self.stride), ints(self.padding), ints(self.dilation)]
    }
}

/// The convolution of networks along `N` axes, a correlation: x [batch, channels, ..], or a single item without the batch, weight
/// [outputs, channels / groups, ..], bias [outputs] -> [batch, outputs, ..].
/// Errors: `Shape` naming what does not fit.
pub fn conv<const N: usize>(
    x: &Array,
    weight: &Array,
    bias: Option<&Array>,
    windows: Windows<N>,
    groups: usize,
) -> Result<Array> {
    check_weight::<N>("conv", "[outputs, channels / groups, ..]", weight)?;
    if let Some(bias) = bias {
        check_shape("conv", "bias", bias, &weight.shape()[..1])?;
    }
    of_items::<N>("conv", x, |x| {
        let given: SmallVec<[&Array; 3]> = std::iter::once(x).chain([weight]).chain(bias).collect();
        one("conv", &given, windows.args().into_iter().chain([Arg::Int(groups as i64)]))
    })
}

/// What a convolution with this weight came from, along `N` axes: x [batch, channels, ..], or a single item without the batch, weight
/// [channels, outputs / groups, ..], bias [outputs] -> [batch, outputs, ..], `output_padding` longer than it must have been.
/// Errors: `Shape` naming what does not fit.
pub fn conv_transpose<const N: usize>(
    x: &Array,
    weight: &Array,
    bias: Option<&Array>,
    windows: Windows<N>,
    output_padding: [usize; N],
    groups: usize,
) -> Result<Array> {
    check_weight::<N>("conv_transpose", "[channels, outputs / groups, ..]", weight)?;
    if let Some(bias) = bias {
        check_shape("conv_transpose", "bias", bias, &[weight.shape()[1] * groups])?;
    }
    of_items::<N>("conv_transpose", x, |x| {
        let given: SmallVec<[&Array; 3]> = std::iter::once(x).chain([weight]).chain(bias).collect();
        one("conv_transpose", &given, windows.args().into_iter().chain([Arg::Int(groups as i64), ints(output_padding)]))
    })
}

fn check_weight<const N: usize>(op: &str, expected: &str, weight: &Array) -> Result<()> {
    if weight.shape().len() == N + 2 {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected a weight {expected} with {N} axes of windows, got shape {:?}", weight.shape())))
}

/// A function of batches [batch, channels, ..] with `N` more axes, given one or a single item. Errors: `Shape` for what is neither.
pub(crate) fn of_items<const N: usize>(op: &str, x: &Array, function: impl FnOnce(&Array) -> Result<Array>) -> Result<Array> {
    match x.shape().len() {
        rank if rank == N + 2 => function(x),
        rank if rank == N + 1 => function(&x.index(&[Index::New, Index::Rest])?)?.index(&[Index::At(0)]),
        _ => {
            let what =
                format!("expected [batch, channels, ..] with {N} more axes, or without the batch, got shape {:?}", x.shape());
            Err(Error::shape(op, what))
        }
    }
}

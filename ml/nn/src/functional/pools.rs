//! The largest and the mean of windows.

use gradframe_ml_array::{Arg, Array};
use gradframe_ml_core::{Error, Result};

use super::windows::{Windows, of_items};
use super::{ints, one, select};

/// The largest of each window along `N` axes: x [batch, channels, ..], or a single item without the batch -> as many windows along each.
/// With `ceil_mode` a window may reach beyond the end, if it begins before.
/// Errors: `Shape` for padding beyond half of a window, and for what does not fit.
pub fn max_pool<const N: usize>(x: &Array, kernel_size: [usize; N], windows: Windows<N>, ceil_mode: bool) -> Result<Array> {
    of_items::<N>("max_pool", x, |x| {
        let more = beyond(x, kernel_size, &windows, ceil_mode);
        let x = longer(x, &more, f64::NEG_INFINITY)?;
        one("max_pool", &[&x], windows.args().into_iter().chain([ints(kernel_size)]))
    })
}

/// What counts in the mean of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// A window may reach beyond the end, if it begins before; what is beyond the padding does not count.
    pub ceil_mode: bool,
    /// The padding counts, as zeros.
    pub count_include_pad: bool,
}

impl Default for Counted {
    fn default() -> Self {
        Counted { ceil_mode: false, count_include_pad: true }
    }
}

/// The mean of each window along `N` axes: x [batch, channels, ..], or a single item without the batch -> as many windows along each.
/// Windows of means have no dilation. Errors: as for [`max_pool`].
pub fn avg_pool<const N: usize>(x: &Array, kernel_size: [usize; N], windows: Windows<N>, counted: Counted) -> Result<Array> {
    let windows = Windows { dilation: [1; N], ..windows };
    of_items::<N>("avg_pool", x, |x| {
        let more = beyond(x, kernel_size, &windows, counted.ceil_mode);
        let means = one("avg_pool", &[&longer(x, &more, 0.0)?], windows.args().into_iter().chain([ints(kernel_size)]))?;
        if more == [0; N] && (counted.count_include_pad || windows.padding == [0; N]) {
            return Ok(means);
        }
        let mut scaled = means;
        for axis in 0..N {
            let of_axis = OfAxis {
                length: x.shape()[2 + axis],
                size: kernel_size[axis],
                stride: windows.stride[axis],
                padding: windows.padding[axis],
            };
            let factors: Vec<f64> =
                of_axis.counts(more[axis], counted.count_include_pad).map(|n| of_axis.size as f64 / n as f64).collect();
            scaled = scaled.multiply(&along(&factors, 2 + axis, 2 + N, &scaled)?)?;
        }
        Ok(scaled)
    })
}

/// Windows along one axis.
struct OfAxis {
    length: usize,
    size: usize,
    stride: usize,
    padding: usize,
}

impl OfAxis {
    /// How many places of each window count.
    fn counts(&self, more: usize, include_pad: bool) -> impl Iterator<Item = usize> + '_ {
        let whole = self.length + 2 * self.padding + more;
        (0..=whole - self.size).step_by(self.stride.max(1)).map(move |start| {
            let end = (start + self.size).min(self.length + 2 * self.padding);
            match include_pad {
                true => end - start,
                false => end.min(self.length + self.padding) - start.max(self.padding),
            }
        })
    }
}

/// How far the last window reaches beyond the padding of each axis: the one that begins within the axis or the padding before it.
fn beyond<const N: usize>(x: &Array, kernel_size: [usize; N], windows: &Windows<N>, ceil_mode: bool) -> [usize; N] {
    std::array::from_fn(|axis| {
        let (length, size) = (x.shape()[2 + axis], kernel_size[axis]);
        let (stride, padding, dilation) = (windows.stride[axis], windows.padding[axis], windows.dilation[axis]);
        if !ceil_mode || size < 1 || stride < 1 || dilation < 1 {
            return 0; // an error of the pool itself
        }
        let (reach, whole) = (dilation * (size - 1) + 1, length + 2 * padding);
        let mut count = whole.saturating_sub(reach).div_ceil(stride) + 1;
        if (count - 1) * stride >= length + padding {
            count -= 1;
        }
        (count.saturating_sub(1) * stride + reach).saturating_sub(whole)
    })
}

/// x with so many more elements at the end of each axis of windows.
fn longer<const N: usize>(x: &Array, more: &[usize; N], filling: f64) -> Result<Array> {
    if *more == [0; N] {
        return Ok(x.clone());
    }
    let widths = [0; 4].into_iter().chain(more.iter().flat_map(|&more| [0, more]));
    let filling = Array::number("pad", gradframe_ml_array::Number::Float(filling), x.element())?;
    one("pad", &[x, &filling], [ints(widths)])
}

/// Numbers that lie along one of so many axes, in the type of `like`.
fn along(numbers: &[f64], axis: usize, rank: usize, like: &Array) -> Result<Array> {
    let mut shape = vec![1i64; rank];
    shape[axis] = numbers.len() as i64;
    Array::from_vec(&[numbers.len()], numbers.to_vec())?.astype(like.element())?.reshape(&shape)
}

/// The means of so many windows along each of `N` axes, which together hold all of it; None leaves an axis as it is: x [batch, channels, ..],
/// or a single item without the batch. Errors: `Shape` for an empty axis, and for another number of axes.
pub fn adaptive_avg_pool<const N: usize>(x: &Array, output_size: [Option<usize>; N]) -> Result<Array> {
    of_items::<N>("adaptive_avg_pool", x, |x| adaptive("adaptive_avg_pool", x, output_size, Fold::Mean))
}

/// The largest of so many windows along each of `N` axes; otherwise as [`adaptive_avg_pool`].
pub fn adaptive_max_pool<const N: usize>(x: &Array, output_size: [Option<usize>; N]) -> Result<Array> {
    of_items::<N>("adaptive_max_pool", x, |x| adaptive("adaptive_max_pool", x, output_size, Fold::Largest))
}

#[derive(Clone, Copy)]
enum Fold {
    Mean,
    Largest,
}

impl Fold {
    fn over(self, x: &Array, axis: usize) -> Result<Array> {
        match self {
            Fold::Mean => x.mean(Some(&[axis as i64]), false),
            Fold::Largest => x.max(Some(&[axis as i64]), false),
        }
    }
}

fn adaptive<const N: usize>(op: &str, x: &Array, output_size: [Option<usize>; N], fold: Fold) -> Result<Array> {
    let mut x = x.clone();
    for (axis, wanted) in (2..).zip(output_size) {
        let length = x.shape()[axis];
        let Some(wanted) = wanted.filter(|&wanted| wanted != length) else { continue };
        if length == 0 {
            return Err(Error::shape(op, format!("axis {axis} of shape {:?} is empty, there is nothing to pool", x.shape())));
        }
        x = match wanted > 0 && length.is_multiple_of(wanted) {
            true => fold.over(&parted(&x, axis, [wanted, length / wanted])?, axis + 1)?,
            false => uneven(&x, axis, wanted, fold)?,
        };
    }
    Ok(x)
}

/// An axis made two.
fn parted(x: &Array, axis: usize, sizes: [usize; 2]) -> Result<Array> {
    let (before, after) = (&x.shape()[..axis], &x.shape()[axis + 1..]);
    let shape: Vec<i64> = before.iter().chain(&sizes).chain(after).map(|&size| size as i64).collect();
    x.reshape(&shape)
}

/// Windows from `floor(i n / m)` to `ceil((i + 1) n / m)`, whose lengths differ: filled up with what counts for nothing.
fn uneven(x: &Array, axis: usize, wanted: usize, fold: Fold) -> Result<Array> {
    let length = x.shape()[axis];
    let windows: Vec<(usize, usize)> = (0..wanted).map(|i| (i * length / wanted, ((i + 1) * length).div_ceil(wanted))).collect();
    let longest = windows.iter().map(|(start, end)| end - start).max().unwrap_or(1);
    let places = windows
        .iter()
        .flat_map(|&(start, end)| (start..start + longest).map(move |place| if place < end { place as i64 } else { 0 }));
    let within =
        windows.iter().flat_map(|&(start, end)| (start..start + longest).map(move |place| f64::from(u8::from(place < end))));
    let places = Array::from_vec(&[wanted * longest], places.collect::<Vec<i64>>())?;
    let taken = one("take", &[x, &places], [Arg::Int(axis as i64)])?;
    let taken = parted(&taken, axis, [wanted, longest])?;
    let rank = x.shape().len() + 1;
    let within = parted(&along(&within.collect::<Vec<f64>>(), axis, rank - 1, x)?, axis, [wanted, longest])?.greater(0.5)?;
    let empty = if matches!(fold, Fold::Mean) { 0.0 } else { f64::NEG_INFINITY };
    let folded = fold.over(&select(&within, &taken, empty)?, axis + 1)?;
    match fold {
        Fold::Largest => Ok(folded),
        Fold::Mean => {
            let factors: Vec<f64> = windows.iter().map(|(start, end)| longest as f64 / (end - start) as f64).collect();
            folded.multiply(&along(&factors, axis, rank - 1, &folded)?)
        }
    }
}

//! Index maps with their sizes known: reading a stretch of a kernel's domain out of a buffer.

use gradframe_ml_core::{Dim, Result, Sizes};
use smallvec::SmallVec;

use super::bytes::{Plain, typed, typed_mut, with_width};
use super::simd::vectorized;
use crate::schedule::{AxisMap, Load};

type PerAxis<T> = SmallVec<[T; 6]>;

/// A buffer seen from a kernel's domain.
pub struct Source<'a> {
    bytes: &'a [u8],
    width: usize,
    dims: PerAxis<usize>,
    strides: PerAxis<isize>,
    offset: isize,
    /// Index maps of a padded load, which have to be looked at one by one.
    clips: Option<PerAxis<Clip>>,
}

/// The index along one axis of a padded buffer.
struct Clip {
    axis: Option<usize>,
    start: isize,
    step: isize,
    size: isize,
}

impl<'a> Source<'a> {
    /// The load over a domain of these sizes. Errors: `Shape` for a size that is not known.
    pub fn bind(load: &Load, bytes: &'a [u8], width: usize, domain: &[usize], sizes: &Sizes) -> Result<Self> {
        let (offset, strides) = strides(load, domain.len(), sizes)?;
        let clips = if load.padded { Some(Clip::of(load, sizes)?) } else { None };
        let (dims, strides) = if load.padded { (domain.into(), strides) } else { collapsed(domain, &strides) };
        Ok(Source { bytes, width, dims, strides, offset, clips })
    }

    /// Memory under other axes: each element is `offset` plus its index times the strides.
    pub fn strided(bytes: &'a [u8], width: usize, dims: &[usize], strides: &[isize], offset: isize) -> Self {
        let (dims, strides) = collapsed(dims, strides);
        Source { bytes, width, dims, strides, offset, clips: None }
    }

    /// The stretch of memory that the domain's positions `start .. start + len` are, if it is one.
    pub fn contiguous(&self, start: usize, len: usize) -> Option<&'a [u8]> {
        let dense = self.clips.is_none() && matches!((&*self.dims, &*self.strides), ([_], [1]));
        let first = usize::try_from(self.offset).ok()? + start;
        (dense && len > 0).then(|| &self.bytes[first * self.width..(first + len) * self.width])
    }

    /// True if [`Source::contiguous`] answers.
    pub fn is_contiguous(&self) -> bool {
        self.clips.is_none() && self.strides[..] == [1]
    }

    /// True if every position reads the same element.
    pub fn is_one(&self) -> bool {
        self.period() == Some(1)
    }

    /// The element at position 0, which is not outside.
    pub fn first(&self) -> &'a [u8] {
        let first = usize::try_from(self.offset).unwrap_or(0) * self.width;
        &self.bytes[first..first + self.width]
    }

    /// What is read repeats with this many positions; None if it does not.
    pub fn period(&self) -> Option<usize> {
        match (self.clips.is_none(), &*self.dims, &*self.strides) {
            (true, [], _) => Some(1),
            (true, [_], [0]) => Some(1),
            (true, [_, inner @ ..], [0, ..]) => Some(inner.iter().product()),
            _ => None,
        }
    }

    /// Reads the domain's positions from `start` on until `dst` is full.
    pub fn read(&self, start: usize, dst: &mut [u8]) {
        with_width!(self.width, T => self.read_typed::<T>(start, typed_mut(dst)));
    }

    fn read_typed<T: Plain>(&self, start: usize, dst: &mut [T]) {
        let src = typed::<T>(self.bytes);
        if let Some(clips) = &self.clips {
            return for_each_run(&self.dims, start, dst.len(), |index, at, run| {
                self.read_clipped(clips, src, index, &mut dst[at..at + run])
            });
        }
        self.read_strided(src, start, dst);
    }

    /// Along the axes like an odometer, whose place in memory goes with it: stretches along the last axis, or where that is short
    /// as many of them as lie along the axis before.
    fn read_strided<T: Plain>(&self, src: &[T], start: usize, dst: &mut [T]) {
        let (dims, strides) = (&self.dims[..], &self.strides[..]);
        let Some(last) = dims.len().checked_sub(1) else { return dst.fill(src[self.offset as usize]) };
        let (inner, step) = (dims[last], strides[last]);
        let mut index = unravelled(dims, start);
        let mut base = self.offset + dot(&index, strides);
        let mut at = 0;
        while at < dst.len() {
            let rest = dst.len() - at;
            if last > 0 && inner <= SHORT && index[last] == 0 && rest >= inner {
                let rows = (dims[last - 1] - index[last - 1]).min(rest / inner);
                copy_rows(src, (base, strides[last - 1], step), inner, &mut dst[at..at + rows * inner]);
                at += rows * inner;
                index[last - 1] += rows;
                base += rows as isize * strides[last - 1];
                base += carry(&mut index, dims, strides, last - 1);
            } else {
                let run = (inner - index[last]).min(rest);
                copy_run(src, base, step, &mut dst[at..at + run]);
                at += run;
                index[last] += run;
                base += run as isize * step;
                base += carry(&mut index, dims, strides, last);
            }
        }
    }

    /// One run along the last axis: zeros where some index lies outside.
    fn read_clipped<T: Plain>(&self, clips: &[Clip], src: &[T], index: &[usize], dst: &mut [T]) {
        let inner = index.len().wrapping_sub(1);
        let from = index.last().map_or(0, |&i| i as isize);
        let (mut low, mut high) = (0, dst.len() as isize);
        for clip in clips {
            let at = clip.start + clip.axis.map_or(0, |a| clip.step * index[a] as isize);
            let (first, last) = if clip.axis == Some(inner) {
                clip.inside(from, dst.len() as isize)
            } else {
                whole_if((0..clip.size).contains(&at), dst.len())
            };
            (low, high) = (low.max(first), high.min(last));
        }
        dst.fill(T::default());
        if low < high {
            let step = self.strides.last().copied().unwrap_or(0);
            let base = self.offset + dot(index, &self.strides) + low * step;
            copy_run(src, base, step, &mut dst[low as usize..high as usize]);
        }
    }
}

impl Clip {
    fn of(load: &Load, sizes: &Sizes) -> Result<PerAxis<Clip>> {
        let shape = load.shape.eval(sizes)?;
        let clip = |(map, &size): (&AxisMap, &usize)| {
            Ok(Clip { axis: map.axis, start: signed(&map.start, sizes)?, step: map.step as isize, size: size as isize })
        };
        load.axes.iter().zip(&shape).map(clip).collect()
    }

    /// The positions of a run of `len`, beginning at `from` on the axis, whose index is inside.
    fn inside(&self, from: isize, len: isize) -> (isize, isize) {
        let (mut first, mut last) = (0, len);
        let index = |i: isize| self.start + self.step * (from + i);
        while first < last && !(0..self.size).contains(&index(first)) {
            first += 1;
        }
        while first < last && !(0..self.size).contains(&index(last - 1)) {
            last -= 1;
        }
        (first, last)
    }
}

fn whole_if(inside: bool, len: usize) -> (isize, isize) {
    if inside { (0, len as isize) } else { (0, 0) }
}

#[inline]
fn copy_run<T: Plain>(src: &[T], base: isize, step: isize, dst: &mut [T]) {
    match step {
        1 => dst.copy_from_slice(&src[base as usize..base as usize + dst.len()]),
        0 => dst.fill(src[base as usize]),
        2 if dst.len() > SHORT => vectorized(
            #[inline(always)]
            || every_second(&src[base as usize..], dst),
        ),
        _ => {
            let mut at = base;
            for d in dst {
                *d = src[at as usize];
                at += step;
            }
        }
    }
}

/// Elements 0, 2, 4 ..
#[inline(always)]
fn every_second<T: Plain>(src: &[T], dst: &mut [T]) {
    let Some((last, dst)) = dst.split_last_mut() else { return };
    let (pairs, _) = src[..2 * dst.len()].as_chunks::<2>();
    let (four, rest) = dst.as_chunks_mut::<4>();
    let (four_pairs, rest_pairs) = pairs.as_chunks::<4>();
    four.iter_mut().zip(four_pairs).for_each(|(d, p)| *d = [p[0][0], p[1][0], p[2][0], p[3][0]]);
    rest.iter_mut().zip(rest_pairs).for_each(|(d, [first, _])| *d = *first);
    *last = src[2 * four.len() * 4 + 2 * rest.len()];
}

/// Rows of `row` elements, `between` apart, of elements `step` apart: short ones, by which a loop of their own would cost
/// more than they do.
#[inline]
fn copy_rows<T: Plain>(src: &[T], (mut base, between, step): (isize, isize, isize), row: usize, dst: &mut [T]) {
    if (row, between, step) == (2, 1, 0) {
        let (pairs, _) = dst.as_chunks_mut::<2>();
        let from = &src[base as usize..base as usize + pairs.len()];
        return pairs.iter_mut().zip(from).for_each(|(pair, &from)| *pair = [from; 2]);
    }
    if step == 2 {
        return dst.chunks_exact_mut(row).for_each(|dst| {
            every_second(&src[base as usize..], dst);
            base += between;
        });
    }
    for dst in dst.chunks_exact_mut(row) {
        let mut at = base;
        for d in dst {
            *d = src[at as usize];
            at += step;
        }
        base += between;
    }
}

fn dot(index: &[usize], strides: &[isize]) -> isize {
    index.iter().zip(strides).map(|(&i, &s)| i as isize * s).sum()
}

/// The position of the domain's first element and the distance between neighbours along its axes, in elements.
/// Errors: `Shape` for a size that is not known.
pub fn strides(load: &Load, rank: usize, sizes: &Sizes) -> Result<(isize, PerAxis<isize>)> {
    let shape = load.shape.eval(sizes)?;
    let mut strides: PerAxis<isize> = SmallVec::from_elem(0, rank);
    let (mut offset, mut stride) = (0, 1isize);
    for (map, &size) in load.axes.iter().zip(&shape).rev() {
        offset += signed(&map.start, sizes)? * stride;
        if let Some(axis) = map.axis {
            strides[axis] += map.step as isize * stride;
        }
        stride *= size as isize;
    }
    Ok((offset, strides))
}

/// Neighbouring axes that are walked as one become one; axes of size 1 go.
fn collapsed(dims: &[usize], strides: &[isize]) -> (PerAxis<usize>, PerAxis<isize>) {
    let (mut out_dims, mut out_strides) = (PerAxis::<usize>::new(), PerAxis::<isize>::new());
    for (&dim, &stride) in dims.iter().zip(strides).filter(|(d, _)| **d != 1) {
        match (out_dims.last_mut(), out_strides.last_mut()) {
            (Some(d), Some(s)) if *s == stride * dim as isize => (*d, *s) = (*d * dim, stride),
            _ => {
                out_dims.push(dim);
                out_strides.push(stride);
            }
        }
    }
    (out_dims, out_strides)
}

/// Calls `visit(index, at, run)` for each stretch along the last axis of the row-major positions `start .. start + len`.
pub fn for_each_run(dims: &[usize], start: usize, len: usize, mut visit: impl FnMut(&[usize], usize, usize)) {
    let Some(&inner) = dims.last() else {
        for at in 0..len {
            visit(&[], at, 1); // one number, however often it is asked for
        }
        return;
    };
    let mut index = unravelled(dims, start);
    let last = dims.len() - 1;
    let mut at = 0;
    while at < len {
        let run = (inner - index[last]).min(len - at);
        visit(&index, at, run);
        at += run;
        index[last] += run;
        for axis in (1..=last).rev() {
            if index[axis] < dims[axis] {
                break;
            }
            index[axis] = 0;
            index[axis - 1] += 1;
        }
    }
}

/// Elements of the last axis up to which many of its runs are read at once.
const SHORT: usize = 16;

/// Turns an index that has reached its axis's end on to the axes before; what that moves the place in memory.
#[inline]
fn carry(index: &mut [usize], dims: &[usize], strides: &[isize], from: usize) -> isize {
    let mut moved = 0;
    for axis in (1..=from).rev() {
        if index[axis] < dims[axis] {
            break;
        }
        index[axis] = 0;
        index[axis - 1] += 1;
        moved += strides[axis - 1] - dims[axis] as isize * strides[axis];
    }
    moved
}

fn unravelled(dims: &[usize], mut position: usize) -> PerAxis<usize> {
    let mut index: PerAxis<usize> = SmallVec::from_elem(0, dims.len());
    for axis in (0..dims.len()).rev() {
        index[axis] = position % dims[axis].max(1);
        position /= dims[axis].max(1);
    }
    index
}

/// `start + step * position` along one axis of the domain.
pub struct Positions {
    dims: PerAxis<usize>,
    axis: Option<usize>,
    start: i64,
    step: i64,
}

impl Positions {
    /// The map over a domain of these sizes. Errors: `Shape` for a size that is not known.
    pub fn bind(map: &AxisMap, domain: &[usize], sizes: &Sizes) -> Result<Self> {
        Ok(Positions { dims: domain.into(), axis: map.axis, start: signed(&map.start, sizes)? as i64, step: map.step })
    }

    /// The numbers at the domain's positions from `first` on.
    pub fn read(&self, first: usize, dst: &mut [i64]) {
        let inner = self.dims.len().wrapping_sub(1);
        for_each_run(&self.dims, first, dst.len(), |index, at, run| {
            let base = self.start + self.axis.map_or(0, |a| self.step * index[a] as i64);
            let step = if self.axis == Some(inner) { self.step } else { 0 };
            dst[at..at + run].iter_mut().enumerate().for_each(|(i, d)| *d = base + step * i as i64);
        });
    }
}

/// A dimension that may be negative.
pub fn signed(dim: &Dim, sizes: &Sizes) -> Result<isize> {
    const LIFT: i64 = 1 << 40;
    Ok(dim.plus(LIFT).eval(sizes)? as isize - LIFT as isize)
}

//! Index maps with their sizes known: reading a stretch of a kernel's domain out of a buffer.

use gradframe_ml_core::{Dim, Result, Sizes};
use smallvec::SmallVec;

use super::bytes::{Plain, typed, typed_mut, with_width};
use super::strided::{self, copy_run};
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
    start: isize,
    /// What one position adds along each axis of the domain.
    steps: PerAxis<isize>,
    size: isize,
}

impl<'a> Source<'a> {
    /// The load over a domain of these sizes. Errors: `Shape` for a size that is not known.
    pub fn bind(load: &Load, bytes: &'a [u8], width: usize, domain: &[usize], sizes: &Sizes) -> Result<Self> {
        let (offset, strides) = strides(load, domain.len(), sizes)?;
        let clips = if load.padded { Some(Clip::of(load, domain.len(), sizes)?) } else { None };
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
        strided::read(src, (&self.dims, &self.strides), self.offset, start, dst);
    }

    /// One run along the last axis: zeros where some index lies outside.
    fn read_clipped<T: Plain>(&self, clips: &[Clip], src: &[T], index: &[usize], dst: &mut [T]) {
        let (mut low, mut high) = (0, dst.len() as isize);
        for clip in clips {
            let (first, last) = clip.inside(index, dst.len() as isize);
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
    fn of(load: &Load, rank: usize, sizes: &Sizes) -> Result<PerAxis<Clip>> {
        let shape = load.shape.eval(sizes)?;
        let clip = |(map, &size): (&AxisMap, &usize)| {
            let mut steps: PerAxis<isize> = SmallVec::from_elem(0, rank);
            map.terms.iter().for_each(|&(axis, step)| steps[axis] = step as isize);
            Ok(Clip { start: signed(&map.start, sizes)?, steps, size: size as isize })
        };
        load.axes.iter().zip(&shape).map(clip).collect()
    }

    /// The positions of a run of `len` along the last axis, beginning at an index of the domain, whose index is inside.
    fn inside(&self, from: &[usize], len: isize) -> (isize, isize) {
        let at = self.start + dot(from, &self.steps);
        let step = self.steps.last().copied().unwrap_or(0);
        if step == 0 {
            return if (0..self.size).contains(&at) { (0, len) } else { (0, 0) };
        }
        let (mut first, mut last) = (0, len);
        let index = |i: isize| at + step * i;
        while first < last && !(0..self.size).contains(&index(first)) {
            first += 1;
        }
        while first < last && !(0..self.size).contains(&index(last - 1)) {
            last -= 1;
        }
        (first, last)
    }
}

pub(super) fn dot(index: &[usize], strides: &[isize]) -> isize {
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
        map.terms.iter().for_each(|&(axis, step)| strides[axis] += step as isize * stride);
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

pub(super) fn unravelled(dims: &[usize], mut position: usize) -> PerAxis<usize> {
    let mut index: PerAxis<usize> = SmallVec::from_elem(0, dims.len());
    for axis in (0..dims.len()).rev() {
        index[axis] = position % dims[axis].max(1);
        position /= dims[axis].max(1);
    }
    index
}

/// The index along one axis, as numbers.
pub struct Positions {
    dims: PerAxis<usize>,
    start: i64,
    terms: SmallVec<[(usize, i64); 1]>,
}

impl Positions {
    /// The map over a domain of these sizes. Errors: `Shape` for a size that is not known.
    pub fn bind(map: &AxisMap, domain: &[usize], sizes: &Sizes) -> Result<Self> {
        Ok(Positions { dims: domain.into(), start: signed(&map.start, sizes)? as i64, terms: map.terms.clone() })
    }

    /// The numbers at the domain's positions from `first` on.
    pub fn read(&self, first: usize, dst: &mut [i64]) {
        let inner = self.dims.len().wrapping_sub(1);
        let step = self.terms.iter().find(|term| term.0 == inner).map_or(0, |term| term.1);
        for_each_run(&self.dims, first, dst.len(), |index, at, run| {
            let base = self.start + self.terms.iter().map(|&(axis, step)| step * index[axis] as i64).sum::<i64>();
            dst[at..at + run].iter_mut().enumerate().for_each(|(i, d)| *d = base + step * i as i64);
        });
    }
}

/// A dimension that may be negative.
pub fn signed(dim: &Dim, sizes: &Sizes) -> Result<isize> {
    const LIFT: i64 = 1 << 40;
    Ok(dim.plus(LIFT).eval(sizes)? as isize - LIFT as isize)
}

//! Reading memory that does not lie in order: along the axes like an odometer, whose place in memory goes with it; short stretches
//! that all lie alike many at a time.

use super::bytes::Plain;
use super::simd::vectorized;
use super::source::{dot, unravelled};

/// Elements of a stretch, at most, that is read as whole vectors: what is too much, the next one overwrites.
const SHORT: usize = 16;

/// Fills `dst` with the elements at the domain's positions from `start` on, `offset` plus index times stride each.
pub fn read<T: Plain>(src: &[T], (dims, strides): (&[usize], &[isize]), offset: isize, start: usize, dst: &mut [T]) {
    let Some(last) = dims.len().checked_sub(1) else { return dst.fill(src[offset as usize]) };
    let tile = Tile::of(dims, strides);
    let mut index = unravelled(dims, start);
    let mut base = offset + dot(&index, strides);
    let mut at = 0;
    while at < dst.len() {
        let rest = dst.len() - at;
        let whole = tile.as_ref().filter(|tile| rest >= tile.len() && index[tile.axis + 1..].iter().all(|&i| i == 0));
        if let Some(tile) = whole {
            let count = (dims[tile.axis] - index[tile.axis]).min(rest / tile.len());
            tile.copy(src, (base, strides[tile.axis]), &mut dst[at..at + count * tile.len()]);
            at += count * tile.len();
            index[tile.axis] += count;
            base += count as isize * strides[tile.axis];
            base += carry(&mut index, dims, strides, tile.axis);
        } else {
            let run = (dims[last] - index[last]).min(rest);
            copy_run(src, base, strides[last], &mut dst[at..at + run]);
            at += run;
            index[last] += run;
            base += run as isize * strides[last];
            base += carry(&mut index, dims, strides, last);
        }
    }
}

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

/// What lies alike at each place along an axis: a short stretch, once or several times.
struct Tile {
    axis: usize,
    stretch: Stretch,
    repeats: usize,
}

/// Elements one after the other.
#[derive(Clone, Copy)]
enum Stretch {
    /// So many, `step` apart.
    Steps { count: usize, step: isize },
    /// So many neighbours, each twice: a window's number at its elements.
    Pairs { count: usize },
}

impl Stretch {
    fn len(self) -> usize {
        match self {
            Stretch::Steps { count, .. } => count,
            Stretch::Pairs { count } => 2 * count,
        }
    }
}

impl Tile {
    /// The last axes as a tile, of which there are several along the axis before. None where they are too long.
    fn of(dims: &[usize], strides: &[isize]) -> Option<Self> {
        let last = dims.len().checked_sub(1)?;
        let (count, step) = (dims[last], strides[last]);
        let is_pairs = last > 1 && (count, step, strides[last - 1]) == (2, 0, 1) && dims[last - 1] <= SHORT;
        let (stretch, first) = match is_pairs {
            true => (Stretch::Pairs { count: dims[last - 1] }, last - 1),
            false => (Stretch::Steps { count, step }, last),
        };
        let is_repeated = first > 1 && strides[first - 1] == 0;
        let (repeats, first) = if is_repeated { (dims[first - 1], first - 1) } else { (1, first) };
        let axis = first.checked_sub(1)?;
        (count <= SHORT).then_some(Tile { axis, stretch, repeats })
    }

    fn len(&self) -> usize {
        self.stretch.len() * self.repeats
    }

    /// As many as `dst` takes, the first at `base`, each `between` behind the one before.
    fn copy<T: Plain>(&self, src: &[T], (base, between): (isize, isize), dst: &mut [T]) {
        let Stretch::Steps { count, step } = self.stretch else {
            return self.wide::<T, SHORT, { 2 * SHORT }>(src, (base, between), dst, doubled, |from, to| {
                to.as_chunks_mut::<2>().0.iter_mut().zip(from).for_each(|(pair, &from)| *pair = [from; 2]);
            });
        };
        match (count, step) {
            (2, 0) if between == 1 && self.repeats == 1 => {
                let pairs = dst.as_chunks_mut::<2>().0;
                let from = &src[base as usize..base as usize + pairs.len()];
                pairs.iter_mut().zip(from).for_each(|(pair, &from)| *pair = [from; 2]);
            }
            (_, 1) => self.wide::<T, SHORT, SHORT>(
                src,
                (base, between),
                dst,
                |from, to| *to = *from,
                |from, to| {
                    to.copy_from_slice(&from[..to.len()]);
                },
            ),
            (_, 2) => self.wide::<T, { 2 * SHORT }, SHORT>(src, (base, between), dst, halved, |from, to| {
                to.iter_mut().zip(from.iter().step_by(2)).for_each(|(to, from)| *to = *from);
            }),
            _ => self.narrow(src, (base, between), step, dst),
        }
    }

    /// Stretches as whole vectors while there are such on both sides; `exactly` where they would reach beyond.
    fn wide<T: Plain, const N: usize, const M: usize>(
        &self,
        src: &[T],
        (mut base, between): (isize, isize),
        dst: &mut [T],
        whole: impl Fn(&[T; N], &mut [T; M]),
        exactly: impl Fn(&[T], &mut [T]),
    ) {
        let len = self.stretch.len();
        vectorized(
            #[inline(always)]
            || {
                let mut rest = dst;
                while rest.len() >= self.len() {
                    let from = &src[base as usize..];
                    for _ in 0..self.repeats {
                        match (from.first_chunk(), rest.first_chunk_mut()) {
                            (Some(from), Some(to)) => whole(from, to),
                            _ => exactly(from, &mut rest[..len]),
                        }
                        rest = std::mem::take(&mut rest).split_at_mut(len).1;
                    }
                    base += between;
                }
            },
        );
    }

    fn narrow<T: Plain>(&self, src: &[T], (mut base, between): (isize, isize), step: isize, dst: &mut [T]) {
        for tile in dst.chunks_exact_mut(self.len()) {
            for stretch in tile.chunks_exact_mut(self.stretch.len()) {
                let mut at = base;
                for d in stretch {
                    *d = src[at as usize];
                    at += step;
                }
            }
            base += between;
        }
    }
}

/// Each element twice.
#[inline(always)]
fn doubled<T: Plain>(from: &[T; SHORT], to: &mut [T; 2 * SHORT]) {
    to.as_chunks_mut::<2>().0.iter_mut().zip(from).for_each(|(pair, &from)| *pair = [from; 2]);
}

/// Elements 0, 2, 4 ..
#[inline(always)]
fn halved<T: Plain>(from: &[T; 2 * SHORT], to: &mut [T; SHORT]) {
    let (four_pairs, four) = (from.as_chunks::<8>().0, to.as_chunks_mut::<4>().0);
    four.iter_mut().zip(four_pairs).for_each(|(to, from)| *to = [from[0], from[2], from[4], from[6]]);
}

/// One stretch of elements `step` apart.
#[inline]
pub fn copy_run<T: Plain>(src: &[T], base: isize, step: isize, dst: &mut [T]) {
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

/// Elements 0, 2, 4 .. of which the last need not have one behind it.
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

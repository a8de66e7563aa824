//! Convolutions of f32 with windows after each element, without their windows: an image is laid once among zeros, and each place
//! of a window is then the same lines, read from another element on. Products are made of these where they lie.
//!
//! For processors with vectors of 512 bits. Sums go over `k`, over positions and over images in order, whoever makes them.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::*;

use gradframe_ml_core::Result;
use gradframe_ml_core::graph::{Conv, ConvOf, Window};

use super::super::bytes::Line;
use super::super::product::{Factor, PANEL, panel_of};
use super::super::tasks::{self, Workers};
use super::super::vector::Vector;
use super::Parts;

/// Rows of a block of results.
const ROWS: usize = 8;
/// Lanes of a vector.
const LANES: usize = Line::BYTES / 4;

/// A convolution over images of two axes, its windows one element apart.
pub struct Direct {
    groups: usize,
    /// Channels of a group, in and out.
    channels: usize,
    outputs: usize,
    windows: [Window; 2],
    size: [usize; 2],
    count: [usize; 2],
}

/// Lines of a plane of results, cut into vectors.
struct Segment {
    /// The first element among those of the plane with zeros around.
    from: usize,
    /// The first element of the plane of results.
    to: usize,
    count: usize,
}

impl Direct {
    /// The convolution, if it is such a one and most lanes of its vectors are used.
    pub fn of(conv: &Conv, [groups, channels, outputs]: [usize; 3]) -> Option<Self> {
        let (windows, size) = (<[Window; 2]>::try_from(&conv.windows[..]).ok()?, <[usize; 2]>::try_from(&conv.sizes[..]).ok()?);
        let count = <[usize; 2]>::try_from(conv.counts()?).ok()?;
        let is_plain = |w: &Window| w.stride == 1 && w.padding <= (w.size - 1) * w.dilation;
        let line = match conv.of {
            ConvOf::Output => count[1],
            ConvOf::Input => size[1],
            ConvOf::Weight => LANES, // positions are not lanes there
        };
        let are_used = 4 * line >= 3 * line.next_multiple_of(LANES);
        (windows.iter().all(is_plain) && are_used).then_some(Direct { groups, channels, outputs, windows, size, count })
    }

    /// Elements of a row of weights.
    fn row(&self) -> usize {
        self.channels * self.windows[0].size * self.windows[1].size
    }

    /// Height and width of a plane with zeros around, for results of this size: the same forth and back.
    fn padded(&self, results: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| results[axis] + (self.windows[axis].size - 1) * self.windows[axis].dilation)
    }

    /// Where each place of a window begins, for so many channels.
    fn places(&self, channels: usize, [height, width]: [usize; 2]) -> Vec<usize> {
        let [rows, columns] = &self.windows;
        let of_channel = |c: usize| {
            let of_row =
                move |i: usize| (0..columns.size).map(move |j| (c * height + i * rows.dilation) * width + j * columns.dilation);
            (0..rows.size).flat_map(of_row)
        };
        (0..channels).flat_map(of_channel).collect()
    }

    /// y = w times the windows of x.
    pub fn forward(&self, x: &[f32], w: &[f32], workers: Workers, y: &mut [f32]) -> Result<()> {
        let plane = Plane { size: self.size, padded: self.padded(self.count), low: self.windows.map(|w| w.padding) };
        self.correlate(plane, (self.channels, self.outputs, self.count), (x, w), workers, y)
    }

    /// x = the same of y, with windows turned round and channels exchanged.
    pub fn to_input(&self, w: &[f32], y: &[f32], workers: Workers, x: &mut [f32]) -> Result<()> {
        let low = self.windows.map(|w| (w.size - 1) * w.dilation - w.padding);
        let plane = Plane { size: self.count, padded: self.padded(self.size), low };
        let (window, each) = (self.windows[0].size * self.windows[1].size, self.outputs * self.row());
        let mut turned = vec![0.0; w.len()];
        for (w, turned) in w.chunks_exact(each).zip(turned.chunks_exact_mut(each)) {
            for (at, &weight) in w.iter().enumerate() {
                let (output, channel, place) = (at / self.row(), at % self.row() / window, at % window);
                turned[(channel * self.outputs + output) * window + window - 1 - place] = weight;
            }
        }
        self.correlate(plane, (self.outputs, self.channels, self.size), (y, &turned), workers, x)
    }

    /// Each result is the sum over channels and places of a window of an element times its weight.
    fn correlate(
        &self,
        plane: Plane,
        (channels, outputs, size): (usize, usize, [usize; 2]),
        (x, w): (&[f32], &[f32]),
        workers: Workers,
        y: &mut [f32],
    ) -> Result<()> {
        let places = self.places(channels, plane.padded);
        let segments = segments(size, plane.padded[1]);
        let (from, to) = (channels * plane.elements(), outputs * size[0] * size[1]);
        let tasks: Vec<_> = y.chunks_mut(to).zip(x.chunks(from)).enumerate().collect();
        let memory = || vec![0.0; channels * plane.padded_elements() + LANES];
        tasks::for_each_with(workers, tasks, memory, |padded, (i, (y, x))| {
            plane.lay(x, padded);
            let w = &w[i % self.groups * outputs * places.len()..][..outputs * places.len()];
            let correlation = Correlation { padded, places: &places, plane: size[0] * size[1] };
            for (row, (w, y)) in w.chunks(ROWS * places.len()).zip(y.chunks_mut(ROWS * correlation.plane)).enumerate() {
                let count = ROWS.min(outputs - row * ROWS);
                // SAFETY: `Plan` has found the instructions; places and segments are inside the padded plane, which has a vector
                // more than its elements.
                unsafe { correlation.rows(count, w, &segments, y) };
            }
            Ok(())
        })
    }

    /// w = the windows of x times y, summed over images, as parts `[c k, outputs]`.
    pub fn to_weights(&self, x: &[f32], y: &[f32], workers: Workers, parts: &mut Parts<f32>) -> Result<()> {
        let plane = Plane { size: self.size, padded: self.padded(self.count), low: self.windows.map(|w| w.padding) };
        let places = self.places(self.channels, plane.padded);
        let (from, positions) = (self.channels * plane.elements(), self.count[0] * self.count[1]);
        let to = self.outputs * positions;
        let memory = || (vec![0.0; self.channels * plane.padded_elements()], vec![Line::default(); positions * PANEL / LANES]);
        let (images, count) = (parts.images, parts.count);
        tasks::for_each_with(workers, parts.tasks(self.groups), memory, |(padded, panel), (i, sums)| {
            let (part, group) = (i / self.groups, i % self.groups);
            for image in part * images / count..(part + 1) * images / count {
                let at = image * self.groups + group;
                plane.lay(&x[at * from..][..from], padded);
                let y = &y[at * to..][..to];
                for first in (0..self.outputs).step_by(PANEL) {
                    let panel = panel.as_mut_ptr().cast::<f32>();
                    let right = Factor { values: y[first * positions..].as_ptr(), row: positions as isize, column: 1 };
                    let width = PANEL.min(self.outputs - first);
                    let weights = OfWeights { lines: self.count, line: plane.padded[1], panel, width, stride: self.outputs };
                    // SAFETY: `Plan` has found the instructions; the panel has room for all positions, and each place of a window
                    // is inside the padded plane at all of them.
                    unsafe {
                        panel_of(right, width, panel, positions);
                        weights.all(padded, &places, &mut sums[first..]);
                    }
                }
            }
            Ok(())
        })
    }
}

/// A channel of an image, and the same with zeros around.
#[derive(Clone, Copy)]
struct Plane {
    size: [usize; 2],
    padded: [usize; 2],
    low: [usize; 2],
}

impl Plane {
    fn elements(&self) -> usize {
        self.size[0] * self.size[1]
    }

    fn padded_elements(&self) -> usize {
        self.padded[0] * self.padded[1]
    }

    /// Lays the channels of an image among zeros, which are there already from the start.
    fn lay(&self, image: &[f32], padded: &mut [f32]) {
        let [height, width] = self.size;
        let last = [0, 1].map(|axis| self.size[axis].min(self.padded[axis] - self.low[axis]));
        for (image, padded) in image.chunks_exact(height * width).zip(padded.chunks_exact_mut(self.padded_elements())) {
            for row in 0..last[0] {
                let at = (row + self.low[0]) * self.padded[1] + self.low[1];
                padded[at..at + last[1]].copy_from_slice(&image[row * width..row * width + last[1]]);
            }
        }
    }
}

fn segments([height, width]: [usize; 2], line: usize) -> Vec<Segment> {
    let of_row = |row: usize| {
        (0..width).step_by(LANES).map(move |x| Segment { from: row * line + x, to: row * width + x, count: LANES.min(width - x) })
    };
    (0..height).flat_map(of_row).collect()
}

/// A sum over places for some segments and rows of weights.
struct Correlation<'a> {
    padded: &'a [f32],
    places: &'a [usize],
    /// Elements between rows of results.
    plane: usize,
}

impl Correlation<'_> {
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn rows(&self, count: usize, w: &[f32], segments: &[Segment], y: &mut [f32]) {
        for pair in segments.chunks(2) {
            let pair = [&pair[0], &pair[pair.len() - 1]];
            // SAFETY: the function's own condition.
            unsafe {
                match count {
                    8 => self.block::<8>(w, pair, y),
                    7 => self.block::<7>(w, pair, y),
                    6 => self.block::<6>(w, pair, y),
                    5 => self.block::<5>(w, pair, y),
                    4 => self.block::<4>(w, pair, y),
                    3 => self.block::<3>(w, pair, y),
                    2 => self.block::<2>(w, pair, y),
                    _ => self.block::<1>(w, pair, y),
                }
            }
        }
    }

    /// `M` rows by two segments, which are the same where there is one left.
    #[inline(always)]
    unsafe fn block<const M: usize>(&self, w: &[f32], segments: [&Segment; 2], y: &mut [f32]) {
        unsafe {
            let mut sums = [[_mm512_setzero_ps(); 2]; M];
            let [first, second] = segments.map(|segment| self.padded.as_ptr().add(segment.from));
            let weights = w.as_ptr();
            for (k, &place) in self.places.iter().enumerate() {
                let (a, b) = (_mm512_loadu_ps(first.add(place)), _mm512_loadu_ps(second.add(place)));
                for i in 0..M {
                    let weight = _mm512_set1_ps(*weights.add(i * self.places.len() + k));
                    sums[i][0] = _mm512_fmadd_ps(weight, a, sums[i][0]);
                    sums[i][1] = _mm512_fmadd_ps(weight, b, sums[i][1]);
                }
            }
            for i in 0..M {
                for j in 0..2 {
                    let segment = segments[j];
                    let to = &mut y[i * self.plane + segment.to..][..segment.count];
                    sums[i][j].store_part(to.as_mut_ptr(), segment.count);
                }
            }
        }
    }
}

/// A sum over positions for all places of windows and a panel of outputs.
struct OfWeights {
    /// Lines of positions, and their length.
    lines: [usize; 2],
    /// Elements between lines of the padded plane.
    line: usize,
    /// The outputs' elements, a position a row.
    panel: *const f32,
    /// Columns of the panel that count.
    width: usize,
    /// Elements between rows of sums.
    stride: usize,
}

impl OfWeights {
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn all(&self, padded: &[f32], places: &[usize], sums: &mut [f32]) {
        for (row, places) in places.chunks(ROWS).enumerate() {
            let sums = &mut sums[row * ROWS * self.stride..];
            // SAFETY: the function's own condition.
            unsafe {
                match places.len() {
                    8 => self.block::<8>(padded, places, sums),
                    7 => self.block::<7>(padded, places, sums),
                    6 => self.block::<6>(padded, places, sums),
                    5 => self.block::<5>(padded, places, sums),
                    4 => self.block::<4>(padded, places, sums),
                    3 => self.block::<3>(padded, places, sums),
                    2 => self.block::<2>(padded, places, sums),
                    _ => self.block::<1>(padded, places, sums),
                }
            }
        }
    }

    /// Adds for `M` places.
    #[inline(always)]
    unsafe fn block<const M: usize>(&self, padded: &[f32], places: &[usize], sums: &mut [f32]) {
        unsafe {
            let mut held = [[_mm512_setzero_ps(); 2]; M];
            let mut at = [padded.as_ptr(); M];
            for i in 0..M {
                at[i] = padded.as_ptr().add(places[i]);
            }
            let mut panel = self.panel;
            for line in 0..self.lines[0] {
                for x in 0..self.lines[1] {
                    let (a, b) = (_mm512_loadu_ps(panel), _mm512_loadu_ps(panel.add(LANES)));
                    for i in 0..M {
                        let element = _mm512_set1_ps(*at[i].add(line * self.line + x));
                        held[i][0] = _mm512_fmadd_ps(element, a, held[i][0]);
                        held[i][1] = _mm512_fmadd_ps(element, b, held[i][1]);
                    }
                    panel = panel.add(PANEL);
                }
            }
            for i in 0..M {
                let to = &mut sums[i * self.stride..][..self.width];
                for j in 0..2 {
                    let count = self.width.saturating_sub(j * LANES);
                    let there = to.as_mut_ptr().wrapping_add(j * LANES);
                    _mm512_add_ps(__m512::load_part(there, count), held[i][j]).store_part(there, count);
                }
            }
        }
    }
}

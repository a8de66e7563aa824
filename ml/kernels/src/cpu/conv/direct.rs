//! Convolutions of f32 with windows after each element, without their windows: an image is laid once among zeros, and each place
//! of a window is then the same lines, read from another element on. Products are made of these where they lie.
//!
//! For processors with vectors of 256 bits at least. Sums go over `k`, over positions and over images in order, whoever makes them.

mod blocks;

use gradframe_ml_core::Result;
use gradframe_ml_core::graph::{Conv, ConvOf, Window};

use super::super::bytes::Line;
use super::super::product::{Factor, panel};
use super::super::tasks::{self, Workers};
use super::Parts;
use blocks::{Correlation, OfWeights};

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

impl Direct {
    /// The convolution, if it is such a one and most lanes of its vectors are used.
    pub fn of(conv: &Conv, [groups, channels, outputs]: [usize; 3]) -> Option<Self> {
        let (windows, size) = (<[Window; 2]>::try_from(&conv.windows[..]).ok()?, <[usize; 2]>::try_from(&conv.sizes[..]).ok()?);
        let count = <[usize; 2]>::try_from(conv.counts()?).ok()?;
        let is_plain = |w: &Window| w.stride == 1 && w.padding <= (w.size - 1) * w.dilation;
        let line = match conv.of {
            ConvOf::Output => count[1],
            ConvOf::Input => size[1],
            ConvOf::Weight => lanes(), // positions are not lanes there
        };
        let are_used = 4 * line >= 3 * line.next_multiple_of(lanes());
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
        let memory = || vec![0.0; channels * plane.padded_elements() + lanes()];
        tasks::for_each_with(workers, tasks, memory, |padded, (i, (y, x))| {
            plane.lay(x, padded);
            let w = &w[i % self.groups * outputs * places.len()..][..outputs * places.len()];
            let correlation = Correlation { padded, places: &places, plane: size[0] * size[1], segments: &segments };
            // SAFETY: `Plan` has found the instructions; places and segments are inside the padded plane, which has a vector more
            // than its elements, and inside the results' planes.
            unsafe { correlation.all(outputs, w, y) };
            Ok(())
        })
    }

    /// w = the windows of x times y, summed over images, as parts `[c k, outputs]`.
    pub fn to_weights(&self, x: &[f32], y: &[f32], workers: Workers, parts: &mut Parts<f32>) -> Result<()> {
        let plane = Plane { size: self.size, padded: self.padded(self.count), low: self.windows.map(|w| w.padding) };
        let places = self.places(self.channels, plane.padded);
        let (from, positions) = (self.channels * plane.elements(), self.count[0] * self.count[1]);
        let to = self.outputs * positions;
        let memory =
            || (vec![0.0; self.channels * plane.padded_elements()], vec![Line::default(); positions * panel() * 4 / Line::BYTES]);
        let (images, count) = (parts.images, parts.count);
        tasks::for_each_with(workers, parts.tasks(self.groups), memory, |(padded, panel), (i, sums)| {
            let (part, group) = (i / self.groups, i % self.groups);
            for image in part * images / count..(part + 1) * images / count {
                let at = image * self.groups + group;
                plane.lay(&x[at * from..][..from], padded);
                let y = &y[at * to..][..to];
                let right = Factor { values: y.as_ptr(), row: positions as isize, column: 1 };
                let weights = OfWeights { lines: self.count, line: plane.padded[1], outputs: self.outputs };
                // SAFETY: `Plan` has found the instructions; the panel has room for all positions, and each place of a window
                // is inside the padded plane at all of them.
                unsafe { weights.all(padded, &places, right, panel.as_mut_ptr().cast(), sums) };
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

/// Lanes of a vector.
fn lanes() -> usize {
    panel() / 2
}

/// Where each vector of results begins: among the elements of the plane with zeros around, and among those of the plane of results. A line's last
/// may reach into the next line, which is written after it.
fn segments([height, width]: [usize; 2], line: usize) -> Vec<[usize; 2]> {
    let of_row = |row: usize| (0..width).step_by(lanes()).map(move |x| [row * line + x, row * width + x]);
    (0..height).flat_map(of_row).collect()
}

//! Where the elements of windows lie in an image: runs of neighbours, worked out once for all images and channels.

use gradframe_ml_core::graph::Window;

/// Elements of a strip for all channels, at most: half of a second-level cache of 1 MB, in singles.
const STRIP_ELEMENTS_MAX: usize = 128 * 1024;

/// The windows over a channel of an image, cut into strips along the first axis of the output.
pub struct Geometry<'a> {
    windows: &'a [Window],
    sizes: &'a [usize],
    counts: Vec<usize>,
    strips: Vec<Strip>,
}

/// Some neighbouring output positions.
pub struct Strip {
    /// The first.
    pub first: usize,
    /// How many.
    pub positions: usize,
    /// For each place in a window, what it reads at these positions.
    places: Vec<Place>,
    /// Distance between the elements of a run.
    step: usize,
}

/// One place in a window, at all positions of a strip.
#[derive(Default)]
struct Place {
    runs: Vec<Run>,
    /// First position and number of those that lie outside the image.
    gaps: Vec<(usize, usize)>,
}

/// Neighbouring positions that read elements `step` apart.
struct Run {
    position: usize,
    element: usize,
    count: usize,
}

impl<'a> Geometry<'a> {
    /// Windows of these counts over images of these sizes, for a number of channels that are worked on together.
    pub fn of(windows: &'a [Window], sizes: &'a [usize], counts: Vec<usize>, channels: usize) -> Self {
        let mut geometry = Geometry { windows, sizes, counts, strips: Vec::new() };
        let line: usize = geometry.counts.iter().skip(1).product();
        let elements = line * channels * windows.iter().map(|w| w.size).product::<usize>();
        let lines = (STRIP_ELEMENTS_MAX / elements.max(1)).max(1);
        let all = geometry.counts.first().copied().unwrap_or(1);
        for first in (0..all).step_by(lines) {
            let strip = geometry.strip(first, lines.min(all - first), line);
            geometry.strips.push(strip);
        }
        geometry
    }

    /// The strips, in order.
    pub fn strips(&self) -> &[Strip] {
        &self.strips
    }

    /// Positions of the longest strip.
    pub fn strip_positions(&self) -> usize {
        self.strips.iter().map(|strip| strip.positions).max().unwrap_or(0)
    }

    fn strip(&self, first_line: usize, lines: usize, line: usize) -> Strip {
        let sizes: Vec<usize> = self.windows.iter().map(|w| w.size).collect();
        let count = sizes.iter().product();
        let place = |place: usize| self.place(&unravelled(&sizes, place), first_line, lines);
        let step = self.windows.last().map_or(1, |w| w.stride);
        Strip { first: first_line * line, positions: lines * line, places: (0..count).map(place).collect(), step }
    }

    /// The place `offset` in a window, at the positions of some lines of the first axis.
    fn place(&self, offset: &[usize], first_line: usize, lines: usize) -> Place {
        let mut place = Place::default();
        let Some((last, before)) = self.windows.split_last() else {
            place.runs.push(Run { position: 0, element: 0, count: 1 });
            return place;
        };
        let axes = before.len();
        let (width, count) = (self.sizes[axes], self.counts[axes]);
        let mut outer = self.counts.clone();
        outer[0] = lines;
        let row = if axes == 0 { lines } else { count };
        let rows = outer[..axes].iter().product::<usize>();
        let shift = offset[axes] * last.dilation;
        // Positions i of a row with 0 <= i stride + shift - padding < width.
        let inside_from = last.padding.saturating_sub(shift).div_ceil(last.stride);
        let inside_to = (width + last.padding).saturating_sub(shift).div_ceil(last.stride).max(inside_from);
        for r in 0..rows {
            let mut index = unravelled(&outer[..axes], r);
            if let Some(first) = index.first_mut() {
                *first += first_line;
            }
            let start = if axes == 0 { first_line } else { 0 };
            let (from, to) = (inside_from.clamp(start, start + row), inside_to.clamp(start, start + row));
            match self.line(&index, offset) {
                Some(line) if from < to => {
                    let element = line * width + from * last.stride + shift - last.padding;
                    place.gap(r * row, from - start);
                    place.run(Run { position: r * row + from - start, element, count: to - from }, last.stride);
                    place.gap(r * row + to - start, start + row - to);
                }
                _ => place.gap(r * row, row),
            }
        }
        place
    }

    /// The number of the image's line, along the last axis, that positions with these first indices read; None outside.
    fn line(&self, index: &[usize], offset: &[usize]) -> Option<usize> {
        let axes = self.windows.iter().zip(self.sizes).zip(index.iter().zip(offset));
        axes.take(index.len()).try_fold(0, |line, ((window, &size), (&i, &j))| {
            let at = (i * window.stride + j * window.dilation).checked_sub(window.padding).filter(|&at| at < size)?;
            Some(line * size + at)
        })
    }
}

impl Place {
    /// Appends a run, to the last one if it goes on there.
    fn run(&mut self, run: Run, step: usize) {
        match self.runs.last_mut() {
            Some(last) if last.position + last.count == run.position && last.element + last.count * step == run.element => {
                last.count += run.count;
            }
            _ => self.runs.push(run),
        }
    }

    fn gap(&mut self, first: usize, count: usize) {
        if count > 0 {
            self.gaps.push((first, count));
        }
    }
}

impl Strip {
    /// Lays the windows of an image of channels of `size` elements side by side: [channel, place, position].
    pub fn gather<T: Copy + Default>(&self, image: &[T], size: usize, strip: &mut [T]) {
        let rows = strip.chunks_exact_mut(self.positions);
        let places = image.chunks_exact(size).flat_map(|channel| self.places.iter().map(move |place| (channel, place)));
        for (row, (channel, place)) in rows.zip(places) {
            place.gaps.iter().for_each(|&(first, count)| row[first..first + count].fill(T::default()));
            for run in &place.runs {
                let to = &mut row[run.position..run.position + run.count];
                if self.step == 1 {
                    to.copy_from_slice(&channel[run.element..run.element + run.count]);
                } else {
                    to.iter_mut().zip(channel[run.element..].iter().step_by(self.step)).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }

    /// Adds windows to the image that they are of.
    pub fn scatter<T: super::gemm::Scalar>(&self, strip: &[T], size: usize, image: &mut [T]) {
        let mut rows = strip.chunks_exact(self.positions);
        for channel in image.chunks_exact_mut(size) {
            for (place, row) in self.places.iter().zip(&mut rows) {
                for run in &place.runs {
                    let from = &row[run.position..run.position + run.count];
                    if self.step == 1 {
                        let to = &mut channel[run.element..run.element + run.count];
                        to.iter_mut().zip(from).for_each(|(to, &from)| *to = to.plus(from));
                    } else {
                        let to = channel[run.element..].iter_mut().step_by(self.step);
                        to.zip(from).for_each(|(to, &from)| *to = to.plus(from));
                    }
                }
            }
        }
    }
}

fn unravelled(shape: &[usize], mut position: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = position % shape[axis];
        position /= shape[axis];
    }
    index
}

//! Blocks of a convolution's results that are summed up in registers.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::{__m256, __m512};

use crate::cpu::product::{Factor, Lanes, pack};
use crate::cpu::simd::{Level, level};

/// A sum over places for each position and output.
pub struct Correlation<'a> {
    /// The planes with zeros around, one after the other.
    pub padded: &'a [f32],
    /// Where each place of a window begins.
    pub places: &'a [usize],
    /// Elements of a plane of results.
    pub plane: usize,
    /// Where vectors of results begin, there and in the plane of results; in order.
    pub segments: &'a [[usize; 2]],
}

impl Correlation<'_> {
    /// All results of `outputs` rows of weights.
    ///
    /// # Safety
    /// The processor's [`level`] is not `Portable`. From each place of each segment on, a vector is inside `padded`.
    pub unsafe fn all(&self, outputs: usize, w: &[f32], y: &mut [f32]) {
        assert!(w.len() == outputs * self.places.len() && y.len() == outputs * self.plane);
        // SAFETY: the function's own condition.
        unsafe {
            match level() {
                Level::Avx512 => self.all_avx512(outputs, w, y),
                _ => self.all_avx2(outputs, w, y),
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn all_avx512(&self, outputs: usize, w: &[f32], y: &mut [f32]) {
        // SAFETY: the function's own condition.
        unsafe { self.blocks::<__m512, 8>(outputs, w, y) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn all_avx2(&self, outputs: usize, w: &[f32], y: &mut [f32]) {
        // SAFETY: the function's own condition.
        unsafe { self.blocks::<__m256, 6>(outputs, w, y) }
    }

    /// Blocks of up to `ROWS` outputs that differ by one at most: of a block of one, each sum would wait for itself.
    #[inline(always)]
    unsafe fn blocks<V: Lanes, const ROWS: usize>(&self, outputs: usize, w: &[f32], y: &mut [f32]) {
        let blocks = outputs.div_ceil(ROWS);
        for block in 0..blocks {
            let (from, end) = (block * outputs / blocks, (block + 1) * outputs / blocks);
            let (w, y) = (&w[from * self.places.len()..], &mut y[from * self.plane..end * self.plane]);
            // SAFETY: the function's own condition.
            unsafe {
                match end - from {
                    8 if ROWS >= 8 => self.rows::<V, 8>(w, y),
                    7 if ROWS >= 7 => self.rows::<V, 7>(w, y),
                    6 => self.rows::<V, 6>(w, y),
                    5 => self.rows::<V, 5>(w, y),
                    4 => self.rows::<V, 4>(w, y),
                    3 => self.rows::<V, 3>(w, y),
                    2 => self.rows::<V, 2>(w, y),
                    _ => self.rows::<V, 1>(w, y),
                }
            }
        }
    }

    /// `M` rows by two segments at a time, which are the same where there is one left.
    #[inline(always)]
    unsafe fn rows<V: Lanes, const M: usize>(&self, w: &[f32], y: &mut [f32]) {
        for pair in self.segments.chunks(2) {
            // SAFETY: the function's own condition.
            unsafe { self.block::<V, M>(w, [pair[0], pair[pair.len() - 1]], y) };
        }
    }

    #[inline(always)]
    unsafe fn block<V: Lanes, const M: usize>(&self, w: &[f32], segments: [[usize; 2]; 2], y: &mut [f32]) {
        unsafe {
            let mut sums = [[V::splat(0.0); 2]; M];
            let [first, second] = segments.map(|segment| self.padded.as_ptr().wrapping_add(segment[0]));
            let weights = w.as_ptr();
            for (k, &place) in self.places.iter().enumerate() {
                let (a, b) = (V::load(first.add(place)), V::load(second.add(place)));
                for i in 0..M {
                    let weight = V::splat(*weights.add(i * self.places.len() + k));
                    sums[i][0] = V::multiply_add(weight, a, sums[i][0]);
                    sums[i][1] = V::multiply_add(weight, b, sums[i][1]);
                }
            }
            for i in 0..M {
                for j in 0..2 {
                    let to = segments[j][1];
                    let there = &mut y[i * self.plane + to..(i + 1) * self.plane];
                    sums[i][j].store_part(there.as_mut_ptr(), there.len());
                }
            }
        }
    }
}

/// A sum over positions for all places of windows and all outputs.
pub struct OfWeights {
    /// Lines of positions, and their length.
    pub lines: [usize; 2],
    /// Elements between lines of the padded plane.
    pub line: usize,
    /// Outputs: elements of a row of sums.
    pub outputs: usize,
}

impl OfWeights {
    /// Adds to `sums`, a row a place. `y` are the outputs' elements; `panel` is memory for those of a panel of outputs.
    ///
    /// # Safety
    /// The processor's [`level`] is not `Portable`. Each place is inside `padded` at all positions, `y` inside its memory; the panel has
    /// room for [`Lanes::PANEL`] numbers a position.
    pub unsafe fn all(&self, padded: &[f32], places: &[usize], y: Factor, panel: *mut f32, sums: &mut [f32]) {
        // SAFETY: the function's own condition.
        unsafe {
            match level() {
                Level::Avx512 => self.all_avx512(padded, places, y, panel, sums),
                _ => self.all_avx2(padded, places, y, panel, sums),
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn all_avx512(&self, padded: &[f32], places: &[usize], y: Factor, panel: *mut f32, sums: &mut [f32]) {
        // SAFETY: the function's own condition.
        unsafe { self.panels::<__m512, 8>(padded, places, y, panel, sums) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn all_avx2(&self, padded: &[f32], places: &[usize], y: Factor, panel: *mut f32, sums: &mut [f32]) {
        // SAFETY: the function's own condition.
        unsafe { self.panels::<__m256, 6>(padded, places, y, panel, sums) }
    }

    /// A panel of outputs after the other, of each `ROWS` places at a time.
    #[inline(always)]
    unsafe fn panels<V: Lanes, const ROWS: usize>(
        &self,
        padded: &[f32],
        places: &[usize],
        y: Factor,
        panel: *mut f32,
        sums: &mut [f32],
    ) {
        for first in (0..self.outputs).step_by(V::PANEL) {
            let width = V::PANEL.min(self.outputs - first);
            // SAFETY: the function's own condition.
            unsafe { pack::<V>(y.moved(first, 0), width, panel, self.lines[0] * self.lines[1]) };
            for (row, places) in places.chunks(ROWS).enumerate() {
                let sums = &mut sums[row * ROWS * self.outputs + first..];
                // SAFETY: the function's own condition.
                unsafe {
                    match places.len() {
                        8 if ROWS >= 8 => self.block::<V, 8>(padded, places, panel, width, sums),
                        7 if ROWS >= 7 => self.block::<V, 7>(padded, places, panel, width, sums),
                        6 => self.block::<V, 6>(padded, places, panel, width, sums),
                        5 => self.block::<V, 5>(padded, places, panel, width, sums),
                        4 => self.block::<V, 4>(padded, places, panel, width, sums),
                        3 => self.block::<V, 3>(padded, places, panel, width, sums),
                        2 => self.block::<V, 2>(padded, places, panel, width, sums),
                        _ => self.block::<V, 1>(padded, places, panel, width, sums),
                    }
                }
            }
        }
    }

    /// Adds for `M` places and a panel of outputs, of which `width` count.
    #[inline(always)]
    unsafe fn block<V: Lanes, const M: usize>(
        &self,
        padded: &[f32],
        places: &[usize],
        panel: *const f32,
        width: usize,
        sums: &mut [f32],
    ) {
        unsafe {
            let mut held = [[V::splat(0.0); 2]; M];
            let mut at = [padded.as_ptr(); M];
            for i in 0..M {
                at[i] = padded.as_ptr().add(places[i]);
            }
            let mut panel = panel;
            for line in 0..self.lines[0] {
                for x in 0..self.lines[1] {
                    let (a, b) = (V::load(panel), V::load(panel.add(V::LANES)));
                    for i in 0..M {
                        let element = V::splat(*at[i].add(line * self.line + x));
                        held[i][0] = V::multiply_add(element, a, held[i][0]);
                        held[i][1] = V::multiply_add(element, b, held[i][1]);
                    }
                    panel = panel.add(V::PANEL);
                }
            }
            for i in 0..M {
                let to = &mut sums[i * self.outputs..][..width];
                for j in 0..2 {
                    let count = width.saturating_sub(j * V::LANES);
                    let there = to.as_mut_ptr().wrapping_add(j * V::LANES);
                    V::add(V::load_part(there, count), held[i][j]).store_part(there, count);
                }
            }
        }
    }
}

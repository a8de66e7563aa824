//! Other sizes of an axis: interpolation, and pooling to a given size.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{DotDims, Graph, NodeId};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// How the values between elements are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The element whose place, rounded down, is meant.
    Nearest,
    /// The element whose middle is nearest.
    NearestExact,
    /// On the line between two elements.
    Linear {
        /// The first and last elements keep their places; else the edges of the axis do.
        align_corners: bool,
    },
    /// On the cubic through four elements. Source: Keys 1981, a = -3/4.
    Cubic {
        /// As for `Linear`.
        align_corners: bool,
    },
    /// The mean of the elements that a result's share of the axis touches.
    Area,
}

impl Graph {
    /// An axis of fixed size n brought to size `size`: [A.., n, B..] -> [A.., size, B..]. `scale` is how much larger the
    /// result was asked to be, where that is not `size / n`.
    /// Errors: `Shape` if `axis` >= rank or it is of size 0; `NotImplemented` if it is symbolic.
    pub fn interpolate(&mut self, x: NodeId, axis: usize, size: usize, how: Interpolation, scale: Option<f64>) -> Result<NodeId> {
        let n = self.fixed_axis("interpolate", x, axis)?;
        if n == 0 {
            return Err(Error::shape("interpolate", format!("axis {axis} of {} is empty", self.ty(x).shape)));
        }
        let mut weights = vec![0.0; size * n];
        for row in 0..size {
            for (place, weight) in how.weights(row, n, size, scale) {
                weights[row * n + place] += weight;
            }
        }
        self.along_axis(x, axis, &weights, [size, n])
    }

    /// The product of a constant matrix [size, n] with each line along an axis.
    fn along_axis(&mut self, x: NodeId, axis: usize, weights: &[f64], [size, n]: [usize; 2]) -> Result<NodeId> {
        let matrix = self.constant(Tensor::from_vec(&[size, n], weights.to_vec())?);
        let dtype = self.ty(x).dtype;
        let matrix = self.cast(matrix, dtype)?;
        let rank = self.ty(x).shape.rank();
        let dims = DotDims { batch: Default::default(), contract: [(axis, 1)].into_iter().collect() };
        let product = self.dot(x, matrix, dims)?; // [A.., B.., size]
        self.move_axis(product, rank - 1, axis)
    }

    pub(super) fn fixed_axis(&self, op: &str, x: NodeId, axis: usize) -> Result<usize> {
        let shape = &self.ty(x).shape;
        let dim = shape.dims().get(axis).ok_or_else(|| Error::shape(op, format!("axis {axis} of {shape}")))?;
        dim.as_fixed().ok_or_else(|| Error::not_implemented(op, format!("axis {axis} of {shape}: its size is a symbol")))
    }

    /// Zeros between the elements along an axis, `step - 1` in each gap: size n -> (n - 1) step + 1.
    /// Errors: `Shape` if `axis` >= rank or `step` is 0.
    pub fn spread_out(&mut self, x: NodeId, axis: usize, step: usize) -> Result<NodeId> {
        let n = self.fixed_axis("spread_out", x, axis)?;
        if step == 0 {
            return Err(Error::shape("spread_out", "expected a step of 1 or more, got 0"));
        }
        if step == 1 || n == 0 {
            return Ok(x);
        }
        let own = self.ty(x).shape.clone();
        let too_far =
            || Error::shape("spread_out", format!("axis {axis} of {own}, {step} apart, has more places than can be counted"));
        let spread = n.checked_mul(step).filter(|&all| i64::try_from(all).is_ok()).ok_or_else(too_far)?;
        let column = self.insert_axis(x, axis + 1)?;
        let mut high = vec![0; own.rank() + 1];
        high[axis + 1] = step - 1;
        let padded = self.pad(column, &vec![0; own.rank() + 1], &high)?;
        let line = self.reshape(padded, &own.with(axis, Dim::fixed(spread)))?;
        self.slice_axis(line, axis, 0, Dim::fixed((n - 1) * step + 1))
    }

    /// Numbers from `start` on, `step` apart: [count].
    pub fn arange(&mut self, dtype: DType, start: f64, step: f64, count: usize) -> Result<NodeId> {
        let numbers = self.iota(DType::F64, &Shape::fixed(&[count]), 0)?;
        let scaled = self.scaled_by(numbers, step)?;
        let moved = self.plus_number(scaled, start)?;
        self.cast(moved, dtype)
    }
}

impl Interpolation {
    /// The elements that make up result `row`, and their weights.
    fn weights(self, row: usize, n: usize, size: usize, scale: Option<f64>) -> Vec<(usize, f64)> {
        let ratio = scale.map_or(n as f64 / size as f64, f64::recip);
        let last = (n - 1) as f64;
        let held = |place: f64| place.clamp(0.0, last) as usize;
        match self {
            Interpolation::Nearest => vec![(held((row as f64 * ratio).floor()), 1.0)],
            Interpolation::NearestExact => vec![(held(((row as f64 + 0.5) * ratio).floor()), 1.0)],
            Interpolation::Linear { align_corners } => {
                let place = source_place(row, n, size, ratio, align_corners).clamp(0.0, last);
                let part = place - place.floor();
                vec![(held(place.floor()), 1.0 - part), (held(place.floor() + 1.0), part)]
            }
            Interpolation::Cubic { align_corners } => {
                let place = source_place(row, n, size, ratio, align_corners);
                let (floor, part) = (place.floor(), place - place.floor());
                (-1..3).map(|k| (held(floor + f64::from(k)), cubic((part - f64::from(k)).abs()))).collect()
            }
            Interpolation::Area => {
                let (start, stop) = (row * n / size, ((row + 1) * n).div_ceil(size));
                (start..stop).map(|place| (place, 1.0 / (stop - start) as f64)).collect()
            }
        }
    }
}

fn source_place(row: usize, n: usize, size: usize, ratio: f64, align_corners: bool) -> f64 {
    match (align_corners, size) {
        (true, 1) => 0.0,
        (true, _) => row as f64 * (n - 1) as f64 / (size - 1) as f64,
        (false, _) => (row as f64 + 0.5) * ratio - 0.5,
    }
}

/// The weight of an element at this distance.
fn cubic(d: f64) -> f64 {
    const A: f64 = -0.75;
    if d <= 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
    } else {
        0.0
    }
}

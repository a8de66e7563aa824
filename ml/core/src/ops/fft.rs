//! `Fft`: the discrete Fourier transform of lines of complex numbers, each a pair of its two parts: [.., n, 2].
//! It is linear, and its transpose (of pairs of real numbers) is the transform with the other sign.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, arity, only};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Fft`].
pub struct Fft {
    pub inverse: bool,
}

impl Rules for Fft {
    fn name(&self) -> &'static str {
        "fft"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        let pairs = x.shape.rank() >= 2 && x.shape.dims().last() == Some(&Dim::fixed(2));
        if !pairs {
            return Err(Error::shape(self.name(), format!("expected lines of pairs [.., n, 2], got {}", x.shape)));
        }
        if !matches!(x.dtype, DType::F32 | DType::F64) {
            return Err(Error::dtype(self.name(), format!("expected f32 or f64, got {}", x.dtype)).hint("cast it"));
        }
        Ok((*x).clone())
    }

    /// By the definition, in f64.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let n = out.shape[out.shape.len() - 2];
        let values = x.to_f64();
        let lines = values.chunks(2 * n.max(1)).flat_map(|line| transformed(line, self.inverse));
        wide::encode(out.dtype, out.shape, &Wide::Float(lines.collect()))
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.apply(Kind::Fft { inverse: self.inverse }, &[t])).transpose()
    }

    fn transpose(&self, g: &mut Graph, _: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        g.apply(Kind::Fft { inverse: !self.inverse }, &[cotangent]).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.apply(Kind::Fft { inverse: self.inverse }, &[operands[0].node])
    }
}

/// `y_k = sum_j x_j e^(-+ 2 pi i j k / n)`.
fn transformed(line: &[f64], inverse: bool) -> Vec<f64> {
    let n = line.len() / 2;
    let step = std::f64::consts::TAU / n as f64 * if inverse { 1.0 } else { -1.0 };
    let turns: Vec<(f64, f64)> = (0..n).map(|k| (step * k as f64).sin_cos()).collect();
    let element = |k: usize| {
        line.chunks(2).enumerate().fold([0.0, 0.0], |[re, im], (j, x)| {
            let (sine, cosine) = turns[j * k % n];
            [re + x[0] * cosine - x[1] * sine, im + x[0] * sine + x[1] * cosine]
        })
    };
    (0..n).flat_map(element).collect()
}

#[cfg(test)]
pub mod rows {
    use crate::graph::Kind;
    use crate::ops::proof::{Row, floats, given};

    pub fn rows() -> Vec<Row> {
        let of = |inverse: bool| move |g: &mut crate::Graph, x: &[crate::NodeId]| g.apply(Kind::Fft { inverse }, &[x[0]]);
        vec![
            Row::new("fft", "lines of pairs", [floats(&[2, 5, 2])], of(false)).wide(),
            Row::new("fft", "inverse", [floats(&[4, 2])], of(true)).wide(),
            Row::new("fft", "of a step", [given(&[1.0, 0.0, 1.0, 0.0])], |g, x| {
                let pairs = g.reshape(x[0], &crate::Shape::fixed(&[2, 2]))?;
                g.apply(Kind::Fft { inverse: false }, &[pairs])
            })
            .wide(),
        ]
    }
}

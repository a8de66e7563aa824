//! Batch normalisation. Source: Ioffe and Szegedy 2015.

use gradframe_ml_core::{Graph, NodeId, Result};

/// Keeps the quotient finite where a unit never changes.
pub const EPSILON: f64 = 1e-5;
/// What a batch adds to the running statistics.
pub const MOMENTUM: f64 = 0.1;

/// The parts of a normalisation: [H] each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Norm {
    pub scale: NodeId,
    pub shift: NodeId,
    pub mean: NodeId,
    pub variance: NodeId,
}

impl Norm {
    /// `scale (x - mean) / sqrt(variance + epsilon) + shift` with the running statistics: [N, H] -> [N, H].
    pub fn predict(&self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        let centred = g.sub(x, self.mean)?;
        self.scaled(g, centred, self.variance)
    }

    /// The same with the batch's own statistics; and the running ones after it, which take the unbiased variance.
    pub fn train(&self, g: &mut Graph, x: NodeId) -> Result<(NodeId, [NodeId; 2])> {
        let mean = g.mean(x, &[0])?; // [H]
        let centred = g.sub(x, mean)?;
        let squares = g.mul(centred, centred)?;
        let variance = g.mean(squares, &[0])?;
        let unbiased = unbiased(g, x, variance)?;
        let running = [running(g, self.mean, mean)?, running(g, self.variance, unbiased)?];
        Ok((self.scaled(g, centred, variance)?, running))
    }

    fn scaled(&self, g: &mut Graph, centred: NodeId, variance: NodeId) -> Result<NodeId> {
        let epsilon = g.scalar_like(variance, EPSILON)?;
        let held = g.add(variance, epsilon)?;
        let inverse = g.rsqrt(held)?;
        let scale = g.mul(self.scale, inverse)?;
        let scaled = g.mul(centred, scale)?;
        g.add(scaled, self.shift)
    }
}

/// `variance n / (n - 1)`; of a single row, the variance itself.
fn unbiased(g: &mut Graph, x: NodeId, variance: NodeId) -> Result<NodeId> {
    let rows = g.ty(x).shape.dims()[0].clone();
    let dtype = g.ty(x).dtype;
    let (rows, one) = (g.dim_value(dtype, &rows)?, g.scalar(dtype, 1.0)?);
    let less = g.sub(rows, one)?;
    let freedom = g.max(less, one)?;
    let factor = g.div(rows, freedom)?;
    g.mul(variance, factor)
}

fn running(g: &mut Graph, old: NodeId, new: NodeId) -> Result<NodeId> {
    let (kept, added) = (g.scalar_like(old, 1.0 - MOMENTUM)?, g.scalar_like(old, MOMENTUM)?);
    let (kept, added) = (g.mul(kept, old)?, g.mul(added, new)?);
    g.add(kept, added)
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::transform::evaluate;
    use gradframe_ml_core::{DType, Dim, Function, Shape, Tensor};

    use super::*;

    const X: [f64; 6] = [1.0, 10.0, 2.0, 20.0, 6.0, 60.0]; // means 3 and 30, biased variances 14 / 3 and 1400 / 3

    fn run(mean: [f64; 2], variance: [f64; 2], train: bool) -> Vec<Vec<f64>> {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(DType::F64, Shape::new([Dim::symbol("N"), Dim::fixed(2)])));
        let mut part = |values: [f64; 2]| g.constant(Tensor::from_vec(&[2], values.to_vec()).unwrap());
        let norm = Norm { scale: part([2.0, 1.0]), shift: part([0.5, 0.0]), mean: part(mean), variance: part(variance) };
        let outputs = match train {
            false => vec![norm.predict(&mut g, x).unwrap()],
            true => {
                let (y, running) = norm.train(&mut g, x).unwrap();
                vec![y, running[0], running[1]]
            }
        };
        let function = Function::new(g, outputs).unwrap();
        let results = evaluate(&function, &[Tensor::from_vec(&[3, 2], X.to_vec()).unwrap()]).unwrap();
        results.iter().map(|t| t.values::<f64>().unwrap().to_vec()).collect()
    }

    #[test]
    fn prediction_with_the_batchs_statistics_is_training() {
        let trained = run([0.0; 2], [1.0; 2], true).remove(0);
        let predicted = run([3.0, 30.0], [14.0 / 3.0, 1400.0 / 3.0], false).remove(0);
        assert!(trained.iter().zip(&predicted).all(|(a, b)| (a - b).abs() < 1e-12), "{trained:?} {predicted:?}");
        assert!((trained[0] - (0.5 - 2.0 * 2.0 / (14.0f64 / 3.0 + 1e-5).sqrt())).abs() < 1e-12);
    }

    #[test]
    fn running_statistics_move_a_tenth_of_the_way_to_the_unbiased_ones() {
        let results = run([1.0; 2], [1.0; 2], true);
        let close = |a: &[f64], b: [f64; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&results[1], [0.9 + 0.3, 0.9 + 3.0]), "{:?}", results[1]);
        assert!(close(&results[2], [0.9 + 0.7, 0.9 + 70.0]), "{:?}", results[2]);
    }
}

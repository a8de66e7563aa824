//! Layers that standardise by statistics of batches, of which they keep running ones.

use gradframe_ml_array::{Array, Number, no_grad};
use gradframe_ml_core::{Error, Result};

use super::norms::{array_of, filled};
use crate::functional::{Statistics, batch_norm, pair};
use crate::init::constant;
use crate::module::Layer;
use crate::options::builder;
use crate::parameter::{Buffer, Mode, Parameter};

/// Standardised over all axes but the channels', then scaled and shifted: [batch, num_features, ..] with `AXES` further axes, or for
/// [`BatchNorm1d`] one or none, -> the same. In training by the batch's own statistics, of which running ones are kept for prediction.
/// Source: Ioffe and Szegedy 2015.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{BatchNorm1d, Layer, Module};
///
/// let layer = BatchNorm1d::new(1)?;
/// layer.forward(&Array::from_vec(&[2, 1], vec![0.0f32, 2.0])?)?; // mean 1, variance 2 of one less
/// assert_eq!(layer.running_mean.as_ref().unwrap().array().to_vec::<f32>()?, [0.1]);
/// layer.eval(); // from here on by the running statistics
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for an input of other axes, or with another number of channels.
#[derive(Debug)]
pub struct BatchNorm<const AXES: usize> {
    /// [num_features]; it begins with ones.
    pub weight: Option<Parameter>,
    /// [num_features]; it begins with zeros.
    pub bias: Option<Parameter>,
    /// [num_features]; it begins with zeros.
    pub running_mean: Option<Buffer>,
    /// [num_features]; it begins with ones.
    pub running_var: Option<Buffer>,
    training: Mode,
    num_features: usize,
    eps: f64,
    momentum: f64,
}

/// Of [batch, num_features] or [batch, num_features, n].
pub type BatchNorm1d = BatchNorm<1>;
/// Of [batch, num_features, height, width].
pub type BatchNorm2d = BatchNorm<2>;

impl<const AXES: usize> crate::Module for BatchNorm<AXES> {
    fn parts(&self, parts: &mut crate::Parts<'_>) {
        parts.part("weight", &self.weight);
        parts.part("bias", &self.bias);
        parts.part("running_mean", &self.running_mean);
        parts.part("running_var", &self.running_var);
        parts.part("training", &self.training);
    }
}

builder! {
    /// Makes a [`BatchNorm`].
    BatchNormBuilder<const AXES> of BatchNorm(num_features: usize) {
        /// Is added to the variance; unless said 1e-5.
        eps: f64 = 1e-5;
        /// What the next batch weighs in the running statistics; unless said 0.1.
        momentum: f64 = 0.1;
        /// Whether it scales and shifts; unless said it does.
        affine: bool = true;
        /// Whether running statistics are kept; without them the batch's own are used for prediction, too.
        track_running_stats: bool = true;
    }
}

impl<const AXES: usize> BatchNormBuilder<AXES> {
    /// The layer. Errors: those of making its parameters.
    pub fn build(self) -> Result<BatchNorm<AXES>> {
        let shape = [self.num_features];
        let kept = |number: f32| self.track_running_stats.then(|| Buffer::new(&constant(&shape, number)?)).transpose();
        Ok(BatchNorm {
            weight: filled(self.affine, &shape, 1.0)?,
            bias: filled(self.affine, &shape, 0.0)?,
            running_mean: kept(0.0)?,
            running_var: kept(1.0)?,
            training: Mode::default(),
            num_features: self.num_features,
            eps: self.eps,
            momentum: self.momentum,
        })
    }
}

impl<const AXES: usize> BatchNorm<AXES> {
    fn check(&self, x: &Array) -> Result<()> {
        let rank = x.shape().len();
        let is_fit = rank == AXES + 2 || AXES == 1 && rank == 2;
        if is_fit && x.shape()[1] == self.num_features {
            return Ok(());
        }
        let rest = ", n".repeat(AXES);
        let what = format!("expected [batch, {}{rest}], got shape {:?}", self.num_features, x.shape());
        Err(Error::shape(format!("BatchNorm{AXES}d"), what))
    }

    /// The statistics by which x is standardised.
    fn statistics(&self, x: &Array) -> Result<Statistics> {
        let (Some(mean), Some(var)) = (&self.running_mean, &self.running_var) else { return Statistics::of(x) };
        if !self.training.is_training() {
            return Ok(Statistics { mean: mean.array(), var: var.array() });
        }
        let own = Statistics::of(x)?;
        no_grad(|| {
            let unbiased = own.var.multiply(&unbiasing(x)?)?;
            for (running, batch) in [(mean, &own.mean), (var, &unbiased)] {
                running.put(&running.array().multiply(1.0 - self.momentum)?.add(&batch.multiply(self.momentum)?)?)?;
            }
            Ok(own.clone())
        })
    }
}

/// `n / (n - 1)` of the n elements of a channel, 1 of a single one: float []. A function that is traced does not know how many there are, and
/// counts them.
fn unbiasing(x: &Array) -> Result<Array> {
    if !x.is_traced() {
        let n = x.ty().len() / x.shape()[1].max(1);
        return Array::number("batch_norm", Number::Float(n as f64 / n.saturating_sub(1).max(1) as f64), x.element());
    }
    let axes: Vec<i64> = std::iter::once(0).chain(2..x.shape().len() as i64).collect();
    let ones = pair("equal", x, x)?.astype(x.element())?;
    let counted = ones.sum(Some(&axes), false)?.mean(None, false)?;
    counted.divide(&counted.subtract(1.0)?.maximum(1.0)?)
}

impl<const AXES: usize> Layer for BatchNorm<AXES> {
    fn forward(&self, x: &Array) -> Result<Array> {
        self.check(x)?;
        let of = self.statistics(x)?;
        let (weight, bias) = (array_of(self.weight.as_ref()), array_of(self.bias.as_ref()));
        batch_norm(x, &of, weight.as_ref(), bias.as_ref(), self.eps)
    }
}

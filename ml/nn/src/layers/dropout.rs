//! Layers that draw random numbers in training.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::functional;
use crate::module;
use crate::module::Layer;
use crate::options::probability;
use crate::parameter::Mode;

/// Elements set to zero with probability p in training, the others divided by 1 - p, from the global stream: [..] -> [..].
/// Source: Srivastava et al. 2014.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Dropout, Layer, Module};
///
/// let (layer, x) = (Dropout::new(0.5)?, Array::from_vec(&[4], vec![1.0f32; 4])?);
/// assert!(layer.forward(&x)?.to_vec::<f32>()?.iter().all(|&y| y == 0.0 || y == 2.0));
/// layer.eval();
/// assert_eq!(layer.forward(&x)?.to_vec::<f32>()?, [1.0; 4]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Dropout {
    p: f64,
    training: Mode,
}
module!(Dropout { training });

impl Dropout {
    /// Errors: `Plan` if p is no probability.
    pub fn new(p: f64) -> Result<Self> {
        Ok(Dropout { p: probability("Dropout", "p", p)?, training: Mode::default() })
    }
}

impl Layer for Dropout {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::dropout(x, self.p, self.training.is_training())
    }
}

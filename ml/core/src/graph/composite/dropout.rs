//! Dropout: zeros at random places while training.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::random;

impl Graph {
    /// Each element is zero with probability `rate`, else divided by `1 - rate`; the same key, the same places.
    /// Errors: `Plan` unless 0 <= rate < 1; `DType` unless x is f32 or f64 and the key u64.
    /// Source: Srivastava et al. 2014.
    pub fn dropout(&mut self, x: NodeId, key: NodeId, rate: f64) -> Result<NodeId> {
        if !(0.0..1.0).contains(&rate) {
            return Err(Error::plan("dropout", format!("expected a rate from 0 to below 1, got {rate}")));
        }
        if rate == 0.0 {
            return Ok(x);
        }
        let ty = self.ty(x).clone();
        let numbers = random::uniform(self, key, ty.dtype, &ty.shape)?;
        let (rate, scale, zero) =
            (self.scalar_like(x, rate)?, self.scalar_like(x, 1.0 / (1.0 - rate))?, self.scalar_like(x, 0.0)?);
        let (dropped, scaled) = (self.lt(numbers, rate)?, self.mul(x, scale)?);
        self.select(dropped, zero, scaled)
    }
}

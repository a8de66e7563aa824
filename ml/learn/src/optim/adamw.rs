//! AdamW: Adam whose weight decay is not part of the gradient.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::Adam;
use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, descend, scale};

/// `x' = Adam's step from x - rate * weight_decay * x`.  Source: Loshchilov and Hutter 2019, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    pub adam: Adam,
    pub weight_decay: Setting,
}

impl UpdateRule for AdamW {
    fn slots(&self) -> &'static [&'static str] {
        self.adam.slots()
    }

    fn update(&self, g: &mut Graph, at: &Moment, mut parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        if parameter.decayed && !self.weight_decay.is_none() {
            let pull = scale(g, parameter.value, self.weight_decay)?;
            parameter.value = descend(g, parameter.value, at.rate, pull)?;
        }
        self.adam.update(g, at, parameter, slots)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::path;
    use super::*;

    const ADAM: Adam = Adam::PUBLISHED;

    #[test]
    fn decays_by_the_rate_times_the_decay_apart_from_adams_step() {
        let decayed = path(&AdamW { adam: ADAM, weight_decay: Setting::Known(0.5) }, 0.1, 2.0, 1)[0];
        let plain = path(&ADAM, 0.1, 2.0, 1)[0];
        assert!((plain - decayed - 0.1 * 0.5).abs() < 1e-12);
    }

    #[test]
    fn without_decay_it_is_adam() {
        assert_eq!(path(&AdamW { adam: ADAM, weight_decay: Setting::NONE }, 0.1, 2.0, 9), path(&ADAM, 0.1, 2.0, 9));
    }
}

//! The steps of a training: on the device that was asked for, or on the CPU's threads.

use datafusion::config::ConfigOptions;
use datafusion::physical_plan::metrics::Count;
use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Backend, Program, Steps, Threads};

use super::Placement;

/// A back end that begins on the device, and elsewhere only if that cannot.
#[derive(Debug, Clone)]
pub(crate) struct Stepping {
    placement: Placement,
    /// How often steps were begun there.
    begun_there: Count,
}

impl Stepping {
    /// By the settings of a training's session. Errors: in strict mode `NoDevice` if there is none.
    pub fn choose(config: &ConfigOptions, begun_there: Count) -> Result<Self> {
        Ok(Stepping { placement: Placement::asked(config)?, begun_there })
    }
}

impl Backend for Stepping {
    /// What the device has no form of, or no memory for, runs on the CPU; in strict mode it is an error.
    fn begin(&self, program: &Program, state: Vec<Tensor>) -> Result<Box<dyn Steps>> {
        let Some(device) = self.placement.device() else { return Threads::Pool.begin(program, state) };
        let there = device.takes(program).and_then(|()| device.backend().begin(program, state.clone()));
        match there {
            Err(Error::NotImplemented(_) | Error::Resources(_)) if !self.placement.is_strict() => {
                Threads::Pool.begin(program, state)
            }
            Err(error) => Err(error),
            Ok(steps) => {
                self.begun_there.add(1);
                Ok(steps)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::{DType, Function, Graph, Shape};
    use gradframe_ml_kernels::compile;

    use super::super::Simulated;
    use super::*;

    /// `x -> x + 1`, its state.
    fn counter() -> Program {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(DType::F64, Shape::scalar()));
        let next = g.plus_number(x, 1.0).unwrap();
        compile(&Function::new(g, vec![next]).unwrap()).unwrap()
    }

    fn third(stepping: &Stepping) -> Result<Vec<f64>> {
        let mut steps = stepping.begin(&counter(), vec![Tensor::scalar(0.0)])?;
        for _ in 0..3 {
            steps.start(Vec::new())?;
            steps.finish()?;
        }
        Ok(steps.state()?[0].to_f64())
    }

    #[test]
    fn steps_begin_on_a_device_that_takes_them() {
        let on = |takes_nothing, strict| Stepping {
            placement: Placement::on(Arc::new(Simulated { takes_nothing, ..Simulated::default() }), strict),
            begun_there: Count::new(),
        };
        let (there, here) = (on(false, true), on(true, false));
        assert_eq!((third(&there).unwrap(), there.begun_there.value()), (vec![3.0], 1));
        assert_eq!((third(&here).unwrap(), here.begun_there.value()), (vec![3.0], 0));
        assert_eq!(third(&on(true, true)).unwrap_err().kind(), "NotImplemented");
    }
}

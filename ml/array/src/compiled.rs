//! Traced functions as programs of their own: they run when they are called, and some results take the place of arguments.

use gradframe_ml_core::{Result, Tensor};
use gradframe_ml_kernels::{Program, Threads, compile};

use crate::array::Array;
use crate::element::Element;
use crate::realise::{realise_all, with_scratch};
use crate::trace::Traced;

/// A traced function, compiled.
#[derive(Debug)]
pub struct Compiled {
    program: Program,
    captures: Vec<Tensor>,
    results: Vec<Element>,
}

impl Compiled {
    /// Compiles a function. Errors: `Internal` if the compiler does not take it; those of computing what it captured.
    pub fn new(traced: &Traced) -> Result<Self> {
        let program = compile(&traced.closed.function)?;
        let captures = traced.captures.iter().map(Array::tensor).collect::<Result<_>>()?;
        let results = traced.closed.results.iter().map(|ty| ty.element).collect();
        Ok(Compiled { program, captures, results })
    }

    /// The results for these arguments, computed at once.
    /// Errors: `Shape` or `DType` for an argument of another type than it was traced at; those of computing them.
    pub fn run(&self, arguments: &[Array]) -> Result<Vec<Array>> {
        realise_all(arguments)?;
        let own = arguments.iter().map(Array::tensor);
        let given: Vec<Tensor> = own.chain(self.captures.iter().cloned().map(Ok)).collect::<Result<_>>()?;
        let results = with_scratch(|scratch| self.program.run_with(&given, scratch, Threads::Pool))?;
        results.into_iter().zip(&self.results).map(|(tensor, &element)| Array::from_tensor(element, tensor)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::trace;

    fn scaled() -> Compiled {
        let types = [2, 2].map(|size| crate::ArrayType::new(Element::FLOAT, &[size]));
        let captured = Array::from_vec(&[2], vec![10.0f32, 20.0]).unwrap().add(0.0).unwrap();
        Compiled::new(&trace("scaled", &types, |given| Ok(vec![given[0].multiply(&given[1])?.add(&captured)?])).unwrap()).unwrap()
    }

    #[test]
    fn it_computes_its_results_and_what_its_arguments_are_made_of() {
        let x = Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let found = scaled().run(&[x.clone(), x.add(1.0).unwrap()]).unwrap();
        assert!(found[0].is_realised());
        assert_eq!(found[0].to_vec::<f32>().unwrap(), [12.0, 26.0]);
    }

    #[test]
    fn a_value_is_succeeded_where_nobody_else_holds_it() {
        let value = || Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let (alone, shared) = (value().watched().unwrap(), value());
        let other = Array::from_vec(&[2], vec![3.0f32, 4.0]).unwrap();
        let held = shared.clone();
        assert!(alone.succeeded_by(&other) && !shared.succeeded_by(&other));
        assert_eq!((alone.to_vec::<f32>().unwrap(), held.to_vec::<f32>().unwrap()), (vec![3.0, 4.0], vec![1.0, 2.0]));
        assert!(alone.is_watched());
        let used = value();
        let sum = used.add(1.0).unwrap();
        assert!(!used.succeeded_by(&other), "what is recorded reads it later");
        assert_eq!(sum.to_vec::<f32>().unwrap(), [2.0, 3.0]);
        assert!(!alone.succeeded_by(&Array::from_vec(&[1], vec![5.0f32]).unwrap()), "another shape");
    }
}

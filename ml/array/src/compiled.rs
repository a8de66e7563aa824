//! Traced functions as programs of their own: they run when they are called, and some results take the place of arguments.

use std::sync::Arc;

use gradframe_ml_core::{Result, Tensor};
use gradframe_ml_kernels::{Program, Threads, compile};
use parking_lot::MutexGuard;
use rustc_hash::FxHashMap;

use crate::array::{Array, State};
use crate::element::ArrayType;
use crate::held::Held;
use crate::realise::{realise_all, recycle, with_scratch};
use crate::trace::Traced;

/// A traced function, compiled.
#[derive(Debug)]
pub struct Compiled {
    program: Program,
    captures: Vec<Tensor>,
    results: Arc<[ArrayType]>,
    /// Whether arguments may be written over: no failure finds some of them written.
    may_overwrite: bool,
}

impl Compiled {
    /// Compiles a function. Errors: `Internal` if the compiler does not take it; those of computing what it captured.
    pub fn new(traced: &Traced) -> Result<Self> {
        let program = compile(&traced.closed.function)?;
        let captures = traced.captures.iter().map(Array::tensor).collect::<Result<_>>()?;
        let may_overwrite = program.ends_by_writing();
        Ok(Compiled { program, captures, results: Arc::clone(&traced.closed.results), may_overwrite })
    }

    /// The results for these arguments, computed at once. `successors` are numbers of results and of the arguments whose next values they
    /// are, each once: an argument of which one other has a handle has that value from then on, in the same memory where that can be, and
    /// None is in the place of the result. A call that fails changes nothing.
    /// Errors: `Shape` or `DType` for an argument of another type than it was traced at; those of computing them.
    pub fn run(&self, arguments: &[Array], successors: &[(usize, usize)]) -> Result<Vec<Option<Array>>> {
        realise_all(arguments)?;
        let mut next = Successors::of(arguments, successors, &self.results);
        let mut given = next.values(arguments)?;
        given.extend(self.captures.iter().cloned());
        let found = match self.may_overwrite {
            true => {
                next.let_go();
                with_scratch(|scratch| self.program.run_lent(&mut given, scratch, Threads::Pool))
            }
            false => with_scratch(|scratch| self.program.run_with(&given, scratch, Threads::Pool)),
        };
        let found = found.inspect_err(|_| next.take_back(arguments, &given))?;
        let found = next.put(given, found);
        let array = |(tensor, ty): (Option<Tensor>, &ArrayType)| tensor.map(|t| Array::from_tensor(ty.element, t)).transpose();
        found.into_iter().zip(self.results.iter()).map(array).collect()
    }
}

/// Results that are the next values of arguments, and the places of these, which nobody else looks at meanwhile.
struct Successors<'a>(Vec<Successor<'a>>);

struct Successor<'a> {
    result: usize,
    argument: usize,
    place: MutexGuard<'a, State>,
}

impl<'a> Successors<'a> {
    /// Of these pairs those whose arguments can have a next value.
    fn of(arguments: &'a [Array], pairs: &[(usize, usize)], results: &[ArrayType]) -> Self {
        let successor = |&(result, argument): &(usize, usize)| {
            let place = arguments.get(argument)?.place_of_next(results.get(result)?)?;
            Some(Successor { result, argument, place })
        };
        Successors(pairs.iter().filter_map(successor).collect())
    }

    /// The arguments' values.
    fn values(&self, arguments: &[Array]) -> Result<Vec<Tensor>> {
        let mut own: FxHashMap<usize, &Successor> = self.0.iter().map(|next| (next.argument, next)).collect();
        let value = |(i, array): (usize, &Array)| match own.remove(&i).and_then(|next| next.place.value.clone()) {
            Some(value) => Ok(value),
            None => array.tensor(),
        };
        arguments.iter().enumerate().map(value).collect()
    }

    /// The places hold their values no more: who else does may write over them.
    fn let_go(&mut self) {
        self.0.iter_mut().for_each(|next| drop(next.place.value.take()));
    }

    /// The places hold again what was in them, unless it is written over.
    fn take_back(&mut self, arguments: &[Array], given: &[Tensor]) {
        for next in &mut self.0 {
            let (value, ty) = (&given[next.argument], arguments[next.argument].ty());
            if value.dtype() == ty.element.part() && value.shape() == ty.stored_shape().as_slice() {
                next.place.value = Held::of(value.clone());
            }
        }
    }

    /// The places hold the results that are theirs, in whose place is None. The memory of what they held goes to later results.
    fn put(self, mut given: Vec<Tensor>, found: Vec<Tensor>) -> Vec<Option<Tensor>> {
        let mut found: Vec<Option<Tensor>> = found.into_iter().map(Some).collect();
        for Successor { result, argument, mut place } in self.0 {
            place.value = found[result].take().map(Held::of).unwrap_or_default();
            recycle(std::mem::replace(&mut given[argument], Tensor::scalar(0u8)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::Element;
    use crate::trace::trace;

    fn scaled() -> Compiled {
        let types = [2, 2].map(|size| crate::ArrayType::new(Element::FLOAT, &[size]));
        let captured = Array::from_vec(&[2], vec![10.0f32, 20.0]).unwrap().add(0.0).unwrap();
        Compiled::new(&trace("scaled", &types, |given| Ok(vec![given[0].multiply(&given[1])?.add(&captured)?])).unwrap()).unwrap()
    }

    #[test]
    fn it_computes_its_results_and_what_its_arguments_are_made_of() {
        let x = Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let found = scaled().run(&[x.clone(), x.add(1.0).unwrap()], &[]).unwrap();
        let found = found[0].as_ref().unwrap();
        assert!(found.is_realised());
        assert_eq!(found.to_vec::<f32>().unwrap(), [12.0, 26.0]);
    }

    fn next_of(x: &Array) -> (Option<Array>, bool) {
        let types = [crate::ArrayType::new(Element::FLOAT, &[2])];
        let step = Compiled::new(&trace("next", &types, |given| Ok(vec![given[0].multiply(10.0)?])).unwrap()).unwrap();
        let place = x.tensor().unwrap().buffer().as_ptr();
        let found = step.run(std::slice::from_ref(&x.clone()), &[(0, 0)]).unwrap().remove(0);
        let after = found.as_ref().unwrap_or(x).tensor().unwrap();
        (found, after.buffer().as_ptr() == place)
    }

    #[test]
    fn an_argument_has_its_next_value_in_its_memory_where_nobody_else_holds_it() {
        let value = || Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let alone = value().watched().unwrap();
        assert!(matches!(next_of(&alone), (None, true)));
        assert_eq!((alone.to_vec::<f32>().unwrap(), alone.is_watched()), (vec![10.0, 20.0], true));
        let held = value();
        let other = held.clone();
        let (found, in_place) = next_of(&held);
        assert_eq!((found.unwrap().to_vec::<f32>().unwrap(), in_place), (vec![10.0, 20.0], false));
        assert_eq!(other.to_vec::<f32>().unwrap(), [1.0, 2.0]);
        let twice = value();
        assert!(scaled().run(&[twice.clone(), twice.clone()], &[(0, 0)]).unwrap()[0].is_some());
        assert_eq!(twice.to_vec::<f32>().unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn memory_that_somebody_reads_stays_as_it_is() {
        let value = Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let seen = value.tensor().unwrap();
        let found = scaled().run(&[value.clone(), value.add(0.0).unwrap()], &[(0, 0)]).unwrap();
        assert!(found[0].is_none());
        assert_eq!((value.to_vec::<f32>().unwrap(), seen.values::<f32>().unwrap()), (vec![11.0, 24.0], &[1.0f32, 2.0][..]));
        let used = Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let sum = used.add(1.0).unwrap();
        assert!(scaled().run(&[used.clone(), value], &[(0, 0)]).unwrap()[0].is_some(), "what is recorded reads it later");
        assert_eq!(sum.to_vec::<f32>().unwrap(), [2.0, 3.0]);
    }

    #[test]
    fn a_call_that_fails_changes_nothing() {
        let (value, longer) =
            (Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap(), Array::from_vec(&[3], vec![1.0f32; 3]).unwrap());
        scaled().run(&[value.clone(), longer], &[(0, 0)]).unwrap_err();
        assert_eq!(value.to_vec::<f32>().unwrap(), [1.0, 2.0]);
    }
}

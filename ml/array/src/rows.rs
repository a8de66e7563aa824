//! Functions of arrays for any number of rows: traced at several numbers, made one.

use gradframe_ml_core::transform::{PROBE_ROWS, is_at_rows, over_rows};
use gradframe_ml_core::{Error, Function, Result, Symbol, Tensor};
use gradframe_ml_kernels::{Program, compile};

use crate::array::Array;
use crate::element::{ArrayType, Element};
use crate::realise::realise_all;
use crate::trace::{Traced, Tracing};

/// The symbol of the rows.
pub const ROWS: &str = "N";

/// A function of arrays, the same for every number of rows, N.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFunction {
    /// From the arguments and then the captures, as they are stored, to the results.
    pub function: Function,
    /// What it used and was not given.
    pub captures: Vec<Tensor>,
    /// The element types of the results.
    pub results: Vec<Element>,
}

/// The type of an argument: with rows it has one more axis, first.
#[derive(Debug, Clone, PartialEq)]
pub struct RowType {
    /// Its element type.
    pub element: Element,
    /// Its sizes, without the rows.
    pub shape: Vec<usize>,
    /// Whether it has rows.
    pub rows: bool,
}

impl RowType {
    /// An argument with rows of this shape: [N, ..].
    pub fn rows(element: Element, shape: &[usize]) -> Self {
        RowType { element, shape: shape.to_vec(), rows: true }
    }

    /// An argument of the type of an array, the same for all rows.
    pub fn like(array: &Array) -> Self {
        RowType { element: array.element(), shape: array.shape().to_vec(), rows: false }
    }

    fn at(&self, rows: usize) -> ArrayType {
        let leading = self.rows.then_some(rows).into_iter();
        ArrayType::new(self.element, &leading.chain(self.shape.iter().copied()).collect::<Vec<_>>())
    }
}

impl RowFunction {
    /// The function that was traced at each of [`PROBE_ROWS`] rows.
    /// Errors: `Plan` if it depends on the number of rows in a way that is not understood, or makes an array anew at each
    /// call that is not the same one.
    pub fn new(traces: [&Traced; 3]) -> Result<Self> {
        let function = over_rows(traces.map(|traced| &traced.closed.function), &Symbol::new(ROWS))?;
        let captures = (0..traces[0].captures.len()).map(|i| capture(traces, i)).collect::<Result<_>>()?;
        let results = traces[0].closed.results.iter().map(|ty| ty.element).collect();
        Ok(RowFunction { function, captures, results })
    }

    /// Whether a function that was traced at this number of rows, too, is for so many what these traces make it for any.
    /// Errors: as for [`RowFunction::new`]; those of computing what the function uses.
    pub fn holds_at(traces: [&Traced; 3], own: &Traced, rows: usize) -> Result<bool> {
        let results = |traced: &Traced| traced.closed.results.iter().map(|ty| ty.element).collect::<Vec<_>>();
        if own.captures.len() != traces[0].captures.len() || results(own) != results(traces[0]) {
            return Ok(false);
        }
        for (mine, theirs) in own.captures.iter().zip(&traces[0].captures) {
            let differs = || Ok::<_, Error>(mine.is_traced() || theirs.is_traced() || mine.tensor()? != theirs.tensor()?);
            if mine.identity() != theirs.identity() && differs()? {
                return Ok(false);
            }
        }
        is_at_rows(traces.map(|traced| &traced.closed.function), &own.closed.function, rows)
    }

    /// Traces a function of arguments of these types. Errors: those of the function; as for [`RowFunction::new`].
    pub fn trace(name: &str, types: &[RowType], function: impl Fn(&[Array]) -> Result<Vec<Array>>) -> Result<Self> {
        let at = |rows: usize| {
            let types: Vec<ArrayType> = types.iter().map(|ty| ty.at(rows)).collect();
            let tracing = Tracing::begin(name, &types);
            let results = function(&tracing.arguments)?;
            tracing.close(&results, true)
        };
        let [a, b, c] = PROBE_ROWS.map(at);
        RowFunction::new([&a?, &b?, &c?])
    }
}

/// A function for any number of rows, compiled once for all of them.
#[derive(Debug)]
pub struct RowProgram {
    program: Program,
    captures: Vec<Tensor>,
    results: Vec<Element>,
}

impl RowProgram {
    /// Compiles a function. Errors: `Internal` if the compiler does not take it.
    pub fn new(traced: &RowFunction) -> Result<Self> {
        let program = compile(&traced.function)?;
        Ok(RowProgram { program, captures: traced.captures.clone(), results: traced.results.clone() })
    }

    /// The results for these arguments, computed at once.
    /// Errors: `Shape` if the arguments have not the same number of rows; those of computing them.
    pub fn run(&self, arguments: &[Array]) -> Result<Vec<Array>> {
        realise_all(arguments)?;
        let own = arguments.iter().map(Array::tensor).collect::<Result<Vec<_>>>()?;
        let given: Vec<Tensor> = own.into_iter().chain(self.captures.iter().cloned()).collect();
        let results = self.program.run(&given)?;
        results.into_iter().zip(&self.results).map(|(tensor, &element)| Array::from_tensor(element, tensor)).collect()
    }
}

/// The value of a capture, which is the same in all traces.
fn capture(traces: [&Traced; 3], number: usize) -> Result<Tensor> {
    let arrays: Option<Vec<&Array>> = traces.iter().map(|traced| traced.captures.get(number)).collect();
    let arrays = arrays.ok_or_else(|| changing("another array at each call"))?;
    let first = arrays[0];
    if let Some(traced) = arrays.iter().find(|array| array.is_traced()) {
        let what = format!("{traced:?} belongs to another function that is being traced");
        return Err(Error::plan("trace", what).hint("give it as an argument"));
    }
    let value = first.tensor()?;
    for other in &arrays[1..] {
        if other.identity() != first.identity() && other.tensor()? != value {
            return Err(changing(&format!("{first:?}, which has other values at each call")));
        }
    }
    Ok(value)
}

fn changing(what: &str) -> Error {
    let error = Error::plan("trace", format!("the function uses {what}"));
    error.hint("random numbers are for training: draw them there alone, from gf.random; other arrays make once, outside")
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::Symbol;
    use gradframe_ml_core::transform::check_row_wise;

    use super::*;
    use crate::node::Args;

    fn line(n: usize) -> Tensor {
        Tensor::from_vec(&[n, 2], (0..2 * n).map(|i| i as f32).collect()).unwrap()
    }

    fn run(function: &RowFunction, rows: usize) -> Vec<f64> {
        let arguments: Vec<Tensor> = std::iter::once(line(rows)).chain(function.captures.iter().cloned()).collect();
        gradframe_ml_kernels::compile(&function.function).unwrap().run(&arguments).unwrap()[0].to_f64()
    }

    #[test]
    fn one_function_serves_every_number_of_rows() {
        let w = Array::from_vec(&[2], vec![1.0f32, 10.0]).unwrap();
        let types = [RowType::rows(Element::FLOAT, &[2])];
        let weighted = RowFunction::trace("f", &types, |x| Ok(vec![x[0].multiply(&w)?.sum(Some(&[1]), false)?])).unwrap();
        assert_eq!(weighted.captures.len(), 1);
        assert_eq!(run(&weighted, 3), [10.0, 32.0, 54.0]);
        assert_eq!(run(&weighted, 1), [10.0]);
        let mean = RowFunction::trace("f", &types, |x| Ok(vec![x[0].mean(None, false)?])).unwrap();
        assert_eq!((run(&mean, 2), run(&mean, 4)), (vec![1.5], vec![3.5]));
    }

    /// Sequences of two steps, rows x steps; time comes first within.
    #[test]
    fn a_recurrent_layer_looks_at_each_row_by_itself() {
        let weights = |shape: &[usize]| Array::from_vec(shape, vec![0.5f32; shape.iter().product()]).unwrap();
        let (own, bias) = (weights(&[4, 1]), weights(&[4]));
        let types = [RowType::rows(Element::FLOAT, &[2]), RowType::rows(Element::FLOAT, &[1])];
        let last = RowFunction::trace("f", &types, |x| {
            let steps = x[0].permute_dims(&[1, 0])?.reshape(&[2, -1, 1])?;
            let given = [&steps, &x[1], &x[1], &own, &own, &bias, &bias].map(Into::into);
            Ok(vec![Array::call("lstm", &given, Args::default())?[1].clone()])
        });
        check_row_wise(&last.unwrap().function, &Symbol::new("N")).unwrap();
    }

    #[test]
    fn arrays_that_change_from_call_to_call_are_refused() {
        let types = [RowType::rows(Element::FLOAT, &[2])];
        let count = std::cell::Cell::new(0.0f32);
        let counted = RowFunction::trace("f", &types, |x| {
            count.set(count.get() + 1.0);
            Ok(vec![x[0].add(&Array::from_vec(&[1], vec![count.get()])?)?])
        });
        assert!(counted.unwrap_err().to_string().contains("has other values at each call"));
    }
}

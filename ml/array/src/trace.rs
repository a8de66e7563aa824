//! From a function of arrays to a closed function of a graph: it is called with stand-ins, and what it recorded is closed
//! over them. What else it used are captures, which become arguments after its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gradframe_ml_core::{Error, Function, Graph, Result};
use smallvec::SmallVec;

use crate::array::Array;
use crate::element::ArrayType;
use crate::node::{Op, Source};
use crate::ops::{Value, Values};
use crate::recipe::{Class, Walk};

/// A function of arrays, as a graph over how they are stored.
#[derive(Debug)]
pub struct Closed {
    /// What it is called in errors.
    pub name: String,
    /// Arguments and results are arrays as they are stored: complex numbers are pairs.
    pub function: Function,
    /// The types of the results.
    pub results: Arc<[ArrayType]>,
}

impl Closed {
    pub(crate) fn build(&self, g: &mut Graph, operands: &[Value]) -> Result<Values> {
        let mut nodes: SmallVec<[_; 8]> = SmallVec::new();
        for operand in operands {
            nodes.push(operand.to_stored(g)?);
        }
        let results = g.inline(&self.function, &nodes)?;
        results.into_iter().zip(self.results.iter()).map(|(node, ty)| Value::stored(g, ty.element, node)).collect()
    }
}

/// A traced function: closed over its arguments and then its captures.
#[derive(Debug, Clone)]
pub struct Traced {
    /// The function of the arguments and then the captures.
    pub closed: Arc<Closed>,
    /// The arrays that it used and was not given.
    pub captures: Vec<Array>,
    /// The types of its own arguments.
    pub types: Vec<ArrayType>,
}

/// Stand-ins for arguments of a function that is being traced.
#[derive(Debug)]
pub struct Tracing {
    id: u64,
    name: String,
    /// What to call the function with.
    pub arguments: Vec<Array>,
}

impl Tracing {
    /// Stand-ins of these types. `name` is what the function is called in errors.
    pub fn begin(name: &str, types: &[ArrayType]) -> Self {
        Self::begin_with(name, types, &[])
    }

    /// The same, of which some stand for numbers of the host language.
    pub fn begin_with(name: &str, types: &[ArrayType], weak: &[bool]) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = 1 + LAST.fetch_add(1, Ordering::Relaxed);
        let is_weak = |i: usize| weak.get(i).is_some_and(|weak| *weak);
        let arguments = types.iter().enumerate().map(|(i, ty)| Array::stand_in(ty.clone(), is_weak(i), id)).collect();
        Tracing { id, name: name.to_owned(), arguments }
    }

    /// The function that was recorded, whose results are these. Numbers are constants of it if `fixed`, else captures.
    /// Errors: `Plan` if a result is a stand-in of a function that was traced inside of it, and has ended.
    pub fn close(self, results: &[Array], fixed: bool) -> Result<Traced> {
        self.closed(results, fixed, Array::source)
    }

    /// As [`Tracing::close`], with numbers as constants, of a function that nobody takes a derivative of: what
    /// [`backward`](crate::backward) computes beside gradients is not computed a second time.
    pub fn close_at_last(self, results: &[Array]) -> Result<Traced> {
        self.closed(results, true, Array::way)
    }

    fn closed(self, results: &[Array], fixed: bool, way: fn(&Array) -> Option<Source>) -> Result<Traced> {
        let results = results.iter().map(Array::settled).collect::<Result<Vec<_>>>()?;
        let classify = |array: &Array| self.classify(array, way);
        let mut walk = Walk::new(&classify);
        for argument in &self.arguments {
            walk.leaf(argument);
        }
        for result in &results {
            let place = walk.place(result)?;
            walk.recipe.outputs.push(place);
        }
        let constants = if fixed { walk.fix_numbers() } else { Vec::new() };
        let Walk { recipe, given, .. } = walk;
        let function = recipe.function()?;
        let is_capture = |i: &usize| *i >= self.arguments.len() && !constants.contains(i);
        let captures = (0..given.len()).filter(is_capture).map(|i| given[i].clone()).collect();
        let results = results.iter().map(|a| a.ty().clone()).collect();
        let closed = Arc::new(Closed { name: self.name, function, results });
        let types = self.arguments.iter().map(|a| a.ty().clone()).collect();
        Ok(Traced { closed, captures, types })
    }

    fn classify(&self, array: &Array, way: fn(&Array) -> Option<Source>) -> Result<Class> {
        let trace = array.0.role.trace;
        if trace > self.id {
            let what = "a value of a function that was traced inside of this one is used outside of it";
            return Err(Error::plan(self.name.as_str(), what).hint("return it from that function"));
        }
        match way(array) {
            Some(source) if trace == self.id => Ok(Class::Step(source)),
            _ => Ok(Class::Leaf),
        }
    }
}

impl Traced {
    /// True if it uses a stand-in of a function that is still being traced: then it is of no use after that.
    pub fn captures_stand_ins(&self) -> bool {
        self.captures.iter().any(Array::is_traced)
    }

    /// Records the function applied to these arguments.
    pub fn apply(&self, arguments: &[Array]) -> Result<SmallVec<[Array; 1]>> {
        apply(&self.closed, arguments.iter().chain(&self.captures))
    }
}

/// Records a closed function applied to these arrays.
pub(crate) fn apply<'a>(closed: &Arc<Closed>, operands: impl Iterator<Item = &'a Array>) -> Result<SmallVec<[Array; 1]>> {
    Array::record(Op::Apply(Arc::clone(closed)), operands.cloned().collect())
}

/// Traces a function of arrays of these types. Errors: those of the function.
pub fn trace(name: &str, types: &[ArrayType], function: impl FnOnce(&[Array]) -> Result<Vec<Array>>) -> Result<Traced> {
    let tracing = Tracing::begin(name, types);
    let results = function(&tracing.arguments)?;
    tracing.close(&results, false)
}

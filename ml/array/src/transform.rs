//! Derivatives and batches of traced functions. Each is again a function of the same arguments, applied at once, so that
//! all of them compose.

use std::sync::Arc;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{Dim, Error, Function, Graph, Result, transform};

use crate::array::Array;
use crate::element::ArrayType;
use crate::trace::{Closed, Traced, trace};

/// The gradients of a function with one result, a single float, in all arguments, at these.
/// Errors: those of the function; `Shape` or `DType` if its result is not a single float, or an argument no float.
pub fn grad(function: impl FnOnce(&[Array]) -> Result<Array>, at: &[Array]) -> Result<Vec<Array>> {
    let types: Vec<ArrayType> = at.iter().map(|a| a.ty().clone()).collect();
    let traced = trace("grad", &types, |x| Ok(vec![function(x)?]))?;
    let wrt: Vec<usize> = (0..at.len()).collect();
    Ok(traced.value_and_grad(&wrt)?.apply(at)?.into_iter().skip(1).collect())
}

impl Traced {
    /// The function that gives the results, and then the gradient of the first in the arguments `wrt`.
    /// Errors: `Shape` or `DType` if it is not a single float; `DType` if an argument is no float.
    pub fn value_and_grad(&self, wrt: &[usize]) -> Result<Traced> {
        self.check_differentiable("grad", wrt)?;
        let own = &self.closed;
        let first = own.results.first().ok_or_else(|| Error::plan("grad", "the function has no result"))?;
        if first.element.is_complex() || !first.element.is_differentiable() {
            return Err(Error::dtype("grad", format!("expected a real float result, got {first}")).hint("take abs, or real"));
        }
        if !first.shape.is_empty() {
            let what = format!("expected a single number, got {first}");
            return Err(Error::shape("grad", what).hint("sum it or take its mean; jacobian and vjp take any shape"));
        }
        let mut g = own.function.graph.clone();
        let points: Vec<_> = wrt.iter().map(|&i| g.arguments()[i].node).collect();
        let (value, gradients) = g.value_and_gradients(own.function.outputs[0], &points)?;
        let outputs = std::iter::once(value).chain(own.function.outputs[1..].iter().copied()).chain(gradients).collect();
        let types = own.results.iter().cloned().chain(self.argument_types(wrt)).collect();
        self.with(Function::new(g, outputs)?, types)
    }

    /// The function of the arguments and a tangent for each of `wrt`, that gives the results and their tangents.
    pub fn jvp(&self, wrt: &[usize]) -> Result<Traced> {
        self.check_differentiable("jvp", wrt)?;
        let function = transform::jvp(&self.closed.function, wrt)?;
        let types = self.closed.results.iter().chain(self.closed.results.iter()).cloned().collect();
        self.with_more(function, types, self.argument_types(wrt).collect())
    }

    /// The function of the arguments and a cotangent for each result, that gives the results and the cotangents of the
    /// arguments `wrt`.
    pub fn vjp(&self, wrt: &[usize]) -> Result<Traced> {
        self.check_differentiable("vjp", wrt)?;
        let function = transform::vjp(&self.closed.function, wrt)?;
        let types = self.closed.results.iter().cloned().chain(self.argument_types(wrt)).collect();
        self.with_more(function, types, self.closed.results.to_vec())
    }

    /// The function that gives the derivative of each result in argument `wrt`: [result.., argument..].
    pub fn jacobian(&self, wrt: usize) -> Result<Traced> {
        self.check_differentiable("jacobian", &[wrt])?;
        let argument = self.argument_types(&[wrt]).next().ok_or_else(|| Error::plan("jacobian", "no such argument"))?;
        let results = self.closed.results.iter();
        if let Some(complex) = results.clone().chain([&argument]).find(|ty| ty.element.is_complex()) {
            return Err(Error::dtype("jacobian", format!("expected real floats, got {complex}")));
        }
        let types = results.map(|ty| ArrayType::new(ty.element, &[&ty.shape[..], &argument.shape[..]].concat())).collect();
        self.with(transform::jacobian(&self.closed.function, wrt)?, types)
    }

    /// The function of batches: argument i has the batch at axis `in_axes[i]`, or is the same for all; results have it first.
    /// Errors: `Shape` if an axis is beyond the argument's.
    pub fn vmap(&self, in_axes: &[Option<usize>], size: usize) -> Result<Traced> {
        let captured = std::iter::repeat_n(None, self.captures.len());
        let axes: Vec<Option<usize>> = in_axes.iter().copied().chain(captured).collect();
        let function = transform::vmap(&self.closed.function, &axes, &Dim::fixed(size))?;
        let batched = |ty: &ArrayType| ArrayType::new(ty.element, &[&[size], &ty.shape[..]].concat());
        let mut types = self.types.clone();
        for (ty, axis) in types.iter_mut().zip(in_axes) {
            axis.iter().for_each(|&axis| ty.shape.insert(axis, size));
        }
        Ok(Traced { types, ..self.with(function, self.closed.results.iter().map(batched).collect())? })
    }

    /// The same function, whose inner values reverse mode computes again.
    pub fn checkpoint(&self) -> Result<Traced> {
        self.with(transform::checkpoint(&self.closed.function)?, self.closed.results.to_vec())
    }

    fn with(&self, function: Function, results: Vec<ArrayType>) -> Result<Traced> {
        let closed = Closed { name: self.closed.name.clone(), function, results: results.into() };
        Ok(Traced { closed: Arc::new(closed), captures: self.captures.clone(), types: self.types.clone() })
    }

    /// With arguments of these types at the end, after the captures: they come before them in what is returned.
    fn with_more(&self, function: Function, results: Vec<ArrayType>, more: Vec<ArrayType>) -> Result<Traced> {
        let mut g = Graph::new();
        let stored: Vec<Type> = function.argument_types().cloned().collect();
        let (own, captures) = (self.types.len(), self.captures.len());
        let mut operands = vec![None; stored.len()];
        for i in (0..own).chain(own + captures..stored.len()).chain(own..own + captures) {
            operands[i] = Some(g.input(&format!("x{i}"), stored[i].clone()));
        }
        let operands: Vec<_> = operands.into_iter().flatten().collect();
        let outputs = g.inline(&function, &operands)?;
        let types = self.types.iter().cloned().chain(more).collect();
        Ok(Traced { types, ..self.with(Function::new(g, outputs)?, results)? })
    }

    fn argument_types<'a>(&'a self, wrt: &'a [usize]) -> impl Iterator<Item = ArrayType> + 'a {
        wrt.iter().filter_map(|&i| self.types.get(i).cloned())
    }

    fn check_differentiable(&self, op: &str, wrt: &[usize]) -> Result<()> {
        for &i in wrt {
            let ty = self.types.get(i).ok_or_else(|| Error::plan(op, format!("argument {i} of {}", self.types.len())))?;
            if !ty.element.is_differentiable() {
                let what = format!("expected floats to differentiate in, argument {i} is {ty}");
                return Err(Error::dtype(op, what).hint("cast it with astype, or choose others with argnums"));
            }
        }
        Ok(())
    }
}

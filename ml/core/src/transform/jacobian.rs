//! Whole derivatives: Jacobians by forward mode, Hessians by forward over reverse.

use super::{grad, jvp, vmap};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, NodeId, Type};
use crate::shape::{Dim, Shape};

/// The derivative of each result in argument `wrt`, which must be of a fixed shape: [result.., argument..].
/// Errors: `Plan` if there is no such argument; `DType` if it or a result is no float; `Shape` if its size is not fixed.
pub fn jacobian(function: &Function, wrt: usize) -> Result<Function> {
    let ty = fixed_argument("jacobian", function, wrt)?;
    if let Some(wrong) = function.output_types().find(|t| !t.dtype.is_float()) {
        return Err(Error::dtype("jacobian", format!("expected float results, got {}", wrong.dtype)));
    }
    let arguments = function.argument_types().len();
    let elements = ty.shape.as_fixed().unwrap_or_default().iter().product();
    // One tangent for each element of the argument, all at once.
    let axes: Vec<Option<usize>> = (0..=arguments).map(|i| (i == arguments).then_some(0)).collect();
    let directions = vmap(&jvp(function, &[wrt])?, &axes, &Dim::fixed(elements))?;
    let mut g = Graph::new();
    let mut operands = Vec::with_capacity(arguments + 1);
    for (argument, ty) in function.graph.arguments().iter().zip(function.argument_types()) {
        operands.push(g.input(&argument.name, ty.clone()));
    }
    operands.push(unit_directions(&mut g, &ty, elements)?);
    let duals = g.inline(&directions, &operands)?;
    let results = function.outputs.len();
    let mut outputs = Vec::with_capacity(results);
    for (&tangent, own) in duals[results..].iter().zip(function.output_types()) {
        let last = g.move_axis(tangent, 0, own.shape.rank())?; // [result.., elements]
        let dims = own.shape.dims().iter().chain(ty.shape.dims()).cloned();
        outputs.push(g.reshape(last, &Shape::new(dims))?);
    }
    Function::new(g, outputs)
}

/// The second derivative of a function with one result, a single float, in argument `wrt`: [argument.., argument..].
/// Errors: as for [`jacobian`] and [`grad`].
pub fn hessian(function: &Function, wrt: usize) -> Result<Function> {
    fixed_argument("hessian", function, wrt)?;
    jacobian(&grad(function, &[wrt])?, wrt)
}

fn fixed_argument(op: &str, function: &Function, wrt: usize) -> Result<Type> {
    let known = function.argument_types().len();
    let ty = function.argument_types().nth(wrt).cloned();
    let ty = ty.ok_or_else(|| Error::plan(op, format!("argument {wrt} of a function of {known}")))?;
    if ty.shape.as_fixed().is_none() {
        return Err(Error::shape(op, format!("expected an argument of fixed shape, got {}", ty.shape)));
    }
    Ok(ty)
}

/// [elements, argument..]: a one at each element in turn.
fn unit_directions(g: &mut Graph, ty: &Type, elements: usize) -> Result<NodeId> {
    let square = Shape::fixed(&[elements, elements]);
    let (row, column) = (g.iota(DType::I64, &square, 0)?, g.iota(DType::I64, &square, 1)?);
    let same = g.eq(row, column)?;
    let unit = g.cast(same, ty.dtype)?;
    g.reshape(unit, &ty.shape.insert(0, Dim::fixed(elements)))
}

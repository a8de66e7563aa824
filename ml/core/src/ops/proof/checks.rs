//! What is proved of every row.

use super::{Row, rows};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph};
use crate::shape::Dim;
use crate::tensor::Tensor;
use crate::transform::{evaluate, grad, jvp, vjp, vmap};

/// Takes every row and lists all that fail.
fn every_row(check: impl Fn(&Row) -> Result<()>) {
    let failures: Vec<String> = rows().iter().filter_map(|r| check(r).err().map(|e| format!("{}: {e}", r.name()))).collect();
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n"));
}

fn close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) -> Result<()> {
    let near = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs());
    if got.len() == expected.len() && got.iter().zip(expected).all(near) {
        return Ok(());
    }
    Err(Error::internal(what, format!("expected {expected:?}, got {got:?}")))
}

fn values(function: &Function, arguments: &[Tensor]) -> Result<Vec<f64>> {
    Ok(evaluate(function, arguments)?.iter().flat_map(Tensor::to_f64).collect())
}

/// A direction for the arguments at `wrt`, in their types.
fn direction(arguments: &[Tensor], wrt: &[usize]) -> Result<Vec<Tensor>> {
    wrt.iter().map(|&i| weights(&arguments[i], 0.3 + i as f64)).collect()
}

fn weights(like: &Tensor, start: f64) -> Result<Tensor> {
    let values = (0..like.len()).map(|i| (start + 1.7 * i as f64).sin()).collect();
    Tensor::from_vec(like.shape(), values)?.cast(like.dtype())
}

/// The arguments, moved by `step` in the direction.
fn moved(arguments: &[Tensor], wrt: &[usize], direction: &[Tensor], step: f64) -> Result<Vec<Tensor>> {
    let mut moved = arguments.to_vec();
    for (&i, t) in wrt.iter().zip(direction) {
        let values = arguments[i].to_f64().iter().zip(t.to_f64()).map(|(x, t)| x + step * t).collect();
        moved[i] = Tensor::from_vec(arguments[i].shape(), values)?;
    }
    Ok(moved)
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn joined(a: &[Tensor], b: &[Tensor]) -> Vec<Tensor> {
    a.iter().chain(b).cloned().collect()
}

/// `sum(w f(x))`, a single number with slopes everywhere.
fn weighted(function: &Function) -> Result<Function> {
    let mut g = Graph::new();
    let x: Vec<_> = function.argument_types().enumerate().map(|(i, ty)| g.input(&format!("x{i}"), ty.clone())).collect();
    let y = g.inline(function, &x)?[0];
    let ty = g.ty(y).clone();
    let shape = ty.shape.as_fixed().ok_or_else(|| Error::internal("proof", "symbolic"))?;
    let weights = weights(&Tensor::from_vec(&shape, vec![0.0; shape.iter().product()])?.cast(ty.dtype)?, 0.9)?;
    let w = g.constant(weights);
    let product = g.mul(w, y)?;
    let total = g.sum_all(product)?;
    Function::new(g, vec![total])
}

/// True if the row's result has a derivative at all.
fn has_slope(row: &Row, function: &Function) -> bool {
    !row.wrt().is_empty() && function.output_types().all(|t| t.dtype.is_float())
}

/// True if it has one that reverse mode finds.
fn has_gradient(row: &Row, function: &Function) -> bool {
    row.reverse && has_slope(row, function)
}

#[test]
fn values_and_slopes_at_kinks_are_as_stated() {
    every_row(|row| {
        let (f, x) = (row.function(DType::F64)?, row.arguments(DType::F64)?);
        if let Some(expected) = &row.expected {
            close("value", &values(&f, &x)?, expected, 0.0)?;
        }
        let Some(slopes) = &row.slopes else { return Ok(()) };
        let mut g = f.graph.clone();
        let total = g.sum_all(f.outputs[0])?;
        let slope = grad(&Function::new(g, vec![total])?, &row.wrt())?;
        close("slope", &values(&slope, &x)?, slopes, 1e-12)
    });
}

#[test]
fn types_agree_with_values() {
    every_row(|row| {
        let f = row.function(DType::F64)?;
        let ty = f.output_types().next().cloned().ok_or_else(|| Error::internal("proof", "no result"))?;
        let value = &evaluate(&f, &row.arguments(DType::F64)?)?[0];
        if value.dtype() == ty.dtype && ty.shape.as_fixed().as_deref() == Some(value.shape()) {
            return Ok(());
        }
        Err(Error::internal("type", format!("expected {ty}, got {}{:?}", value.dtype(), value.shape())))
    });
}

#[test]
fn derivatives_equal_central_differences() {
    const STEP: f64 = 1e-5;
    every_row(|row| {
        let (f, x, wrt) = (row.function(DType::F64)?, row.arguments(DType::F64)?, row.wrt());
        if !row.smooth || !has_slope(row, &f) {
            return Ok(());
        }
        let t = direction(&x, &wrt)?;
        let (above, below) = (values(&f, &moved(&x, &wrt, &t, STEP)?)?, values(&f, &moved(&x, &wrt, &t, -STEP)?)?);
        let difference: Vec<f64> = above.iter().zip(below).map(|(a, b)| (a - b) / (2.0 * STEP)).collect();
        let both = values(&jvp(&f, &wrt)?, &joined(&x, &t))?;
        close("jvp", &both[difference.len()..], &difference, 1e-7)
    });
}

#[test]
fn second_derivatives_equal_second_differences() {
    const STEP: f64 = 1e-3;
    every_row(|row| {
        let (f, x, wrt) = (row.function(DType::F64)?, row.arguments(DType::F64)?, row.wrt());
        if !row.smooth || !has_slope(row, &f) {
            return Ok(());
        }
        let t = direction(&x, &wrt)?;
        let (above, here) = (values(&f, &moved(&x, &wrt, &t, STEP)?)?, values(&f, &x)?);
        let below = values(&f, &moved(&x, &wrt, &t, -STEP)?)?;
        let second = |i: usize| (above[i] - 2.0 * here[i] + below[i]) / (STEP * STEP);
        let difference: Vec<f64> = (0..here.len()).map(second).collect();
        let twice = values(&jvp(&jvp(&f, &wrt)?, &wrt)?, &[joined(&x, &t), t].concat())?;
        close("jvp of jvp", &twice[3 * here.len()..], &difference, 1e-4)
    });
}

#[test]
fn reverse_over_reverse_equals_forward_over_forward() {
    every_row(|row| {
        let (f, x, wrt) = (row.function(DType::F64)?, row.arguments(DType::F64)?, row.wrt());
        if !has_gradient(row, &f) {
            return Ok(());
        }
        let (s, t) = (weighted(&f)?, direction(&x, &wrt)?);
        let forward = values(&jvp(&jvp(&s, &wrt)?, &wrt)?, &[joined(&x, &t), t.clone()].concat())?[3];
        let slope = grad(&s, &wrt)?;
        let mixed = values(&jvp(&slope, &wrt)?, &joined(&x, &t))?;
        let flat: Vec<f64> = t.iter().flat_map(Tensor::to_f64).collect();
        close("jvp of grad", &[inner(&mixed[flat.len()..], &flat)], &[forward], 1e-9)?;
        let reverse = values(&grad(&along(&slope, &t)?, &wrt)?, &x)?;
        close("grad of grad", &[inner(&reverse, &flat)], &[forward], 1e-9)
    });
}

/// `<gradient(x), t>`.
fn along(gradient: &Function, t: &[Tensor]) -> Result<Function> {
    let mut g = gradient.graph.clone();
    let mut total = g.scalar(DType::F64, 0.0)?;
    for (&output, t) in gradient.outputs.iter().zip(t) {
        let t = g.constant(t.clone());
        let product = g.mul(output, t)?;
        let part = g.sum_all(product)?;
        total = g.add(total, part)?;
    }
    Function::new(g, vec![total])
}

#[test]
fn transposes_are_adjoint() {
    every_row(|row| {
        let (f, x, wrt) = (row.function(DType::F64)?, row.arguments(DType::F64)?, row.wrt());
        if !has_gradient(row, &f) {
            return Ok(());
        }
        let t = direction(&x, &wrt)?;
        let value = &evaluate(&f, &x)?[0];
        let ct = weights(value, 0.9)?;
        let tangent = values(&jvp(&f, &wrt)?, &joined(&x, &t))?.split_off(value.len());
        let cotangent = values(&vjp(&f, &wrt)?, &joined(&x, std::slice::from_ref(&ct)))?.split_off(value.len());
        let flat: Vec<f64> = t.iter().flat_map(Tensor::to_f64).collect();
        close("<J' ct, t>", &[inner(&cotangent, &flat)], &[inner(&ct.to_f64(), &tangent)], 1e-12)
    });
}

#[test]
fn batching_equals_a_loop() {
    every_row(|row| {
        let f = row.function(DType::F64)?;
        check_batching("vmap", row, &f)?;
        if !has_gradient(row, &f) {
            return Ok(());
        }
        check_batching("vmap of grad", row, &grad(&weighted(&f)?, &row.wrt())?)
    });
}

#[test]
fn batching_commutes_with_gradients() {
    every_row(|row| {
        let f = row.function(DType::F64)?;
        if !has_gradient(row, &f) {
            return Ok(());
        }
        let (wrt, axes) = (row.wrt(), vec![Some(0); row.arguments.len()]);
        let single = weighted(&f)?;
        let mut total = vmap(&single, &axes, &Dim::fixed(ENTRIES))?;
        let sum = total.graph.sum_all(total.outputs[0])?;
        total.outputs = vec![sum];
        let x = stacked(&entries(row)?, &axes)?;
        let outside = values(&vmap(&grad(&single, &wrt)?, &axes, &Dim::fixed(ENTRIES))?, &x)?;
        close("grad of vmap", &values(&grad(&total, &wrt)?, &x)?, &outside, 1e-12)
    });
}

const ENTRIES: usize = 3;

/// The arguments of three calls: floats moved a little, others turned by one place.
fn entries(row: &Row) -> Result<Vec<Vec<Tensor>>> {
    let x = row.arguments(DType::F64)?;
    let t = direction(&x, &row.wrt())?;
    let entry = |k: usize| {
        let mut entry = moved(&x, &row.wrt(), &t, 0.01 * k as f64)?;
        for argument in entry.iter_mut().filter(|a| !a.dtype().is_float()) {
            *argument = turned(argument, k)?;
        }
        Ok(entry)
    };
    (0..ENTRIES).map(entry).collect()
}

fn turned(x: &Tensor, places: usize) -> Result<Tensor> {
    let width = x.dtype().size_bytes();
    let mut bytes = x.buffer().as_slice().to_vec();
    let length = bytes.len().max(1);
    bytes.rotate_left(places * width % length);
    let mut data = arrow_buffer::MutableBuffer::new(bytes.len());
    data.extend_from_slice(&bytes);
    Tensor::try_new(x.dtype(), x.shape(), data.into())
}

/// For every choice of batched arguments, with the batch axis first or last.
fn check_batching(what: &str, row: &Row, f: &Function) -> Result<()> {
    let (entries, count) = (entries(row)?, row.arguments.len());
    for chosen in 1..1usize << count {
        for last in [false, true] {
            let place = |i: usize| if last { row.arguments[i].shape().len() } else { 0 };
            let axes: Vec<_> = (0..count).map(|i| (chosen >> i & 1 == 1).then(|| place(i))).collect();
            let pick = |k: usize, i: usize| entries[if axes[i].is_some() { k } else { 0 }][i].clone();
            let size = if last { Dim::symbol("B") } else { Dim::fixed(ENTRIES) };
            let at_once = evaluate(&vmap(f, &axes, &size)?, &stacked(&entries, &axes)?)?;
            let one_by_one = (0..ENTRIES).map(|k| evaluate(f, &(0..count).map(|i| pick(k, i)).collect::<Vec<_>>()));
            let one_by_one = one_by_one.collect::<Result<Vec<_>>>()?;
            for (o, batch) in at_once.iter().enumerate() {
                let expected: Vec<f64> = one_by_one.iter().flat_map(|e| e[o].to_f64()).collect();
                close(&format!("{what} {axes:?}"), &batch.to_f64(), &expected, 1e-12)?;
            }
        }
    }
    Ok(())
}

/// Each batched argument of all entries as one; the others from the first entry.
fn stacked(entries: &[Vec<Tensor>], axes: &[Option<usize>]) -> Result<Vec<Tensor>> {
    let one = |(i, axis): (usize, &Option<usize>)| {
        let Some(axis) = axis else { return Ok(entries[0][i].clone()) };
        let mut g = Graph::new();
        let parts: Vec<_> = entries.iter().map(|e| g.constant(e[i].clone())).collect();
        let whole = g.stack(&parts, *axis)?;
        Ok(evaluate(&Function::new(g, vec![whole])?, &[])?.remove(0))
    };
    axes.iter().enumerate().map(one).collect()
}

#[test]
fn f32_agrees_with_f64() {
    every_row(|row| {
        let (wide, narrow) = (row.function(DType::F64)?, row.function(DType::F32)?);
        let (x64, x32) = (row.arguments(DType::F64)?, row.arguments(DType::F32)?);
        close("value", &values(&narrow, &x32)?, &values(&wide, &x64)?, 1e-5)?;
        if !has_slope(row, &wide) {
            return Ok(());
        }
        let wrt = row.wrt();
        let (t64, t32) = (direction(&x64, &wrt)?, direction(&x32, &wrt)?);
        let expected = values(&jvp(&wide, &wrt)?, &joined(&x64, &t64))?;
        close("jvp", &values(&jvp(&narrow, &wrt)?, &joined(&x32, &t32))?, &expected, 1e-4)?;
        if !row.reverse {
            return Ok(());
        }
        let slopes = values(&grad(&weighted(&wide)?, &wrt)?, &x64)?;
        close("grad", &values(&grad(&weighted(&narrow)?, &wrt)?, &x32)?, &slopes, 1e-4)
    });
}

#[test]
fn half_precision_agrees_with_f64() {
    every_row(|row| {
        if !row.halves {
            return Ok(());
        }
        let expected = values(&row.function(DType::F64)?, &row.arguments(DType::F64)?)?;
        for dtype in [DType::F16, DType::BF16] {
            close(dtype.name(), &values(&row.function(dtype)?, &row.arguments(dtype)?)?, &expected, 0.05)?;
        }
        Ok(())
    });
}

#[test]
fn half_precision_slopes_agree_with_f64() {
    every_row(|row| {
        let wide = row.function(DType::F64)?;
        if !row.halves || !has_gradient(row, &wide) {
            return Ok(());
        }
        let (wrt, x) = (row.wrt(), row.arguments(DType::F64)?);
        let expected = values(&jvp(&wide, &wrt)?, &joined(&x, &direction(&x, &wrt)?))?;
        let slopes = values(&grad(&weighted(&wide)?, &wrt)?, &x)?;
        for (dtype, tolerance) in [(DType::F16, 0.02), (DType::BF16, 0.1)] {
            let (narrow, x) = (row.function(dtype)?, row.arguments(dtype)?);
            let both = values(&jvp(&narrow, &wrt)?, &joined(&x, &direction(&x, &wrt)?))?;
            close(dtype.name(), &both, &expected, tolerance)?;
            close(dtype.name(), &values(&grad(&weighted(&narrow)?, &wrt)?, &x)?, &slopes, tolerance)?;
        }
        Ok(())
    });
}

//! Gradients held within bounds, between `backward` and `step`.

use gradframe_ml_array::{Array, Element, Gradients, Number};
use gradframe_ml_core::{DType, Error, Result};

/// Scales all gradients together so that their norm, the root of the sum of all squares, is at most `max_norm`. Gives the norm that they had:
/// float [].  Errors: `Plan` for a `max_norm` below 0.
pub fn clip_grad_norm(gradients: &mut Gradients, max_norm: f64) -> Result<Array> {
    check("clip_grad_norm", "max_norm", max_norm)?;
    let squares = gradients.iter().map(|(_, gradient)| gradient.square()?.sum(None, false)).collect::<Result<Vec<_>>>()?;
    let Some(sum) = squares.into_iter().map(Ok).reduce(|a, b| a?.add(&b?)).transpose()? else {
        return Array::number("clip_grad_norm", Number::Float(0.0), Element::Real(DType::F32));
    };
    let norm = sum.sqrt()?;
    if max_norm.is_finite() {
        let most = Array::number("clip_grad_norm", Number::Float(max_norm), norm.element())?;
        let factor = most.divide(&norm.add(1e-6)?)?.minimum(1.0)?;
        gradients.map(|gradient| gradient.multiply(&factor.astype(gradient.element())?))?;
    }
    Ok(norm)
}

/// Holds each element of all gradients within `-clip_value` and `clip_value`. Errors: `Plan` for one below 0.
pub fn clip_grad_value(gradients: &mut Gradients, clip_value: f64) -> Result<()> {
    check("clip_grad_value", "clip_value", clip_value)?;
    gradients.map(|gradient| gradient.maximum(-clip_value)?.minimum(clip_value))
}

fn check(op: &str, name: &str, number: f64) -> Result<()> {
    if number >= 0.0 {
        return Ok(());
    }
    Err(Error::plan(op, format!("`{name}` is {number}, expected a number from 0")))
}

//! Operators that make tensors of nothing, and those that fill or convert them.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};

use super::arguments::{Argument, Arguments, unknown};

/// The counterpart of a creation.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let dtype = a.text(9, "dtype").and_then(|name| named(&name)).unwrap_or(DType::F32);
    let like = a.get(0, "").node();
    let own = like.map_or(dtype, |x| g.ty(x).dtype);
    let one = match op {
        "arange" => arange(g, a, dtype)?,
        "linspace" | "linspace.tensor_overload" => linspace(g, a, dtype, None)?,
        "logspace" | "logspace.tensor_overload" => linspace(g, a, dtype, Some(a.number(3, "base", 10.0)?))?,
        "zeros" => filled(g, dtype, &a.sizes(0, "size")?, 0.0)?,
        "ones" => filled(g, dtype, &a.sizes(0, "size")?, 1.0)?,
        "full" => filled(g, dtype, &a.sizes(0, "size")?, a.number(1, "fill_value", 0.0)?)?,
        "new_zeros" => filled(g, own, &a.sizes(1, "size")?, 0.0)?,
        "new_ones" => filled(g, own, &a.sizes(1, "size")?, 1.0)?,
        "new_full" => filled(g, own, &a.sizes(1, "size")?, a.number(2, "fill_value", 0.0)?)?,
        "scalar_tensor" => filled(g, dtype, &[], a.number(0, "s", 0.0)?)?,
        "eye" => eye(g, a, dtype)?,
        "tril_indices" | "triu_indices" => triangle_places(g, a, op.starts_with("tril"))?,
        "fill" => {
            let value = a.number(1, "value", 0.0)?;
            g.full_like(a.tensor(0, "")?, value)?
        }
        "zero_" => g.full_like(a.tensor(0, "")?, 0.0)?,
        "item" => a.tensor(0, "")?,
        "half" => g.cast(a.tensor(0, "")?, DType::F16)?,
        "bfloat16" => g.cast(a.tensor(0, "")?, DType::BF16)?,
        "byte" => {
            let wide = g.cast(a.tensor(0, "")?, DType::I64)?; // through the sign, as PyTorch does
            g.cast(wide, DType::U8)?
        }
        _ => match op.strip_prefix("signal.windows.") {
            Some(window) => signal_window(window, g, a, dtype)?,
            None => return Err(unknown()),
        },
    };
    Ok(vec![one])
}

fn named(dtype: &str) -> Option<DType> {
    Some(match dtype {
        "float32" => DType::F32,
        "float64" => DType::F64,
        "int64" => DType::I64,
        "int32" => DType::I32,
        _ => return None,
    })
}

fn filled(g: &mut Graph, dtype: DType, sizes: &[usize], value: f64) -> Result<NodeId> {
    g.full(&Type::new(dtype, Shape::fixed(sizes)), value)
}

fn arange(g: &mut Graph, a: &Arguments, dtype: DType) -> Result<NodeId> {
    let numbers: Vec<f64> = (0..a.places()).map_while(|i| a.get(i, "").number()).collect();
    let (start, stop, step) = match numbers[..] {
        [stop] => (0.0, stop, 1.0),
        [start, stop] => (start, stop, 1.0),
        [start, stop, step] => (start, stop, step),
        _ => return Err(unknown()),
    };
    g.arange(dtype, start, step, ((stop - start) / step).ceil().max(0.0) as usize)
}

/// As many numbers from the first to the second; `base` to their power if one is given.
fn linspace(g: &mut Graph, a: &Arguments, dtype: DType, base: Option<f64>) -> Result<NodeId> {
    let count = a.integer(2, "steps", 100)? as usize;
    let mut end = |place: usize| match a.get(place, "") {
        Argument::Node(node) => g.cast(node, DType::F64),
        Argument::Number(n) => g.scalar(DType::F64, n),
        _ => Err(unknown()),
    };
    let (start, stop) = (end(0)?, end(1)?);
    let places = g.arange(DType::F64, 0.0, 1.0 / (count.max(2) - 1) as f64, count)?;
    let values = g.lerp(start, stop, places)?;
    let values = match base {
        Some(base) => {
            let base = g.scalar(DType::F64, base)?;
            g.pow(base, values)?
        }
        None => values,
    };
    g.cast(values, dtype)
}

fn eye(g: &mut Graph, a: &Arguments, dtype: DType) -> Result<NodeId> {
    let rows = a.integer(0, "n", 0)? as usize;
    let columns = a.integer(1, "m", rows as i64)? as usize;
    let square = g.eye(dtype, &Dim::fixed(rows.max(columns)))?;
    g.corner(square, rows, columns)
}

/// Row and column of each element of a triangle, row after row: they are known when the graph is built.
fn triangle_places(g: &mut Graph, a: &Arguments, lower: bool) -> Result<NodeId> {
    let (rows, columns, offset) = (a.integer(0, "row", 0)?, a.integer(1, "col", 0)?, a.integer(2, "offset", 0)?);
    let kept = |i: i64, j: i64| if lower { j - offset <= i } else { j - offset >= i };
    let places: Vec<(i64, i64)> =
        (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).filter(|&(i, j)| kept(i, j)).collect();
    let both: Vec<i64> = places.iter().map(|p| p.0).chain(places.iter().map(|p| p.1)).collect();
    Ok(g.constant(gradframe_ml_core::Tensor::from_vec(&[2, places.len()], both)?))
}

/// Weights of a signal's window: sums of cosines, or a curve of the distance from the middle.
fn signal_window(window: &str, g: &mut Graph, a: &Arguments, dtype: DType) -> Result<NodeId> {
    let count = a.integer(0, "M", 0)? as usize;
    let symmetric = a.named("sym").is_none() || a.named("sym").is_true();
    let span = (if symmetric { count as f64 - 1.0 } else { count as f64 }).max(1.0);
    let cosines = |weights: &[f64]| Ok::<Vec<f64>, gradframe_ml_core::Error>(weights.to_vec());
    let alpha = a.number(9, "alpha", 0.54)?;
    let weights = match window {
        "hann" => cosines(&[0.5, 0.5])?,
        "hamming" => cosines(&[0.54, 0.46])?,
        "general_hamming" => cosines(&[alpha, 1.0 - alpha])?,
        "blackman" => cosines(&[0.42, 0.5, 0.08])?,
        "nuttall" => cosines(&[0.3635819, 0.4891775, 0.1365995, 0.0106411])?,
        "general_cosine" => match a.named("a") {
            Argument::List(list) => list.iter().map(|w| w.number().ok_or_else(unknown)).collect::<Result<_>>()?,
            _ => return Err(unknown()),
        },
        _ => return curved_window(window, g, a, dtype, count, span),
    };
    let angle = g.arange(DType::F64, 0.0, std::f64::consts::TAU / span, count)?;
    let mut total = g.full_like(angle, 0.0)?;
    for (k, weight) in weights.iter().enumerate() {
        let turned = g.scaled_by(angle, k as f64)?;
        let cosine = g.cos(turned)?;
        let term = g.scaled_by(cosine, if k % 2 == 0 { *weight } else { -weight })?;
        total = g.add(total, term)?;
    }
    g.cast(total, dtype)
}

fn curved_window(window: &str, g: &mut Graph, a: &Arguments, dtype: DType, count: usize, span: f64) -> Result<NodeId> {
    let distance = g.arange(DType::F64, -span / 2.0, 1.0, count)?; // from the middle
    let value = match window {
        "bartlett" => {
            let size = g.abs(distance)?;
            let drop = g.scaled_by(size, -2.0 / span)?;
            g.plus_number(drop, 1.0)?
        }
        "cosine" => {
            let angle = g.scaled_by(distance, std::f64::consts::PI / (span + 1.0))?;
            g.cos(angle)?
        }
        "exponential" => {
            let size = g.abs(distance)?;
            let drop = g.scaled_by(size, -1.0 / a.number(9, "tau", 1.0)?)?;
            g.exp(drop)?
        }
        "gaussian" => {
            let scaled = g.scaled_by(distance, 1.0 / a.number(9, "std", 1.0)?)?;
            let square = g.square(scaled)?;
            let drop = g.scaled_by(square, -0.5)?;
            g.exp(drop)?
        }
        "kaiser" => {
            let beta = a.number(9, "beta", 12.0)?;
            let scaled = g.scaled_by(distance, 2.0 / span)?;
            let square = g.square(scaled)?;
            let negated = g.neg(square)?;
            let rest = g.plus_number(negated, 1.0)?;
            let root = g.sqrt(rest)?;
            let argument = g.scaled_by(root, beta)?;
            let value = g.i0(argument)?;
            let beta = g.scalar(DType::F64, beta)?;
            let most = g.i0(beta)?;
            g.div(value, most)?
        }
        _ => return Err(unknown()),
    };
    g.cast(value, dtype)
}

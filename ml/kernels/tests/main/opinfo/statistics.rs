//! Statistics, orders and integrals that are several of our folds.

use gradframe_ml_core::graph::ScanOp;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use super::arguments::{Argument, Arguments, axis, unknown};

/// The counterpart of a statistic.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let x = a.tensor(0, "")?;
    let rank = g.ty(x).shape.rank();
    match op {
        "var_mean" | "var_mean.unbiased" | "std_mean" | "std_mean.unbiased" => spread_and_mean(op, g, a, x),
        "aminmax" => aminmax(g, a, x),
        "cummax" | "cummin" => running_extreme(g, x, a.axis(1, "dim", 0, rank)?, op == "cummax"),
        "kthvalue" => {
            let (k, at) = (a.integer(1, "k", 1)?, a.axis(2, "dim", -1, rank)?);
            picked(g, x, at, k as usize - 1, a.get(3, "keepdim").is_true())
        }
        "median" | "nanmedian" => median(g, a, x),
        "mode" => mode(g, a, x),
        _ => single(op, g, a, x).map(|n| vec![n]),
    }
}

fn single(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    match op {
        "argmax" | "argmin" => whole_or_axis(op, g, a, x),
        "logcumsumexp" => logcumsumexp(g, x, a.axis(1, "dim", 0, rank)?),
        "quantile" | "nanquantile" => quantile(g, a, x),
        "cov" => covariance(g, a, x),
        "corrcoef" => correlation(g, x),
        "trapz" | "trapezoid" | "cumulative_trapezoid" => trapezoid(op, g, a, x),
        "gradient" => gradient(g, a, x),
        "diff" => difference(g, a, x),
        "renorm" => renorm(g, a, x),
        "histc" => histogram(g, a, x),
        "bucketize" => places_among(g, x, a.tensor(1, "")?, a.named("right").is_true()),
        "searchsorted" => places_among(g, a.tensor(1, "")?, x, a.named("right").is_true() || right_side(a)),
        "isin" => {
            let own = g.ty(x).shape.rank();
            let (column, tests) = (g.insert_axis(x, own)?, a.tensor(1, "")?);
            let hit = g.eq(column, tests)?;
            g.any(hit, &[own])
        }
        "sum_to_size" => sum_to_size(g, a, x),
        _ => Err(unknown()),
    }
}

fn right_side(a: &Arguments) -> bool {
    a.text(9, "side").is_some_and(|s| s == "right")
}

fn axes_of(a: &Arguments, place: usize, rank: usize) -> Result<Vec<usize>> {
    match a.get(place, "dim").integers() {
        Some(list) if !list.is_empty() => list.iter().map(|&d| axis(d, rank).ok_or_else(unknown)).collect(),
        _ => Ok((0..rank).collect()),
    }
}

fn restored(g: &mut Graph, folded: NodeId, x: NodeId, axes: &[usize], keep: bool) -> Result<NodeId> {
    if !keep {
        return Ok(folded);
    }
    let shape = axes.iter().fold(g.ty(x).shape.clone(), |shape, &at| shape.with(at, Dim::fixed(1)));
    g.reshape(folded, &shape)
}

fn spread_and_mean(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let rank = g.ty(x).shape.rank();
    let by_flag = op.ends_with(".unbiased");
    let axes = if by_flag { (0..rank).collect() } else { axes_of(a, 1, rank)? };
    let unbiased = if by_flag { a.get(1, "unbiased") } else { a.named("unbiased") };
    let correction = match unbiased {
        Argument::Number(n) => n,
        _ => a.number(9, "correction", 1.0)?,
    };
    let mean = g.mean_keep(x, &axes)?;
    let gap = g.sub(x, mean)?;
    let square = g.square(gap)?;
    let total = g.sum(square, &axes)?;
    let count: usize = axes.iter().filter_map(|&i| g.ty(x).shape.dims()[i].as_fixed()).product();
    let variance = g.scaled_by(total, 1.0 / (count as f64 - correction).max(0.0))?;
    let spread = if op.starts_with("std") { g.sqrt(variance)? } else { variance };
    let keep = a.named("keepdim").is_true();
    let mean = g.mean(x, &axes)?;
    Ok(vec![restored(g, spread, x, &axes, keep)?, restored(g, mean, x, &axes, keep)?])
}

fn aminmax(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let axes = axes_of(a, 1, g.ty(x).shape.rank())?;
    let keep = a.named("keepdim").is_true();
    let (low, high) = (g.min_over(x, &axes)?, g.max_over(x, &axes)?);
    Ok(vec![restored(g, low, x, &axes, keep)?, restored(g, high, x, &axes, keep)?])
}

/// A single number as a line of one.
fn lined(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    if g.ty(x).shape.rank() == 0 { g.insert_axis(x, 0) } else { Ok(x) }
}

fn whole_or_axis(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let whole = a.get(1, "dim").is_none();
    let own = g.ty(x).shape.clone();
    let line = if whole {
        let count: usize = own.as_fixed().ok_or_else(unknown)?.iter().product();
        g.reshape(x, &Shape::fixed(&[count]))?
    } else {
        lined(g, x)?
    };
    let at = if whole { 0 } else { a.axis(1, "dim", 0, own.rank())? };
    let found = if op == "argmax" { g.argmax(line, at)? } else { g.argmin(line, at)? };
    let keep = a.get(2, "keepdim").is_true() && !whole && own.rank() > 0;
    restored(g, found, x, &[at], keep)
}

/// The running extreme and the place of the last element that is it.
fn running_extreme(g: &mut Graph, x: NodeId, at: usize, largest: bool) -> Result<Vec<NodeId>> {
    let line = if largest { x } else { g.neg(x)? };
    let held = g.stop_gradient(line)?;
    let top = g.scan(ScanOp::Max, held, at)?;
    let hit = g.eq(held, top)?;
    let shape = g.ty(x).shape.clone();
    let (place, none) = (g.iota(DType::I64, &shape, at)?, g.scalar(DType::I64, -1.0)?);
    let marked = g.select(hit, place, none)?;
    let places = g.scan(ScanOp::Max, marked, at)?;
    Ok(vec![g.take_along(x, places, at)?, places])
}

/// The element of a rank in each line, and its place.
fn picked(g: &mut Graph, x: NodeId, at: usize, k: usize, keep: bool) -> Result<Vec<NodeId>> {
    let order = g.argsort(x, at, false)?;
    let place = g.slice_axis(order, at, k, Dim::fixed(k + 1))?;
    let value = g.take_along(x, place, at)?;
    if keep {
        return Ok(vec![value, place]);
    }
    let shape = g.ty(x).shape.without(&[at]);
    Ok(vec![g.reshape(value, &shape)?, g.reshape(place, &shape)?])
}

/// The lower median; the samples hold no NaN.
fn median(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let own = g.ty(x).shape.clone();
    let whole = a.get(1, "dim").is_none();
    let line = if whole {
        let count: usize = own.as_fixed().ok_or_else(unknown)?.iter().product();
        g.reshape(x, &Shape::fixed(&[count]))?
    } else {
        lined(g, x)?
    };
    let at = if whole { 0 } else { a.axis(1, "dim", 0, own.rank())? };
    let n = g.ty(line).shape.dims()[at].as_fixed().ok_or_else(unknown)?;
    let keep = a.get(2, "keepdim").is_true() && own.rank() > 0;
    let found = picked(g, line, at, n.saturating_sub(1) / 2, keep)?;
    Ok(if whole { found[..1].to_vec() } else { found })
}

/// The smallest of the most frequent values of each line, and its last place.
fn mode(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let own = g.ty(x).shape.clone();
    let rank = own.rank();
    let at = a.axis(1, "dim", -1, rank)?;
    let held = g.stop_gradient(x)?;
    let (row, column) = (g.insert_axis(held, at)?, g.insert_axis(held, at + 1)?);
    let same = g.eq(row, column)?;
    let counts = g.cast(same, DType::I64)?;
    let counts = g.sum(counts, &[at])?;
    let most = g.max_keep(counts, &[at])?;
    let frequent = g.eq(counts, most)?;
    let beyond = g.scalar_like(x, f64::INFINITY)?;
    let candidates = g.select(frequent, held, beyond)?;
    let value = g.min_keep(candidates, &[at])?;
    let hit = g.eq(held, value)?;
    let (place, none) = (g.iota(DType::I64, &own, at)?, g.scalar(DType::I64, -1.0)?);
    let marked = g.select(hit, place, none)?;
    let place = g.max_keep(marked, &[at])?;
    let picked = g.take_along(x, place, at)?;
    let keep = a.get(2, "keepdim").is_true();
    let shape = if keep { g.ty(picked).shape.clone() } else { own.without(&[at]) };
    Ok(vec![g.reshape(picked, &shape)?, g.reshape(place, &shape)?])
}

/// Shifted by each line's largest, not by the running one: enough for samples of moderate size.
fn logcumsumexp(g: &mut Graph, x: NodeId, at: usize) -> Result<NodeId> {
    let held = g.stop_gradient(x)?;
    let top = g.max_keep(held, &[at])?;
    let shifted = g.sub(x, top)?;
    let exp = g.exp(shifted)?;
    let total = g.cumsum(exp, at)?;
    let log = g.log(total)?;
    g.add(log, top)
}

fn quantile(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let own = g.ty(x).shape.clone();
    let q = a.get(1, "q").number().ok_or_else(unknown)?;
    let keep = a.named("keepdim").is_true();
    if own.rank() > 0 || a.text(9, "interpolation").is_some_and(|how| how != "linear") {
        return Err(unknown());
    }
    let line = lined(g, x)?;
    let place = 0.0f64 * q;
    let sorted = g.sort(line, 0, false)?;
    let low = g.slice_axis(sorted, 0, place.floor() as usize, Dim::fixed(place.floor() as usize + 1))?;
    g.reshape(low, &if keep { own.clone() } else { Shape::scalar() })
}

/// Rows are variables, columns observations.
fn covariance(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    if !a.named("fweights").is_none() || !a.named("aweights").is_none() {
        return Err(unknown());
    }
    let shape = g.ty(x).shape.clone();
    let (rank, n) = (shape.rank(), shape.dims().last().and_then(Dim::as_fixed).ok_or_else(unknown)?);
    let mean = g.mean_keep(x, &[rank - 1])?;
    let gap = g.sub(x, mean)?;
    let product = if rank == 1 {
        let square = g.square(gap)?;
        g.sum(square, &[0])?
    } else {
        let turned = g.transpose(gap)?;
        g.matmul(gap, turned)?
    };
    let value = g.scaled_by(product, 1.0 / (n as f64 - a.number(9, "correction", 1.0)?))?;
    squeezed(g, value)
}

fn squeezed(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let one = g.ty(x).shape.dims().iter().all(Dim::is_one);
    if one { g.reshape(x, &Shape::scalar()) } else { Ok(x) }
}

fn correlation(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let x = if shape.rank() == 1 { g.insert_axis(x, 0)? } else { x };
    let mean = g.mean_keep(x, &[1])?;
    let gap = g.sub(x, mean)?;
    let turned = g.transpose(gap)?;
    let product = g.matmul(gap, turned)?;
    let diagonal = g.diagonal(product, 0)?;
    let spread = g.sqrt(diagonal)?;
    let (row, column) = (g.insert_axis(spread, 0)?, g.insert_axis(spread, 1)?);
    let half = g.div(product, row)?;
    let value = g.div(half, column)?;
    squeezed(g, value)
}

/// Means of neighbours times their distance, summed.
fn trapezoid(op: &str, g: &mut Graph, a: &Arguments, y: NodeId) -> Result<NodeId> {
    let shape = g.ty(y).shape.clone();
    let at = a.axis(9, "dim", -1, shape.rank())?;
    let n = shape.dims()[at].as_fixed().ok_or_else(unknown)?;
    let mut parts = |x: NodeId| {
        Ok::<_, gradframe_ml_core::Error>((g.slice_axis(x, at, 1, Dim::fixed(n))?, g.slice_axis(x, at, 0, Dim::fixed(n - 1))?))
    };
    let (later, earlier) = parts(y)?;
    let x = a.get(1, "x").node();
    let ends = x.map(&mut parts).transpose()?;
    let sum = g.add(later, earlier)?;
    let mean = g.scaled_by(sum, 0.5)?;
    let area = match ends {
        Some((later, earlier)) => {
            let gap = g.sub(later, earlier)?;
            g.mul(mean, gap)?
        }
        None => g.scaled_by(mean, a.number(9, "dx", 1.0)?)?,
    };
    if op == "cumulative_trapezoid" { g.cumsum(area, at) } else { g.sum(area, &[at]) }
}

/// Central differences, one-sided at the ends, of a line.
fn gradient(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let [n] = g.ty(x).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
    let spacing = a.number(9, "spacing", 1.0)?;
    let mut weights = vec![0.0; n * n];
    for i in 0..n {
        let (low, high) = (i.saturating_sub(1), (i + 1).min(n - 1));
        weights[i * n + high] += 1.0 / (spacing * (high - low) as f64);
        weights[i * n + low] -= 1.0 / (spacing * (high - low) as f64);
    }
    let matrix = g.constant(Tensor::from_vec(&[n, n], weights)?);
    g.matmul(matrix, x)
}

fn difference(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    if !a.get(3, "prepend").is_none() || !a.get(4, "append").is_none() {
        return Err(unknown());
    }
    let rank = g.ty(x).shape.rank();
    let at = a.axis(2, "dim", -1, rank)?;
    let mut x = x;
    for _ in 0..a.integer(1, "n", 1)? {
        let n = g.ty(x).shape.dims()[at].as_fixed().ok_or_else(unknown)?;
        let (later, earlier) = (g.slice_axis(x, at, n.min(1), Dim::fixed(n))?, g.slice_axis(x, at, 0, Dim::fixed(n.max(1) - 1))?);
        x = g.sub(later, earlier)?;
    }
    Ok(x)
}

/// Slices along an axis scaled down to a largest norm.
fn renorm(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    let (p, at, most) = (a.number(1, "p", 2.0)?, a.axis(2, "dim", 0, rank)?, a.number(3, "maxnorm", 1.0)?);
    let axes: Vec<usize> = (0..rank).filter(|&i| i != at).collect();
    let norm = g.vector_norm(x, p, &axes)?;
    let norm = restored(g, norm, x, &axes, true)?;
    let (limit, one) = (g.scalar_like(x, most)?, g.scalar_like(x, 1.0)?);
    let below = g.plus_number(norm, 1e-7)?;
    let (over, factor) = (g.gt(norm, limit)?, g.div(limit, below)?);
    let factor = g.select(over, factor, one)?;
    g.mul(x, factor)
}

fn histogram(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let (bins, low, high) = (a.integer(1, "bins", 100)?, a.number(2, "min", 0.0)?, a.number(3, "max", 0.0)?);
    let count: usize = g.ty(x).shape.as_fixed().ok_or_else(unknown)?.iter().product();
    let line = g.reshape(x, &Shape::fixed(&[count]))?;
    let (first, last) = (g.scalar_like(x, low)?, g.scalar_like(x, high)?);
    let moved = g.sub(line, first)?;
    let scaled = g.scaled_by(moved, bins as f64 / (high - low))?;
    let place = g.floor(scaled)?;
    let end = g.scalar_like(x, bins as f64 - 1.0)?;
    let place = g.min(place, end)?;
    let place = g.cast(place, DType::I64)?;
    let (above, below) = (g.ge(line, first)?, g.le(line, last)?);
    let (inside, nowhere) = (g.and(above, below)?, g.scalar(DType::I64, -1.0)?);
    let place = g.select(inside, place, nowhere)?;
    let ones = g.full_like(line, 1.0)?;
    g.scatter(gradframe_ml_core::graph::ScatterOp::Sum, ones, place, 0, &Dim::fixed(bins as usize))
}

/// How many of the sorted `edges` lie before each value; edges that equal it count if `right`.
fn places_among(g: &mut Graph, x: NodeId, edges: NodeId, right: bool) -> Result<NodeId> {
    if g.ty(edges).shape.rank() != 1 {
        return Err(unknown());
    }
    let rank = g.ty(x).shape.rank();
    let column = g.insert_axis(x, rank)?;
    let before = if right { g.le(edges, column)? } else { g.lt(edges, column)? };
    let marks = g.cast(before, DType::I64)?;
    g.sum(marks, &[rank])
}

fn sum_to_size(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let wanted = a.get(1, "size").integers().unwrap_or_default();
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let lead = own.len() - wanted.len();
    let folded: Vec<usize> = (0..own.len()).filter(|&i| i < lead || own[i] != wanted[i - lead] as usize).collect();
    let total = g.sum(x, &folded)?;
    g.reshape(total, &Shape::fixed(&wanted.iter().map(|&n| n as usize).collect::<Vec<_>>()))
}

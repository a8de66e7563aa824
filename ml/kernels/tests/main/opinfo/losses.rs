//! Losses, norms and distances, and the layers that are several of ours.

use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};

use super::arguments::{Argument, Arguments, unknown};
use super::pointwise::folded;

/// The counterpart of a loss or a layer.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let x = a.tensor(0, "")?;
    let name = op.strip_prefix("nn.functional.").unwrap_or(op);
    match name {
        "native_layer_norm" | "native_group_norm" => native_norm(name, g, a, x),
        _ => loss(name, g, a, x).or_else(|_| layer(name, g, a, x)).map(|n| vec![n]),
    }
}

fn loss(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let y = a.get(1, "target").node();
    let needed = || y.ok_or_else(unknown);
    let each = match name {
        "margin_ranking_loss" => {
            let (other, sign) = (needed()?, a.tensor(2, "")?);
            let gap = g.sub(x, other)?;
            let product = g.mul(sign, gap)?;
            let negated = g.neg(product)?;
            let shifted = g.plus_number(negated, a.number(9, "margin", 0.0)?)?;
            hinge(g, shifted)?
        }
        "hinge_embedding_loss" => {
            let negated = g.neg(x)?;
            let shifted = g.plus_number(negated, a.number(9, "margin", 1.0)?)?;
            let hinge = hinge(g, shifted)?;
            let (one, zero) = (g.scalar_like(x, 1.0)?, g.scalar_like(x, 0.0)?);
            let (positive, minus) = (g.eq(needed()?, one)?, g.scalar_like(x, -1.0)?);
            let negative = g.eq(needed()?, minus)?;
            let (near, far) = (g.select(negative, zero, x)?, g.select(positive, zero, hinge)?);
            g.add(near, far)?
        }
        "cosine_embedding_loss" => {
            let cosine = cosine(g, x, needed()?, 1, 1e-12)?;
            let (negated, moved) = (g.neg(cosine)?, g.plus_number(cosine, -a.number(9, "margin", 0.0)?)?);
            let (near, far) = (g.plus_number(negated, 1.0)?, hinge(g, moved)?);
            let (sign, zero) = (a.tensor(2, "")?, g.scalar_like(x, 0.0)?);
            let positive = g.gt(sign, zero)?;
            g.select(positive, near, far)?
        }
        "gaussian_nll_loss" => gaussian(g, a, x, needed()?)?,
        "poisson_nll_loss" => poisson(g, a, x, needed()?)?,
        "kl_div" if a.named("log_target").is_true() => {
            let (weight, gap) = (g.exp(needed()?)?, g.sub(needed()?, x)?);
            g.mul(weight, gap)?
        }
        "kl_div" => {
            let (own, cross) = (g.xlogy(needed()?, needed()?)?, g.mul(needed()?, x)?);
            g.sub(own, cross)?
        }
        "binary_cross_entropy" if a.places() == 2 && a.named("weight").is_none() => {
            let negated = g.neg(x)?;
            let (log, rest) = (g.log(x)?, g.log1p(negated)?);
            let least = g.scalar_like(x, -100.0)?;
            let (log, rest) = (g.max(log, least)?, g.max(rest, least)?);
            let gap = g.sub(log, rest)?;
            let product = g.mul(needed()?, gap)?;
            let sum = g.add(product, rest)?;
            g.neg(sum)?
        }
        "triplet_margin_loss" => {
            let (near, far) = (distance(g, x, needed()?, 2.0)?, distance(g, x, a.tensor(2, "")?, 2.0)?);
            let gap = g.sub(near, far)?;
            let shifted = g.plus_number(gap, a.number(9, "margin", 1.0)?)?;
            hinge(g, shifted)?
        }
        "multilabel_soft_margin_loss" => {
            let loss = g.binary_cross_entropy(x, needed()?)?;
            let loss = match a.named("weight").node() {
                Some(weight) => g.mul(loss, weight)?,
                None => loss,
            };
            let last = g.ty(x).shape.rank() - 1;
            g.mean(loss, &[last])?
        }
        "nll_loss" => return nll(g, a, x, needed()?),
        "multi_margin_loss" => return multi_margin(g, a, x, needed()?),
        "cross_entropy" => return cross_entropy(g, a, x, needed()?),
        "linear_cross_entropy" => {
            let turned = g.transpose(needed()?)?;
            let logits = g.matmul(x, turned)?;
            let loss = g.cross_entropy(logits, a.tensor(2, "")?)?;
            g.mean_all(loss)?
        }
        _ => return Err(unknown()),
    };
    folded(g, each, a)
}

fn hinge(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    // PyTorch clamps: the slope at 0 is kept.
    let zero = g.scalar_like(x, 0.0)?;
    g.clip(x, Some(zero), None)
}

fn cosine(g: &mut Graph, x: NodeId, y: NodeId, at: usize, epsilon: f64) -> Result<NodeId> {
    let product = g.mul(x, y)?;
    let along = g.sum(product, &[at])?;
    let (xx, yy) = (g.square(x)?, g.square(y)?);
    let (xx, yy) = (g.sum(xx, &[at])?, g.sum(yy, &[at])?);
    let (xx, yy) = (g.plus_number(xx, epsilon)?, g.plus_number(yy, epsilon)?);
    let product = g.mul(xx, yy)?;
    let below = g.sqrt(product)?;
    g.div(along, below)
}

/// `(sum |x - y + 1e-6|^p)^(1/p)` over the last axis.
fn distance(g: &mut Graph, x: NodeId, y: NodeId, p: f64) -> Result<NodeId> {
    let gap = g.sub(x, y)?;
    let gap = g.plus_number(gap, 1e-6)?;
    let last = g.ty(gap).shape.rank() - 1;
    g.vector_norm(gap, p, &[last])
}

fn gaussian(g: &mut Graph, a: &Arguments, x: NodeId, y: NodeId) -> Result<NodeId> {
    let (variance, least) = (a.tensor(2, "")?, g.scalar_like(x, a.number(9, "eps", 1e-6)?)?);
    let held = g.stop_gradient(variance)?;
    let (low, gap) = (g.lt(held, least)?, g.sub(x, y)?);
    let moved = g.sub(variance, held)?; // PyTorch clamps without its gradient
    let clamped = g.select(low, least, held)?;
    let variance = g.add(clamped, moved)?;
    let (log, square) = (g.log(variance)?, g.square(gap)?);
    let ratio = g.div(square, variance)?;
    let sum = g.add(log, ratio)?;
    let half = g.scaled_by(sum, 0.5)?;
    if a.named("full").is_true() { g.plus_number(half, 0.5 * std::f64::consts::TAU.ln()) } else { Ok(half) }
}

fn poisson(g: &mut Graph, a: &Arguments, x: NodeId, y: NodeId) -> Result<NodeId> {
    let by_log = a.named("log_input").is_none() || a.named("log_input").is_true();
    let loss = if by_log {
        let (exp, product) = (g.exp(x)?, g.mul(y, x)?);
        g.sub(exp, product)?
    } else {
        let shifted = g.plus_number(x, a.number(9, "eps", 1e-8)?)?;
        let log = g.log(shifted)?;
        let product = g.mul(y, log)?;
        g.sub(x, product)?
    };
    if !a.named("full").is_true() {
        return Ok(loss);
    }
    let doubled = g.scaled_by(y, std::f64::consts::TAU)?;
    let (own, log) = (g.xlogy(y, y)?, g.log(doubled)?);
    let (rest, half) = (g.sub(own, y)?, g.scaled_by(log, 0.5)?);
    let stirling = g.add(rest, half)?;
    let (one, zero) = (g.scalar_like(y, 1.0)?, g.scalar_like(y, 0.0)?);
    let above = g.gt(y, one)?;
    let stirling = g.select(above, stirling, zero)?;
    g.add(loss, stirling)
}

fn nll(g: &mut Graph, a: &Arguments, x: NodeId, labels: NodeId) -> Result<NodeId> {
    a.only(&["weight", "reduction"])?;
    if g.ty(x).shape.rank() != 2 || a.text(9, "reduction").is_none_or(|how| how != "none") {
        return Err(unknown());
    }
    let column = g.insert_axis(labels, 1)?;
    let picked = g.take_along(x, column, 1)?;
    let shape = g.ty(labels).shape.clone();
    let picked = g.reshape(picked, &shape)?;
    let weighted = match a.named("weight").node() {
        Some(weight) => {
            let weight = g.gather(weight, labels, 0)?;
            g.mul(picked, weight)?
        }
        None => picked,
    };
    g.neg(weighted)
}

fn multi_margin(g: &mut Graph, a: &Arguments, x: NodeId, label: NodeId) -> Result<NodeId> {
    a.only(&["p"])?;
    if g.ty(label).shape.rank() != 0 {
        return Err(unknown());
    }
    let x = if g.ty(x).shape.rank() == 0 { g.insert_axis(x, 0)? } else { x };
    let n = g.ty(x).shape.dims()[0].clone();
    let (own, numbers) = (g.gather(x, label, 0)?, g.iota(DType::I64, &Shape::new([n]), 0)?);
    let gap = g.sub(x, own)?;
    let shifted = g.plus_number(gap, 1.0)?;
    let (zero, hit) = (g.scalar_like(x, 0.0)?, g.eq(numbers, label)?);
    let inside = g.gt(shifted, zero)?;
    let kept = g.select(inside, shifted, zero)?;
    let power = if a.number(9, "p", 1.0)? == 2.0 { g.square(kept)? } else { kept };
    let others = g.select(hit, zero, power)?;
    g.mean_all(others)
}

/// Labels as probabilities.
fn cross_entropy(g: &mut Graph, a: &Arguments, x: NodeId, y: NodeId) -> Result<NodeId> {
    if a.places() > 2 || !a.names_are(&["reduction"]) {
        return Err(unknown());
    }
    let loss = if g.ty(y).dtype == DType::I64 {
        g.cross_entropy(x, y)?
    } else {
        let log = g.log_softmax(x, 1)?;
        let product = g.mul(y, log)?;
        let total = g.sum(product, &[1])?;
        g.neg(total)?
    };
    folded(g, loss, a)
}

fn layer(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    match name {
        "normalize" => {
            let (p, at) = (a.number(1, "p", 2.0)?, a.axis(2, "dim", 1, rank)?);
            let norm = g.vector_norm(x, p, &[at])?;
            let norm = g.insert_axis(norm, at)?;
            let least = g.scalar_like(x, 1e-12)?;
            let norm = g.max(norm, least)?;
            g.div(x, norm)
        }
        "cosine_similarity" => {
            let at = a.axis(2, "dim", 1, rank)?;
            cosine(g, x, a.tensor(1, "")?, at, 0.0)
        }
        "pairwise_distance" => distance(g, x, a.tensor(1, "")?, 2.0),
        "cdist" => {
            let y = a.tensor(1, "")?;
            let (left, right) = (g.insert_axis(x, rank - 1)?, g.insert_axis(y, rank - 2)?);
            let gap = g.sub(left, right)?;
            g.vector_norm(gap, a.number(2, "p", 2.0)?, &[rank])
        }
        "pdist" if g.ty(x).shape.dims()[0].is_one() => {
            let nothing = g.slice_axis(x, 0, 0, Dim::fixed(0))?;
            g.sum(nothing, &[1])
        }
        "dist" => {
            let gap = g.sub(x, a.tensor(1, "")?)?;
            let axes: Vec<usize> = (0..rank).collect();
            g.vector_norm(gap, a.number(2, "p", 2.0)?, &axes)
        }
        "bilinear" => bilinear(g, a, x),
        "prelu" => {
            let weight = a.tensor(1, "weight")?;
            let (zero, low) = (g.scalar_like(x, 0.0)?, g.mul(weight, x)?);
            let above = g.gt(x, zero)?;
            g.select(above, x, low)
        }
        "glu" => {
            let at = a.axis(1, "dim", -1, rank)?;
            let n = g.ty(x).shape.dims()[at].as_fixed().ok_or_else(unknown)?;
            let (value, gate) = (g.slice_axis(x, at, 0, (n / 2).into())?, g.slice_axis(x, at, n / 2, n.into())?);
            let gate = g.sigmoid(gate)?;
            g.mul(value, gate)
        }
        "instance_norm" => instance_norm(g, a, x),
        "local_response_norm" => local_response(g, a, x),
        "embedding" => g.gather(x, a.tensor(1, "")?, 0),
        "softmax.with_dtype" => g.softmax(x, a.axis(1, "dim", 0, rank)?),
        "log_softmax.with_dtype" => g.log_softmax(x, a.axis(1, "dim", 0, rank)?),
        "softmin.with_dtype" => {
            let negated = g.neg(x)?;
            g.softmax(negated, a.axis(1, "dim", 0, rank)?)
        }
        "torch.ops.aten._safe_softmax.default" => {
            let at = a.axis(1, "dim", 0, rank)?;
            let (low, zero) = (g.scalar_like(x, f64::NEG_INFINITY)?, g.scalar_like(x, 0.0)?);
            let masked = g.eq(x, low)?;
            let empty = g.all_keep(masked, &[at])?; // zeros, where softmax has no meaning
            let held = g.select(empty, zero, x)?;
            let value = g.softmax(held, at)?;
            g.select(empty, zero, value)
        }
        "_softmax_backward_data" => {
            let (y, at) = (a.tensor(1, "")?, a.axis(2, "dim", 0, rank)?);
            let product = g.mul(x, y)?;
            let total = g.sum_keep(product, &[at])?;
            let gap = g.sub(x, total)?;
            let gradient = g.mul(gap, y)?;
            let narrow = g.cast(gradient, DType::F64)?;
            Ok(narrow)
        }
        "logit" => g.logit(x, a.get(1, "eps").number()),
        "logsumexp" => {
            let at = a.axis(1, "dim", 0, rank)?;
            let line = if rank == 0 { g.insert_axis(x, 0)? } else { x };
            let value = g.logsumexp(line, at)?;
            let shape = if rank == 0 { Shape::scalar() } else { g.ty(x).shape.with(at, Dim::fixed(1)) };
            if a.get(2, "keepdim").is_true() { g.reshape(value, &shape) } else { Ok(value) }
        }
        "round.decimals_3" | "round.decimals_neg_3" => {
            let scale = 10f64.powi(a.integer(9, "decimals", 0)? as i32);
            let scaled = g.scaled_by(x, scale)?;
            let whole = g.round(scaled)?;
            let scale = g.scalar_like(x, scale)?;
            g.div(whole, scale)
        }
        "tensordot" => tensordot(g, a, x),
        "einsum" => einsum(g, a),
        "one_hot" if a.named("num_classes").integer() == Some(10) => g.one_hot(x, &Dim::fixed(10), DType::I64),
        "addmv" => {
            let (m, v) = (a.tensor(1, "")?, a.tensor(2, "")?);
            let product = g.matmul(m, v)?;
            let (kept, scaled) = (g.scaled_by(x, a.number(9, "beta", 1.0)?)?, g.scaled_by(product, a.number(9, "alpha", 1.0)?)?);
            g.add(kept, scaled)
        }
        _ => Err(unknown()),
    }
}

/// `sum_ij x_i w_kij y_j + b_k`.
fn bilinear(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let (y, w, bias) = (a.tensor(1, "")?, a.tensor(2, "")?, a.tensor(3, "")?);
    let last = g.ty(x).shape.rank() - 1;
    let dims =
        |p: (usize, usize)| gradframe_ml_core::graph::DotDims { batch: Default::default(), contract: [p].into_iter().collect() };
    let half = g.dot(x, w, dims((last, 1)))?; // [.., k, j]
    let row = g.insert_axis(y, last)?;
    let product = g.mul(half, row)?;
    let total = g.sum(product, &[last + 1])?;
    g.add(total, bias)
}

fn instance_norm(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    let normal = g.layer_norm(x, rank - 2, None, None, a.number(9, "eps", 1e-5)?)?;
    let mut along = |name: &str| {
        let Some(node) = a.named(name).node() else { return Ok(None) };
        let ones = std::iter::repeat_n(Dim::fixed(1), rank - 2);
        let shape = Shape::new(g.ty(node).shape.dims().to_vec().into_iter().chain(ones));
        g.reshape(node, &shape).map(Some)
    };
    let (weight, bias) = (along("weight")?, along("bias")?);
    let scaled = weight.map_or(Ok(normal), |w| g.mul(normal, w))?;
    bias.map_or(Ok(scaled), |b| g.add(scaled, b))
}

/// `x (k + alpha mean of squares of neighbouring channels)^-beta`.
fn local_response(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let size = a.integer(1, "size", 1)? as usize;
    let rank = g.ty(x).shape.rank();
    let square = g.square(x)?;
    let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
    (low[1], high[1]) = (size / 2, (size - 1) / 2);
    let padded = g.pad(square, &low, &high)?;
    let windows = g.unfold(padded, 1, gradframe_ml_core::graph::Window::of(size))?;
    let mean = g.mean(windows, &[2])?;
    let scaled = g.scaled_by(mean, a.number(9, "alpha", 1e-4)?)?;
    let base = g.plus_number(scaled, a.number(9, "k", 1.0)?)?;
    let exponent = g.scalar_like(x, a.number(9, "beta", 0.75)?)?;
    let below = g.pow(base, exponent)?;
    g.div(x, below)
}

fn tensordot(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let y = a.tensor(1, "")?;
    let rank = g.ty(x).shape.rank();
    let contract = match a.named("dims") {
        Argument::Number(n) => (0..n as usize).map(|i| (rank - n as usize + i, i)).collect(),
        Argument::List(lists) if lists.len() == 2 => {
            let (left, right) = (lists[0].integers().ok_or_else(unknown)?, lists[1].integers().ok_or_else(unknown)?);
            left.iter().zip(&right).map(|(&i, &j)| (i as usize, j as usize)).collect()
        }
        _ => return Err(unknown()),
    };
    g.dot(x, y, gradframe_ml_core::graph::DotDims { batch: Default::default(), contract })
}

/// Two of the simplest sums.
fn einsum(g: &mut Graph, a: &Arguments) -> Result<NodeId> {
    let nodes = a.all_nodes();
    match (a.text(1, "").as_deref(), &nodes[..]) {
        (Some("i->"), &[x]) => g.sum_all(x),
        (Some("i,j->ij"), &[x, y]) => g.dot(x, y, Default::default()),
        _ => Err(unknown()),
    }
}

/// The normalised values, the mean, and the inverse of the spread.
fn native_norm(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let layer = name == "native_layer_norm";
    let (grouped, kept) = if layer {
        (own.clone(), own.len() - a.sizes(1, "")?.len())
    } else {
        let groups = a.integer(6, "", 1)? as usize;
        (vec![own[0], groups, own.iter().skip(1).product::<usize>() / groups], 2)
    };
    let epsilon = a.number(if layer { 4 } else { 7 }, "eps", 1e-5)?;
    let rows = g.reshape(x, &Shape::fixed(&grouped))?;
    let axes: Vec<usize> = (kept..grouped.len()).collect();
    let mean = g.mean_keep(rows, &axes)?;
    let gap = g.sub(rows, mean)?;
    let square = g.square(gap)?;
    let variance = g.mean_keep(square, &axes)?;
    let shifted = g.plus_number(variance, epsilon)?;
    let scale = g.rsqrt(shifted)?;
    let normal = g.mul(gap, scale)?;
    let normal = g.reshape(normal, &Shape::fixed(&own))?;
    let (weight, bias) =
        if layer { (a.get(2, "").node(), a.get(3, "").node()) } else { (a.get(1, "").node(), a.get(2, "").node()) };
    let mut along = |node: NodeId| {
        if layer {
            return Ok(node);
        }
        let ones = vec![1; own.len() - 2];
        g.reshape(node, &Shape::fixed(&[&[own[1]], &ones[..]].concat()))
    };
    let (weight, bias) = (weight.map(&mut along).transpose()?, bias.map(&mut along).transpose()?);
    let scaled = weight.map_or(Ok(normal), |w| g.mul(normal, w))?;
    let value = bias.map_or(Ok(scaled), |b| g.add(scaled, b))?;
    let statistics = if layer { g.ty(mean).shape.clone() } else { Shape::fixed(&grouped[..2]) };
    Ok(vec![value, g.reshape(mean, &statistics)?, g.reshape(scale, &statistics)?])
}

//! What networks are made of: norms, convolution, pooling, losses, attention.

use gradframe_ml_core::graph::{Attention, Window};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};

use super::Built;
use super::arguments::{Argument, Arguments};
use super::pointwise::folded;

/// The counterpart of a network's operator.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    let x = a.node(0)?;
    let built = match op {
        "nn.functional.layer_norm" => layer_norm(g, a, x),
        "nn.functional.rms_norm" => {
            let axes = a.get(1, "normalized_shape").integers()?.len();
            let epsilon = a.get(3, "eps").number().unwrap_or(f64::EPSILON);
            Some(g.rms_norm(x, axes, a.get(2, "weight").node(), epsilon))
        }
        "nn.functional.group_norm" => {
            let groups = usize::try_from(a.get(1, "num_groups").integer()?).ok()?;
            let epsilon = a.get(4, "eps").number().unwrap_or(1e-5);
            Some(g.group_norm(x, groups, a.get(2, "weight").node(), a.get(3, "bias").node(), epsilon))
        }
        "nn.functional.batch_norm" => batch_norm(g, a, x),
        "nn.functional.conv1d" => conv(g, a, x, 1),
        "nn.functional.conv2d" => conv(g, a, x, 2),
        "nn.functional.conv3d" => conv(g, a, x, 3),
        "nn.functional.max_pool1d" => pool(g, a, x, 1, true),
        "nn.functional.max_pool2d" => pool(g, a, x, 2, true),
        "nn.functional.max_pool3d" => pool(g, a, x, 3, true),
        "nn.functional.avg_pool1d" => pool(g, a, x, 1, false),
        "nn.functional.avg_pool2d" => pool(g, a, x, 2, false),
        "nn.functional.avg_pool3d" => pool(g, a, x, 3, false),
        "nn.functional.cross_entropy" => cross_entropy(g, a, x),
        "nn.functional.scaled_dot_product_attention" => attention(g, a, x),
        _ => None,
    };
    built.map(|r| r.map(|n| vec![n]))
}

fn layer_norm(g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let axes = a.get(1, "normalized_shape").integers()?.len();
    let epsilon = a.get(4, "eps").number().unwrap_or(1e-5);
    Some(g.layer_norm(x, axes, a.get(2, "weight").node(), a.get(3, "bias").node(), epsilon))
}

/// With the batch's statistics, or with given ones.
fn batch_norm(g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let (weight, bias) = (a.get(3, "weight").node(), a.get(4, "bias").node());
    let epsilon = a.get(7, "eps").number().unwrap_or(1e-5);
    if a.get(5, "training").is_true() {
        return Some(g.batch_norm(x, 1, weight, bias, epsilon));
    }
    let (mean, variance) = (a.node(1)?, a.node(2)?);
    let rank = g.ty(x).shape.rank();
    let mut along = |v: NodeId| {
        let after = std::iter::repeat_n(Dim::fixed(1), rank.saturating_sub(2));
        let shape = Shape::new(g.ty(v).shape.dims().to_vec().into_iter().chain(after));
        g.reshape(v, &shape).ok()
    };
    let (mean, variance) = (along(mean)?, along(variance)?);
    let (weight, bias) = (weight.map(&mut along).unwrap_or(None), bias.map(&mut along).unwrap_or(None));
    Some((|| {
        let (centred, epsilon) = (g.sub(x, mean)?, g.scalar_like(x, epsilon)?);
        let sum = g.add(variance, epsilon)?;
        let scale = g.rsqrt(sum)?;
        let normal = g.mul(centred, scale)?;
        let scaled = weight.map_or(Ok(normal), |w| g.mul(normal, w))?;
        bias.map_or(Ok(scaled), |b| g.add(scaled, b))
    })())
}

/// One number for each axis.
fn each(argument: &Argument, axes: usize, default: i64) -> Option<Vec<usize>> {
    let list = if argument.is_none() { vec![default] } else { argument.integers()? };
    let list = if list.len() == 1 { vec![list[0]; axes] } else { list };
    list.iter().map(|&n| usize::try_from(n).ok()).collect()
}

fn conv(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Option<Result<NodeId>> {
    let w = a.node(1)?;
    let sizes = g.ty(w).shape.as_fixed()?[2..].to_vec();
    let (stride, dilation) = (each(&a.get(3, "stride"), axes, 1)?, each(&a.get(5, "dilation"), axes, 1)?);
    let padding = each(&a.get(4, "padding"), axes, 0)?;
    let windows: Vec<Window> =
        (0..axes).map(|i| Window { size: sizes[i], stride: stride[i], dilation: dilation[i], padding: padding[i] }).collect();
    let groups = usize::try_from(a.get(6, "groups").integer().unwrap_or(1)).ok()?;
    let bias = a.get(2, "bias").node();
    Some((|| {
        let single = g.ty(x).shape.rank() == axes + 1;
        let batch = if single { g.insert_axis(x, 0)? } else { x };
        let mut y = g.conv(batch, w, &windows, groups)?;
        if let Some(bias) = bias {
            let ones = std::iter::repeat_n(Dim::fixed(1), axes);
            let shape = Shape::new(g.ty(bias).shape.dims().to_vec().into_iter().chain(ones));
            let bias = g.reshape(bias, &shape)?;
            y = g.add(y, bias)?;
        }
        if !single {
            return Ok(y);
        }
        let shape = g.ty(y).shape.without(&[0]);
        g.reshape(y, &shape)
    })())
}

fn pool(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize, largest: bool) -> Option<Result<NodeId>> {
    let size = each(&a.get(1, "kernel_size"), axes, 1)?;
    let stride = if a.get(2, "stride").is_none() { size.clone() } else { each(&a.get(2, "stride"), axes, 1)? };
    let padding = each(&a.get(3, "padding"), axes, 0)?;
    let dilation = if largest { each(&a.get(4, "dilation"), axes, 1)? } else { vec![1; axes] };
    let other = a.named("ceil_mode").is_true()
        || a.named("return_indices").is_true()
        || !a.named("divisor_override").is_none()
        || matches!(a.named("count_include_pad"), Argument::Number(0.0))
        || a.places() > 4;
    if other {
        return None;
    }
    let windows: Vec<Window> =
        (0..axes).map(|i| Window { size: size[i], stride: stride[i], dilation: dilation[i], padding: padding[i] }).collect();
    Some((|| {
        let single = g.ty(x).shape.rank() == axes + 1;
        let batch = if single { g.insert_axis(x, 0)? } else { x };
        let y = if largest { g.max_pool(batch, &windows)? } else { g.avg_pool(batch, &windows)? };
        if !single {
            return Ok(y);
        }
        let shape = g.ty(y).shape.without(&[0]);
        g.reshape(y, &shape)
    })())
}

/// Labels as numbers of classes, without weights.
fn cross_entropy(g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let labels = a.node(1)?;
    let plain = a.names_are(&["reduction"]) && a.places() == 2 && g.ty(labels).dtype == DType::I64 && g.ty(x).shape.rank() == 2;
    plain.then(|| g.cross_entropy(x, labels).and_then(|loss| folded(g, loss, a)))
}

fn attention(g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let (k, v) = (a.node(1)?, a.node(2)?);
    let (causal, mask) = (a.get(5, "is_causal").is_true(), a.get(3, "attn_mask").node());
    let ranks = [x, k, v].map(|n| g.ty(n).shape.rank());
    let square = !causal || g.ty(x).shape.dims()[ranks[0] - 2] == g.ty(k).shape.dims()[ranks[1] - 2];
    let known =
        mask.is_none_or(|m| g.ty(m).dtype == DType::Bool) && square && a.get(4, "dropout_p").number().unwrap_or(0.0) == 0.0;
    let scale = a.named("scale").number();
    (known && ranks == [4; 3]).then(|| g.attention(x, k, v, mask, Attention { causal, scale }))
}

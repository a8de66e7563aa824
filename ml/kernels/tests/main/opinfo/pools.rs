//! Pooling, resampling, padding by what is there, and transposed convolution.

use gradframe_ml_core::graph::{Interpolation, Padding, Window};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use super::arguments::{Argument, Arguments, unknown};

/// The counterpart of an operator of images and signals.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let x = a.tensor(0, "")?;
    let name = op.strip_prefix("nn.functional.").unwrap_or(op);
    if let Some(axes) = name.strip_prefix("max_pool").and_then(|rest| rest.strip_suffix('d')) {
        return max_pool(g, a, x, axes.parse().map_err(|_| unknown())?);
    }
    let value = match name {
        "avg_pool1d" => avg_pool(g, a, x, 1)?,
        "avg_pool2d" => avg_pool(g, a, x, 2)?,
        "avg_pool3d" => avg_pool(g, a, x, 3)?,
        "adaptive_avg_pool1d" => adaptive(g, a, x, 1)?,
        "adaptive_avg_pool2d" => adaptive(g, a, x, 2)?,
        "adaptive_avg_pool3d" => adaptive(g, a, x, 3)?,
        "conv1d" | "conv2d" | "conv3d" => same_conv(g, a, x, usize::from(name.as_bytes()[4] - b'0'))?,
        "conv_transpose1d" => conv_transpose(g, a, x, 1)?,
        "conv_transpose2d" => conv_transpose(g, a, x, 2)?,
        "conv_transpose3d" => conv_transpose(g, a, x, 3)?,
        "max_unpool1d.grad" => unpool(g, a, x, 1)?,
        "max_unpool2d.grad" => unpool(g, a, x, 2)?,
        "max_unpool3d.grad" => unpool(g, a, x, 3)?,
        "pad.reflect" => pad(g, a, x, Padding::Reflect)?,
        "pad.replicate" | "pad.replicate_negative" => pad(g, a, x, Padding::Replicate)?,
        "pad.circular" => pad(g, a, x, Padding::Circular)?,
        "interpolate.nearest" | "upsample_nearest" => interpolate(g, a, x, |_| Interpolation::Nearest)?,
        "interpolate.nearest-exact" => interpolate(g, a, x, |_| Interpolation::NearestExact)?,
        "interpolate.area" => interpolate(g, a, x, |_| Interpolation::Area)?,
        "interpolate.linear" | "interpolate.bilinear" | "interpolate.trilinear" => {
            interpolate(g, a, x, |align_corners| Interpolation::Linear { align_corners })?
        }
        "upsample_bilinear" => interpolate(g, a, x, |_| Interpolation::Linear { align_corners: true })?,
        "interpolate.bicubic" => interpolate(g, a, x, |align_corners| Interpolation::Cubic { align_corners })?,
        "pixel_unshuffle" => unshuffled(g, x, a.integer(1, "downscale_factor", 1)? as usize)?,
        "channel_shuffle" => channels_shuffled(g, x, a.integer(1, "groups", 1)? as usize)?,
        _ => return Err(unknown()),
    };
    Ok(vec![value])
}

/// One number for each axis.
fn each(argument: &Argument, axes: usize, default: Option<usize>) -> Result<Vec<usize>> {
    let list = match (argument.is_none(), default) {
        (true, Some(n)) => return Ok(vec![n; axes]),
        _ => argument.integers().ok_or_else(unknown)?,
    };
    let list = if list.len() == 1 { vec![list[0]; axes] } else { list };
    list.iter().map(|&n| usize::try_from(n).map_err(|_| unknown())).collect()
}

/// With a batch axis, which goes again afterwards if it was not there.
fn batched(
    g: &mut Graph,
    x: NodeId,
    axes: usize,
    f: impl FnOnce(&mut Graph, NodeId) -> Result<Vec<NodeId>>,
) -> Result<Vec<NodeId>> {
    if g.ty(x).shape.rank() != axes + 1 {
        return f(g, x);
    }
    let one = g.insert_axis(x, 0)?;
    let results = f(g, one)?;
    let without = |n: NodeId, g: &mut Graph| {
        let shape = g.ty(n).shape.without(&[0]);
        g.reshape(n, &shape)
    };
    results.into_iter().map(|n| without(n, g)).collect()
}

/// Sizes, strides, paddings, dilations, and how much is added at the end so that the last window starts inside.
struct Pool {
    windows: Vec<Window>,
    extra: Vec<usize>,
}

fn pool_of(a: &Arguments, sizes: &[usize], dilated: bool) -> Result<Pool> {
    let axes = sizes.len();
    let size = each(&a.get(1, "kernel_size"), axes, None)?;
    let stride = match a.get(2, "stride") {
        Argument::None => size.clone(),
        other => each(&other, axes, Some(1))?,
    };
    let padding = each(&a.get(3, "padding"), axes, Some(0))?;
    let dilation = if dilated { each(&a.get(4, "dilation"), axes, Some(1))? } else { vec![1; axes] };
    let ceil = if dilated { a.get(5, "ceil_mode") } else { a.get(4, "ceil_mode") }.is_true();
    let window = |i: usize| Window { size: size[i], stride: stride[i], dilation: dilation[i], padding: padding[i] };
    let windows: Vec<Window> = (0..axes).map(window).collect();
    let extra = windows.iter().zip(sizes).map(|(w, &n)| if ceil { missing(w, n) } else { 0 }).collect();
    Ok(Pool { windows, extra })
}

fn missing(w: &Window, n: usize) -> usize {
    let span = w.dilation * (w.size - 1) + 1;
    let room = n + 2 * w.padding;
    let mut count = room.saturating_sub(span).div_ceil(w.stride) + 1;
    if (count - 1) * w.stride >= n + w.padding {
        count -= 1; // a window that starts beyond the axis does not count
    }
    ((count - 1) * w.stride + span).saturating_sub(room)
}

/// `value` before and after the window axes, so that no window adds any.
fn padded(g: &mut Graph, x: NodeId, pool: &Pool, value: f64) -> Result<NodeId> {
    let low: Vec<usize> = [0, 0].into_iter().chain(pool.windows.iter().map(|w| w.padding)).collect();
    let high: Vec<usize> = low.iter().zip([0, 0].iter().chain(&pool.extra)).map(|(a, b)| a + b).collect();
    let ones = g.full_like(x, 1.0)?;
    let (inside, padded) = (g.pad(ones, &low, &high)?, g.pad(x, &low, &high)?);
    let (inside, value) = (g.cast(inside, DType::Bool)?, g.scalar_like(x, value)?);
    g.select(inside, padded, value)
}

fn bare(pool: &Pool) -> Vec<Window> {
    pool.windows.iter().map(|w| Window { padding: 0, ..*w }).collect()
}

fn max_pool(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Result<Vec<NodeId>> {
    let indices = a.named("return_indices").is_true() || a.get(6, "return_indices").is_true();
    batched(g, x, axes, |g, x| {
        let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
        let pool = pool_of(a, &own[2..], true)?;
        let held = padded(g, x, &pool, f64::NEG_INFINITY)?;
        let values = g.max_pool(held, &bare(&pool))?;
        if !indices {
            return Ok(vec![values]);
        }
        // The place of each element in its image, pooled by the largest value: found again by equality with it.
        let count: usize = own[2..].iter().product();
        let places = g.iota(DType::F64, &Shape::fixed(&[count]), 0)?;
        let places = g.reshape(places, &Shape::fixed(&[&[1, 1], &own[2..]].concat()))?;
        let places = g.broadcast_to(places, &Shape::fixed(&own))?;
        let places = padded(g, places, &pool, f64::INFINITY)?;
        let stopped = g.stop_gradient(held)?;
        let (rows, numbers) = (windowed(g, stopped, &bare(&pool))?, windowed(g, places, &bare(&pool))?);
        let last = g.ty(rows).shape.rank() - 1;
        let top = g.max_keep(rows, &[last])?;
        let (hit, beyond) = (g.eq(rows, top)?, g.scalar_like(numbers, f64::INFINITY)?);
        let candidates = g.select(hit, numbers, beyond)?;
        let first = g.min_over(candidates, &[last])?;
        Ok(vec![values, g.cast(first, DType::I64)?])
    })
}

/// [B, C, n..] -> [B, C, counts.., elements of a window].
fn windowed(g: &mut Graph, x: NodeId, windows: &[Window]) -> Result<NodeId> {
    let axes = windows.len();
    let all = windows.iter().enumerate().try_fold(x, |x, (i, w)| g.unfold(x, 2 + 2 * i, *w))?;
    let perm: Vec<usize> = [0, 1].into_iter().chain((0..axes).map(|i| 2 + 2 * i)).chain((0..axes).map(|i| 3 + 2 * i)).collect();
    let ordered = g.permute(all, &perm)?;
    let elements: usize = windows.iter().map(|w| w.size).product();
    let kept = g.ty(ordered).shape.dims()[..2 + axes].to_vec();
    g.reshape(ordered, &Shape::new(kept.into_iter().chain([Dim::fixed(elements)])))
}

/// Sums of windows over a divisor: all of a window, what lies in the padded axis, what lies in the axis, or a given one.
fn avg_pool(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Result<NodeId> {
    let with_padding = !matches!(a.get(5, "count_include_pad"), Argument::Number(0.0));
    let divisor = a.get(6, "divisor_override").number();
    let result = batched(g, x, axes, |g, x| {
        let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
        let pool = pool_of(a, &own[2..], false)?;
        let held = padded(g, x, &pool, 0.0)?;
        let rows = windowed(g, held, &bare(&pool))?;
        let last = g.ty(rows).shape.rank() - 1;
        let total = g.sum(rows, &[last])?;
        let count = match divisor {
            Some(n) => g.scalar_like(x, n)?,
            None => {
                let ones = g.full_like(x, 1.0)?;
                let marks = if with_padding {
                    let inner = Pool { windows: pool.windows.clone(), extra: vec![0; axes] };
                    let whole = padded(g, ones, &inner, 1.0)?; // the padding counts, what was added for the last window not
                    let rest = Pool { windows: bare(&pool), extra: pool.extra.clone() };
                    padded(g, whole, &rest, 0.0)?
                } else {
                    padded(g, ones, &pool, 0.0)?
                };
                let rows = windowed(g, marks, &bare(&pool))?;
                g.sum(rows, &[last])?
            }
        };
        Ok(vec![g.div(total, count)?])
    })?;
    Ok(result[0])
}

fn adaptive(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Result<NodeId> {
    let sizes: Vec<Option<i64>> = match a.get(1, "output_size") {
        Argument::List(list) if list.len() == axes => list.iter().map(Argument::integer).collect(),
        Argument::List(list) if list.len() == 1 => vec![list[0].integer(); axes],
        other => vec![Some(other.integer().ok_or_else(unknown)?); axes],
    };
    let first = g.ty(x).shape.rank() - axes;
    sizes.into_iter().enumerate().try_fold(x, |x, (i, size)| match size {
        Some(n) => g.interpolate(x, first + i, n as usize, Interpolation::Area, None),
        None => Ok(x),
    })
}

/// A convolution whose padding is a word.
fn same_conv(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Result<NodeId> {
    let w = a.tensor(1, "weight")?;
    let word = a.text(4, "padding").ok_or_else(unknown)?;
    let sizes = g.ty(w).shape.as_fixed().ok_or_else(unknown)?[2..].to_vec();
    let dilation = each(&a.get(5, "dilation"), axes, Some(1))?;
    let stride = each(&a.get(3, "stride"), axes, Some(1))?;
    let (mut low, mut high) = (vec![0; axes + 2], vec![0; axes + 2]);
    for i in 0..axes {
        let total = if word == "same" { dilation[i] * (sizes[i] - 1) } else { 0 };
        (low[i + 2], high[i + 2]) = (total / 2, total - total / 2);
    }
    let window = |i: usize| Window { size: sizes[i], stride: stride[i], dilation: dilation[i], padding: 0 };
    let windows: Vec<Window> = (0..axes).map(window).collect();
    let (groups, bias) = (a.integer(6, "groups", 1)? as usize, a.get(2, "bias").node());
    let result = batched(g, x, axes, |g, x| {
        let padded = g.pad(x, &low, &high)?;
        let y = g.conv(padded, w, &windows, groups)?;
        Ok(vec![with_bias(g, y, bias, axes)?])
    })?;
    Ok(result[0])
}

fn with_bias(g: &mut Graph, y: NodeId, bias: Option<NodeId>, axes: usize) -> Result<NodeId> {
    let Some(bias) = bias else { return Ok(y) };
    let ones = std::iter::repeat_n(Dim::fixed(1), axes);
    let shape = Shape::new(g.ty(bias).shape.dims().to_vec().into_iter().chain(ones));
    let bias = g.reshape(bias, &shape)?;
    g.add(y, bias)
}

fn conv_transpose(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Result<NodeId> {
    let w = a.tensor(1, "weight")?;
    let sizes = g.ty(w).shape.as_fixed().ok_or_else(unknown)?[2..].to_vec();
    let stride = each(&a.get(3, "stride"), axes, Some(1))?;
    let padding = each(&a.get(4, "padding"), axes, Some(0))?;
    let extra = each(&a.get(5, "output_padding"), axes, Some(0))?;
    let groups = a.integer(6, "groups", 1)? as usize;
    let dilation = each(&a.get(7, "dilation"), axes, Some(1))?;
    let window = |i: usize| Window { size: sizes[i], stride: stride[i], dilation: dilation[i], padding: padding[i] };
    let windows: Vec<Window> = (0..axes).map(window).collect();
    let bias = a.get(2, "bias").node();
    let result = batched(g, x, axes, |g, x| {
        let y = g.conv_transpose(x, w, &windows, &extra, groups)?;
        Ok(vec![with_bias(g, y, bias, axes)?])
    })?;
    Ok(result[0])
}

/// Each value back at the place it came from, zeros elsewhere.
fn unpool(g: &mut Graph, a: &Arguments, x: NodeId, axes: usize) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let sizes = a.sizes(9, "output_size")?;
    let first = own.len() - axes;
    let outer: usize = own[..first].iter().product();
    let count: usize = own[first..].iter().product();
    let whole = &sizes[sizes.len() - axes..];
    let places = g.reshape(a.tensor(1, "indices")?, &Shape::fixed(&[outer, count]))?;
    let values = g.reshape(x, &Shape::fixed(&[outer, count]))?;
    let empty =
        g.constant(Tensor::from_vec(&[outer, whole.iter().product()], vec![0.0; outer * whole.iter().product::<usize>()])?);
    let written = g.put_along(empty, places, values, 1)?;
    g.reshape(written, &Shape::fixed(&[&own[..first], whole].concat()))
}

/// Amounts before and after, the last axis first; a negative amount cuts.
fn pad(g: &mut Graph, a: &Arguments, x: NodeId, how: Padding) -> Result<NodeId> {
    let amounts = a.get(1, "pad").integers().ok_or_else(unknown)?;
    let rank = g.ty(x).shape.rank();
    amounts.chunks(2).enumerate().try_fold(x, |x, (i, pair)| {
        let at = rank - 1 - i;
        let n = g.ty(x).shape.dims()[at].as_fixed().ok_or_else(unknown)? as i64;
        // A cut never leaves nothing: what is added is taken of the elements that were there.
        let (low, high) = (pair[0], pair[1]);
        if low >= 0 && high >= 0 {
            return g.pad_by(x, at, low as usize, high as usize, how);
        }
        let places: Vec<i64> = (-low..n + high).map(|i| i.clamp(0, n - 1)).collect();
        let places = g.constant(Tensor::from_vec(&[places.len()], places)?);
        g.gather(x, places, at)
    })
}

fn interpolate(g: &mut Graph, a: &Arguments, x: NodeId, how: impl Fn(bool) -> Interpolation) -> Result<NodeId> {
    if a.named("scale_factor").number().is_some() {
        return Err(unknown());
    }
    let sizes = a.sizes(1, "size")?;
    let how = how(a.named("align_corners").is_true());
    sizes.into_iter().enumerate().try_fold(x, |x, (i, n)| g.interpolate(x, 2 + i, n, how, None))
}

/// [.., C, H r, W r] -> [.., C r^2, H, W].
fn unshuffled(g: &mut Graph, x: NodeId, r: usize) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let [lead @ .., c, h, w] = &own[..] else { return Err(unknown()) };
    let outer: usize = lead.iter().product();
    let split = g.reshape(x, &Shape::fixed(&[outer, *c, h / r, r, w / r, r]))?;
    let moved = g.permute(split, &[0, 1, 3, 5, 2, 4])?;
    g.reshape(moved, &Shape::fixed(&[lead, &[c * r * r, h / r, w / r]].concat()))
}

fn channels_shuffled(g: &mut Graph, x: NodeId, groups: usize) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let split = g.reshape(x, &Shape::fixed(&[&[own[0], groups, own[1] / groups], &own[2..]].concat()))?;
    let moved = g.move_axis(split, 1, 2)?;
    g.reshape(moved, &Shape::fixed(&own))
}

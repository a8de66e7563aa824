//! Other shapes, orders and parts of the same elements.

use gradframe_ml_core::graph::Window;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};

use super::Built;
use super::arguments::{Arguments, axis};

/// The counterpart of a view or a rearrangement.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    joined(op, g, a).or_else(|| parts(op, g, a)).or_else(|| viewed(op, g, a).map(|r| r.map(|n| vec![n])))
}

fn sizes(g: &Graph, x: NodeId) -> Option<Vec<usize>> {
    g.ty(x).shape.as_fixed()
}

fn joined(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    let nodes = a.all_nodes();
    let first = *nodes.first()?;
    let rank = g.ty(first).shape.rank();
    let dim = a.get(1, "dim").integer().unwrap_or(0);
    let joined = match op {
        "cat" if nodes.iter().all(|&n| g.ty(n).shape.rank() == rank) => g.concat(&nodes, axis(dim, rank)?),
        "stack" => g.stack(&nodes, axis(dim, rank + 1)?),
        "hstack" if rank > 0 => g.concat(&nodes, usize::from(rank > 1)),
        "vstack" if rank > 1 => g.concat(&nodes, 0),
        "dstack" if rank > 2 => g.concat(&nodes, 2),
        "column_stack" if rank > 1 => g.concat(&nodes, 1),
        _ => return None,
    };
    Some(joined.map(|n| vec![n]))
}

fn parts(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    let x = a.node(0)?;
    let own = sizes(g, x)?;
    let at = axis(a.get(if op.starts_with("unbind") { 1 } else { 2 }, "dim").integer().unwrap_or(0), own.len())?;
    let n = *own.get(at)?;
    let lengths: Vec<usize> = match op {
        "split" | "split.list_args" | "unsafe_split" | "split_with_sizes" | "split_with_sizes_copy" => {
            match a.get(1, "").integers()?[..] {
                [one] if a.get(1, "").integer().is_some() => pieces(n, one as usize),
                ref list => list.iter().map(|&l| l as usize).collect(),
            }
        }
        "chunk" | "unsafe_chunk" => pieces(n, n.div_ceil(a.get(1, "chunks").integer()? as usize)),
        "unbind" | "unbind_copy" => vec![1; n],
        _ => return None,
    };
    let mut start = 0;
    let cut = |length: usize| {
        let part = g.slice_axis(x, at, start, Dim::fixed(start + length))?;
        start += length;
        if !op.starts_with("unbind") {
            return Ok(part);
        }
        let shape = g.ty(part).shape.without(&[at]);
        g.reshape(part, &shape)
    };
    Some(lengths.into_iter().map(cut).collect())
}

fn pieces(whole: usize, each: usize) -> Vec<usize> {
    (0..whole).step_by(each.max(1)).map(|at| each.min(whole - at)).collect()
}

fn viewed(op: &str, g: &mut Graph, a: &Arguments) -> Option<Result<NodeId>> {
    let x = a.node(0)?;
    let own = sizes(g, x)?;
    let rank = own.len();
    let list = |place: usize, name: &str| a.get(place, name).integers();
    let at = |place: usize, name: &str| axis(a.get(place, name).integer()?, rank);
    let fixed = |sizes: &[usize]| Shape::fixed(sizes);
    Some(match op {
        "reshape" | "view" | "view_copy" => g.reshape(x, &fixed(&wanted(&own, &list(1, "shape")?)?)),
        "reshape_as" | "view_as" => {
            let shape = g.ty(a.node(1)?).shape.clone();
            g.reshape(x, &shape)
        }
        "expand" | "expand_copy" | "broadcast_to" => {
            let asked = list(1, "size")?;
            let lead = asked.len().checked_sub(rank)?;
            let size = |(i, &n): (usize, &i64)| if n < 0 { own[i - lead] } else { n as usize };
            g.broadcast_to(x, &fixed(&asked.iter().enumerate().map(size).collect::<Vec<_>>()))
        }
        "expand_as" => {
            let shape = g.ty(a.node(1)?).shape.clone();
            g.broadcast_to(x, &shape)
        }
        "ravel" => g.reshape(x, &fixed(&[own.iter().product()])),
        "permute" | "permute_copy" => g.permute(x, &list(1, "dims")?.iter().map(|&d| axis(d, rank)).collect::<Option<Vec<_>>>()?),
        "transpose" | "transpose_copy" => {
            let mut perm: Vec<usize> = (0..rank).collect();
            perm.swap(at(1, "dim0")?, at(2, "dim1")?);
            g.permute(x, &perm)
        }
        "t" | "t_copy" | "T" | "H" | "mT" | "mH" if rank == 2 => g.transpose(x),
        "mT" | "mH" if rank > 2 => g.transpose(x),
        "t" | "t_copy" | "T" if rank < 2 => Ok(x),
        "unsqueeze" | "unsqueeze_copy" => g.insert_axis(x, axis(a.get(1, "dim").integer()?, rank + 1)?),
        "squeeze" | "squeeze_copy" | "squeeze.multiple" => {
            let axes: Vec<usize> = match list(1, "dim") {
                Some(dims) => dims.iter().map(|&d| axis(d, rank)).collect::<Option<_>>()?,
                None => (0..rank).collect(),
            };
            let kept = (0..rank).filter(|i| !(axes.contains(i) && own[*i] == 1)).map(|i| own[i]).collect::<Vec<_>>();
            g.reshape(x, &fixed(&kept))
        }
        "flip" => g.flip(x, &list(1, "dims")?.iter().map(|&d| axis(d, rank)).collect::<Option<Vec<_>>>()?),
        "fliplr" => g.flip(x, &[1]),
        "flipud" => g.flip(x, &[0]),
        "narrow" | "narrow_copy" if a.node(2).is_none() => {
            let (at, start) = (at(1, "dim")?, a.get(2, "start").integer()?);
            let start = if start < 0 { start + own[at] as i64 } else { start } as usize;
            g.slice_axis(x, at, start, Dim::fixed(start + a.get(3, "length").integer()? as usize))
        }
        "select" => {
            let (at, place) = (at(1, "dim")?, a.get(2, "index").integer()?);
            let place = if place < 0 { place + own[at] as i64 } else { place } as usize;
            let shape = g.ty(x).shape.without(&[at]);
            g.slice_axis(x, at, place, Dim::fixed(place + 1)).and_then(|p| g.reshape(p, &shape))
        }
        "movedim" => {
            let (from, to) = (list(1, "source")?, list(2, "destination")?);
            let (from, to) = match (&from[..], &to[..]) {
                (&[from], &[to]) => (axis(from, rank)?, axis(to, rank)?),
                _ => return None,
            };
            g.move_axis(x, from, to)
        }
        "index_select" if rank > 0 => g.gather(x, a.node(2)?, at(1, "dim")?),
        "take_along_dim" if a.places() == 3 => {
            let (places, at) = (a.node(1)?, at(2, "dim")?);
            same_but(g, x, places, at)?;
            g.take_along(x, places, at)
        }
        "gather" => {
            let (at, places) = (at(1, "dim")?, a.node(2)?);
            same_but(g, x, places, at)?;
            g.cast(places, DType::I64).and_then(|places| g.take_along(x, places, at))
        }
        "roll" if a.get(1, "shifts").integer().is_some() => {
            rolled(g, x, a.get(1, "shifts").integer()?, a.get(2, "dims").integer(), &own)
        }
        "tile" | "repeat" => repeated(g, x, &list(1, "dims").or_else(|| list(1, "repeats"))?, &own),
        "atleast_1d" if a.places() == 1 && !is_list(a) => {
            if rank == 0 {
                g.insert_axis(x, 0)
            } else {
                Ok(x)
            }
        }
        "flatten" => {
            let first = axis(a.get(1, "start_dim").integer().unwrap_or(0), rank)?;
            let last = axis(a.get(2, "end_dim").integer().unwrap_or(-1), rank)?;
            if rank == 0 {
                return Some(g.insert_axis(x, 0));
            }
            let middle: usize = own[first..=last].iter().product();
            g.reshape(x, &fixed(&[&own[..first], &[middle], &own[last + 1..]].concat()))
        }
        "unflatten" => {
            let at = at(1, "dim")?;
            let middle = wanted(&[own[at]], &list(2, "sizes")?)?;
            g.reshape(x, &fixed(&[&own[..at], &middle, &own[at + 1..]].concat()))
        }
        "diff" if a.places() == 1 && a.names_are(&[]) && rank > 0 => difference(g, x, rank - 1, own[rank - 1]),
        "nn.functional.pixel_shuffle" => shuffled(g, x, &own, a.get(1, "upscale_factor").integer()? as usize),
        "constant_pad_nd" | "nn.functional.pad.constant" => {
            padded(g, x, &own, &list(1, "pad")?, a.get(if op.starts_with("c") { 2 } else { 3 }, "value").number().unwrap_or(0.0))?
        }
        "diagonal" | "diagonal_copy" | "linalg.diagonal" if rank == 2 && a.places() == 1 && a.names_are(&[]) => {
            diagonal(g, x, &own)
        }
        "tril" | "triu" if rank >= 2 => triangle(g, x, a.get(1, "diagonal").integer().unwrap_or(0), op == "tril"),
        "trace" => trace(g, x),
        "unfold" | "unfold_copy" if rank > 0 => {
            let (at, size, stride) = (at(1, "dimension")?, a.get(2, "size").integer()?, a.get(3, "step").integer()?);
            let window = Window { stride: stride as usize, ..Window::of(size as usize) };
            g.unfold(x, at, window).and_then(|w| g.move_axis(w, at + 1, rank))
        }
        "nn.functional.one_hot" => {
            g.one_hot(x, &Dim::fixed(a.get(1, "num_classes").integer().filter(|&n| n > 0)? as usize), DType::I64)
        }
        "nn.functional.embedding" if a.names_are(&[]) && a.places() == 2 => g.gather(x, a.node(1)?, 0),
        _ => return None,
    })
}

fn same_but(g: &Graph, x: NodeId, places: NodeId, at: usize) -> Option<()> {
    let (x, places) = (&g.ty(x).shape, &g.ty(places).shape);
    (x.rank() == places.rank() && x.without(&[at]) == places.without(&[at])).then_some(())
}

/// The sizes asked for, with the one that is -1 found.
fn wanted(own: &[usize], asked: &[i64]) -> Option<Vec<usize>> {
    let known: usize = asked.iter().filter(|&&n| n >= 0).map(|&n| n as usize).product();
    let all: usize = own.iter().product();
    asked.iter().map(|&n| if n < 0 { all.checked_div(known) } else { Some(n as usize) }).collect()
}

fn triangle(g: &mut Graph, x: NodeId, diagonal: i64, lower: bool) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let rank = shape.rank();
    let square = Shape::new(shape.dims()[rank - 2..].iter().cloned());
    let (row, column) = (g.iota(DType::I64, &square, 0)?, g.iota(DType::I64, &square, 1)?);
    let (shift, zero) = (g.scalar(DType::I64, diagonal as f64)?, g.scalar_like(x, 0.0)?);
    let edge = g.add(row, shift)?;
    let kept = if lower { g.le(column, edge)? } else { g.ge(column, edge)? };
    g.select(kept, x, zero)
}

fn trace(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let (row, column) = (g.iota(DType::I64, &shape, 0)?, g.iota(DType::I64, &shape, 1)?);
    let (same, zero) = (g.eq(row, column)?, g.scalar_like(x, 0.0)?);
    let diagonal = g.select(same, x, zero)?;
    g.sum_all(diagonal)
}

fn is_list(a: &Arguments) -> bool {
    matches!(a.get(0, ""), super::arguments::Argument::List(_))
}

fn rolled(g: &mut Graph, x: NodeId, shift: i64, dim: Option<i64>, own: &[usize]) -> Result<NodeId> {
    let whole = g.ty(x).shape.clone();
    let flat = dim.is_none() || own.is_empty();
    let (line, at) = if flat {
        (g.reshape(x, &Shape::fixed(&[own.iter().product()]))?, 0)
    } else {
        (x, axis(dim.unwrap_or(0), own.len()).unwrap_or(0))
    };
    let n = g.ty(line).shape.dims()[at].as_fixed().unwrap_or(0);
    if n == 0 {
        return Ok(x);
    }
    let cut = (n as i64 - shift).rem_euclid(n as i64) as usize;
    let (last, first) = (g.slice_axis(line, at, cut, Dim::fixed(n))?, g.slice_axis(line, at, 0, Dim::fixed(cut))?);
    let turned = g.concat(&[last, first], at)?;
    g.reshape(turned, &whole)
}

fn repeated(g: &mut Graph, x: NodeId, times: &[i64], own: &[usize]) -> Result<NodeId> {
    let rank = own.len().max(times.len());
    let lead = |list: Vec<usize>| [vec![1; rank - list.len()], list].concat();
    let (own, times) = (lead(own.to_vec()), lead(times.iter().map(|&n| n as usize).collect()));
    let mut y = g.reshape(x, &Shape::fixed(&own))?;
    for (at, &count) in times.iter().enumerate() {
        y = g.concat(&vec![y; count.max(1)], at)?;
        if count == 0 {
            y = g.slice_axis(y, at, 0, Dim::fixed(0))?;
        }
    }
    Ok(y)
}

fn difference(g: &mut Graph, x: NodeId, at: usize, n: usize) -> Result<NodeId> {
    let (later, earlier) = (g.slice_axis(x, at, 1, Dim::fixed(n))?, g.slice_axis(x, at, 0, Dim::fixed(n - 1))?);
    g.sub(later, earlier)
}

/// [.., C r^2, H, W] -> [.., C, H r, W r].
fn shuffled(g: &mut Graph, x: NodeId, own: &[usize], r: usize) -> Result<NodeId> {
    let lead = own.len() - 3;
    let (c, h, w) = (own[lead] / (r * r), own[lead + 1], own[lead + 2]);
    let outer: usize = own[..lead].iter().product();
    let split = g.reshape(x, &Shape::fixed(&[outer, c, r, r, h, w]))?;
    let moved = g.permute(split, &[0, 1, 4, 2, 5, 3])?;
    g.reshape(moved, &Shape::fixed(&[&own[..lead], &[c, h * r, w * r]].concat()))
}

/// Amounts before and after, the last axis first; negative ones cut.
fn padded(g: &mut Graph, x: NodeId, own: &[usize], amounts: &[i64], value: f64) -> Option<Result<NodeId>> {
    if amounts.iter().any(|&n| n < 0) {
        return None;
    }
    let (mut low, mut high) = (vec![0; own.len()], vec![0; own.len()]);
    for (i, pair) in amounts.chunks(2).enumerate() {
        let at = own.len().checked_sub(i + 1)?;
        (low[at], high[at]) = (pair[0] as usize, *pair.get(1)? as usize);
    }
    Some((|| {
        let shifted = g.scalar_like(x, value)?;
        let centred = g.sub(x, shifted)?;
        let padded = g.pad(centred, &low, &high)?;
        g.add(padded, shifted)
    })())
}

fn diagonal(g: &mut Graph, x: NodeId, own: &[usize]) -> Result<NodeId> {
    let n = own[0].min(own[1]);
    let flat = g.reshape(x, &Shape::fixed(&[own[0] * own[1]]))?;
    let places = g.iota(DType::I64, &Shape::fixed(&[n]), 0)?;
    let step = g.scalar(DType::I64, (own[1] + 1) as f64)?;
    let places = g.mul(places, step)?;
    g.gather(flat, places, 0)
}

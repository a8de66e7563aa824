//! Reading and writing by index, and rearrangements that need more than a view.

use gradframe_ml_core::graph::ScatterOp;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use super::arguments::{Argument, Arguments, axis, unknown};

/// The counterpart of an operator that writes or reads by index.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let x = a.tensor(0, "")?;
    match op {
        "meshgrid.variadic_tensors" | "meshgrid.list_of_tensors" => {
            let shape = Shape::fixed(&[1]);
            let nodes = a.all_nodes();
            if nodes.len() != 1 {
                return Err(unknown());
            }
            return g.reshape(nodes[0], &shape).map(|n| vec![n]);
        }
        "broadcast_tensors" => {
            let nodes = a.all_nodes();
            let shape = g.broadcast_shape(op, &nodes)?;
            return nodes.into_iter().map(|n| g.broadcast_to(n, &shape)).collect();
        }
        "tensor_split" | "hsplit" | "vsplit" | "dsplit" => return split(op, g, a, x),
        "unravel_index" => return unraveled(g, a, x),
        _ => {}
    }
    written(op, g, a, x).or_else(|_| moved(op, g, a, x)).map(|n| vec![n])
}

fn written(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    match op {
        "scatter" if a.text(4, "reduce").is_none() => {
            let places = a.tensor(2, "")?;
            let source = match a.get(3, "src") {
                Argument::Node(node) => node,
                Argument::Number(n) => {
                    let shape = g.ty(places).shape.clone();
                    g.full(&gradframe_ml_core::graph::Type::new(DType::F64, shape), n)?
                }
                _ => return Err(unknown()),
            };
            let source = cut_to(g, source, places)?;
            g.put_along(x, places, source, a.axis(1, "dim", 0, rank)?)
        }
        "scatter_add" => {
            let (places, source) = (a.tensor(2, "")?, a.tensor(3, "")?);
            let source = cut_to(g, source, places)?;
            let folded = g.fold_along(ScatterOp::Sum, x, places, source, a.axis(1, "dim", 0, rank)?)?;
            g.add(x, folded)
        }
        _ if op.starts_with("scatter_reduce.") => {
            let (places, source) = (a.tensor(2, "")?, a.tensor(3, "")?);
            let source = cut_to(g, source, places)?;
            folded(op, g, x, places, source, a.axis(1, "dim", 0, rank)?, keeps_self(a))
        }
        _ if op.starts_with("index_reduce.") => {
            let (x, at, places, source) = by_rows(g, a, x)?;
            let result = folded(op, g, x, places, source, at, keeps_self(a))?;
            back(g, a, result)
        }
        "index_add" => {
            let (line, at, places, source) = by_rows(g, a, x)?;
            let scaled = g.scaled_by(source, a.number(9, "alpha", 1.0)?)?;
            let folded = g.fold_along(ScatterOp::Sum, line, places, scaled, at)?;
            let result = g.add(line, folded)?;
            back(g, a, result)
        }
        "index_copy" => {
            let (line, at, places, source) = by_rows(g, a, x)?;
            let result = g.put_along(line, places, source, at)?;
            back(g, a, result)
        }
        "index_fill" => {
            let value = match a.get(3, "value") {
                Argument::Node(node) => node,
                other => g.scalar(DType::F64, other.number().ok_or_else(unknown)?)?,
            };
            let line = if rank == 0 { g.insert_axis(x, 0)? } else { x };
            let at = a.axis(1, "dim", 0, rank)?;
            let size = g.ty(line).shape.dims()[at].clone();
            let hot = g.one_hot(a.tensor(2, "")?, &size, DType::I64)?; // [picked, n]
            let count = g.sum(hot, &[0])?;
            let hit = g.cast(count, DType::Bool)?;
            let after = g.ty(line).shape.rank() - at - 1;
            let shape = Shape::new([size].into_iter().chain(std::iter::repeat_n(Dim::fixed(1), after)));
            let hit = g.reshape(hit, &shape)?;
            let result = g.select(hit, value, line)?;
            back(g, a, result)
        }
        "put" => {
            let own = g.ty(x).shape.clone();
            let (places, values) = (a.tensor(1, "")?, a.tensor(2, "")?);
            let line = flat(g, x)?;
            let result = if a.get(3, "accumulate").is_true() {
                let folded = g.fold_along(ScatterOp::Sum, line, places, values, 0)?;
                g.add(line, folded)?
            } else {
                g.put_along(line, places, values, 0)?
            };
            g.reshape(result, &own)
        }
        "select_scatter" => {
            let (part, at, place) = (a.tensor(1, "")?, a.axis(2, "dim", 0, rank)?, a.integer(3, "index", 0)?);
            let part = g.insert_axis(part, at)?;
            let start = g.scalar(DType::I64, place as f64)?;
            g.dyn_update(x, part, start, at)
        }
        "diagonal_scatter" => {
            let offset = a.integer(2, "offset", 0)?;
            let [m, n] = g.ty(x).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
            let ones = g.full_like(x, 1.0)?;
            let (upper, lower) = (g.triu(ones, offset)?, g.tril(ones, offset)?);
            let hit = g.mul(upper, lower)?;
            let hit = g.cast(hit, DType::Bool)?;
            let table = g.diag_embed(a.tensor(1, "")?, offset)?;
            let table = g.corner(table, m, n)?;
            g.select(hit, table, x)
        }
        "masked_scatter" => masked_scatter(g, a, x),
        "native_dropout_backward" => {
            let mask = g.cast(a.tensor(1, "")?, DType::F64)?;
            let held = g.mul(x, mask)?;
            g.scaled_by(held, a.number(2, "scale", 1.0)?)
        }
        _ => Err(unknown()),
    }
}

/// The first elements of each axis, as many as `like` has.
fn cut_to(g: &mut Graph, x: NodeId, like: NodeId) -> Result<NodeId> {
    let sizes = g.ty(like).shape.clone();
    (0..sizes.rank()).try_fold(x, |x, at| g.slice_axis(x, at, 0, sizes.dims()[at].clone()))
}

fn keeps_self(a: &Arguments) -> bool {
    a.named("include_self").is_none() || a.named("include_self").is_true()
}

/// Operand, axis, places and values of a write of whole rows, with a single number as a line of one.
fn by_rows(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<(NodeId, usize, NodeId, NodeId)> {
    let rank = g.ty(x).shape.rank();
    let (places, source) = (a.tensor(2, "")?, a.tensor(3, "")?);
    let at = a.axis(1, "dim", 0, rank)?;
    let line = if rank == 0 { g.insert_axis(x, 0)? } else { x };
    let source = if g.ty(source).shape.rank() == 0 { g.insert_axis(source, 0)? } else { source };
    let shape = g.ty(source).shape.clone();
    let after = shape.rank() - at - 1;
    let column = Shape::new(g.ty(places).shape.dims().iter().cloned().chain(std::iter::repeat_n(Dim::fixed(1), after)));
    let places = g.reshape(places, &column)?;
    let places = g.broadcast_to(places, &shape)?;
    Ok((line, at, places, source))
}

fn back(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let shape = g.ty(a.tensor(0, "")?).shape.clone();
    g.reshape(x, &shape)
}

/// Values for one place folded by the operator's last word, with or without what is there.
fn folded(op: &str, g: &mut Graph, x: NodeId, places: NodeId, source: NodeId, at: usize, own: bool) -> Result<NodeId> {
    let count = g.count_along(x, places, at)?;
    let zero = g.scalar(DType::I64, 0.0)?;
    let written = g.gt(count, zero)?;
    let how = op.rsplit('.').next().unwrap_or_default();
    let value = match how {
        "sum" | "mean" => {
            let total = g.fold_along(ScatterOp::Sum, x, places, source, at)?;
            let total = if own { g.add(total, x)? } else { total };
            let count = g.cast(count, DType::F64)?;
            let count = if own { g.plus_number(count, 1.0)? } else { count };
            if how == "mean" { g.div(total, count)? } else { total }
        }
        "prod" => product(g, x, places, source, at, own)?,
        "amax" | "amin" => {
            let with_own = if own { (g.concat_own(x, places, source, at)?, true) } else { ((places, source), false) };
            let ((places, source), _) = with_own;
            let op = if how == "amax" { ScatterOp::Max } else { ScatterOp::Min };
            g.fold_along(op, x, places, source, at)?
        }
        _ => return Err(unknown()),
    };
    g.select(written, value, x)
}

/// The places and values of what is there, joined with those that are written.
trait ConcatOwn {
    fn concat_own(&mut self, x: NodeId, places: NodeId, source: NodeId, at: usize) -> Result<(NodeId, NodeId)>;
}

impl ConcatOwn for Graph {
    fn concat_own(&mut self, x: NodeId, places: NodeId, source: NodeId, at: usize) -> Result<(NodeId, NodeId)> {
        let sizes = self.ty(source).shape.clone();
        let own = (0..sizes.rank()).filter(|&i| i != at).try_fold(x, |x, i| self.slice_axis(x, i, 0, sizes.dims()[i].clone()))?;
        let shape = self.ty(own).shape.clone();
        let own_places = self.iota(DType::I64, &shape, at)?;
        let places = self.cast(places, DType::I64)?;
        Ok((self.concat(&[own_places, places], at)?, self.concat(&[own, source], at)?))
    }
}

/// By a table of which value goes where: [n, m] for each line.
fn product(g: &mut Graph, x: NodeId, places: NodeId, source: NodeId, at: usize, own: bool) -> Result<NodeId> {
    let n = g.ty(x).shape.dims()[at].clone();
    let cut = {
        let sizes = g.ty(source).shape.clone();
        (0..sizes.rank()).filter(|&i| i != at).all(|i| sizes.dims()[i] == g.ty(x).shape.dims()[i])
    };
    if !cut {
        return Err(unknown());
    }
    let hot = g.one_hot(places, &n, DType::I64)?; // [.., m, .., n]
    let hit = g.cast(hot, DType::Bool)?;
    let rank = g.ty(x).shape.rank();
    let column = g.insert_axis(source, rank)?;
    let one = g.scalar_like(source, 1.0)?;
    let table = g.select(hit, column, one)?;
    let product = g.prod(table, &[at])?; // [.., .., n]
    let product = g.move_axis(product, rank - 1, at)?;
    if own { g.mul(product, x) } else { Ok(product) }
}

fn masked_scatter(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let own = g.ty(x).shape.clone();
    let mask = g.broadcast_to(a.tensor(1, "")?, &own)?;
    let source = flat(g, a.tensor(2, "")?)?;
    let mask = flat(g, mask)?;
    let marks = g.cast(mask, DType::I64)?;
    let places = g.cumsum(marks, 0)?;
    let places = g.plus_number(places, -1.0)?;
    let picked = g.gather(source, places, 0)?;
    let line = flat(g, x)?;
    let result = g.select(mask, picked, line)?;
    g.reshape(result, &own)
}

fn flat(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let count: usize = g.ty(x).shape.as_fixed().ok_or_else(unknown)?.iter().product();
    g.reshape(x, &Shape::fixed(&[count]))
}

fn moved(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let rank = own.len();
    match op {
        "take" => {
            let (line, places) = (flat(g, x)?, a.tensor(1, "")?);
            let size = g.scalar(DType::I64, own.iter().product::<usize>() as f64)?;
            let places = g.floor_mod(places, size)?; // negative ones count from the end
            g.gather(line, places, 0)
        }
        "index_select" => {
            let line = if rank == 0 { g.insert_axis(x, 0)? } else { x };
            let picked = g.gather(line, a.tensor(2, "")?, a.axis(1, "dim", 0, rank)?)?;
            if rank == 0 { g.reshape(picked, &Shape::scalar()) } else { Ok(picked) }
        }
        "take_along_dim" => {
            let (places, at) = (a.tensor(1, "")?, a.axis(2, "dim", 0, rank)?);
            let shape = g.ty(x).shape.with(at, g.ty(places).shape.dims()[at].clone());
            let places = g.broadcast_to(places, &shape)?;
            g.take_along(x, places, at)
        }
        "gather" => {
            let (at, places) = (a.axis(1, "dim", 0, rank)?, a.tensor(2, "")?);
            let shape = g.ty(places).shape.clone();
            let cut = (0..rank).filter(|&i| i != at).try_fold(x, |x, i| g.slice_axis(x, i, 0, shape.dims()[i].clone()))?;
            let places = g.cast(places, DType::I64)?;
            g.take_along(cut, places, at)
        }
        "as_strided" | "as_strided.partial_views" | "as_strided_copy" => {
            let (sizes, strides) = (a.sizes(1, "size")?, a.sizes(2, "stride")?);
            let line = flat(g, x)?;
            let places = strided(g, &sizes, &strides, a.integer(3, "storage_offset", 0)?)?;
            g.gather(line, places, 0)
        }
        "repeat_interleave" => {
            let times = a.integer(1, "repeats", 1)? as usize;
            let (line, at) = match a.get(2, "dim").integer() {
                Some(d) => (x, axis(d, rank).ok_or_else(unknown)?),
                None => (flat(g, x)?, 0),
            };
            let repeated = g.repeat_axis(line, at + 1, &Dim::fixed(times))?;
            let n = g.ty(line).shape.dims()[at].as_fixed().ok_or_else(unknown)?;
            let shape = g.ty(line).shape.with(at, Dim::fixed(n * times));
            g.reshape(repeated, &shape)
        }
        "unfold" | "unfold_copy" if rank == 0 => g.reshape(x, &Shape::fixed(&[1])),
        "diag" if rank == 1 => g.diag_embed(x, a.integer(1, "diagonal", 0)?),
        "diag" => g.diagonal(x, a.integer(1, "diagonal", 0)?),
        "diag_embed" => g.diag_embed(x, a.integer(1, "offset", 0)?),
        "diagflat" => {
            let line = flat(g, x)?;
            g.diag_embed(line, a.integer(1, "offset", 0)?)
        }
        "diagonal" | "diagonal_copy" | "linalg.diagonal" if rank == 2 => g.diagonal(x, a.integer(1, "offset", 0)?),
        "slice" => {
            let at = a.axis(1, "dim", 0, rank)?;
            if a.places() > 2 { Err(unknown()) } else { g.slice_axis(x, at, 0, Dim::fixed(own[at])) }
        }
        "narrow" => {
            let (at, length) = (a.axis(1, "dim", 0, rank)?, a.integer(3, "length", 0)?);
            match a.get(2, "start") {
                Argument::Node(start) => g.dyn_slice(x, start, at, &Dim::fixed(length as usize)),
                _ => Err(unknown()),
            }
        }
        "rot90" => {
            let (turns, dims) = (a.integer(1, "k", 1)?, a.get(2, "dims").integers().unwrap_or(vec![0, 1]));
            let dims = [axis(dims[0], rank).ok_or_else(unknown)?, axis(dims[1], rank).ok_or_else(unknown)?];
            (0..turns.rem_euclid(4)).try_fold(x, |x, _| {
                let flipped = g.flip(x, &[dims[1]])?;
                let mut perm: Vec<usize> = (0..rank).collect();
                perm.swap(dims[0], dims[1]);
                g.permute(flipped, &perm)
            })
        }
        "roll" => {
            let (shifts, dims) = (a.get(1, "shifts").integers(), a.get(2, "dims").integers());
            let (shifts, dims) = (shifts.ok_or_else(unknown)?, dims.ok_or_else(unknown)?);
            shifts.iter().zip(&dims).try_fold(x, |x, (&shift, &d)| {
                let at = axis(d, rank).ok_or_else(unknown)?;
                let n = own[at];
                let cut = if n == 0 { 0 } else { (n as i64 - shift).rem_euclid(n as i64) as usize };
                let (tail, head) = (g.slice_axis(x, at, cut, Dim::fixed(n))?, g.slice_axis(x, at, 0, Dim::fixed(cut))?);
                g.concat(&[tail, head], at)
            })
        }
        "movedim" => {
            let (from, to) = (a.sizes(1, "source")?, a.sizes(2, "destination")?);
            let mut perm = vec![usize::MAX; rank];
            from.iter().zip(&to).for_each(|(&f, &t)| perm[t] = f);
            let mut rest = (0..rank).filter(|i| !from.contains(i));
            perm.iter_mut().filter(|p| **p == usize::MAX).for_each(|p| *p = rest.next().unwrap_or(0));
            g.permute(x, &perm)
        }
        "squeeze.multiple" => Ok(x),
        "atleast_2d" | "atleast_3d" if rank >= 3 => Ok(x),
        "cartesian_prod" => cartesian(g, &a.all_nodes()),
        "combinations" if a.integer(1, "r", 2)? == 1 => g.insert_axis(x, 1),
        "block_diag" => block_diagonal(g, &a.all_nodes()),
        "vstack" | "hstack" | "dstack" | "column_stack" => stacked(op, g, &a.all_nodes()),
        _ => Err(unknown()),
    }
}

fn strided(g: &mut Graph, sizes: &[usize], strides: &[usize], offset: i64) -> Result<NodeId> {
    let shape = Shape::fixed(sizes);
    let mut places = g.full(&gradframe_ml_core::graph::Type::new(DType::I64, shape.clone()), offset as f64)?;
    for (at, &stride) in strides.iter().enumerate() {
        let index = g.iota(DType::I64, &shape, at)?;
        let scaled = g.scaled_by(index, stride as f64)?;
        places = g.add(places, scaled)?;
    }
    Ok(places)
}

fn split(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let at = match op {
        "hsplit" => usize::from(own.len() > 1),
        "vsplit" => 0,
        "dsplit" => 2,
        _ => a.axis(2, "dim", 0, own.len())?,
    };
    let n = own[at];
    // PyTorch takes cuts as a tensor too: then shapes depend on the data.
    let cuts: Vec<usize> = match a.get(1, "") {
        Argument::Number(parts) => (1..parts as usize).map(|i| i * n / parts as usize).collect(),
        Argument::Node(_) => return Err(unknown()),
        _ => a.sizes(1, "")?,
    };
    let ends = cuts.iter().copied().chain([n]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(start, stop)| g.slice_axis(x, at, start.min(n), Dim::fixed(stop.min(n)))).collect()
}

fn unraveled(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let sizes = a.sizes(1, "shape")?;
    let mut rest = x;
    let mut found = Vec::new();
    for &n in sizes.iter().rev() {
        let size = g.constant(Tensor::scalar(n as i64));
        found.push(g.rem(rest, size)?);
        rest = g.div(rest, size)?;
    }
    found.reverse();
    Ok(found)
}

fn cartesian(g: &mut Graph, nodes: &[NodeId]) -> Result<NodeId> {
    let [a, b] = nodes else { return nodes.first().copied().ok_or_else(unknown) };
    let shape = Shape::new([g.ty(*a).shape.dims()[0].clone(), g.ty(*b).shape.dims()[0].clone()]);
    let column = g.insert_axis(*a, 1)?;
    let (left, right) = (g.broadcast_to(column, &shape)?, g.broadcast_to(*b, &shape)?);
    let both = g.stack(&[left, right], 2)?;
    let count = shape.elements().ok_or_else(unknown)?;
    g.reshape(both, &Shape::new([count, Dim::fixed(2)]))
}

fn block_diagonal(g: &mut Graph, nodes: &[NodeId]) -> Result<NodeId> {
    let shapes: Option<Vec<Vec<usize>>> = nodes.iter().map(|&n| g.ty(n).shape.as_fixed()).collect();
    let shapes = shapes.filter(|all| all.iter().all(|s| s.len() == 2)).ok_or_else(unknown)?;
    let total = |i: usize| shapes.iter().map(|s| s[i]).sum::<usize>();
    let (rows, columns) = (total(0), total(1));
    let (mut row, mut column, mut sum) = (0, 0, None);
    for (&node, shape) in nodes.iter().zip(&shapes) {
        let high = [rows - row - shape[0], columns - column - shape[1]];
        let padded = g.pad(node, &[row, column], &high)?;
        sum = Some(sum.map_or(Ok(padded), |s| g.add(s, padded))?);
        (row, column) = (row + shape[0], column + shape[1]);
    }
    sum.ok_or_else(unknown)
}

/// Lines become rows, columns, or columns in depth.
fn stacked(op: &str, g: &mut Graph, nodes: &[NodeId]) -> Result<NodeId> {
    let mut parts = Vec::with_capacity(nodes.len());
    for &node in nodes {
        let rank = g.ty(node).shape.rank();
        parts.push(match (op, rank) {
            ("hstack", _) | ("vstack" | "column_stack", 2..) => node,
            ("vstack", 1) => g.insert_axis(node, 0)?,
            ("column_stack", 1) => g.insert_axis(node, 1)?,
            ("dstack", 1) => {
                let row = g.insert_axis(node, 0)?;
                g.insert_axis(row, 2)?
            }
            _ => return Err(unknown()),
        });
    }
    let at = match op {
        "vstack" => 0,
        "dstack" => 2,
        _ => usize::from(op == "column_stack" || g.ty(nodes[0]).shape.rank() > 1),
    };
    g.concat(&parts, at)
}

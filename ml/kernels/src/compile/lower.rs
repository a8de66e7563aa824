//! Each anchor as one kernel: its expression in registers, views as index maps.

use std::sync::Arc;

use gradframe_ml_core::graph::{DotDims, Kind, Node, NodeId, Span, Type};
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, Result, Shape};
use rustc_hash::FxHashMap;

use super::anchors::{is_leaf, is_plain, same_but_ones};
use super::inline::needed;
use crate::kernel::{AxisMap, Buffer, BufferId, Dot, Home, Instruction, Kernel, Load, Op, Plain, Register, Rows, Scatter, Store};

/// Kernels in an order in which they can run, one an anchor.
pub struct Scheduled {
    pub kernels: Vec<Kernel>,
    pub buffers: Vec<Buffer>,
    pub outputs: Vec<BufferId>,
}

/// Lowers every anchor.
pub fn lower(function: &Function, anchors: &[bool]) -> Result<Scheduled> {
    let graph = &function.graph;
    let needed = needed(function);
    let mut homes = Homes::default();
    let mut kernels = Vec::new();
    for (id, node) in graph.nodes().filter(|(id, _)| needed[id.index()]) {
        match &node.kind {
            Kind::Input { index } => homes.add(id, node, Home::Argument(*index as usize)),
            Kind::Const(value) => homes.add(id, node, Home::Constant((**value).clone())),
            _ if anchors[id.index()] => {
                homes.add(id, node, Home::Made { slot: 0 });
                kernels.extend(kernels_of(graph, &homes, id, node)?);
            }
            _ => {}
        }
    }
    let outputs = function.outputs.iter().map(|&o| homes.of(o)).collect::<Result<_>>()?;
    Ok(Scheduled { kernels, buffers: homes.buffers, outputs })
}

/// The buffers, and which node each holds.
#[derive(Default)]
struct Homes {
    buffers: Vec<Buffer>,
    by_node: FxHashMap<NodeId, BufferId>,
}

impl Homes {
    fn add(&mut self, id: NodeId, node: &Node, home: Home) {
        self.by_node.insert(id, BufferId(self.buffers.len() as u32));
        self.buffers.push(Buffer { ty: node.ty.clone(), home });
    }

    fn get(&self, id: NodeId) -> Option<BufferId> {
        self.by_node.get(&id).copied()
    }

    fn of(&self, id: NodeId) -> Result<BufferId> {
        self.get(id).ok_or_else(|| Error::internal("compile", "an operand has no buffer"))
    }
}

fn kernels_of(graph: &Graph, homes: &Homes, id: NodeId, node: &Node) -> Result<Vec<Kernel>> {
    let out = homes.of(id)?;
    Ok(match &node.kind {
        kind if is_plain(graph, node) => {
            let operands = node.inputs.iter().map(|&i| homes.of(i)).collect::<Result<_>>()?;
            vec![Kernel::Plain(Box::new(Plain { kind: kind.clone(), operands, out }))]
        }
        Kind::Dot(dims) => vec![Kernel::Dot(Box::new(dot(graph, homes, node, dims, out)?))],
        Kind::ScatterReduce { axis, size, .. } => vec![Kernel::Scatter(Box::new(scatter(graph, homes, node, *axis, size, out)?))],
        Kind::Reduce { op, axes } => vec![reduce(graph, homes, node, *op, axes, out)?],
        Kind::Concat { axis } => concat(graph, homes, node, *axis, out)?,
        _ => vec![pointwise(graph, homes, id, node, out)?],
    })
}

fn dot(graph: &Graph, homes: &Homes, node: &Node, dims: &DotDims, out: BufferId) -> Result<Dot> {
    let (left, right) = (node.inputs[0], node.inputs[1]);
    Ok(Dot {
        left: homes.of(left)?,
        right: homes.of(right)?,
        left_shape: graph.ty(left).shape.clone(),
        right_shape: graph.ty(right).shape.clone(),
        batch: dims.batch.to_vec(),
        contract: dims.contract.to_vec(),
        dtype: node.ty.dtype,
        out,
    })
}

fn scatter(graph: &Graph, homes: &Homes, node: &Node, axis: usize, size: &Dim, out: BufferId) -> Result<Scatter> {
    let (updates, indices) = (node.inputs[0], node.inputs[1]);
    Ok(Scatter {
        updates: homes.of(updates)?,
        indices: homes.of(indices)?,
        updates_shape: graph.ty(updates).shape.clone(),
        indices_shape: graph.ty(indices).shape.clone(),
        axis,
        size: size.clone(),
        dtype: node.ty.dtype,
        out,
    })
}

fn pointwise(graph: &Graph, homes: &Homes, id: NodeId, node: &Node, out: BufferId) -> Result<Kernel> {
    let mut body = Body::new(graph, homes, Some(id));
    let register = body.lower(id, &identity(node.ty.shape.rank()))?;
    let store =
        Store { register, buffer: out, shape: node.ty.shape.clone(), axes: identity(node.ty.shape.rank()), per_row: false };
    Ok(Kernel::Rows(Box::new(Rows {
        outer: node.ty.shape.clone(),
        row: Shape::scalar(),
        body: body.instructions,
        stores: vec![store],
    })))
}

/// The kept axes go around the row, the folded ones along it.
fn reduce(
    graph: &Graph,
    homes: &Homes,
    node: &Node,
    op: gradframe_ml_core::graph::ReduceOp,
    axes: &[usize],
    out: BufferId,
) -> Result<Kernel> {
    let operand = node.inputs[0];
    let dims = graph.ty(operand).shape.dims();
    let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).collect();
    let position = |axis: usize| match kept.iter().position(|&k| k == axis) {
        Some(at) => at,
        None => kept.len() + axes.iter().filter(|&&a| a < axis).count(),
    };
    let map: Vec<AxisMap> = (0..dims.len()).map(|axis| AxisMap::axis(position(axis))).collect();
    let mut body = Body::new(graph, homes, None);
    let operand = body.lower(operand, &map)?;
    let register = body.push(Op::Fold(op, operand), node.ty.dtype);
    let row = Shape::new(axes.iter().map(|&a| dims[a].clone()));
    let store = Store { register, buffer: out, shape: node.ty.shape.clone(), axes: identity(kept.len()), per_row: true };
    Ok(Kernel::Rows(Box::new(Rows { outer: node.ty.shape.clone(), row, body: body.instructions, stores: vec![store] })))
}

/// Each operand is written to its place.
fn concat(graph: &Graph, homes: &Homes, node: &Node, axis: usize, out: BufferId) -> Result<Vec<Kernel>> {
    let mut start = Dim::fixed(0);
    let mut kernels = Vec::new();
    for &operand in &node.inputs {
        let Type { shape, .. } = graph.ty(operand);
        let mut body = Body::new(graph, homes, None);
        let register = body.lower(operand, &identity(shape.rank()))?;
        let mut axes = identity(shape.rank());
        axes[axis].start = start.clone();
        let store = Store { register, buffer: out, shape: node.ty.shape.clone(), axes, per_row: false };
        kernels.push(Kernel::Rows(Box::new(Rows {
            outer: shape.clone(),
            row: Shape::scalar(),
            body: body.instructions,
            stores: vec![store],
        })));
        start = start.add(&shape.dims()[axis]).ok_or_else(|| Error::internal("compile", "a concatenation's size has no form"))?;
    }
    Ok(kernels)
}

fn identity(rank: usize) -> Vec<AxisMap> {
    (0..rank).map(AxisMap::axis).collect()
}

/// A body in the making. Equal instructions are one register.
struct Body<'a> {
    graph: &'a Graph,
    homes: &'a Homes,
    /// The node that is being made: it has a buffer, but nothing in it yet.
    making: Option<NodeId>,
    instructions: Vec<Instruction>,
    known: FxHashMap<Instruction, Register>,
    done: FxHashMap<(NodeId, Vec<AxisMap>), Register>,
}

impl<'a> Body<'a> {
    fn new(graph: &'a Graph, homes: &'a Homes, making: Option<NodeId>) -> Self {
        Body { graph, homes, making, instructions: vec![], known: FxHashMap::default(), done: FxHashMap::default() }
    }

    fn push(&mut self, op: Op, dtype: DType) -> Register {
        let instruction = Instruction { op, dtype };
        if let Some(&register) = self.known.get(&instruction) {
            return register;
        }
        self.known.insert(instruction.clone(), self.instructions.len());
        self.instructions.push(instruction);
        self.instructions.len() - 1
    }

    /// The register that holds the node's element at the position that `map` gives (one entry an axis of the node).
    fn lower(&mut self, id: NodeId, map: &[AxisMap]) -> Result<Register> {
        let key = (id, map.to_vec());
        if let Some(&register) = self.done.get(&key) {
            return Ok(register);
        }
        let register = self.lower_new(id, map)?;
        self.done.insert(key, register);
        Ok(register)
    }

    fn lower_new(&mut self, id: NodeId, map: &[AxisMap]) -> Result<Register> {
        let node = self.graph.node(id);
        let dtype = node.ty.dtype;
        if let Kind::Const(value) = &node.kind
            && value.len() == 1
        {
            let scalar = value.reshaped(&[])?;
            return Ok(self.push(Op::Constant(Arc::new(scalar)), dtype));
        }
        match self.homes.get(id) {
            Some(buffer) if self.making != Some(id) || is_leaf(node) => Ok(self.load(buffer, &node.ty, map, None)),
            _ => self.compute(node, map),
        }
    }

    fn load(&mut self, buffer: BufferId, ty: &Type, map: &[AxisMap], gathered: Option<(usize, Register)>) -> Register {
        // An axis of size 1 has one position, wherever the iteration is.
        let axes = map.iter().zip(ty.shape.dims()).map(|(m, d)| if d.is_one() { AxisMap::first() } else { m.clone() }).collect();
        self.push(Op::Load(Box::new(Load { buffer, shape: ty.shape.clone(), axes, gathered })), ty.dtype)
    }

    fn compute(&mut self, node: &Node, map: &[AxisMap]) -> Result<Register> {
        let dtype = node.ty.dtype;
        let op = match &node.kind {
            Kind::Iota { axis, .. } => return Ok(self.push(Op::Index(Box::new(map[*axis].clone())), dtype)),
            Kind::Map1(f) => Op::Map1(*f, self.lower(node.inputs[0], map)?),
            Kind::Map2(f) => Op::Map2(*f, self.lower(node.inputs[0], map)?, self.lower(node.inputs[1], map)?),
            Kind::Select => {
                Op::Select(self.lower(node.inputs[0], map)?, self.lower(node.inputs[1], map)?, self.lower(node.inputs[2], map)?)
            }
            Kind::Cast(_) => Op::Cast(self.lower(node.inputs[0], map)?),
            Kind::StopGradient | Kind::Barrier => return self.lower(node.inputs[0], map),
            Kind::Permute(perm) => return self.lower(node.inputs[0], &permuted(map, perm)),
            Kind::Expand(_) => return self.expand(node, map),
            Kind::Slice(spans) => return self.lower(node.inputs[0], &sliced(map, spans)?),
            Kind::Reshape(shape) => return self.reshape(node, shape, map),
            Kind::Gather { axis } => return self.gather(node, *axis, map),
            other => return Err(Error::internal("compile", format!("`{}` cannot be computed in registers", other.name()))),
        };
        Ok(self.push(op, dtype))
    }

    fn expand(&mut self, node: &Node, map: &[AxisMap]) -> Result<Register> {
        let operand = self.graph.ty(node.inputs[0]).shape.dims();
        let map: Vec<AxisMap> =
            map.iter().zip(operand).map(|(m, d)| if d.is_one() { AxisMap::first() } else { m.clone() }).collect();
        self.lower(node.inputs[0], &map)
    }

    /// Axes of size 1 come and go; any other reshape reads the operand's buffer under the new shape.
    fn reshape(&mut self, node: &Node, shape: &Shape, map: &[AxisMap]) -> Result<Register> {
        let operand = node.inputs[0];
        let old = self.graph.ty(operand).shape.dims();
        if !same_but_ones(old, shape.dims()) {
            let buffer = self.homes.of(operand)?;
            return Ok(self.load(buffer, &node.ty, map, None));
        }
        let mut kept = map.iter().zip(shape.dims()).filter(|(_, d)| !d.is_one()).map(|(m, _)| m.clone());
        let map: Vec<AxisMap> =
            old.iter().map(|d| if d.is_one() { None } else { kept.next() }.unwrap_or_else(AxisMap::first)).collect();
        self.lower(operand, &map)
    }

    fn gather(&mut self, node: &Node, axis: usize, map: &[AxisMap]) -> Result<Register> {
        let (table, indices) = (node.inputs[0], node.inputs[1]);
        let index_rank = self.graph.ty(indices).shape.rank();
        let index = self.lower(indices, &map[axis..axis + index_rank])?;
        let mut axes = map[..axis].to_vec();
        axes.push(AxisMap::first());
        axes.extend_from_slice(&map[axis + index_rank..]);
        let buffer = self.homes.of(table)?;
        let ty = self.graph.ty(table).clone();
        Ok(self.load(buffer, &ty, &axes, Some((axis, index))))
    }
}

fn permuted(map: &[AxisMap], perm: &[usize]) -> Vec<AxisMap> {
    let mut operand = map.to_vec();
    for (output_axis, &operand_axis) in perm.iter().enumerate() {
        operand[operand_axis] = map[output_axis].clone();
    }
    operand
}

fn sliced(map: &[AxisMap], spans: &[Span]) -> Result<Vec<AxisMap>> {
    map.iter().zip(spans).map(|(m, s)| sliced_axis(m, s)).collect()
}

fn sliced_axis(map: &AxisMap, span: &Span) -> Result<AxisMap> {
    let scaled =
        map.start.mul(&Dim::fixed(span.step)).ok_or_else(|| Error::internal("compile", "a slice's start has no form"))?;
    Ok(AxisMap { from: map.from, start: scaled.plus(span.start as i64), step: map.step * span.step as i64 })
}

//! From nodes to the chain of one kernel: views become index maps, scalar functions instructions.

use gradframe_ml_core::graph::{Fn1, Fn2, Kind, Node, ReduceOp};
use gradframe_ml_core::{DType, Graph, NodeId, Shape, Tensor};
use rustc_hash::FxHashMap;

use super::leaves::Leaves;
use super::view::{self, Opaque, View};
use crate::schedule::{AxisMap, Chain, Instr, Level, Load, Value, ValueId, computed_in};

/// How deep a chain may nest: what lies below goes to memory. Where `sharing` cuts, none comes so far.
const DEPTH_MAX: usize = 2 * super::sharing::DEPTH_MAX;

/// Axes of a domain, at most: beyond, no axis is split.
const RANK_MAX: usize = 8;

/// A node that must be in memory before this kernel can be made.
#[derive(Debug, Clone, Copy)]
struct Blocked(NodeId);

type Lowered = Result<ValueId, Blocked>;

/// A chain in the making.
pub struct Lowering<'a> {
    graph: &'a Graph,
    leaves: &'a Leaves,
    root: NodeId,
    /// `outer` then `row`.
    domain: Shape,
    outer_rank: usize,
    chain: Chain,
    seen: FxHashMap<(NodeId, View), ValueId>,
    made: FxHashMap<Value, ValueId>,
    depth: usize,
    blocked: Vec<NodeId>,
    /// True if an axis of the domain may become two.
    may_split: bool,
    /// The axis of the domain that has to be two, and the size of the second.
    joined: Option<(usize, usize)>,
}

/// What became of an attempt to make a chain.
pub enum Attempt {
    /// The chain.
    Made(Chain),
    /// These nodes must be in memory first: all that were met, so that few attempts do for a kernel of any size.
    Blocked(Vec<NodeId>),
    /// An axis of the domain has to be two first, of which the second is so long: what is computed below a reshape has them.
    Joined(usize, usize),
}

impl<'a> Lowering<'a> {
    /// An empty chain for the kernel that computes `root` over `outer` x `row`.
    pub fn new(graph: &'a Graph, leaves: &'a Leaves, root: NodeId, outer: &Shape, row: &Shape) -> Self {
        let domain = Shape::new(outer.dims().iter().chain(row.dims()).cloned());
        let (seen, made, blocked) = Default::default();
        let (outer_rank, chain) = (outer.rank(), Chain::default());
        Lowering { graph, leaves, root, domain, outer_rank, chain, seen, made, depth: 0, blocked, may_split: false, joined: None }
    }

    /// The same, where who makes the kernel can make it over a domain of which an axis is two.
    pub fn splitting(self) -> Self {
        Lowering { may_split: self.domain.rank() < RANK_MAX, ..self }
    }

    /// The finished chain, or what has to be there before.
    pub fn finish(self) -> Attempt {
        if let Some((axis, inner)) = self.joined {
            Attempt::Joined(axis, inner)
        } else if self.blocked.is_empty() {
            Attempt::Made(super::registers::assigned(self.chain))
        } else {
            Attempt::Blocked(self.blocked)
        }
    }

    /// The nodes that were looked at, each once for each view of it.
    pub fn visited(&self) -> usize {
        self.seen.len()
    }

    /// The value of `node` seen through `view`. Where it is blocked that is noted, and any number stands for it.
    pub fn value(&mut self, node: NodeId, view: &View) -> ValueId {
        let key = (node, view.clone());
        if let Some(&value) = self.seen.get(&key) {
            return value;
        }
        self.depth += 1;
        let lowered = if self.depth > DEPTH_MAX { Err(Blocked(node)) } else { self.uncached(node, view) };
        self.depth -= 1;
        let value = lowered.unwrap_or_else(|Blocked(needed)| {
            self.blocked.push(needed);
            self.emit(Instr::Scalar([0; 8]), self.graph.ty(node).dtype, self.level_of_constant())
        });
        self.seen.insert(key, value);
        value
    }

    /// The value, one an element of the domain.
    pub fn element(&mut self, value: ValueId) -> ValueId {
        let Value { instr, dtype, level } = self.chain.value(value).clone();
        match (level, instr) {
            (Level::Element, _) => value,
            (_, scalar @ Instr::Scalar(_)) => self.emit(scalar, dtype, Level::Element),
            _ => self.emit(Instr::Spread(value), dtype, Level::Element),
        }
    }

    /// The value, in another element type.
    pub fn cast(&mut self, value: ValueId, to: DType) -> ValueId {
        let Value { dtype: from, level, .. } = *self.chain.value(value);
        if from == to {
            return value;
        }
        let wide = computed_in(from);
        let value = if wide == from { value } else { self.emit(Instr::Cast(value), wide, level) };
        if wide == to { value } else { self.emit(Instr::Cast(value), to, level) }
    }

    fn uncached(&mut self, id: NodeId, view: &View) -> Lowered {
        let graph = self.graph;
        let node = graph.node(id);
        if let Some(bytes) = scalar_bytes(node) {
            return Ok(self.emit(Instr::Scalar(bytes), node.ty.dtype, self.level_of_constant()));
        }
        if let Some((buffer, shape)) = self.leaves.get(graph, id) {
            let (shape, axes) = view::spread(shape, view, &self.domain);
            return Ok(self.load(Load { buffer, shape, axes, padded: false }, node.ty.dtype));
        }
        if id != self.root && self.leaves.is_pinned(id) {
            return Err(Blocked(id));
        }
        match &node.kind {
            Kind::Iota { axis, dtype, .. } => Ok(self.iota(&view[*axis], *dtype)),
            Kind::Map1(_) | Kind::Map2(_) | Kind::Select | Kind::Cast(_) | Kind::Bitcast(_) | Kind::Threefry => {
                self.map(id, node, view)
            }
            Kind::Permute(_) | Kind::Expand(_) | Kind::Flip(_) | Kind::Slice(_) | Kind::Reshape(_) => self.view(id, node, view),
            Kind::Pad { low, .. } => self.pad(node, low, view),
            Kind::Reduce { op, axes } => self.reduce(id, node, *op, axes, view),
            Kind::Barrier => Err(Blocked(node.inputs[0])),
            _ => Err(Blocked(id)),
        }
    }

    fn view(&mut self, id: NodeId, node: &Node, view: &View) -> Lowered {
        let operand = node.inputs[0];
        let (below, own) = (&self.graph.ty(operand).shape, &node.ty.shape);
        let is_stored = self.leaves.get(self.graph, operand).is_some();
        if !is_stored && self.leaves.has_rows(operand) && matches!(node.kind, Kind::Reshape(_)) && view::mixes_axes(below, own) {
            return Err(Blocked(operand)); // its rows are not this kernel's
        }
        match view::through(&node.kind, below, own, view, &self.domain) {
            Ok(through) => Ok(self.value(operand, &through)),
            Err(_) if is_stored => Err(Blocked(id)),
            Err(Opaque::Joined { axis, inner }) if self.may_split => {
                self.joined = Some((axis, inner));
                Err(Blocked(operand))
            }
            Err(_) => Err(Blocked(operand)),
        }
    }

    /// Zeros around something in memory: a function of it would not be zero there.
    fn pad(&mut self, node: &Node, low: &[usize], view: &View) -> Lowered {
        let operand = node.inputs[0];
        let (buffer, shape) = self.leaves.get(self.graph, operand).ok_or(Blocked(operand))?;
        Ok(self.load(Load { buffer, shape, axes: view::padded(low, view), padded: true }, node.ty.dtype))
    }

    fn load(&mut self, load: Load, dtype: DType) -> ValueId {
        let level = self.level_of(&load.axes);
        self.emit(Instr::Load(load), dtype, level)
    }

    fn iota(&mut self, map: &AxisMap, dtype: DType) -> ValueId {
        let level = self.level_of(std::slice::from_ref(map));
        let position = self.emit(Instr::Iota(map.clone()), DType::I64, level);
        self.cast(position, dtype)
    }

    /// An elementwise node; where it would be computed again and again for a repeated axis, it goes to memory.
    fn map(&mut self, id: NodeId, node: &Node, view: &View) -> Lowered {
        let level = self.level_of(view);
        if id != self.root && !self.uses_all_axes(view, level) {
            return Err(Blocked(id));
        }
        let mut operands = [ValueId(0); 3];
        for (slot, &input) in operands.iter_mut().zip(&node.inputs) {
            let value = self.value(input, view);
            *slot = if level == Level::Element { self.element(value) } else { value };
        }
        Ok(self.instruction(&node.kind, operands, node.ty.dtype))
    }

    fn instruction(&mut self, kind: &Kind, [a, b, c]: [ValueId; 3], dtype: DType) -> ValueId {
        match kind {
            Kind::Map1(f) => self.map1(*f, a),
            Kind::Map2(f) => self.map2(*f, a, b),
            Kind::Select => self.emit_as(Instr::Select(a, b, c), dtype, a),
            Kind::Cast(to) => self.cast(a, *to),
            Kind::Bitcast(to) => self.emit_as(Instr::Bitcast(a), *to, a),
            _ => self.emit_as(Instr::Threefry(a, b), dtype, a),
        }
    }

    fn map1(&mut self, f: Fn1, x: ValueId) -> ValueId {
        let dtype = self.chain.value(x).dtype;
        let wide = self.cast(x, computed_in(dtype));
        if matches!(f, Fn1::IsNan | Fn1::IsFinite) {
            return self.emit_as(Instr::Map1(f, wide), DType::Bool, x);
        }
        let value = self.emit_as(Instr::Map1(f, wide), computed_in(dtype), x);
        self.cast(value, dtype)
    }

    fn map2(&mut self, f: Fn2, a: ValueId, b: ValueId) -> ValueId {
        let dtype = self.chain.value(a).dtype;
        let (wide_a, wide_b) = (self.cast(a, computed_in(dtype)), self.cast(b, computed_in(dtype)));
        if f.is_comparison() {
            return self.emit_as(Instr::Map2(f, wide_a, wide_b), DType::Bool, a);
        }
        let value = self.emit_as(Instr::Map2(f, wide_a, wide_b), computed_in(dtype), a);
        self.cast(value, dtype)
    }

    /// A fold of whole rows of this kernel.
    fn reduce(&mut self, id: NodeId, node: &Node, op: ReduceOp, axes: &[usize], view: &View) -> Lowered {
        let operand = node.inputs[0];
        let shape = &self.graph.ty(operand).shape;
        let folded = axes.iter().map(|&a| &shape.dims()[a]);
        let rows_fit = self.has_rows() && folded.eq(&self.domain.dims()[self.outer_rank..]);
        if !rows_fit || self.level_of(view) != Level::Row || !self.uses_all_axes(view, Level::Row) {
            return Err(Blocked(id));
        }
        let mut kept = view.iter().cloned();
        let mut rows = self.outer_rank..;
        let next = |axis: usize| if axes.contains(&axis) { rows.next().map(AxisMap::identity) } else { kept.next() };
        let operand_view: View = (0..shape.rank()).filter_map(next).collect();
        let value = self.value(operand, &operand_view);
        let value = self.element(value);
        let wide = self.cast(value, computed_in(node.ty.dtype));
        let folded = self.emit(Instr::Reduce(op, wide), computed_in(node.ty.dtype), Level::Row);
        Ok(self.cast(folded, node.ty.dtype))
    }

    fn has_rows(&self) -> bool {
        self.domain.rank() > self.outer_rank
    }

    fn level_of_constant(&self) -> Level {
        if self.has_rows() { Level::Row } else { Level::Element }
    }

    /// Row, if there are rows and nothing depends on the position in one.
    fn level_of(&self, view: &[AxisMap]) -> Level {
        let in_row = view.iter().flat_map(|map| &map.terms).any(|term| term.0 >= self.outer_rank);
        if self.has_rows() && !in_row { Level::Row } else { Level::Element }
    }

    fn uses_all_axes(&self, view: &View, level: Level) -> bool {
        let axes = if level == Level::Row { self.outer_rank } else { self.domain.rank() };
        (0..axes).all(|a| self.domain.dims()[a].is_one() || view.iter().any(|m| m.uses(a)))
    }

    fn emit_as(&mut self, instr: Instr, dtype: DType, like: ValueId) -> ValueId {
        let level = self.chain.value(like).level;
        self.emit(instr, dtype, level)
    }

    /// The value, made once.
    fn emit(&mut self, instr: Instr, dtype: DType, level: Level) -> ValueId {
        let value = Value { instr, dtype, level };
        if let Some(&id) = self.made.get(&value) {
            return id;
        }
        let id = ValueId(self.chain.values.len() as u32);
        self.made.insert(value.clone(), id);
        self.chain.values.push(value);
        id
    }
}

/// The bytes of a constant of one element.
fn scalar_bytes(node: &Node) -> Option<[u8; 8]> {
    let Kind::Const(value) = &node.kind else { return None };
    let tensor: &Tensor = value;
    (tensor.len() == 1).then(|| {
        let mut bytes = [0; 8];
        bytes[..tensor.dtype().size_bytes()].copy_from_slice(tensor.buffer().as_slice());
        bytes
    })
}

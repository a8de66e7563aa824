//! Decides what goes to memory, and makes one kernel for each of those values.

mod attention;
mod control;
mod conv;
mod parts;

use gradframe_ml_core::graph::{Kind, Node, ReduceOp};
use gradframe_ml_core::{DType, Error, Function, NodeId, Result, Shape};
use rustc_hash::FxHashMap;
use std::sync::Arc;

use super::leaves::Leaves;
use super::lower::{Attempt, Lowering};
use super::rows::{Rows, rows_of};
use super::view::{self, View};
use super::{CompileOptions, Work, donation, memory, merge, pairs, sharing};
use crate::schedule::{
    ArgReduce, AxisMap, BufferDef, BufferId, Chain, Concat, Dot, Fold, Gather, Kernel, Library, Load, Loop, Routine, Scan,
    Scatter, Schedule, Sort, Source, computed_in,
};

/// The kernels of a function without calls; what it took is added to `work`.
pub fn schedule(function: &Function, options: CompileOptions, work: &mut Work) -> Result<Schedule> {
    let mut scheduler = Scheduler::new(function, options);
    for (id, node) in function.graph.nodes() {
        if is_anchor(&node.kind) || scheduler.leaves.is_pinned(id) {
            scheduler.ensure(id)?;
        }
    }
    let outputs = function.outputs.iter().map(|&o| scheduler.buffer(o)).collect::<Result<Vec<_>>>()?;
    *work += scheduler.work;
    let mut kernels = merge::merged(scheduler.kernels, &outputs, work);
    pairs::fuse(&mut kernels);
    let mut schedule = Schedule { buffers: scheduler.buffers, kernels, outputs, slots: 0, donations: Vec::new() };
    memory::set_results_apart(&mut schedule);
    let within = if options.on_device { Vec::new() } else { donation::within(&schedule) };
    memory::plan(&mut schedule, &within);
    donation::find(&mut schedule, within);
    Ok(schedule)
}

/// Whether the node has a kernel of its own, whoever reads it.
pub(super) fn is_anchor(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Dot(_)
            | Kind::Gather { .. }
            | Kind::ScatterReduce { .. }
            | Kind::ArgReduce { .. }
            | Kind::Scan { .. }
            | Kind::Sort { .. }
            | Kind::Concat { .. }
            | Kind::DynSlice { .. }
            | Kind::DynUpdate { .. }
            | Kind::Loop(_)
            | Kind::While(_)
            | Kind::Cond(_)
            | Kind::Linalg(_)
            | Kind::Fft { .. }
            | Kind::Conv(_)
            | Kind::Call(_)
    )
}

struct Scheduler<'a> {
    function: &'a Function,
    options: CompileOptions,
    buffers: Vec<BufferDef>,
    kernels: Vec<Kernel>,
    leaves: Leaves,
    /// Of attentions, the second result.
    divisors: FxHashMap<NodeId, BufferId>,
    work: Work,
}

impl<'a> Scheduler<'a> {
    fn new(function: &'a Function, options: CompileOptions) -> Self {
        let leaves = Leaves::new(&function.graph, sharing::pinned(function, options));
        let (buffers, kernels, divisors, work) = Default::default();
        let mut scheduler = Scheduler { function, options, buffers, kernels, leaves, divisors, work };
        for (id, node) in function.graph.nodes() {
            match &node.kind {
                Kind::Input { index } => scheduler.define(id, Source::Input(*index as usize)),
                Kind::Const(value) if value.len() != 1 => scheduler.define(id, Source::Const(Arc::clone(value))),
                _ => continue,
            };
        }
        scheduler
    }

    /// A new buffer that holds the value of `node`. Its place in the scratch memory is found at the end.
    fn define(&mut self, node: NodeId, source: Source) -> BufferId {
        let ty = self.function.graph.ty(node);
        let id = BufferId(self.buffers.len() as u32);
        self.buffers.push(BufferDef { dtype: ty.dtype, shape: ty.shape.clone(), source });
        self.leaves.insert(node, id);
        id
    }

    fn define_temporary(&mut self, node: NodeId) -> BufferId {
        self.define(node, Source::Slot(usize::MAX))
    }

    /// A new buffer that holds the value of no node.
    fn temporary(&mut self, dtype: DType, shape: &Shape) -> BufferId {
        self.buffers.push(BufferDef { dtype, shape: shape.clone(), source: Source::Slot(usize::MAX) });
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// The buffer of a node, computed first if need be, and the shape under which it is read.
    fn buffer(&mut self, node: NodeId) -> Result<(BufferId, Shape)> {
        self.ensure(node)?;
        let found = self.leaves.get(&self.function.graph, node);
        found.ok_or_else(|| Error::internal("compile", format!("{node} was not scheduled")))
    }

    fn ensure(&mut self, id: NodeId) -> Result<()> {
        let function = self.function;
        if self.leaves.get(&function.graph, id).is_some() {
            return Ok(());
        }
        let node = function.graph.node(id);
        match &node.kind {
            Kind::Const(value) => {
                self.define(id, Source::Const(Arc::clone(value)));
                Ok(())
            }
            Kind::Reshape(_) | Kind::Barrier => self.ensure(node.inputs[0]),
            kind if is_anchor(kind) => {
                let kernel = self.anchor(id, node)?;
                self.kernels.push(kernel);
                Ok(())
            }
            _ => self.fused(id),
        }
    }

    fn anchor(&mut self, id: NodeId, node: &Node) -> Result<Kernel> {
        match &node.kind {
            Kind::Dot(dims) => {
                let (left, left_shape) = self.operand_view(node.inputs[0])?;
                let (right, right_shape) = self.operand_view(node.inputs[1])?;
                let output = self.define_temporary(id);
                Ok(Kernel::Dot(Box::new(Dot { dims: dims.clone(), left, left_shape, right, right_shape, output })))
            }
            Kind::Gather { axis } => {
                let ((table, shape), (indices, _)) = (self.buffer(node.inputs[0])?, self.buffer(node.inputs[1])?);
                Ok(Kernel::Gather(Box::new(Gather { table, shape, axis: *axis, indices, output: self.define_temporary(id) })))
            }
            Kind::ScatterReduce { op, axis, size } => {
                let ((values, shape), (indices, picked)) = (self.buffer(node.inputs[0])?, self.buffer(node.inputs[1])?);
                let outer = Shape::new(shape.dims()[..*axis].iter().cloned());
                let inner = Shape::new(shape.dims()[axis + picked.rank()..].iter().cloned());
                let output = self.define_temporary(id);
                Ok(Kernel::Scatter(Box::new(Scatter { op: *op, values, outer, inner, indices, size: size.clone(), output })))
            }
            Kind::ArgReduce { op, axis } => {
                let (values, shape) = self.buffer(node.inputs[0])?;
                Ok(Kernel::ArgReduce(Box::new(ArgReduce {
                    op: *op,
                    values,
                    shape,
                    axis: *axis,
                    output: self.define_temporary(id),
                })))
            }
            Kind::Scan { op, axis } => {
                let (values, shape) = self.buffer(node.inputs[0])?;
                let output = self.define_temporary(id);
                Ok(Kernel::Scan(Box::new(Scan { op: *op, values, shape, axis: *axis, output })))
            }
            Kind::Sort { axis, descending } => {
                let (values, shape) = self.buffer(node.inputs[0])?;
                let output = self.define_temporary(id);
                Ok(Kernel::Sort(Box::new(Sort { values, shape, axis: *axis, descending: *descending, output })))
            }
            Kind::Concat { axis } => {
                let parts = node.inputs.iter().map(|&i| self.buffer(i)).collect::<Result<_>>()?;
                Ok(Kernel::Concat(Concat { parts, axis: *axis, output: self.define_temporary(id) }))
            }
            Kind::DynSlice { .. } | Kind::DynUpdate { .. } => self.part(id, node),
            Kind::Loop(_) | Kind::While(_) | Kind::Cond(_) => self.control(id, node),
            Kind::Conv(own) if self.options.on_device && conv::is_product(&self.function.graph, node, own) => {
                self.convolution(id, node, own)
            }
            Kind::Call(call) => self.whole(id, node, call),
            kind => self.library(id, kind, node),
        }
    }

    pub(super) fn library(&mut self, id: NodeId, kind: &Kind, node: &Node) -> Result<Kernel> {
        let no_anchor = || Error::internal("compile", format!("`{}` is no anchor", kind.name()));
        let routine = Routine::of(kind).ok_or_else(no_anchor)?;
        let operands = node.inputs.iter().map(|&i| self.buffer(i)).collect::<Result<_>>()?;
        Ok(Kernel::Library(Box::new(Library { routine, operands, output: self.define_temporary(id) })))
    }

    /// A view of memory for a kernel that takes strides; a value that is none is computed first. What was widened from a short float
    /// is read in its own type: kernels convert where they read.
    fn operand_view(&mut self, node: NodeId) -> Result<(Load, Shape)> {
        let node = self.before_widening(node);
        let shape = self.function.graph.ty(node).shape.clone();
        if let Some(load) = self.strided(node, view::identity(shape.rank())) {
            return Ok((load, shape));
        }
        let (buffer, shape) = self.buffer(node)?;
        Ok((Load { buffer, axes: view::identity(shape.rank()), shape: shape.clone(), padded: false }, shape))
    }

    /// What a cast from a short float to f32 casts, if there is one and nobody has stored its result.
    fn before_widening(&self, node: NodeId) -> NodeId {
        let is_widening = sharing::is_widening(self.function, node);
        let is_stored = self.leaves.get(&self.function.graph, node).is_some();
        if is_widening && !is_stored { self.function.graph.node(node).inputs[0] } else { node }
    }

    fn strided(&self, mut node: NodeId, mut view: View) -> Option<Load> {
        let graph = &self.function.graph;
        let domain = &graph.ty(node).shape;
        loop {
            if let Some((buffer, shape)) = self.leaves.get(graph, node) {
                return Some(Load { buffer, shape, axes: view, padded: false });
            }
            let operand = *graph.node(node).inputs.first()?;
            view = view::through(&graph.node(node).kind, &graph.ty(operand).shape, &graph.ty(node).shape, &view, domain).ok()?;
            node = operand;
        }
    }

    /// A fused kernel for `id`; what cannot be fused into it is scheduled first.
    fn fused(&mut self, id: NodeId) -> Result<()> {
        let is_fold = matches!(self.function.graph.node(id).kind, Kind::Reduce { .. });
        let mut by_rows = true;
        loop {
            let rows = if by_rows { rows_of(self.function, self.options, &self.leaves, id, &mut self.work) } else { None };
            let attempt = match (&rows, &self.function.graph.node(id).kind) {
                (Some(rows), _) => self.loop_kernel(id, rows, |lowering| lowering),
                (None, Kind::Reduce { op, axes }) => self.fold_kernel(id, *op, axes),
                (None, _) => self.pointwise_kernel(id),
            };
            match attempt {
                Ok(make) => {
                    let output = self.define_temporary(id);
                    self.kernels.push(make(output));
                    return Ok(());
                }
                Err(Unmade::Blocked(nodes)) if !nodes.contains(&id) => {
                    nodes.into_iter().try_for_each(|node| self.ensure(node))?
                }
                // A sum over other axes than those rows, whose result only happens to have their shape.
                Err(_) if rows.is_some() && is_fold => by_rows = false,
                Err(_) => return Err(Error::internal("compile", format!("{id} cannot be computed by a kernel of its own"))),
            }
        }
    }

    /// A kernel over the node's elements, whose axes are split where what it computes has more of them.
    fn pointwise_kernel(&mut self, id: NodeId) -> Result<MakeKernel, Unmade> {
        let mut rows = Rows::none(&self.function.graph.ty(id).shape);
        loop {
            match self.loop_kernel(id, &rows, |lowering| lowering.splitting()) {
                Err(Unmade::Joined(axis, inner)) => match rows.with_split_axis(axis, inner) {
                    Some(split) => rows = split,
                    None => return Err(Unmade::Blocked(vec![id])),
                },
                done => return done,
            }
        }
    }

    fn loop_kernel(&mut self, id: NodeId, rows: &Rows, prepare: fn(Lowering) -> Lowering) -> Result<MakeKernel, Unmade> {
        let mut lowering = prepare(Lowering::new(&self.function.graph, &self.leaves, id, &rows.outer, &rows.row));
        let mut value = lowering.value(id, &rows.root_view);
        if rows.root_is_element {
            value = lowering.element(value);
        }
        let chain = finished(lowering, &mut self.work)?;
        let (outer, row) = (rows.outer.clone(), rows.row.clone());
        Ok(Box::new(move |output| Kernel::Loop(Box::new(Loop { outer, row, chain, stores: vec![(value, output)] }))))
    }

    fn fold_kernel(&mut self, id: NodeId, op: ReduceOp, axes: &[usize]) -> Result<MakeKernel, Unmade> {
        let graph = &self.function.graph;
        let operand = graph.node(id).inputs[0];
        let shape = &graph.ty(operand).shape;
        let last = axes.iter().max().copied().unwrap_or(0);
        let kept = |axis: &usize| !axes.contains(axis);
        let outer_axes: Vec<usize> = (0..last).filter(kept).collect();
        let inner_axes: Vec<usize> = (last..shape.rank()).filter(kept).collect();
        let order: Vec<usize> = outer_axes.iter().chain(axes).chain(&inner_axes).copied().collect();
        let part = |axes: &[usize]| Shape::new(axes.iter().map(|&a| shape.dims()[a].clone()));
        let (outer, folded, inner) = (part(&outer_axes), part(axes), part(&inner_axes));
        let domain = part(&order);
        let mut operand_view = view::identity(shape.rank());
        order.iter().enumerate().for_each(|(position, &axis)| operand_view[axis] = AxisMap::identity(position));
        let mut lowering = Lowering::new(graph, &self.leaves, id, &domain, &Shape::scalar());
        let value = lowering.value(operand, &operand_view);
        let value = lowering.cast(value, computed_in(graph.ty(id).dtype));
        let chain = finished(lowering, &mut self.work)?;
        Ok(Box::new(move |output| Kernel::Fold(Box::new(Fold { outer, folded, inner, chain, value, op, output }))))
    }
}

/// The chain, or what it waits for.
fn finished(lowering: Lowering, work: &mut Work) -> Result<Chain, Unmade> {
    work.lowered += lowering.visited();
    match lowering.finish() {
        Attempt::Made(chain) => Ok(chain),
        Attempt::Blocked(nodes) => Err(Unmade::Blocked(nodes)),
        Attempt::Joined(axis, inner) => Err(Unmade::Joined(axis, inner)),
    }
}

/// What a kernel waits for.
enum Unmade {
    /// These nodes have to be in memory.
    Blocked(Vec<NodeId>),
    /// An axis of its domain has to be two, of which the second is so long.
    Joined(usize, usize),
}

type MakeKernel = Box<dyn FnOnce(BufferId) -> Kernel>;

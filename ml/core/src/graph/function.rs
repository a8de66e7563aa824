//! Closed functions: pruning, grafting into another graph, and substitution of symbols.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{Call, Cond, Conv, Function, Graph, Kind, Loop, NodeId, Span, Type, While};
use crate::error::{Error, Result};
use crate::shape::{Dim, Shape, Symbol};

/// What the symbols of a function stand for where it is grafted.
pub(crate) type Bindings = FxHashMap<Symbol, Dim>;

impl Function {
    /// Closes a graph: the function of all its arguments with these results. Nodes that no result needs are dropped;
    /// arguments stay, used or not.
    /// Errors: `Internal` if a result depends on something that is not a declared argument.
    pub fn new(graph: Graph, outputs: Vec<NodeId>) -> Result<Self> {
        let needed = graph.needed(&outputs, &[]);
        let mut pruned = Graph { verbatim: graph.verbatim, ..Graph::default() };
        for argument in graph.arguments() {
            pruned.input(&argument.name, graph.ty(argument.node).clone());
        }
        let mut moved = vec![None; graph.nodes.len()];
        for (id, node) in graph.nodes().filter(|(id, _)| needed[id.index()]) {
            let mut node = node.clone();
            for input in &mut node.inputs {
                *input = lookup(&moved, *input)?;
            }
            if let Kind::Input { index } = node.kind
                && index as usize >= graph.inputs.len()
            {
                return Err(Error::internal("function", format!("a result depends on undeclared argument {index}")));
            }
            moved[id.index()] = Some(pruned.intern(node));
        }
        let outputs = outputs.iter().map(|&o| lookup(&moved, o)).collect::<Result<_>>()?;
        Ok(Function { graph: pruned, outputs })
    }

    /// The types of the arguments, in order.
    pub fn argument_types(&self) -> impl ExactSizeIterator<Item = &Type> {
        self.graph.arguments().iter().map(|a| self.graph.ty(a.node))
    }

    /// The types of the results, in order.
    pub fn output_types(&self) -> impl ExactSizeIterator<Item = &Type> {
        self.outputs.iter().map(|&o| self.graph.ty(o))
    }

    /// The same function with its symbols replaced.
    fn substitute(&self, bindings: &Bindings) -> Result<Function> {
        let mut graph = Graph { verbatim: self.graph.verbatim, ..Graph::default() };
        let mut arguments = Vec::new();
        for a in self.graph.arguments() {
            let ty = self.graph.ty(a.node);
            let shape = ty.shape.substitute(&|s| bindings.get(s).cloned())?;
            arguments.push(graph.input(&a.name, Type::new(ty.dtype, shape)));
        }
        let outputs = graph.graft(self, &arguments, bindings)?;
        Function::new(graph, outputs)
    }

    /// The same function with its symbols replaced by those of operands of these types.
    /// Errors: `Shape` or `DType` if an operand does not fit its argument.
    pub fn bound_to(&self, op: &str, operands: &[&Type]) -> Result<Function> {
        let bindings = self.unify(op, operands)?;
        self.substitute(&bindings)
    }

    /// What this function's symbols are for operands of these types.
    /// Errors: `Shape` or `DType` if an operand does not fit its argument.
    pub(crate) fn unify(&self, op: &str, operands: &[&Type]) -> Result<Bindings> {
        if operands.len() != self.graph.inputs.len() {
            let what = format!("expected {} operands, got {}", self.graph.inputs.len(), operands.len());
            return Err(Error::shape(op, what));
        }
        let mut bindings = Bindings::default();
        for (expected, got) in self.argument_types().zip(operands) {
            if expected.dtype != got.dtype {
                return Err(Error::dtype(op, format!("expected {}, got {}", expected.dtype, got.dtype)));
            }
            if expected.shape.rank() != got.shape.rank() {
                return Err(Error::shape(op, format!("expected {}, got {}", expected.shape, got.shape)));
            }
            for (e, g) in expected.shape.dims().iter().zip(got.shape.dims()) {
                bind_symbol(&mut bindings, e, g);
            }
        }
        for (expected, got) in self.argument_types().zip(operands) {
            let bound = expected.shape.substitute(&|s| bindings.get(s).cloned())?;
            if bound != got.shape {
                return Err(Error::shape(op, format!("expected {}, got {}", expected.shape, got.shape)));
            }
        }
        Ok(bindings)
    }
}

impl Graph {
    /// Grafts a function's body into this graph, its arguments replaced by `operands`, and gives its results.
    /// Symbols of the function take the operands' dimensions.
    /// Errors: `Shape` or `DType` if an operand does not fit its argument.
    pub fn inline(&mut self, function: &Function, operands: &[NodeId]) -> Result<Vec<NodeId>> {
        let types: Vec<&Type> = operands.iter().map(|&o| self.ty(o)).collect();
        let bindings = function.unify("inline", &types)?;
        self.graft(function, operands, &bindings)
    }

    fn graft(&mut self, function: &Function, operands: &[NodeId], bindings: &Bindings) -> Result<Vec<NodeId>> {
        let mut moved = vec![None; function.graph.nodes.len()];
        for (argument, &operand) in function.graph.arguments().iter().zip(operands) {
            moved[argument.node.index()] = Some(operand);
        }
        for (id, node) in function.graph.nodes() {
            if moved[id.index()].is_some() {
                continue;
            }
            let inputs: SmallVec<[NodeId; 3]> = node.inputs.iter().map(|&i| lookup(&moved, i)).collect::<Result<_>>()?;
            moved[id.index()] = Some(self.apply(node.kind.substitute(bindings)?, &inputs)?);
        }
        function.outputs.iter().map(|&o| lookup(&moved, o)).collect()
    }

    /// For each node, whether a walk back from `outputs` that stops at `leaves` meets it.
    pub(crate) fn needed(&self, outputs: &[NodeId], leaves: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        let mut leaf = vec![false; self.nodes.len()];
        outputs.iter().for_each(|o| needed[o.index()] = true);
        leaves.iter().for_each(|l| leaf[l.index()] = true);
        for (id, node) in self.nodes.iter().enumerate().rev() {
            if needed[id] && !leaf[id] {
                node.inputs.iter().for_each(|i| needed[i.index()] = true);
            }
        }
        needed
    }
}

impl Kind {
    /// The same kind with symbols replaced in the shapes that it carries.
    fn substitute(&self, bindings: &Bindings) -> Result<Kind> {
        if bindings.iter().all(|(s, d)| *d == Dim::symbol(s.name())) {
            return Ok(self.clone());
        }
        let of = |s: &Symbol| bindings.get(s).cloned();
        Ok(match self {
            Kind::Iota { axis, dtype, shape } => Kind::Iota { axis: *axis, dtype: *dtype, shape: shape.substitute(&of)? },
            Kind::Reshape(shape) => Kind::Reshape(shape.substitute(&of)?),
            Kind::Expand(shape) => Kind::Expand(shape.substitute(&of)?),
            Kind::ScatterReduce { op, axis, size } => Kind::ScatterReduce { op: *op, axis: *axis, size: size.substitute(&of)? },
            Kind::Slice(spans) => Kind::Slice(spans.iter().map(|s| s.substitute(&of)).collect::<Result<_>>()?),
            Kind::DynSlice { axis, size } => Kind::DynSlice { axis: *axis, size: size.substitute(&of)? },
            Kind::Call(call) => Kind::Call(Arc::new(Call {
                body: call.body.substitute(bindings)?,
                tangent: call.tangent.as_ref().map(|t| t.substitute(bindings)).transpose()?,
                transposes: call.transposes.iter().map(|t| t.substitute(bindings)).collect::<Result<_>>()?,
                ..**call
            })),
            Kind::Conv(own) => Kind::Conv(Arc::new(Conv { groups: own.groups.substitute(&of)?, ..(**own).clone() })),
            Kind::Loop(own) => Kind::Loop(Arc::new(Loop { body: own.body.substitute(bindings)?, ..**own })),
            Kind::While(own) => {
                let (condition, body) = (own.condition.substitute(bindings)?, own.body.substitute(bindings)?);
                Kind::While(Arc::new(While { condition, body, ..**own }))
            }
            Kind::Cond(own) => {
                let [yes, no] = &own.branches;
                let branches = [yes.substitute(bindings)?, no.substitute(bindings)?];
                Kind::Cond(Arc::new(Cond { branches, result: own.result }))
            }
            other => other.clone(),
        })
    }
}

impl Span {
    fn substitute(&self, of: &impl Fn(&Symbol) -> Option<Dim>) -> Result<Span> {
        Ok(Span { start: self.start, stop: self.stop.substitute(of)?, step: self.step })
    }
}

/// Solves `expected == got` for a symbol of `expected` that is still free; mismatches are found once all are bound.
fn bind_symbol(bindings: &mut Bindings, expected: &Dim, got: &Dim) {
    if let [symbol] = expected.symbols()
        && !bindings.contains_key(symbol)
        && let Some(value) = expected.unify(got)
    {
        bindings.insert(symbol.clone(), value);
    }
}

fn lookup(moved: &[Option<NodeId>], id: NodeId) -> Result<NodeId> {
    moved[id.index()].ok_or_else(|| Error::internal("function", format!("%{} is used before it is made", id.index())))
}

/// The shape of a function's result once its symbols are bound.
pub(crate) fn bound_type(ty: &Type, bindings: &Bindings) -> Result<Type> {
    let shape: Shape = ty.shape.substitute(&|s| bindings.get(s).cloned())?;
    Ok(Type::new(ty.dtype, shape))
}

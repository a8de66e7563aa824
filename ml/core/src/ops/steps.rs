//! What `Loop` and `While` share: bodies whose arguments are the step's number, the carried values and the constants.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, NodeId, Type, bound_type};
use crate::ops::Batched;
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;
use crate::transform;

/// The type of a step's number.
pub(super) fn step_type() -> Type {
    Type::new(DType::I64, Shape::scalar())
}

/// The type of carried value `result`, once it is clear that the body takes these operands and gives the carried values'
/// types back. Errors: `Shape` or `DType` saying which does not fit.
pub(super) fn carried_type(op: &str, body: &Function, operands: &[&Type], result: usize) -> Result<Type> {
    let step = step_type();
    let all: Vec<&Type> = std::iter::once(&step).chain(operands.iter().copied()).collect();
    let bindings = body.unify(op, &all)?;
    for (i, (ty, operand)) in body.output_types().zip(operands).enumerate() {
        let ty = bound_type(ty, &bindings)?;
        if ty != **operand {
            return Err(Error::shape(op, format!("carried value {i} is {operand} before a step and {ty} after it")));
        }
    }
    let carried = &operands[..body.outputs.len().min(operands.len())];
    carried.get(result).map(|ty| (*ty).clone()).ok_or_else(|| Error::internal(op, "no such result"))
}

/// What a function of a step gives: carried values of a body, or a condition.
pub(super) fn evaluated(function: &Function, step: usize, carried: &[Tensor], constants: &[&Tensor]) -> Result<Vec<Tensor>> {
    let mut arguments = vec![Tensor::scalar(step as i64)];
    arguments.extend(carried.iter().cloned());
    arguments.extend(constants.iter().map(|&x| x.clone()));
    transform::evaluate(function, &arguments)
}

/// For each operand whether it is marked, or carried and made from what is marked in some step.
pub(super) fn dependent(body: &Function, marked: &[bool]) -> Vec<bool> {
    let graph = &body.graph;
    let mut marked = marked.to_vec();
    loop {
        let before = marked.clone();
        let mut depends = vec![false; graph.nodes().count()];
        for (argument, &is_marked) in graph.arguments()[1..].iter().zip(&marked) {
            depends[argument.node.index()] = is_marked;
        }
        for (id, node) in graph.nodes() {
            depends[id.index()] |= node.inputs.iter().any(|i| depends[i.index()]);
        }
        body.outputs.iter().enumerate().for_each(|(i, o)| marked[i] |= depends[o.index()]);
        if marked == before {
            return marked;
        }
    }
}

/// The operands that these outputs of a body are computed from, in one step.
pub(super) fn read_by(body: &Function, outputs: &[NodeId]) -> Vec<bool> {
    let needed = body.graph.needed(outputs, &[]);
    body.graph.arguments()[1..].iter().map(|a| needed[a.node.index()]).collect()
}

/// The operands that have tangents in a loop of values and tangents: carried values that come to have one in some step, and
/// constants that do.
pub(super) struct Moving {
    pub carried: Vec<usize>,
    pub constants: Vec<usize>,
}

impl Moving {
    /// Errors: `NotImplemented` naming a kind of the body that has no rule.
    pub fn of(body: &Function, tangents: &[Option<NodeId>]) -> Result<Self> {
        let carries = body.outputs.len();
        let mut moves: Vec<bool> = tangents.iter().map(Option::is_some).collect();
        loop {
            let mut g = body.graph.clone();
            let (mut points, mut stand_ins) = (Vec::new(), Vec::new());
            for (argument, _) in body.graph.arguments()[1..].iter().zip(&moves).filter(|(_, moves)| **moves) {
                let ty = g.ty(argument.node).clone();
                points.push(argument.node);
                stand_ins.push(Some(g.placeholder(stand_ins.len(), ty)));
            }
            let duals = transform::push_forward(&mut g, &body.outputs, &points, &stand_ins)?;
            let before = moves.clone();
            duals.iter().enumerate().for_each(|(i, (_, tangent))| moves[i] |= tangent.is_some());
            if moves == before {
                let places = |range: std::ops::Range<usize>| range.filter(|&i| moves[i]).collect();
                return Ok(Moving { carried: places(0..carries), constants: places(carries..moves.len()) });
            }
        }
    }

    /// The operands of the joint loop: carried, their tangents, constants, theirs.
    pub fn operands(&self, g: &mut Graph, own: &[NodeId], tangents: &[Option<NodeId>], carries: usize) -> Result<Vec<NodeId>> {
        let mut operands = own[..carries].to_vec();
        for &i in &self.carried {
            operands.push(tangents[i].map_or_else(|| g.full_like(own[i], 0.0), Ok)?);
        }
        operands.extend(&own[carries..]);
        operands.extend(self.constants.iter().filter_map(|&i| tangents[i]));
        Ok(operands)
    }

    /// The body of values and tangents: step, carried, their tangents, constants, theirs.
    pub fn joint(&self, body: &Function) -> Result<Function> {
        let carries = body.outputs.len();
        let wrt: Vec<usize> = self.carried.iter().chain(&self.constants).map(|&i| i + 1).collect();
        let both = transform::jvp(body, &wrt)?;
        let (mut g, given) = self.arguments(&both, body)?;
        let results = g.inline(&both, &given)?;
        let tangents = self.carried.iter().map(|&i| results[carries + i]);
        let outputs = results[..carries].iter().copied().chain(tangents).collect();
        Function::new(g, outputs)
    }

    /// A function of the body's arguments, such as a condition, as one of the joint body's.
    pub fn widened(&self, function: &Function, body: &Function) -> Result<Function> {
        let wrt: Vec<usize> = self.carried.iter().chain(&self.constants).map(|&i| i + 1).collect();
        let both = transform::jvp(body, &wrt)?;
        let (mut g, given) = self.arguments(&both, body)?;
        let outputs = g.inline(function, &given[..body.graph.arguments().len()])?;
        Function::new(g, outputs)
    }

    /// A graph with the joint body's arguments, and those in the order in which `both` (a jvp of the body) takes them.
    fn arguments(&self, both: &Function, body: &Function) -> Result<(Graph, Vec<NodeId>)> {
        let types: Vec<Type> = both.argument_types().cloned().collect();
        let (carries, own) = (body.outputs.len(), body.graph.arguments().len());
        let mut g = body.graph.nested();
        let mut given: Vec<Option<NodeId>> = vec![None; types.len()];
        let tangents = own..own + self.carried.len();
        let order = (0..=carries).chain(tangents.clone()).chain(carries + 1..own).chain(tangents.end..types.len());
        for (n, place) in order.enumerate() {
            given[place] = Some(g.input(&format!("x{n}"), types[place].clone()));
        }
        Ok((g, given.into_iter().flatten().collect()))
    }
}

/// The axes of a body under `vmap`: all carried values are batched, constants where they are.
pub(super) fn batched_axes(operands: &[Batched], carries: usize) -> Vec<Option<usize>> {
    let constants = operands[carries..].iter().map(|o| o.batched.then_some(0));
    [None].into_iter().chain(vec![Some(0); carries]).chain(constants).collect()
}

/// The operands under `vmap`, carried values repeated where they are not batched.
pub(super) fn batched_operands(g: &mut Graph, operands: &[Batched], carries: usize, size: &Dim) -> Result<Vec<NodeId>> {
    let one = |(i, operand): (usize, &Batched)| {
        if i < carries { super::with_batch(g, operand, size) } else { Ok(operand.node) }
    };
    operands.iter().enumerate().map(one).collect()
}

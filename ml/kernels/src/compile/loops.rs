//! Joins loops that do the same work. Reverse mode makes of a loop two that go forward: the loop itself, for its value, and
//! one that saves what its steps begin with. What both carry is carried once.

use std::sync::Arc;

use gradframe_ml_core::graph::{Kind, Loop, Type};
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape};
use rustc_hash::FxHashMap;

use super::CompileOptions;
use super::flatten::flatten;

/// The same function, in which loops that share carried values are one. It has no calls.
pub fn joined(function: Function) -> Result<Function> {
    let mut function = function;
    loop {
        let families = families(&function);
        let pairs = (0..families.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let mut found = None;
        for (a, b) in pairs {
            if let Some(joint) = joint(&function, &families[a], &families[b])? {
                found = Some(joint);
                break;
            }
        }
        match found {
            Some(joint) => function = rebuilt(&function, &joint)?,
            None => return Ok(function),
        }
    }
}

/// Nodes that are results of one loop.
struct Family {
    first: NodeId,
    /// With the number of their result.
    members: Vec<(usize, NodeId)>,
}

fn families(function: &Function) -> Vec<Family> {
    let graph = &function.graph;
    let mut families: Vec<Family> = Vec::new();
    for (id, node) in graph.nodes() {
        let (Kind::Loop(_), Some(result)) = (&node.kind, node.kind.result()) else { continue };
        let is_sibling = |family: &&mut Family| {
            let first = graph.node(family.first);
            first.inputs == node.inputs && first.kind.is_sibling(&node.kind)
        };
        match families.iter_mut().find(is_sibling) {
            Some(family) => family.members.push((result, id)),
            None => families.push(Family { first: id, members: vec![(result, id)] }),
        }
    }
    families
}

/// One loop in place of two.
struct Joint {
    body: Function,
    count: usize,
    operands: Vec<NodeId>,
    /// For each node of either loop, which of the joint loop's values it is.
    results: FxHashMap<NodeId, usize>,
}

/// The loop that does what both do, if they carry something in common and neither needs the other's results.
fn joint(function: &Function, a: &Family, b: &Family) -> Result<Option<Joint>> {
    let graph = &function.graph;
    let (of_first, of_next) = (&graph.node(a.first).inputs, &graph.node(b.first).inputs);
    let (Kind::Loop(first), Kind::Loop(next)) = (&graph.node(a.first).kind, &graph.node(b.first).kind) else {
        return Ok(None);
    };
    let start = |operands: &[NodeId], own: &Loop| operands[..own.carries()].to_vec();
    let (starts, others) = (start(of_first, first), start(of_next, next));
    let is_shared = |x: &NodeId| starts.contains(x);
    if first.count != next.count || !others.iter().any(is_shared) || depends(function, a, b) || depends(function, b, a) {
        return Ok(None);
    }
    let bodies = [flat_body(graph, first, of_first)?, flat_body(graph, next, of_next)?];
    let mut matching = Matching::new(&starts, &others);
    loop {
        let (body, operands) = matching.body(graph, &bodies, [of_first, of_next])?;
        if matching.is_confirmed(&body) {
            return Ok(matching.is_useful().then(|| matching.joint(body, operands, first.count, [a, b])));
        }
    }
}

/// The body over the operands' types, without calls, so that equal work looks equal.
fn flat_body(graph: &Graph, own: &Loop, operands: &[NodeId]) -> Result<Function> {
    let step = Type::new(DType::I64, Shape::scalar());
    let types: Vec<&Type> = std::iter::once(&step).chain(operands.iter().map(|&i| graph.ty(i))).collect();
    flatten(&own.body.bound_to("loop", &types)?, CompileOptions::default())
}

/// True if an operand of `b` is made from a result of `a`.
fn depends(function: &Function, a: &Family, b: &Family) -> bool {
    let graph = &function.graph;
    let mut made = vec![false; b.first.index() + 1];
    for (id, node) in graph.nodes().take(made.len()) {
        let is_member = a.members.iter().any(|(_, member)| *member == id);
        made[id.index()] = is_member || node.inputs.iter().any(|i| made[i.index()]);
    }
    graph.node(b.first).inputs.iter().any(|i| made[i.index()])
}

/// Which carried values of the second loop are values of the first: assumed of all that begin alike, and given up where a
/// step shows a difference.
struct Matching {
    /// For each value of the second loop, the values of the first that it may be; the last one is tried.
    candidates: Vec<Vec<usize>>,
    carries: usize,
    /// For each value of the second loop, which of the joint loop's it is.
    places: Vec<usize>,
    /// What a step makes of the second loop's values.
    next: Vec<NodeId>,
}

impl Matching {
    fn new(first: &[NodeId], next: &[NodeId]) -> Self {
        let alike = |x: &NodeId| (0..first.len()).rev().filter(|&i| first[i] == *x).collect();
        Matching { candidates: next.iter().map(alike).collect(), carries: first.len(), places: Vec::new(), next: Vec::new() }
    }

    /// The joint body and its operands, if what is assumed is true. Its outputs are the joint loop's carried values.
    fn body(&mut self, graph: &Graph, bodies: &[Function; 2], operands: [&[NodeId]; 2]) -> Result<(Function, Vec<NodeId>)> {
        let mut own: Vec<NodeId> = operands[0][..self.carries].to_vec();
        self.places.clear();
        for (candidates, &start) in self.candidates.iter().zip(operands[1]) {
            self.places.push(candidates.last().copied().unwrap_or(own.len()));
            if candidates.is_empty() {
                own.push(start);
            }
        }
        let carries = own.len();
        let constants = [&operands[0][self.carries..], &operands[1][self.candidates.len()..]];
        for &constant in constants.into_iter().flatten() {
            if !own[carries..].contains(&constant) {
                own.push(constant);
            }
        }
        let mut g = Graph::new();
        let step = g.input("step", Type::new(DType::I64, Shape::scalar()));
        let x: Vec<NodeId> = own.iter().enumerate().map(|(n, &i)| g.input(&format!("x{n}"), graph.ty(i).clone())).collect();
        let place = |constant: &NodeId| carries + own[carries..].iter().position(|i| i == constant).unwrap_or(0);
        let given = |carried: &[usize], constants: &[NodeId]| -> Vec<NodeId> {
            let operands = carried.iter().copied().chain(constants.iter().map(place));
            [step].into_iter().chain(operands.map(|i| x[i])).collect()
        };
        let all: Vec<usize> = (0..self.carries).collect();
        let mut outputs = g.inline(&bodies[0], &given(&all, constants[0]))?;
        self.next = g.inline(&bodies[1], &given(&self.places, constants[1]))?;
        let new = self.candidates.iter().zip(&self.next).filter(|(candidates, _)| candidates.is_empty());
        outputs.extend(new.map(|(_, &output)| output));
        Ok((Function { graph: g, outputs }, own))
    }

    /// True if each value is what it was taken for; else gives up the candidates that were wrong.
    fn is_confirmed(&mut self, body: &Function) -> bool {
        let mut confirmed = true;
        for ((candidates, &place), output) in self.candidates.iter_mut().zip(&self.places).zip(&self.next) {
            if body.outputs[place] != *output {
                candidates.pop();
                confirmed = false;
            }
        }
        confirmed
    }

    fn is_useful(&self) -> bool {
        self.candidates.iter().any(|c| !c.is_empty())
    }

    fn joint(&self, body: Function, operands: Vec<NodeId>, count: usize, [a, b]: [&Family; 2]) -> Joint {
        let first = a.members.iter().map(|&(result, id)| (id, result));
        let next = b.members.iter().map(|&(result, id)| (id, self.places[result]));
        Joint { body, count, operands, results: first.chain(next).collect() }
    }
}

/// The function with the joint loop in place of both. Nodes keep their order, but for what the joint loop waits for.
fn rebuilt(function: &Function, joint: &Joint) -> Result<Function> {
    let old = &function.graph;
    let mut g = Graph::new();
    let body = Function::new(joint.body.graph.clone(), joint.body.outputs.clone())?;
    let mut moved: Vec<Option<NodeId>> = vec![None; old.nodes().count()];
    for argument in old.arguments() {
        moved[argument.node.index()] = Some(g.input(&argument.name, old.ty(argument.node).clone()));
    }
    let mut open: Vec<NodeId> = old.nodes().map(|(id, _)| id).collect();
    open.reverse();
    while let Some(&id) = open.last() {
        let result = joint.results.get(&id);
        let inputs = if result.is_some() { &joint.operands[..] } else { &old.node(id).inputs[..] };
        let missing = inputs.iter().find(|i| moved[i.index()].is_none());
        match (moved[id.index()], missing) {
            (Some(_), _) => {
                open.pop();
            }
            (None, Some(&input)) => open.push(input),
            (None, None) => {
                let inputs: Vec<NodeId> = inputs.iter().filter_map(|i| moved[i.index()]).collect();
                let kind = match result {
                    Some(&result) => Kind::Loop(Arc::new(Loop { body: body.clone(), count: joint.count, result })),
                    None => old.node(id).kind.clone(),
                };
                moved[id.index()] = Some(g.apply(kind, &inputs)?);
            }
        }
    }
    let outputs = function.outputs.iter().filter_map(|o| moved[o.index()]).collect();
    Function::new(g, outputs)
}

//! Kernels for loops and choices: their bodies are schedules of their own. Nodes that are results of one loop become one
//! kernel, which carries what one of these results needs, and no more.

use gradframe_ml_core::graph::{Cond, Kind, Node, Type};
use gradframe_ml_core::{Error, Function, Graph, NodeId, Result};

use super::{CompileOptions, Scheduler, schedule};
use crate::compile::Work;
use crate::compile::flatten::flatten;
use crate::compile::loops::joined;
use crate::schedule::{BufferId, Choose, Kernel, Repeat, Schedule, Trips};

impl Scheduler<'_> {
    pub(super) fn control(&mut self, id: NodeId, node: &Node) -> Result<Kernel> {
        match &node.kind {
            Kind::Loop(own) => self.repeat(id, node, &own.body, None, own.count),
            Kind::While(own) => self.repeat(id, node, &own.body, Some(&own.condition), own.limit),
            Kind::Cond(own) => self.choose(id, node, own),
            kind => Err(Error::internal("compile", format!("`{}` has no body", kind.name()))),
        }
    }

    /// `steps` are those of a loop, or at most those of one with a condition.
    fn repeat(&mut self, id: NodeId, node: &Node, body: &Function, condition: Option<&Function>, steps: usize) -> Result<Kernel> {
        let family = self.family(id, node);
        let kept = Kept::of(body, condition, family.iter().map(|(result, _)| *result))?;
        let step = Type::new(gradframe_ml_core::DType::I64, gradframe_ml_core::Shape::scalar());
        let types: Vec<&Type> = std::iter::once(&step).chain(node.inputs.iter().map(|&i| self.function.graph.ty(i))).collect();
        let outputs = kept.carried.iter().map(|&i| body.outputs[i]).collect();
        let body = kept.function(&Function { graph: body.graph.clone(), outputs }.bound_to("loop", &types)?)?;
        let trips = match condition {
            None => Trips::Count(steps),
            Some(condition) => {
                let condition = kept.function(&condition.bound_to("while", &types)?)?;
                Trips::While { condition: Box::new(nested(&condition, self.options, &mut self.work)?), limit: steps }
            }
        };
        let operands = |scheduler: &mut Self, places: &[usize]| {
            places.iter().map(|&i| scheduler.buffer(node.inputs[i])).collect::<Result<Vec<_>>>()
        };
        let (carried, constants) = (operands(self, &kept.carried)?, operands(self, &kept.constants)?);
        let place = |result: usize| kept.carried.iter().position(|&i| i == result);
        let results = self.results(&family, place)?;
        let body = nested(&body, self.options, &mut self.work)?;
        Ok(Kernel::Repeat(Box::new(Repeat { body, trips, carried, constants, results })))
    }

    fn choose(&mut self, id: NodeId, node: &Node, own: &Cond) -> Result<Kernel> {
        let family = self.family(id, node);
        let types: Vec<&Type> = node.inputs[1..].iter().map(|&i| self.function.graph.ty(i)).collect();
        let branch = |function: &Function| {
            let outputs = family.iter().map(|(result, _)| function.outputs[*result]).collect();
            Function { graph: function.graph.clone(), outputs }.bound_to("cond", &types)
        };
        let [yes, no] = [branch(&own.branches[0])?, branch(&own.branches[1])?];
        let branches = [nested(&yes, self.options, &mut self.work)?, nested(&no, self.options, &mut self.work)?];
        let (condition, _) = self.buffer(node.inputs[0])?;
        let operands = node.inputs[1..].iter().map(|&i| self.buffer(i)).collect::<Result<_>>()?;
        let results = self.results(&family, |result| family.iter().position(|(r, _)| *r == result))?;
        Ok(Kernel::Choose(Box::new(Choose { condition, branches, operands, results })))
    }

    /// The nodes that are results of the same loop or choice, each with the number of its result.
    fn family(&self, id: NodeId, node: &Node) -> Vec<(usize, NodeId)> {
        let nodes = self.function.graph.nodes().skip(id.index());
        let related = nodes.filter(|(other, n)| *other == id || (n.inputs == node.inputs && n.kind.is_sibling(&node.kind)));
        related.filter_map(|(other, n)| Some((n.kind.result()?, other))).collect()
    }

    fn results(&mut self, family: &[(usize, NodeId)], place: impl Fn(usize) -> Option<usize>) -> Result<Vec<(usize, BufferId)>> {
        let one = |&(result, id): &(usize, NodeId)| {
            let place = place(result).ok_or_else(|| Error::internal("compile", format!("no result {result}")))?;
            Ok((place, self.define_temporary(id)))
        };
        family.iter().map(one).collect()
    }
}

fn nested(function: &Function, options: CompileOptions, work: &mut Work) -> Result<Schedule> {
    let flat = joined(flatten(function, CompileOptions { unroll: false, ..options })?)?;
    work.nodes += flat.graph.nodes().count();
    schedule(&flat, options, work)
}

/// The operands of a loop that some result needs.
struct Kept {
    carried: Vec<usize>,
    constants: Vec<usize>,
}

impl Kept {
    fn of(body: &Function, condition: Option<&Function>, results: impl Iterator<Item = usize>) -> Result<Self> {
        let carries = body.outputs.len();
        let mut is_kept = vec![false; body.graph.arguments().len() - 1];
        let mut open: Vec<usize> = results.collect();
        if let Some(condition) = condition {
            open.extend(read_by(condition, &condition.outputs)?);
        }
        while let Some(i) = open.pop() {
            if !std::mem::replace(&mut is_kept[i], true) && i < carries {
                open.extend(read_by(body, &[body.outputs[i]])?);
            }
        }
        let places = |range: std::ops::Range<usize>| range.filter(|&i| is_kept[i]).collect();
        Ok(Kept { carried: places(0..carries), constants: places(carries..is_kept.len()) })
    }

    /// The function of the step's number and what is kept.
    fn function(&self, function: &Function) -> Result<Function> {
        let types: Vec<Type> = function.argument_types().cloned().collect();
        let mut g = Graph::new();
        let mut given: Vec<Option<NodeId>> = vec![None; types.len()];
        for place in [0].into_iter().chain(self.carried.iter().chain(&self.constants).map(|i| i + 1)) {
            given[place] = Some(g.input(&format!("x{place}"), types[place].clone()));
        }
        let mut operands = Vec::with_capacity(types.len());
        for (given, ty) in given.into_iter().zip(&types) {
            operands.push(given.map_or_else(|| g.zeros(ty), Ok)?); // what is not kept is not read
        }
        let outputs = g.inline(function, &operands)?;
        Function::new(g, outputs)
    }
}

/// The operands, without the step's number, that these outputs are computed from.
fn read_by(function: &Function, outputs: &[NodeId]) -> Result<Vec<usize>> {
    let alone = Function::new(function.graph.clone(), outputs.to_vec())?;
    let mut is_read = vec![false; alone.graph.nodes().count()];
    for (_, node) in alone.graph.nodes() {
        node.inputs.iter().for_each(|i| is_read[i.index()] = true);
    }
    alone.outputs.iter().for_each(|o| is_read[o.index()] = true);
    let arguments = alone.graph.arguments()[1..].iter().enumerate();
    Ok(arguments.filter(|(_, a)| is_read[a.node.index()]).map(|(i, _)| i).collect())
}

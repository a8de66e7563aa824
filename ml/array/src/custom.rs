//! Functions with a gradient of their own.

use std::sync::Arc;

use gradframe_ml_core::graph::{Kind, Type};
use gradframe_ml_core::{Error, Function, Graph, NodeId, Result, transform};

use crate::trace::{Closed, Traced};

impl Traced {
    /// The same function with a gradient of its own. `rule` is a function of the arguments, the result and a cotangent of it,
    /// that gives a cotangent for each argument, and must be linear in the one it is given: forward mode is its transpose.
    /// What the function captures has no gradient.
    /// Errors: `Plan` unless there is one result, and the rule is linear and gives a cotangent of each argument's type.
    pub fn with_gradient(&self, rule: &Traced) -> Result<Traced> {
        self.check_rule(rule)?;
        let arguments = self.types.len();
        let forward = forward_rule(&rule.closed.function, arguments)?;
        let mut g = Graph::new();
        let given: Vec<Type> = self.closed.function.argument_types().cloned().collect();
        let extra = rule.closed.function.argument_types().skip(arguments + 2).cloned();
        let mut operands: Vec<NodeId> = Vec::new();
        for (i, ty) in given.iter().cloned().chain(extra).enumerate() {
            operands.push(g.input(&format!("x{i}"), ty));
        }
        let own = given.len();
        let output = g.call_with_tangent(
            "custom_gradient",
            &operands,
            |g, x| Ok(g.inline(&self.closed.function, &x[..own])?[0]),
            |g, x, value, tangents| {
                // A tangent for each float among the operands; those of captures are left out.
                let floats = |x: &NodeId| g.ty(*x).dtype.is_float();
                let kept = x[..arguments].iter().filter(|x| floats(x)).count();
                let mut given: Vec<NodeId> = x[..arguments].to_vec();
                given.push(value);
                given.extend_from_slice(&x[own..]);
                given.extend_from_slice(&tangents[..kept]);
                Ok(g.inline(&forward, &given)?[0])
            },
        )?;
        let captures = self.captures.iter().chain(&rule.captures).cloned().collect();
        let function = Function::new(g, vec![output])?;
        let closed = Closed { name: self.closed.name.clone(), function, results: Arc::clone(&self.closed.results) };
        Ok(Traced { closed: Arc::new(closed), captures, types: self.types.clone() })
    }

    fn check_rule(&self, rule: &Traced) -> Result<()> {
        let fail = |what: String| Err(Error::plan("custom_gradient", what));
        if self.closed.results.len() != 1 {
            return fail(format!("expected a function with one result, got {}", self.closed.results.len()));
        }
        if rule.closed.results.len() != self.types.len() {
            let what =
                format!("expected a cotangent for each of {} arguments, got {}", self.types.len(), rule.closed.results.len());
            return fail(what);
        }
        for (number, (ty, cotangent)) in self.types.iter().zip(rule.closed.results.iter()).enumerate() {
            if ty != cotangent {
                return fail(format!("argument {number} is {ty}, the rule gives {cotangent}"));
            }
        }
        Ok(())
    }
}

/// From a rule (x.., y, ct, captures..) -> cotangents of x that is linear in ct, the function (x.., y, captures.., tangents of
/// the floats among x) -> tangent of y: the transpose.
fn forward_rule(rule: &Function, arguments: usize) -> Result<Function> {
    let place = arguments + 1;
    let transposed = transform::vjp(rule, &[place])?; // (x.., y, ct, captures.., t..) -> (results.., transpose of t..)
    let types: Vec<Type> = transposed.argument_types().cloned().collect();
    let output = *transposed.outputs.last().ok_or_else(|| Error::internal("custom_gradient", "the rule has no result"))?;
    let alone = Function::new(transposed.graph, vec![output])?;
    if alone.graph.nodes().any(|(_, node)| node.inputs.iter().any(|&i| is_argument(&alone.graph, i, place))) {
        let what = "the rule is not linear in the cotangent";
        return Err(Error::plan("custom_gradient", what).hint("multiply it with what does not depend on it"));
    }
    let mut g = Graph::new();
    let mut operands = vec![None; types.len()];
    let captures = place + 1..types.len() - arguments;
    for i in (0..place).chain(captures.clone()) {
        operands[i] = Some(g.input(&format!("x{i}"), types[i].clone()));
    }
    for i in captures.end..types.len() {
        let is_float = types[i].dtype.is_float();
        operands[i] = Some(if is_float { g.input(&format!("t{i}"), types[i].clone()) } else { g.zeros(&types[i])? });
    }
    operands[place] = Some(g.zeros(&types[place])?);
    let operands: Vec<NodeId> = operands.into_iter().flatten().collect();
    let outputs = g.inline(&alone, &operands)?;
    Function::new(g, outputs)
}

fn is_argument(g: &Graph, node: NodeId, index: usize) -> bool {
    matches!(g.node(node).kind, Kind::Input { index: own } if own as usize == index)
}

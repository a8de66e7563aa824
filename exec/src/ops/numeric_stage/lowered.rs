//! Expressions of an operator as one function of the numeric core.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::expressions::{BinaryExpr, CastExpr, Literal, NegativeExpr};
use gradframe_ml_core::graph::{Fn1, Fn2, Type};
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape};
use gradframe_plan::lower::{self, Lowering};

use super::Expr;
use crate::columns::number;
use crate::unsigned::Unsigned;

/// An expression that the graph has: what it does with which operands.
enum Step<'a> {
    Call(&'static Lowering, Vec<&'a Expr>),
    Cast(&'a Expr, DType),
    Negative(&'a Expr),
}

/// What the expression does, if the graph can do it: float arithmetic and functions of floats of one type, and casts of
/// numbers to floats.
fn step<'a>(expr: &'a Expr, input: &Schema) -> Option<Step<'a>> {
    let expr = Unsigned::computation(expr);
    let own = float(&expr.data_type(input).ok()?)?;
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        number(&cast.expr().data_type(input).ok()?)?;
        return Some(Step::Cast(cast.expr(), own));
    }
    let step = if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        Step::Call(lower::operator(binary.op())?, vec![binary.left(), binary.right()])
    } else if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
        Step::Negative(negative.arg())
    } else {
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        Step::Call(lower::function(call.name(), call.args().len())?, call.args().iter().collect())
    };
    let of_own_type = |operand: &&Expr| operand.data_type(input).ok().and_then(|of| float(&of)) == Some(own);
    let exact = |step: &Step| own == DType::F64 || !matches!(step, Step::Call(row, _) if !row.exact);
    Some(step).filter(exact).filter(|step| step.operands().iter().all(of_own_type))
}

impl<'a> Step<'a> {
    fn operands(&self) -> Vec<&'a Expr> {
        match self {
            Step::Call(_, operands) => operands.clone(),
            Step::Cast(operand, _) | Step::Negative(operand) => vec![operand],
        }
    }

    /// In passes over a batch. A cast comes with the reading of its operand.
    fn cost(&self) -> u32 {
        match self {
            Step::Call(..) | Step::Negative(_) => 1,
            Step::Cast(..) => 0,
        }
    }
}

/// How many passes over a batch DataFusion takes for the expression; None if the graph does not have it.
pub(crate) fn cost(expr: &Expr, input: &Schema) -> Option<u32> {
    if is_volatile(expr) {
        return None;
    }
    let step = step(expr, input)?;
    let operands = step.operands().into_iter().map(|operand| operand_cost(operand, input)).sum::<Option<u32>>()?;
    Some(step.cost() + operands)
}

/// An operand that the graph does not have is computed before it, if it is a number.
fn operand_cost(operand: &Expr, input: &Schema) -> Option<u32> {
    match operand.downcast_ref::<Literal>() {
        Some(literal) => constant(literal).map(|_| 0),
        None => cost(operand, input).or_else(|| number(&operand.data_type(input).ok()?).map(|_| 0)),
    }
}

fn constant(literal: &Literal) -> Option<f64> {
    match literal.value() {
        ScalarValue::Float64(number) => *number,
        ScalarValue::Float32(number) => number.map(f64::from),
        _ => None,
    }
}

fn float(data_type: &DataType) -> Option<DType> {
    number(data_type).filter(|dtype| matches!(dtype, DType::F32 | DType::F64))
}

/// Expressions on their way into a graph.
pub(super) struct Lowered<'a> {
    input: &'a Schema,
    graph: Graph,
    /// What is computed before, one argument each: columns mostly.
    pub arguments: Vec<Expr>,
    nodes: Vec<NodeId>,
    /// Where SQL would fail.
    fails: Vec<NodeId>,
}

/// A number for all rows, or one a row.
enum Operand {
    Constant(f64),
    Node(NodeId),
}

impl<'a> Lowered<'a> {
    /// Of nothing yet.
    pub fn over(input: &'a Schema) -> Self {
        Lowered { input, graph: Graph::new(), arguments: vec![], nodes: vec![], fails: vec![] }
    }

    /// The node of an expression that has a cost.
    pub fn root(&mut self, expr: &Expr) -> Result<NodeId> {
        match self.operand(expr)? {
            Operand::Node(node) => Ok(node),
            Operand::Constant(_) => Err(Error::internal("numeric_stage", format!("`{expr}` is constant"))),
        }
    }

    /// The function of these results; and, if an expression may fail in SQL, whether one does, as the last.
    pub fn function(mut self, mut results: Vec<NodeId>) -> Result<Function> {
        let fails = std::mem::take(&mut self.fails);
        if let Some(fails) = fails.into_iter().try_fold(None, |all, one| self.either(all, one).map(Some))? {
            results.push(self.graph.any(fails, &[0])?);
        }
        Function::new(self.graph, results)
    }

    fn either(&mut self, all: Option<NodeId>, one: NodeId) -> Result<NodeId> {
        match all {
            Some(all) => self.graph.map2(Fn2::Or, all, one),
            None => Ok(one),
        }
    }

    fn operand(&mut self, expr: &Expr) -> Result<Operand> {
        if let Some(number) = expr.downcast_ref::<Literal>().and_then(constant) {
            return Ok(Operand::Constant(number));
        }
        let node = match step(expr, self.input) {
            Some(Step::Call(row, operands)) => self.call(row, &operands)?,
            Some(Step::Negative(operand)) => {
                let operand = self.root(operand)?;
                self.graph.map1(Fn1::Neg, operand)?
            }
            Some(Step::Cast(operand, dtype)) => {
                let operand = self.root(operand)?;
                self.graph.cast(operand, dtype)?
            }
            None => self.argument(expr)?,
        };
        Ok(Operand::Node(node))
    }

    fn call(&mut self, row: &Lowering, operands: &[&Expr]) -> Result<NodeId> {
        let operands = operands.iter().map(|operand| self.operand(operand)).collect::<Result<Vec<_>>>()?;
        let node = |operand: &Operand| if let Operand::Node(node) = operand { Some(*node) } else { None };
        let like = operands.iter().find_map(node).ok_or_else(|| Error::internal(row.name, "has constant operands only"))?;
        let operands = operands.into_iter().map(|operand| match operand {
            Operand::Node(node) => Ok(node),
            Operand::Constant(number) => self.graph.full_like(like, number),
        });
        let operands = operands.collect::<Result<Vec<_>>>()?;
        if let Some(fails) = row.fails {
            let fails = fails(&mut self.graph, &operands)?;
            self.fails.push(fails);
        }
        (row.build)(&mut self.graph, &operands)
    }

    fn argument(&mut self, expr: &Expr) -> Result<NodeId> {
        if let Some(at) = self.arguments.iter().position(|argument| argument == expr) {
            return Ok(self.nodes[at]);
        }
        let data_type = expr.data_type(self.input).map_err(gradframe_plan::error::from_datafusion)?;
        let dtype = number(&data_type).ok_or_else(|| Error::internal("numeric_stage", format!("`{expr}` is {data_type}")))?;
        let node = self.graph.input(&expr.to_string(), Type::new(dtype, Shape::new([Dim::symbol("N")])));
        self.arguments.push(Arc::clone(expr));
        self.nodes.push(node);
        Ok(node)
    }
}

/// A function in the expression's graph whose results are not rounded correctly: another back end gives other bits.
pub(super) fn inexact(expr: &Expr, input: &Schema) -> Option<&'static str> {
    let step = step(expr, input)?;
    match step {
        Step::Call(row, _) if !row.exact => Some(row.name),
        _ => step.operands().into_iter().find_map(|operand| inexact(operand, input)),
    }
}

/// The expressions below `expr` that are arguments of its graph.
pub(super) fn arguments_of<'a>(expr: &'a Expr, input: &Schema) -> Vec<&'a Expr> {
    match step(expr, input) {
        Some(step) => step.operands().into_iter().flat_map(|operand| arguments_of(operand, input)).collect(),
        None if expr.is::<Literal>() => vec![],
        None => vec![expr],
    }
}

//! Conditions: true, false or null.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_plan::expressions::{BinaryExpr, CaseExpr, InListExpr, Literal};
use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{NodeId, Result};

use super::super::values::{Building, Kind, Value};
use super::cast::{is_decimal, scale};
use super::{Level, no_form};
use crate::wrapped::Expr;

impl Building {
    /// What a condition gives. Errors: `NotImplemented` for what is none.
    pub fn condition(&mut self, expr: &Expr, level: &Level) -> Result<Value> {
        let value = self.expr(expr, level)?;
        if matches!(value.of, Kind::Bool) { Ok(value) } else { Err(no_form(expr)) }
    }

    /// Where an expression is not null.
    pub(super) fn is_there(&mut self, expr: &Expr, level: &Level) -> Result<NodeId> {
        match self.expr(expr, level)?.valid {
            Some(valid) => Ok(valid),
            None => self.truth(true),
        }
    }

    /// AND and OR: what one side decides, the other may be null of.
    pub(super) fn logical(&mut self, is_and: bool, left: &Value, right: &Value) -> Result<Value> {
        let (a, b) = (self.is_true(left)?, self.is_true(right)?);
        let node = if is_and { self.and(a, b)? } else { self.or(a, b)? };
        let decides = |this: &mut Self, side: &Value| if is_and { this.not(side.node) } else { Ok(side.node) };
        let valid = match (left.valid, right.valid) {
            (None, None) => None,
            (Some(valid), None) => {
                let decided = decides(self, right)?;
                Some(self.or(valid, decided)?)
            }
            (None, Some(valid)) => {
                let decided = decides(self, left)?;
                Some(self.or(valid, decided)?)
            }
            (Some(one), Some(other)) => {
                let (by_left, by_right) = (decides(self, left)?, decides(self, right)?);
                let (by_left, by_right, both) = (self.and(one, by_left)?, self.and(other, by_right)?, self.and(one, other)?);
                let one_side = self.or(by_left, by_right)?;
                Some(self.or(both, one_side)?)
            }
        };
        Ok(Value::new(node, valid, Kind::Bool))
    }

    pub(super) fn comparison(&mut self, expr: &Expr, binary: &BinaryExpr, level: &Level) -> Result<Value> {
        let (left, right) = (self.expr(binary.left(), level)?, self.expr(binary.right(), level)?);
        let f = match binary.op() {
            Operator::Eq => Fn2::Eq,
            Operator::NotEq => Fn2::Ne,
            Operator::Lt => Fn2::Lt,
            Operator::LtEq => Fn2::Le,
            Operator::Gt => Fn2::Gt,
            Operator::GtEq => Fn2::Ge,
            _ => return Err(no_form(expr)),
        };
        let types = (level.type_of(binary.left())?, level.type_of(binary.right())?);
        self.compared(expr, f, (&left, &types.0), (&right, &types.1))
    }

    fn compared(&mut self, expr: &Expr, f: Fn2, left: (&Value, &DataType), right: (&Value, &DataType)) -> Result<Value> {
        let (a, b) = match (&left.0.of, &right.0.of) {
            (Kind::Float { .. }, Kind::Float { .. }) => (self.comparable(left.0.node)?, self.comparable(right.0.node)?),
            (Kind::Integer(..), Kind::Integer(..)) if left.1 == right.1 => (left.0.node, right.0.node),
            (Kind::Integer(..), Kind::Integer(..)) if is_decimal(left.1) && is_decimal(right.1) => {
                let scale = scale(left.1).max(scale(right.1));
                (self.rescaled(expr, left.0, left.1, scale)?.node, self.rescaled(expr, right.0, right.1, scale)?.node)
            }
            _ => return Err(no_form(expr)),
        };
        let valid = self.both(left.0.valid, right.0.valid)?;
        Ok(Value::new(self.map2(f, a, b)?, valid, Kind::Bool))
    }

    pub(super) fn in_list(&mut self, expr: &Expr, list: &InListExpr, level: &Level) -> Result<Value> {
        let (value, own) = (self.expr(list.expr(), level)?, level.type_of(list.expr())?);
        if own.is_floating() && list.list().iter().any(may_be_zero) {
            return Err(no_form(expr)); // a long list on the CPU asks for the sign of zeros, too
        }
        let mut any: Option<Value> = None;
        for item in list.list() {
            let (item, of) = (self.expr(item, level)?, level.type_of(item)?);
            let is_equal = self.compared(expr, Fn2::Eq, (&value, &own), (&item, &of))?;
            any = Some(match any {
                Some(any) => self.logical(false, &any, &is_equal)?,
                None => is_equal,
            });
        }
        let any = any.ok_or_else(|| no_form(expr))?;
        Ok(if list.negated() { Value { node: self.not(any.node)?, ..any } } else { any })
    }

    pub(super) fn case(&mut self, expr: &Expr, case: &CaseExpr, level: &Level) -> Result<Value> {
        if case.expr().is_some() {
            return Err(no_form(expr));
        }
        let mut result = case.else_expr().map(|otherwise| self.expr(otherwise, level)).transpose()?;
        for (when, then) in case.when_then_expr().iter().rev() {
            let (condition, value) = (self.condition(when, level)?, self.expr(then, level)?);
            let holds = self.is_true(&condition)?;
            result = Some(match result {
                Some(otherwise) => self.either(expr, holds, &value, &otherwise)?,
                None => Value { valid: self.both(value.valid, Some(holds))?, ..value },
            });
        }
        result.ok_or_else(|| no_form(expr))
    }

    fn either(&mut self, expr: &Expr, holds: NodeId, value: &Value, otherwise: &Value) -> Result<Value> {
        let of = match (&value.of, &otherwise.of) {
            (Kind::Integer(a, b), Kind::Integer(c, d)) => Kind::Integer(*a.min(c), *b.max(d)),
            (Kind::Float { is_single: one }, Kind::Float { is_single: other }) if one == other => value.of.clone(),
            (Kind::Bool, Kind::Bool) => Kind::Bool,
            _ => return Err(no_form(expr)),
        };
        let valid = match (value.valid, otherwise.valid) {
            (None, None) => None,
            (one, other) => {
                let always = self.truth(true)?;
                Some(self.graph.select(holds, one.unwrap_or(always), other.unwrap_or(always))?)
            }
        };
        Ok(Value::new(self.graph.select(holds, value.node, otherwise.node)?, valid, of))
    }
}

/// Of an item of a list of floats.
fn may_be_zero(item: &Expr) -> bool {
    match item.downcast_ref::<Literal>().map(Literal::value) {
        Some(ScalarValue::Float64(Some(x))) => *x == 0.0,
        Some(ScalarValue::Float32(Some(x))) => *x == 0.0,
        _ => true,
    }
}

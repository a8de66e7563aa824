//! Sums, differences, products and quotients.

use arrow::datatypes::DataType;
use datafusion::logical_expr::Operator;
use datafusion::physical_plan::expressions::{BinaryExpr, NegativeExpr};
use gradframe_ml_core::Result;
use gradframe_ml_core::graph::{Fn1, Fn2};

use super::super::values::{Building, Kind, Value};
use super::cast::{fits, is_decimal, scale};
use super::{Level, no_form};
use crate::wrapped::Expr;

impl Building {
    pub(super) fn arithmetic(&mut self, expr: &Expr, binary: &BinaryExpr, level: &Level) -> Result<Value> {
        let (left, right) = (self.expr(binary.left(), level)?, self.expr(binary.right(), level)?);
        let types = [level.type_of(binary.left())?, level.type_of(binary.right())?, level.type_of(expr)?];
        let f = match binary.op() {
            Operator::Plus => Fn2::Add,
            Operator::Minus => Fn2::Sub,
            Operator::Multiply => Fn2::Mul,
            _ => Fn2::Div,
        };
        match (&left.of, &right.of) {
            (Kind::Float { is_single: false }, Kind::Float { is_single: false }) => {
                let valid = self.both(left.valid, right.valid)?;
                Ok(Value::new(self.map2(f, left.node, right.node)?, valid, Kind::Float { is_single: false }))
            }
            (Kind::Integer(..), Kind::Integer(..)) if f != Fn2::Div => self.of_integers(expr, f, &left, &right, &types),
            _ => Err(no_form(expr)),
        }
    }

    /// Where no result leaves its type.
    fn of_integers(&mut self, expr: &Expr, f: Fn2, left: &Value, right: &Value, types: &[DataType; 3]) -> Result<Value> {
        let [of_left, of_right, of_result] = types;
        let (left, right) = match (is_decimal(of_left) && is_decimal(of_right), f) {
            (false, _) if of_left == of_right && of_left == of_result && of_left.is_integer() => (left.clone(), right.clone()),
            (true, Fn2::Mul) if scale(of_left) + scale(of_right) == scale(of_result) => (left.clone(), right.clone()),
            (true, Fn2::Add | Fn2::Sub) => {
                let scale = scale(of_result);
                (self.rescaled(expr, left, of_left, scale)?, self.rescaled(expr, right, of_right, scale)?)
            }
            _ => return Err(no_form(expr)),
        };
        let ((a, b), (c, d)) = (left.range().ok_or_else(|| no_form(expr))?, right.range().ok_or_else(|| no_form(expr))?);
        let (low, high) = match f {
            Fn2::Add => (a + c, b + d),
            Fn2::Sub => (a - d, b - c),
            _ => {
                let corners = [a * c, a * d, b * c, b * d];
                corners.into_iter().fold((i128::MAX, i128::MIN), |(low, high), corner| (low.min(corner), high.max(corner)))
            }
        };
        if !fits(of_result, low, high) {
            return Err(no_form(expr));
        }
        let valid = self.both(left.valid, right.valid)?;
        Ok(Value::new(self.map2(f, left.node, right.node)?, valid, Kind::Integer(low, high)))
    }

    pub(super) fn negative(&mut self, expr: &Expr, negative: &NegativeExpr, level: &Level) -> Result<Value> {
        let value = self.expr(negative.arg(), level)?;
        let of = match &value.of {
            Kind::Float { is_single } => Kind::Float { is_single: *is_single },
            Kind::Integer(low, high) if fits(&level.type_of(expr)?, -high, -low) => Kind::Integer(-high, -low),
            _ => return Err(no_form(expr)),
        };
        Ok(Value::new(self.graph.map1(Fn1::Neg, value.node)?, value.valid, of))
    }
}

//! Expressions of SQL as nodes of a graph, nulls and all.
//!
//! What a graph has no form of is an error that names it. Whole numbers come with the range in which they lie, so that what
//! might not fit its type, and then has to be an error of its row, is not computed there at all.

mod arithmetic;
mod cast;
mod logic;
mod words;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, Literal, NegativeExpr, NotExpr,
};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;

use super::values::{Building, Kind, Value};
use crate::named::Named;
use crate::unsigned::Unsigned;
use crate::wrapped::Expr;

/// The columns that an expression is over.
pub(super) struct Level {
    pub schema: SchemaRef,
    /// Each column's value; None of one that stays on the CPU.
    pub columns: Vec<Option<Value>>,
}

/// The error of what has no form on a device.
pub(super) fn no_form(what: impl std::fmt::Display) -> Error {
    Error::not_implemented("device", format!("`{what}` has no form on a device"))
}

impl Level {
    /// The type of an expression.
    pub fn type_of(&self, expr: &Expr) -> Result<DataType> {
        expr.data_type(&self.schema).map_err(from_datafusion)
    }

    fn column(&self, column: &Column) -> Result<Value> {
        let value = self.columns.get(column.index()).cloned().flatten();
        value.ok_or_else(|| Error::not_implemented("device", format!("`{}` stays on the CPU", column.name())))
    }
}

impl Building {
    /// What the expression gives. Errors: `NotImplemented` naming the part that has no form.
    pub fn expr(&mut self, expr: &Expr, level: &Level) -> Result<Value> {
        let expr = computation(expr);
        if let Some(column) = expr.downcast_ref::<Column>() {
            return level.column(column);
        }
        if is_volatile(expr) {
            return Err(no_form(expr));
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return self.literal(literal.value());
        }
        if let Some(value) = self.of_words(expr, level)? {
            return Ok(value);
        }
        self.computed(expr, level)
    }

    fn computed(&mut self, expr: &Expr, level: &Level) -> Result<Value> {
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            return self.binary(expr, binary, level);
        }
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            let value = self.expr(cast.expr(), level)?;
            return self.cast(expr, value, &level.type_of(cast.expr())?, &level.type_of(expr)?);
        }
        if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
            return self.negative(expr, negative, level);
        }
        if let Some(not) = expr.downcast_ref::<NotExpr>() {
            let value = self.condition(not.arg(), level)?;
            return Ok(Value { node: self.not(value.node)?, ..value });
        }
        if let Some(null) = expr.downcast_ref::<IsNullExpr>() {
            let is_there = self.is_there(null.arg(), level)?;
            return Ok(Value::new(self.not(is_there)?, None, Kind::Bool));
        }
        if let Some(null) = expr.downcast_ref::<IsNotNullExpr>() {
            return Ok(Value::new(self.is_there(null.arg(), level)?, None, Kind::Bool));
        }
        if let Some(list) = expr.downcast_ref::<InListExpr>() {
            return self.in_list(expr, list, level);
        }
        match expr.downcast_ref::<CaseExpr>() {
            Some(case) => self.case(expr, case, level),
            None => Err(no_form(expr)),
        }
    }

    fn binary(&mut self, expr: &Expr, binary: &BinaryExpr, level: &Level) -> Result<Value> {
        use Operator::{And, Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Multiply, NotEq, Or, Plus};
        match binary.op() {
            And | Or => {
                let (left, right) = (self.condition(binary.left(), level)?, self.condition(binary.right(), level)?);
                self.logical(*binary.op() == And, &left, &right)
            }
            Eq | NotEq | Lt | LtEq | Gt | GtEq => self.comparison(expr, binary, level),
            Plus | Minus | Multiply | Divide => self.arithmetic(expr, binary, level),
            _ => Err(no_form(expr)),
        }
    }

    fn literal(&mut self, scalar: &ScalarValue) -> Result<Value> {
        let (valid, of) = (if scalar.is_null() { Some(self.truth(false)?) } else { None }, Kind::Integer(0, 0));
        let node = match scalar {
            ScalarValue::Boolean(truth) => {
                return Ok(Value::new(self.truth(truth.unwrap_or_default())?, valid, Kind::Bool));
            }
            ScalarValue::Float64(number) => {
                return Ok(Value::new(self.float(number.unwrap_or_default()), valid, Kind::Float { is_single: false }));
            }
            ScalarValue::Float32(number) => {
                let number = f64::from(number.unwrap_or_default());
                return Ok(Value::new(self.float(number), valid, Kind::Float { is_single: true }));
            }
            scalar if scalar.is_null() => self.number(0),
            scalar => {
                let number = whole(scalar).ok_or_else(|| no_form(scalar))?;
                let node = self.number(i64::try_from(number).map_err(|_| no_form(scalar))?);
                return Ok(Value::new(node, None, Kind::Integer(number, number)));
            }
        };
        Ok(Value::new(node, valid, of))
    }
}

/// What computes a value, without what only names or canonicalises it.
pub(super) fn computation(expr: &Expr) -> &Expr {
    let inner = Named::computation(Unsigned::computation(expr));
    if std::sync::Arc::ptr_eq(inner, expr) { expr } else { computation(inner) }
}

/// A constant as a whole number.
fn whole(scalar: &ScalarValue) -> Option<i128> {
    use ScalarValue::{
        Date32, Date64, Decimal32, Decimal64, Decimal128, Int8, Int16, Int32, Int64, TimestampMicrosecond, TimestampMillisecond,
        TimestampNanosecond, TimestampSecond, UInt8, UInt16, UInt32, UInt64,
    };
    match scalar {
        Int8(Some(number)) => Some((*number).into()),
        Int16(Some(number)) => Some((*number).into()),
        Int32(Some(number)) | Date32(Some(number)) | Decimal32(Some(number), ..) => Some((*number).into()),
        Int64(Some(number)) | Date64(Some(number)) | Decimal64(Some(number), ..) => Some((*number).into()),
        TimestampSecond(Some(number), _)
        | TimestampMillisecond(Some(number), _)
        | TimestampMicrosecond(Some(number), _)
        | TimestampNanosecond(Some(number), _) => Some((*number).into()),
        UInt8(Some(number)) => Some((*number).into()),
        UInt16(Some(number)) => Some((*number).into()),
        UInt32(Some(number)) => Some((*number).into()),
        UInt64(Some(number)) => Some((*number).into()),
        Decimal128(Some(number), ..) => Some(*number),
        _ => None,
    }
}

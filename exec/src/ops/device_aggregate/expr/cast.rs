//! Numbers under another type.

use arrow::compute::cast as cast_array;
use arrow::datatypes::DataType;
use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{DType, Result};
use gradframe_plan::error::from_datafusion;

use super::super::values::{Building, Kind, Value, is_small};
use super::no_form;
use crate::pinned::is_string;
use crate::wrapped::Expr;

/// True of decimals of any width.
pub(super) fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..))
}

/// Digits behind the point; 0 of what is no decimal.
pub(super) fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    }
}

/// Whether whole numbers of this range are values of the type.
pub(super) fn fits(data_type: &DataType, low: i128, high: i128) -> bool {
    let within = |least: i128, most: i128| least <= low && high <= most;
    let own = match data_type {
        DataType::Int8 => within(i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => within(i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => within(i32::MIN.into(), i32::MAX.into()),
        DataType::UInt8 => within(0, u8::MAX.into()),
        DataType::UInt16 => within(0, u16::MAX.into()),
        DataType::UInt32 => within(0, u32::MAX.into()),
        DataType::UInt64 => low >= 0,
        DataType::Decimal32(digits, _) | DataType::Decimal64(digits, _) | DataType::Decimal128(digits, _) => {
            let most = 10i128.checked_pow(u32::from(*digits)).unwrap_or(i128::MAX);
            within(1 - most, most - 1)
        }
        DataType::Int64 | DataType::Decimal256(..) => true,
        _ => false,
    };
    own && is_small(low) && is_small(high)
}

fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer()
}

impl Building {
    pub(super) fn cast(&mut self, expr: &Expr, value: Value, from: &DataType, to: &DataType) -> Result<Value> {
        if from == to {
            return Ok(value);
        }
        match &value.of {
            Kind::Words(strings) if is_string(to) => {
                let strings = cast_array(strings, to).map_err(|error| from_datafusion(error.into()))?;
                Ok(Value { of: Kind::Words(strings), ..value })
            }
            Kind::Float { .. } if (from, to) == (&DataType::Float32, &DataType::Float64) => {
                Ok(Value { of: Kind::Float { is_single: false }, ..value })
            }
            Kind::Integer(low, high) if is_whole(from) && is_whole(to) && fits(to, *low, *high) => Ok(value),
            Kind::Integer(..) if (is_whole(from) || is_decimal(from)) && *to == DataType::Float64 => {
                self.as_float(&value, scale(from))
            }
            Kind::Integer(..) if (is_whole(from) || is_decimal(from)) && is_decimal(to) => {
                let value = self.rescaled(expr, &value, from, scale(to))?;
                let fits = value.range().is_some_and(|(low, high)| fits(to, low, high));
                if fits { Ok(value) } else { Err(no_form(expr)) }
            }
            _ => Err(no_form(expr)),
        }
    }

    fn as_float(&mut self, value: &Value, scale: i8) -> Result<Value> {
        let mut node = self.graph.cast(value.node, DType::F64)?;
        if scale != 0 {
            let unit = self.float(10f64.powi(i32::from(scale)));
            node = self.map2(Fn2::Div, node, unit)?;
        }
        Ok(Value::new(node, value.valid, Kind::Float { is_single: false }))
    }

    /// A whole number or decimal with so many digits behind the point, no fewer than it has.
    pub(super) fn rescaled(&mut self, expr: &Expr, value: &Value, from: &DataType, to: i8) -> Result<Value> {
        let more = u32::try_from(i32::from(to) - i32::from(scale(from))).map_err(|_| no_form(expr))?;
        let factor = 10i64.checked_pow(more).ok_or_else(|| no_form(expr))?;
        let (low, high) = value.range().ok_or_else(|| no_form(expr))?;
        let (low, high) = (low * i128::from(factor), high * i128::from(factor));
        if !is_small(low) || !is_small(high) {
            return Err(no_form(expr));
        }
        let node = match factor {
            1 => value.node,
            factor => {
                let factor = self.number(factor);
                self.map2(Fn2::Mul, value.node, factor)?
            }
        };
        Ok(Value::new(node, value.valid, Kind::Integer(low, high)))
    }
}

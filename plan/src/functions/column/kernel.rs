//! A kernel and what it is given.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, UInt64Array};
use arrow::datatypes::DataType;
use datafusion::common::cast::as_float64_array;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use gradframe_ml_core::Error;

use super::super::words::word;
use super::TABLES;
use crate::error::{said_otherwise, to_datafusion};
use crate::functions::one_nan;

/// A function of whole columns.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Its name in plans.
    pub name: &'static str,
    /// The type of its result, from those of its arguments and its constants.
    pub result: fn(&[DataType], &[ScalarValue]) -> Result<DataType>,
    /// Computes it. The carrier casts what it gives to `result`.
    pub run: fn(&Columns) -> Result<ArrayRef>,
}

/// The arguments of a kernel: columns of as many rows, and constants.
#[derive(Debug)]
pub struct Columns<'a> {
    /// The columns.
    pub values: &'a [ArrayRef],
    /// How many rows each has.
    pub rows: usize,
    /// The constants.
    pub constants: &'a [ScalarValue],
}

impl Columns<'_> {
    /// A column as floats.
    pub fn floats(&self, index: usize) -> Result<Float64Array> {
        let column = arrow::compute::cast(&self.values[index], &DataType::Float64)?;
        Ok(as_float64_array(&column)?.clone())
    }

    /// A column of row numbers.
    pub fn numbers(&self, index: usize) -> Result<UInt64Array> {
        let column = arrow::compute::cast(&self.values[index], &DataType::UInt64)?;
        Ok(datafusion::common::cast::as_uint64_array(&column)?.clone())
    }

    /// A constant number.
    pub fn float(&self, index: usize) -> Result<f64> {
        match self.constants.get(index).map(|constant| constant.cast_to(&DataType::Float64)) {
            Some(Ok(ScalarValue::Float64(Some(number)))) => Ok(number),
            _ => wrong("a constant number is missing"),
        }
    }

    /// A constant whole number.
    pub fn int(&self, index: usize) -> Result<i64> {
        match self.constants.get(index).map(|constant| constant.cast_to(&DataType::Int64)) {
            Some(Ok(ScalarValue::Int64(Some(number)))) => Ok(number),
            _ => wrong("a constant whole number is missing"),
        }
    }

    /// A constant flag.
    pub fn flag(&self, index: usize) -> bool {
        matches!(self.constants.get(index), Some(ScalarValue::Boolean(Some(true))))
    }

    /// A constant text.
    pub fn text(&self, index: usize) -> &str {
        self.constants.get(index).and_then(|constant| constant.try_as_str().flatten()).unwrap_or_default()
    }
}

/// The kernel's arguments are checked where it is called by name; what is wrong here is our own fault.
fn wrong<T>(what: &str) -> Result<T> {
    Err(to_datafusion(Error::internal("kernel", what)))
}

static KERNELS: LazyLock<HashMap<&'static str, Kernel>> =
    LazyLock::new(|| TABLES.iter().flat_map(|table| table.iter()).map(|kernel| (kernel.name, *kernel)).collect());

/// A kernel with its constants: what the three carriers carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Carried {
    pub(super) name: &'static str,
    pub(super) constants: Vec<ScalarValue>,
    /// The name with the constants, by which plans tell calls apart.
    pub(super) shown: String,
    pub(super) signature: Signature,
    /// What the first argument is called, for errors; nothing in plans.
    of: String,
}

impl Carried {
    pub(super) fn new(name: &'static str, constants: Vec<ScalarValue>) -> Self {
        let shown = word(name, &constants);
        Carried { name, constants, shown, signature: Signature::user_defined(Volatility::Immutable), of: String::new() }
    }

    /// The same over these arguments, ready to run: errors name the first one.
    pub(super) fn over(&self, args: &[Arc<dyn PhysicalExpr>]) -> Self {
        let of = args.first().map(|arg| fmt_sql(arg.as_ref()).to_string()).unwrap_or_default();
        Carried { of, ..self.clone() }
    }

    /// The kernel of this name with constants; None if there is none.
    pub(super) fn named(name: &str, constants: Vec<ScalarValue>) -> Option<Self> {
        KERNELS.get(name).map(|kernel| Carried::new(kernel.name, constants))
    }

    fn kernel(&self) -> Result<Kernel> {
        KERNELS.get(self.name).copied().map_or_else(|| wrong(&format!("there is no kernel `{}`", self.name)), Ok)
    }

    pub(super) fn result(&self, types: &[DataType]) -> Result<DataType> {
        (self.kernel()?.result)(types, &self.constants)
    }

    /// The error, with the name of what it is over.
    pub(super) fn with_column(&self, error: DataFusionError) -> DataFusionError {
        on_column(error, &self.of)
    }

    /// The result over some rows, in its declared type.
    pub(super) fn run(&self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let types: Vec<DataType> = values.iter().map(|column| column.data_type().clone()).collect();
        let (kernel, result) = (self.kernel()?, self.result(&types)?);
        let computed = (kernel.run)(&Columns { values, rows, constants: &self.constants });
        let computed = computed.map_err(|error| self.with_column(error))?;
        let computed = if *computed.data_type() == result { computed } else { arrow::compute::cast(&computed, &result)? };
        Ok(one_nan(computed))
    }
}

/// The error, with the name of the column that it is about, if it has none and the column is the user's.
pub(super) fn on_column(error: DataFusionError, column: &str) -> DataFusionError {
    let DataFusionError::External(inner) = error else { return error };
    match inner.downcast::<Error>() {
        Ok(own) if matches!(*own, Error::Execution(_)) && !own.detail().what.contains('`') && is_users(column) => {
            to_datafusion(said_otherwise(*own, |what| format!("`{column}`: {what}")))
        }
        Ok(own) => DataFusionError::External(own),
        Err(other) => DataFusionError::External(other),
    }
}

/// Hidden columns have names that the user has never seen.
fn is_users(column: &str) -> bool {
    !column.is_empty() && !column.contains("__")
}

/// The first argument's type.
pub(super) fn as_first(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(types.first().cloned().unwrap_or(DataType::Null))
}

/// Float32 of Float32, else Float64.
pub(super) fn float(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(if types.first() == Some(&DataType::Float32) { DataType::Float32 } else { DataType::Float64 })
}

/// Counts and positions.
pub(super) fn integer(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::Int64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_names_of_their_own() {
        assert_eq!(KERNELS.len(), TABLES.iter().map(|table| table.len()).sum::<usize>());
    }
}

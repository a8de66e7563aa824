//! A function of the user's over the values of one column, as an expression.

mod each;
mod whole;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use gradframe_ml_core::Error;

use crate::error::to_datafusion;
use crate::names::type_name;

/// A function over a column: as many values out as in. It is called from many threads at once.
pub trait ColumnFunction: Send + Sync {
    /// How EXPLAIN and errors call it.
    fn name(&self) -> String;

    /// The operation in which errors say that it was called.
    fn op(&self) -> &'static str {
        "map_batches"
    }

    /// One value for each of these. Errors: any kind; the query ends with it.
    fn map(&self, column: ArrayRef) -> Result<ArrayRef, Error>;
}

/// Which values a call sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sees {
    /// Some rows after another: the function treats each value by itself.
    Some,
    /// All rows of the frame, or of a window's partition, in the order of the rows.
    All,
}

/// The function's values in the place of the column's. `data_type` is that of the result; None is that of the column.
/// Errors, when it runs: the function's own; `Shape` for another number of values, `DType` for another type.
pub fn map_column(column: Expr, function: Arc<dyn ColumnFunction>, data_type: Option<DataType>, sees: Sees) -> Expr {
    let mapped = Mapped { function, data_type };
    match sees {
        Sees::Some => each::call(mapped, column),
        Sees::All => whole::call(mapped, column),
    }
}

/// The function and the type of its result.
#[derive(Clone)]
struct Mapped {
    function: Arc<dyn ColumnFunction>,
    data_type: Option<DataType>,
}

impl Mapped {
    fn data_type(&self, column: &DataType) -> DataType {
        self.data_type.clone().unwrap_or_else(|| column.clone())
    }

    fn map(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let name = self.function.name();
        let given = self.function.map(Arc::clone(column)).map_err(to_datafusion)?;
        if given.len() != column.len() {
            let what = format!("`{name}` gave {} values for {}, expected as many", given.len(), column.len());
            return Err(to_datafusion(Error::shape(self.function.op(), what)));
        }
        let expected = self.data_type(column.data_type());
        if *given.data_type() == expected {
            return Ok(given);
        }
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let cast = same_kind(given.data_type(), &expected).then(|| cast_with_options(&given, &expected, &strict));
        match cast {
            Some(cast) => cast.map_err(DataFusionError::from),
            None => {
                let what =
                    format!("`{name}` gave values of type {}, expected {}", type_name(given.data_type()), type_name(&expected));
                Err(to_datafusion(Error::dtype(self.function.op(), what).hint("say the type of its values with return_dtype=")))
            }
        }
    }
}

/// Whether a conversion keeps what the function meant: nulls, whole numbers and fractions, texts, bytes, lists among themselves.
fn same_kind(given: &DataType, expected: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeList, List, Null};
    let is_bytes = |t: &DataType| matches!(t, Binary | LargeBinary | BinaryView);
    let is_number = |t: &DataType| t.is_integer() || t.is_floating();
    match (given, expected) {
        (Null, _) => true,
        (List(a) | LargeList(a), List(b) | LargeList(b)) => same_kind(a.data_type(), b.data_type()),
        (a, b) if a.is_floating() => b.is_floating(),
        (a, b) => a == b || is_number(a) && is_number(b) || a.is_string() && b.is_string() || is_bytes(a) && is_bytes(b),
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("function", &self.function.name()).field("data_type", &self.data_type).finish()
    }
}

impl PartialEq for Mapped {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function) && self.data_type == other.data_type
    }
}

impl Eq for Mapped {}

impl Hash for Mapped {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.function).hash(state);
        self.data_type.hash(state);
    }
}

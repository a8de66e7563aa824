//! A function of arrays over columns, traced into the plan: a compiled kernel, as any other function of the plan is.
//!
//! Nobody knows the columns' types where the expression is written. When the plan asks for the type of its result, the function
//! is traced over arrays of these types, once; what runs later is the program that was made of the trace.

mod columns;
mod kernel;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use gradframe_ml_core::{DType, Error, Function, Tensor};
use parking_lot::Mutex;

use self::columns::RowArray;
use self::kernel::Kernel;
use crate::error::to_datafusion;

/// The operator's name in errors.
const OP: &str = "apply_array";

/// A function of arrays.
pub trait ArrayFunction: Send + Sync {
    /// How EXPLAIN and errors call it.
    fn name(&self) -> String;

    /// The function of arrays of these types, each with rows before its sizes: for any number of rows N, with what it used
    /// and was not given. One result, [N, ..].
    /// Errors: any kind; the query does not begin.
    fn trace(&self, types: &[(DType, Vec<usize>)]) -> Result<TracedArrays, Error>;
}

/// A traced function: its arguments are the columns and then the captures.
#[derive(Debug, Clone)]
pub struct TracedArrays {
    /// The function.
    pub function: Function,
    /// The values of its last arguments.
    pub captures: Vec<Tensor>,
}

/// What a function of arrays makes of columns: a value for each row, or an array of fixed sizes. Numbers and truth values are
/// arrays of their types, [N]; tensors (and lists of fixed size) [N, ..]. Where a column is null the result is null.
/// Errors, when the plan is made: the function's own; `Plan` if a row's result depends on other rows; `DType` for a column of
/// another type.
pub fn apply_array(columns: Vec<Expr>, function: Arc<dyn ArrayFunction>) -> Expr {
    let name = function.name();
    let signature = Signature::any(columns.len(), Volatility::Immutable);
    ScalarUDF::new_from_impl(Applied { function, name, signature, known: Mutex::default() }).call(columns)
}

/// Columns' types, and what was made for them.
type Known = (Vec<RowArray>, Arc<Kernel>);

struct Applied {
    function: Arc<dyn ArrayFunction>,
    name: String,
    signature: Signature,
    /// The kernels that were made, by the types of the columns.
    known: Mutex<Vec<Known>>,
}

impl Applied {
    fn kernel(&self, fields: &[FieldRef]) -> Result<Arc<Kernel>, Error> {
        let types = fields.iter().map(|field| RowArray::of(field)).collect::<Result<Vec<_>, Error>>()?;
        let known = self.known.lock().iter().find(|(own, _)| *own == types).map(|(_, kernel)| Arc::clone(kernel));
        if let Some(kernel) = known {
            return Ok(kernel);
        }
        // Not under the lock: it calls functions of others.
        let traced = self.function.trace(&types.iter().map(|ty| (ty.dtype, ty.sizes.clone())).collect::<Vec<_>>())?;
        let kernel = Arc::new(Kernel::new(types.clone(), traced)?);
        self.known.lock().push((types, Arc::clone(&kernel)));
        Ok(kernel)
    }
}

impl ScalarUDFImpl for Applied {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Err(to_datafusion(Error::internal(OP, "the type of its result is asked for by fields")))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let kernel = self.kernel(args.arg_fields).map_err(to_datafusion)?;
        Ok(kernel.field(&self.name, args.arg_fields.iter().any(|field| field.is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let kernel = self.kernel(&args.arg_fields).map_err(to_datafusion)?;
        let arrays = args.args.iter().map(|value| value.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        kernel.run(&arrays, args.number_rows).map(ColumnarValue::Array).map_err(to_datafusion)
    }
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied").field("function", &self.name).finish()
    }
}

impl PartialEq for Applied {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function)
    }
}

impl Eq for Applied {}

impl Hash for Applied {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.function).cast::<()>().hash(state);
    }
}

//! The program of a traced function, and what it makes of columns.

use std::sync::OnceLock;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::FieldRef;
use gradframe_ml_core::transform::check_row_wise;
use gradframe_ml_core::{Error, Result, Symbol, Tensor};
use gradframe_ml_kernels::{Program, compile};

use super::columns::RowArray;
use super::{OP, TracedArrays};
use crate::error::copy;

/// A traced function over columns of some types.
#[derive(Debug)]
pub(super) struct Kernel {
    columns: Vec<RowArray>,
    result: RowArray,
    traced: TracedArrays,
    /// Made when it first runs.
    program: OnceLock<Result<Program>>,
}

impl Kernel {
    /// The kernel of a function that was traced over these columns.
    /// Errors: `Plan` if a row's result depends on other rows; `Shape` if its result has a size that changes.
    pub fn new(columns: Vec<RowArray>, traced: TracedArrays) -> Result<Self> {
        check_row_wise(&traced.function, &Symbol::new("N")).map_err(|error| {
            let detail = error.detail();
            Error::plan(OP, detail.what.clone())
                .hint("a row's result must not depend on the rows beside it; map_batches sees all")
        })?;
        let mut types = traced.function.output_types();
        let (Some(ty), None) = (types.next(), types.next()) else {
            return Err(Error::plan(OP, "expected a function that gives one array"));
        };
        let sizes: Option<Vec<usize>> = ty.shape.dims()[1..].iter().map(|dim| dim.as_fixed()).collect();
        let sizes =
            sizes.ok_or_else(|| Error::shape(OP, format!("the function gives {ty}, whose sizes change with the rows")))?;
        let result = RowArray { dtype: ty.dtype, sizes };
        drop(types);
        Ok(Kernel { columns, result, traced, program: OnceLock::new() })
    }

    /// The result's field.
    pub fn field(&self, name: &str, nullable: bool) -> FieldRef {
        self.result.field(name, nullable)
    }

    /// The result for so many rows. Errors: those of reading the columns; `Resources`.
    pub fn run(&self, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        if rows == 0 {
            return Ok(new_empty_array(self.field("", true).data_type()));
        }
        let tensors = self.columns.iter().zip(arrays).map(|(column, array)| column.tensor(array));
        let captures = self.traced.captures.iter().cloned().map(Ok);
        let arguments = tensors.chain(captures).collect::<Result<Vec<Tensor>>>()?;
        let program = self.program.get_or_init(|| compile(&self.traced.function)).as_ref().map_err(copy)?;
        let result = program.run(&arguments)?.pop().ok_or_else(|| Error::internal(OP, "a program without a result"))?;
        let nulls = arrays.iter().fold(None, |nulls, array| NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref()));
        self.result.array(result, nulls)
    }
}

//! What a numeric stage computes: expressions over columns, as one compiled program.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, RecordBatch, make_array, new_empty_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::error::Result;
use gradframe_ml_core::{Error, Tensor};
use gradframe_ml_kernels::{Program, compile};
use gradframe_plan::error::{copy, to_datafusion};
use gradframe_plan::functions::one_nan;

use super::Expr;
use super::lowered::{Lowered, arguments_of, cost, inexact};
use crate::columns::number;
use crate::device::Work;
use crate::ops::appended::evaluated;

/// The name of a stage's computed column by its number.
pub(super) fn column_name(number: usize) -> String {
    format!("__numeric_{number}")
}

/// Expressions, and the program of all of them together. It is compiled at the first batch.
#[derive(Debug)]
pub(super) struct Stage {
    results: Vec<Computed>,
    input: Arc<Schema>,
    plan: OnceLock<gradframe_ml_core::Result<Plan>>,
}

#[derive(Debug)]
struct Computed {
    expr: Expr,
    field: FieldRef,
}

#[derive(Debug)]
struct Plan {
    program: Program,
    arguments: Vec<Expr>,
    /// Of each result, the arguments that it is null with.
    nulls: Vec<Vec<usize>>,
}

impl Stage {
    /// Of expressions that have a cost. Errors: DataFusion's for one that has no type.
    pub fn try_new(exprs: Vec<Expr>, input: Arc<Schema>) -> Result<Self> {
        let computed = |(number, expr): (usize, Expr)| {
            let field = Field::new(column_name(number), expr.data_type(&input)?, expr.nullable(&input)?);
            Ok(Computed { expr, field: Arc::new(field) })
        };
        let results = exprs.into_iter().enumerate().map(computed).collect::<Result<_>>()?;
        Ok(Stage { results, input, plan: OnceLock::new() })
    }

    /// The computed columns' fields.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldRef> + '_ {
        self.results.iter().map(|result| Arc::clone(&result.field))
    }

    /// What is computed.
    pub fn exprs(&self) -> impl ExactSizeIterator<Item = &Expr> {
        self.results.iter().map(|result| &result.expr)
    }

    /// What is done with a row.
    pub fn work(&self) -> Work {
        let mut arguments: Vec<&Expr> = vec![];
        for argument in self.exprs().flat_map(|expr| arguments_of(expr, &self.input)) {
            if !arguments.contains(&argument) {
                arguments.push(argument);
            }
        }
        let types = arguments.into_iter().filter_map(|argument| argument.data_type(&self.input).ok());
        let types = types.chain(self.fields().map(|field| field.data_type().clone()));
        Work {
            operations: self.exprs().filter_map(|expr| cost(expr, &self.input)).sum::<u32>() as usize,
            bytes: types.filter_map(|of| of.primitive_width()).sum(),
            inexact: self.exprs().find_map(|expr| inexact(expr, &self.input)).map(str::to_owned),
            ..Work::default()
        }
    }

    /// The computed columns of batches taken together; `run` runs the program on so many rows. Errors: those of the expressions.
    pub fn columns(
        &self,
        batches: &[RecordBatch],
        run: impl FnOnce(&Program, &[Tensor], usize) -> gradframe_ml_core::Result<Vec<Tensor>>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        if rows == 0 {
            return Ok(self.fields().map(|field| new_empty_array(field.data_type())).collect());
        }
        let plan = self.plan.get_or_init(|| self.planned()).as_ref().map_err(|error| to_datafusion(copy(error)))?;
        let arguments = plan.arguments.iter().map(|argument| evaluated(argument, batches)).collect::<Result<Vec<_>>>()?;
        let tensors = arguments.iter().map(tensor).collect::<gradframe_ml_core::Result<Vec<_>>>().map_err(to_datafusion)?;
        let mut results = run(&plan.program, &tensors, rows).map_err(to_datafusion)?;
        // DataFusion's functions say what is wrong, or that only what is under a null is.
        if results.len() > self.results.len() && fails(results.pop().as_ref()) {
            return self.exprs().map(|expr| evaluated(expr, batches)).collect();
        }
        let columns = results.into_iter().zip(&self.results).zip(&plan.nulls);
        columns.map(|((values, result), nulls)| column(values, result.field.data_type(), nulls, &arguments)).collect()
    }

    fn planned(&self) -> gradframe_ml_core::Result<Plan> {
        let mut lowered = Lowered::over(&self.input);
        let roots = self.exprs().map(|expr| lowered.root(expr)).collect::<gradframe_ml_core::Result<Vec<_>>>()?;
        let arguments = lowered.arguments.clone();
        let at = |argument: &Expr| arguments.iter().position(|known| known == argument);
        let nulls = self.exprs().map(|expr| arguments_of(expr, &self.input).into_iter().filter_map(at).collect()).collect();
        Ok(Plan { program: compile(&lowered.function(roots)?)?, arguments, nulls })
    }
}

/// The column's numbers where they lie; what is under a null is computed with the rest.
fn tensor(array: &ArrayRef) -> gradframe_ml_core::Result<Tensor> {
    let dtype = number(array.data_type());
    let dtype = dtype.ok_or_else(|| Error::internal("numeric_stage", format!("a column of {}", array.data_type())))?;
    let data = array.to_data();
    let bytes = dtype.size_bytes();
    let values = data.buffers()[0].slice_with_length(data.offset() * bytes, data.len() * bytes);
    Tensor::try_new(dtype, &[data.len()], values)
}

/// Whether the flag, one bool, is set.
fn fails(flag: Option<&Tensor>) -> bool {
    flag.is_some_and(|flag| flag.buffer().as_slice().contains(&1))
}

fn column(values: Tensor, data_type: &DataType, nulls: &[usize], arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let nulls = nulls.iter().map(|&argument| arguments[argument].logical_nulls());
    let nulls = nulls.fold(None, |all, one| NullBuffer::union(all.as_ref(), one.as_ref()));
    let data = arrow::array::ArrayData::builder(data_type.clone()).len(values.len()).nulls(nulls);
    Ok(one_nan(make_array(data.add_buffer(values.into_buffer()).build()?)))
}

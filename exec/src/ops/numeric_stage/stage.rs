//! What a numeric stage computes: expressions over columns, as one compiled program.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, RecordBatch, make_array, new_empty_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::error::Result;
use gradframe_ml_core::{Error, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};
use gradframe_plan::error::{copy, to_datafusion};
use gradframe_plan::functions::one_nan;

use super::Expr;
use super::lowered::{Lowered, arguments_of, number};

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

    /// The computed columns of a batch. Errors: those of the expressions.
    pub fn columns(&self, batch: &RecordBatch, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        if batch.num_rows() == 0 {
            return Ok(self.fields().map(|field| new_empty_array(field.data_type())).collect());
        }
        let plan = self.plan.get_or_init(|| self.planned()).as_ref().map_err(|error| to_datafusion(copy(error)))?;
        let arguments = plan.arguments.iter().map(|argument| argument.evaluate(batch)?.into_array(batch.num_rows()));
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let mut results = plan.run(&arguments, scratch).map_err(to_datafusion)?;
        // DataFusion's functions say what is wrong, or that only what is under a null is.
        if results.len() > self.results.len() && fails(results.pop().as_ref()) {
            return self.exprs().map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows())).collect();
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

impl Plan {
    /// On this thread: the plan's other partitions have theirs.
    fn run(&self, arguments: &[ArrayRef], scratch: &mut Scratch) -> gradframe_ml_core::Result<Vec<Tensor>> {
        let tensors = arguments.iter().map(tensor).collect::<gradframe_ml_core::Result<Vec<_>>>()?;
        self.program.run_with(&tensors, scratch, Threads::One)
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

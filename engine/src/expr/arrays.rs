//! Functions of arrays as expressions.

use std::sync::Arc;

use datafusion::logical_expr::Expr;
use gradframe_ml_array::{Array, Element, RowFunction, RowType};
use gradframe_ml_core::DType;
use gradframe_plan::functions::{ArrayFunction, TracedArrays, apply_array as applied};

use super::IntoExpr;
use crate::Result;

/// What a function of arrays makes of columns, one value a row. It is traced when the plan is made, over arrays of the columns'
/// types ([rows], of tensors [rows, ..]), and runs as a compiled kernel of the plan. Where a column is null so is the result.
///
/// ```
/// use gradframe::expr::{apply_array, col};
/// use gradframe::{Result, Session};
///
/// fn main() -> Result<()> {
///     let session = Session::builder().in_memory().build()?;
///     let rows = session.block_on(session.sql("SELECT * FROM (VALUES (3.0, 4.0), (6.0, 8.0)) AS t(a, b)"))?;
///     let length = apply_array("length", [col("a"), col("b")], |x| x[0].square()?.add(&x[1].square()?)?.sqrt());
///     let lengths = rows.select([length.alias("length")])?;
///     assert_eq!(session.block_on(lengths.filter(col("length").gt(datafusion::prelude::lit(5.0)))?.count())?, 1);
///     Ok(())
/// }
/// ```
///
/// Errors, when the plan is made: the function's own; `Plan` if it depends on the number of rows, or a row's result on other
/// rows; `DType` for a column that is no number.
pub fn apply_array<E: IntoExpr>(
    name: impl Into<String>,
    columns: impl IntoIterator<Item = E>,
    function: impl Fn(&[Array]) -> Result<Array> + Send + Sync + 'static,
) -> Expr {
    let function = Closure { name: name.into(), function };
    applied(columns.into_iter().map(IntoExpr::into_expr).collect(), Arc::new(function))
}

struct Closure<F> {
    name: String,
    function: F,
}

impl<F: Fn(&[Array]) -> Result<Array> + Send + Sync> ArrayFunction for Closure<F> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn trace(&self, types: &[(DType, Vec<usize>)]) -> Result<TracedArrays> {
        let types: Vec<RowType> = types.iter().map(|(dtype, sizes)| RowType::rows(Element::Real(*dtype), sizes)).collect();
        let traced = RowFunction::trace(&self.name, &types, |x| Ok(vec![(self.function)(x)?]))?;
        Ok(TracedArrays { function: traced.function, captures: traced.captures })
    }
}

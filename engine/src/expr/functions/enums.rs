//! Text as an enum: one of some known values, which have an order.

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use gradframe_plan::functions::to_enum;

use super::super::call::Call;
use super::super::resolve::{output_name, shown};
use super::super::table::FunctionRow;
use super::deferred_call;
use crate::{Error, Result};
use gradframe_plan::names::type_name;

/// Text as enums.
pub trait Enums: Into<Expr> + Sized {
    /// The text as an enum of these categories, by whose order it is sorted. Errors, when it runs: `Execution` for another text.
    ///
    /// ```
    /// use gradframe::{Session, expr::prelude::*};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('low'), ('high'), ('mid')) AS t(size)"))?;
    /// let sizes = frame.select([col("size").cast_enum(["low", "mid", "high"])])?;
    /// let largest = sizes.sort([desc("size")])?.limit(1)?.filter(col("size").eq(lit("high")))?;
    /// assert_eq!(session.block_on(largest.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    fn cast_enum(self, categories: impl IntoIterator<Item = impl Into<String>>) -> Expr {
        let categories: Vec<String> = categories.into_iter().map(Into::into).collect();
        deferred_call!("cast_enum", [self.into()], categories = categories)
    }
}

impl Enums for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[FunctionRow::typed("cast_enum", cast_enum)];

fn cast_enum(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let categories = call.texts("categories")?.unwrap_or_default();
    let strict = call.flag("strict", true)?;
    let own = call.type_of(&value)?;
    if !is_text(&own) {
        return Err(Error::dtype(
            "cast",
            format!("`{}` is {own}, which cannot become an Enum", shown(&value), own = type_name(&own)),
        ));
    }
    let name = output_name(&value);
    to_enum(value, &name, categories, strict)
}

/// Text of any layout.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string() || other.is_null(),
    }
}

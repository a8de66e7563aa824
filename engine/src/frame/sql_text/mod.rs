//! A frame as SQL text.
//!
//! Each step of the plan becomes a clause of a SELECT, as long as clauses mean the same as steps one after another; what does
//! not fit begins another SELECT over the one before, which is called `step_1`, `step_2` and so on in a WITH. Types that SQL has
//! no name for are `arrow_cast`, and functions of frames are words (`gradframe_plan::functions::words`), so that the text, planned
//! again, is the same plan but for names.

mod aggregates;
mod counts;
mod expressions;
mod joins;
mod literals;
mod names;
mod select;
mod sets;
mod sources;
mod steps;
mod unnested;

use std::sync::Arc;

use datafusion::common::{DFSchema, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableSource};
use gradframe_plan::error::from_datafusion;

use self::expressions::Scope;
pub(super) use self::names::in_quotes;
use self::sources::Sources;
pub(super) use self::sources::is_read_by_text;
use self::steps::Writer;
use super::DataFrame;
use crate::panics::guard_call;
use crate::session::UNNAMED;
use crate::{Error, Result};

const OP: &str = "explain";

impl DataFrame {
    /// The frame as one SQL query, which gives the same rows. Rows that have no name in the catalog are called `frame`, `frame_2`
    /// and so on: files, which the text reads by themselves, and rows in memory: see [`DataFrame::to_sql_with_frames`].
    ///
    /// ```
    /// use gradframe::expr::{col, lit};
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let trips = session.block_on(session.sql("CREATE TABLE trips AS SELECT 1 AS fare; SELECT * FROM trips"))?;
    /// let text = trips.filter(col("fare").gt(lit(0)))?.to_sql()?;
    /// assert_eq!(session.block_on(async { session.sql(&text).await?.count().await })?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `NotImplemented` for a frame with a step or a function that SQL has no words for, which it names: a function of
    /// the program's own, a training, a prediction.
    pub fn to_sql(&self) -> Result<String> {
        self.to_sql_with_frames().map(|(text, _)| text)
    }

    /// [`DataFrame::to_sql`], and the rows in memory that its names `frame`, `frame_2` and so on stand for:
    /// [`Session::sql_with`](crate::Session::sql_with) runs the one with the others.
    ///
    /// ```
    /// use gradframe::expr::{col, lit};
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 9)"))?;
    /// let cached = session.block_on(numbers.cache())?;
    /// let (text, frames) = cached.filter(col("x").gt(lit(5_i64)))?.to_sql_with_frames()?;
    /// assert_eq!(text, "SELECT *\nFROM frame\nWHERE x > 5");
    /// assert_eq!(session.block_on(async { session.sql_with(&text, frames).await?.count().await })?, 4);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: as [`DataFrame::to_sql`].
    pub fn to_sql_with_frames(&self) -> Result<(String, Vec<(String, DataFrame)>)> {
        guard_call(OP, || {
            let sources = Sources::of(&self.plan)?;
            let state = self.session.state();
            let text = Writer::new(&state, &sources).text(&self.plan)?;
            let frame = |(name, source): (&String, &Arc<dyn TableSource>)| {
                let scan = LogicalPlanBuilder::scan(TableReference::bare(UNNAMED), Arc::clone(source), None);
                let scan = scan.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
                Ok((name.clone(), self.with_plan(scan)))
            };
            let frames = sources.given().map(frame).collect::<Result<_>>()?;
            Ok((text, frames))
        })
    }
}

impl DataFrame {
    /// The frame as SQL whose files have paths from the root, and how many rows in memory it needs beside it.
    /// Errors: as [`DataFrame::to_sql`].
    pub(super) fn to_sql_from_anywhere(&self) -> Result<(String, usize)> {
        guard_call(OP, || {
            let sources = Sources::from_anywhere(&self.plan)?;
            let state = self.session.state();
            Ok((Writer::new(&state, &sources).text(&self.plan)?, sources.given().count()))
        })
    }
}

/// An expression over columns of this schema as SQL that calls what `state` knows, and words; each column by its name in quotes.
/// Errors: `NotImplemented` for a part that SQL has no words for.
pub(super) fn expression(expr: &Expr, schema: &DFSchema, state: &SessionState) -> Result<String> {
    let columns: Vec<String> = schema.fields().iter().map(|field| in_quotes(field.name())).collect();
    let sources = Sources::none();
    Writer::new(state, &sources).expr(expr, &Scope { schema, columns: &columns })
}

fn no_words(what: impl Into<String>) -> Error {
    Error::not_implemented(OP, format!("SQL has no words for a part of this frame: {}", what.into()))
        .hint("format=\"tree\" shows every plan")
}

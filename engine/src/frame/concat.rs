//! Frames one below the other, or side by side.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, LogicalPlan, Union, lit};
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{enum_categories, required};
use gradframe_plan::names::suggest;

use super::DataFrame;
use super::naming::all_columns;
use super::number::unused;
use super::stacked_types::{common_type, require_one_enum};
use crate::expr::resolve::cast_to;
use crate::expr::{IntoSortExpr, as_enum, asc, cast, coalesce, col};
use crate::{Error, How, Result};

/// How frames are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stacking {
    /// One below the other: equal names in equal order, equal types.
    #[default]
    Vertical,
    /// One below the other: equal names in equal order, types that have a common one.
    VerticalRelaxed,
    /// One below the other, by name: a column that a frame lacks is null there; equal types.
    Diagonal,
    /// One below the other, by name: a column that a frame lacks is null there; types that have a common one.
    DiagonalRelaxed,
    /// Side by side, row by row; frames of different heights are an error.
    Horizontal,
    /// Side by side, row by row; a frame that is shorter is null below its last row.
    HorizontalExtend,
    /// Side by side, by equal values of the columns that all frames have, in their order.
    Align,
}

const NAMES: [(&str, Stacking); 7] = [
    ("vertical", Stacking::Vertical),
    ("vertical_relaxed", Stacking::VerticalRelaxed),
    ("diagonal", Stacking::Diagonal),
    ("diagonal_relaxed", Stacking::DiagonalRelaxed),
    ("horizontal", Stacking::Horizontal),
    ("horizontal_extend", Stacking::HorizontalExtend),
    ("align", Stacking::Align),
];

impl std::str::FromStr for Stacking {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        let unknown =
            || Error::plan("concat", format!("unknown way `{name}`")).hint(suggest(name, NAMES.map(|(known, _)| known)));
        found.map(|(_, way)| *way).ok_or_else(unknown)
    }
}

impl DataFrame {
    /// The rows of both, duplicates kept. Errors: `Plan` if the columns' names differ, `DType` if their types do.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.union(&frame)?.count())?, 6);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn union(&self, other: &DataFrame) -> Result<Self> {
        DataFrame::concat([self.clone(), other.clone()])
    }

    /// The rows of all frames, one after another; see [`DataFrame::union`].
    /// Errors: `Plan` for no frame at all.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let twice = gradframe::DataFrame::concat([frame.clone(), frame])?;
    /// assert_eq!(session.block_on(twice.count())?, 6);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn concat(frames: impl IntoIterator<Item = DataFrame>) -> Result<Self> {
        DataFrame::concat_with(frames, Stacking::Vertical)
    }

    /// All frames as one, in the order in which they are given.
    ///
    /// ```
    /// # use gradframe::{DataFrame, Session, Stacking};
    /// # let session = Session::builder().in_memory().build()?;
    /// let a = session.block_on(session.sql("SELECT 1 AS x, 'a' AS y"))?;
    /// let b = session.block_on(session.sql("SELECT 2.5 AS x"))?;
    /// let both = DataFrame::concat_with([a, b], Stacking::DiagonalRelaxed)?;
    /// assert_eq!(both.columns(), ["x", "y"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for no frame at all, for names that do not fit; `DType` for types that do not.
    pub fn concat_with(frames: impl IntoIterator<Item = DataFrame>, way: Stacking) -> Result<Self> {
        let frames: Vec<DataFrame> = frames.into_iter().collect();
        if frames.is_empty() {
            return Err(Error::plan("concat", "got no frame, expected at least one"));
        }
        match way {
            Stacking::Vertical => stacked(same_names(frames)?, false),
            Stacking::VerticalRelaxed => stacked(same_names(frames)?, true),
            Stacking::Diagonal => stacked(all_names(frames)?, false),
            Stacking::DiagonalRelaxed => stacked(all_names(frames)?, true),
            Stacking::Horizontal => side_by_side(frames, true),
            Stacking::HorizontalExtend => side_by_side(frames, false),
            Stacking::Align => aligned(frames),
        }
    }
}

fn same_names(frames: Vec<DataFrame>) -> Result<Vec<DataFrame>> {
    let expected = frames[0].columns();
    for frame in &frames[1..] {
        let got = frame.columns();
        if got != expected {
            let what = format!("the columns differ, expected `{}`, got `{}`", expected.join("`, `"), got.join("`, `"));
            return Err(Error::plan("concat", what).hint("select or rename the columns of one side first, or concat diagonally"));
        }
    }
    Ok(frames)
}

/// Every frame with all names of all frames, in the order in which they first come.
fn all_names(frames: Vec<DataFrame>) -> Result<Vec<DataFrame>> {
    let mut names: Vec<(String, FieldRef)> = vec![];
    for field in frames.iter().flat_map(|frame| frame.schema().fields().iter().cloned().collect::<Vec<_>>()) {
        if !names.iter().any(|(name, _)| name == field.name()) {
            names.push((field.name().clone(), field));
        }
    }
    let missing = |field: &FieldRef| {
        let null = ScalarValue::try_from(field.data_type()).map(lit).map_err(from_datafusion)?;
        Ok::<_, Error>(enum_categories(field).map_or(null.clone(), |categories| as_enum(null, categories)))
    };
    let completed = |frame: DataFrame| {
        let column = |(name, field): &(String, FieldRef)| {
            if frame.has_column(name) { Ok(col(name)) } else { Ok(missing(field)?.alias(name)) }
        };
        let columns = names.iter().map(column).collect::<Result<Vec<Expr>>>()?;
        frame.project(columns)
    };
    frames.into_iter().map(completed).collect()
}

/// Frames of equal names one below the other, each column in the type that all have or can have.
fn stacked(frames: Vec<DataFrame>, relaxed: bool) -> Result<DataFrame> {
    let schemas: Vec<_> = frames.iter().map(DataFrame::schema).collect();
    let mut types = vec![];
    for (at, field) in schemas[0].fields().iter().enumerate() {
        let all: Vec<DataType> = schemas.iter().map(|schema| schema.field(at).data_type().clone()).collect();
        require_one_enum(schemas.iter().map(|schema| schema.field(at)), relaxed)?;
        types.push((field.name().clone(), common_type(field.name(), &all, relaxed)?));
    }
    let plans = frames.iter().map(|frame| Ok(Arc::new(frame.settled()?.in_types(&types)?.plan))).collect::<Result<Vec<_>>>()?;
    if let [one] = plans.as_slice() {
        return Ok(frames[0].with_plan(one.as_ref().clone()));
    }
    // One union of all: of each with the rest, rules of the optimizer would walk as deep as there are frames.
    let all = Union::try_new_with_loose_types(plans).map_err(from_datafusion)?;
    Ok(frames[0].with_plan(LogicalPlan::Union(all)))
}

impl DataFrame {
    /// The same columns in these types, as far as they differ.
    fn in_types(&self, types: &[(String, DataType)]) -> Result<Self> {
        let own = self.schema();
        if types.iter().zip(own.fields()).all(|((_, wanted), field)| wanted == field.data_type()) {
            return Ok(self.clone());
        }
        let columns =
            all_columns(self.plan.schema()).zip(types).map(|((name, column), (_, wanted))| match self.type_of(&column) {
                Some(own) if own == *wanted => column,
                Some(own) => cast_to(column, &own, wanted).alias(name),
                None => cast(column, wanted.clone()).alias(name),
            });
        self.project(columns.collect())
    }
}

/// Row by row: a full join on the rows' numbers, by which the result is sorted.
fn side_by_side(frames: Vec<DataFrame>, strict: bool) -> Result<DataFrame> {
    let mut names: Vec<String> = vec![];
    for name in frames.iter().flat_map(DataFrame::columns) {
        if names.contains(&name) {
            return Err(Error::plan("concat", format!("two frames have a column `{name}`")).hint("rename one of them first"));
        }
        names.push(name);
    }
    let [row, right_row] = ["__row", "__right_row"].map(|stem| unused(stem, |name| names.iter().any(|known| known == name)));
    let mut frames = frames.iter();
    let first = frames.next().ok_or_else(|| Error::plan("concat", "got no frame"))?;
    let mut left = first.numbered_as(&row)?;
    for next in frames {
        left = beside(&left, &row, &next.numbered_as(&right_row)?, &right_row, strict)?;
    }
    left.by_number(&row)
}

/// Two frames side by side that have the numbers of their rows in these columns; the left one's holds the number of the row.
fn beside(left: &DataFrame, row: &str, right: &DataFrame, right_row: &str, strict: bool) -> Result<DataFrame> {
    let keys = (vec![row], vec![right_row]);
    let mut both = left.step(|plan| plan.join(right.plan.clone(), JoinType::Full, keys, None))?;
    if strict {
        let on_both = col(row).is_not_null().and(col(right_row).is_not_null());
        let error = Error::shape("concat", "the frames have different numbers of rows");
        let hint = "concat with how = \"horizontal_extend\" to fill the shorter one with nulls";
        both = both.step(|plan| plan.filter(required(error.hint(hint), on_both)))?;
    }
    let number = coalesce([col(row), col(right_row)]).alias(row);
    let columns = both.columns().into_iter().filter(|name| name != row && name != right_row);
    both.project(columns.map(col).chain([number]).collect())
}

/// A full join on the columns that all frames have, by which the result is sorted.
fn aligned(frames: Vec<DataFrame>) -> Result<DataFrame> {
    let shared: Vec<String> =
        frames[0].columns().into_iter().filter(|name| frames.iter().all(|frame| frame.has_column(name))).collect();
    if shared.is_empty() {
        return Err(Error::plan("concat", "the frames share no column to align by").hint("concat with how = \"diagonal\""));
    }
    let mut frames = frames.into_iter();
    let first = frames.next().ok_or_else(|| Error::plan("concat", "got no frame"))?;
    let joined = frames.try_fold(first, |all, next| {
        let options = super::JoinOptions::on(shared.iter().map(col)).how(How::Full).coalesce(true);
        all.join_with(&next, options)
    })?;
    joined.sort(shared.iter().map(|name| asc(name).into_sort_expr()))
}

//! From long to wide: a column for each value of a column.

use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;

use super::{DataFrame, Keep};
use crate::expr::resolve::shown as written;
use crate::expr::structure::keep;
use crate::expr::{Constants, IntoExpr, call, col, element, lit, of_element};
use crate::{Error, Result};

/// What is made of several values that fall in one place: Polars's names.
const AGGREGATES: &[&str] = &["min", "max", "first", "last", "sum", "mean", "median", "len", "item"];

/// What [`DataFrame::pivot`] takes: the columns whose values become columns, and what stands where.
///
/// ```
/// use gradframe::PivotOptions;
///
/// let options = PivotOptions::new(["quarter"]).columns([["Q1"], ["Q2"]]).index(["city"]).values(["sales"]).aggregate("sum");
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct PivotOptions {
    on: Vec<Expr>,
    cases: Vec<Vec<ScalarValue>>,
    index: Vec<Expr>,
    values: Vec<Expr>,
    aggregate: Aggregate,
    maintain_order: bool,
    separator: String,
}

/// What is made of the values that fall in one place.
#[derive(Debug, Clone)]
enum Aggregate {
    Named(String),
    /// An expression over [`element`].
    Of(Expr),
}

impl PivotOptions {
    /// The columns whose values become columns.
    pub fn new(on: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        PivotOptions {
            on: exprs(on),
            cases: vec![],
            index: vec![],
            values: vec![],
            aggregate: Aggregate::Named("item".to_owned()),
            maintain_order: true,
            separator: "_".to_owned(),
        }
    }

    /// The values that become columns, in this order: for each one value of every column of `on`. [`DataFrame::pivot_values`]
    /// looks which there are.
    pub fn columns<T: Into<ScalarValue>>(self, cases: impl IntoIterator<Item = impl IntoIterator<Item = T>>) -> Self {
        let cases = cases.into_iter().map(|case| case.into_iter().map(Into::into).collect()).collect();
        PivotOptions { cases, ..self }
    }

    /// The columns of which each different value gets a row; none: all others.
    pub fn index(self, index: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        PivotOptions { index: exprs(index), ..self }
    }

    /// The columns whose values stand in the places; none: all others.
    pub fn values(self, values: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        PivotOptions { values: exprs(values), ..self }
    }

    /// What is made of several values in one place: `min`, `max`, `first`, `last`, `sum`, `mean`, `median`, `len`. If nothing is
    /// said it is `item`: several are an error.
    pub fn aggregate(self, aggregate: impl Into<String>) -> Self {
        PivotOptions { aggregate: Aggregate::Named(aggregate.into()), ..self }
    }

    /// What is made of several values in one place, as an expression over [`element`]: `element().max() - element().min()`.
    pub fn aggregate_by(self, aggregate: impl IntoExpr) -> Self {
        PivotOptions { aggregate: Aggregate::Of(aggregate.into_expr()), ..self }
    }

    /// Whether rows come in the order in which their index is first met.
    pub fn maintain_order(self, maintain_order: bool) -> Self {
        PivotOptions { maintain_order, ..self }
    }

    /// What stands between the names of a column of values and of a case, if there are several columns of values.
    pub fn separator(self, separator: impl Into<String>) -> Self {
        PivotOptions { separator: separator.into(), ..self }
    }
}

fn exprs(columns: impl IntoIterator<Item = impl IntoExpr>) -> Vec<Expr> {
    columns.into_iter().map(IntoExpr::into_expr).collect()
}

/// The columns by their part in a pivot.
struct Parts {
    on: Vec<String>,
    index: Vec<String>,
    values: Vec<String>,
}

impl DataFrame {
    /// A column for each case, a row for each value of the index, and in each place what is in the values there.
    ///
    /// ```
    /// # use gradframe::{PivotOptions, Session};
    /// # let session = Session::builder().in_memory().build()?;
    /// let sales = session.block_on(session.sql(
    ///     "SELECT * FROM (VALUES ('Rome', 'Q1', 1), ('Rome', 'Q2', 2), ('Bern', 'Q1', 3)) AS t(city, quarter, sales)",
    /// ))?;
    /// let cases = session.block_on(sales.pivot_values(["quarter"]))?;
    /// let wide = sales.pivot(PivotOptions::new(["quarter"]).columns(cases).index(["city"]))?;
    /// assert_eq!(wide.columns(), ["city", "Q1", "Q2"]);
    /// assert_eq!(session.block_on(wide.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for unknown columns, an unknown aggregate, and cases of another length than `on`. When run, `Execution` for
    /// several values in one place without an aggregate.
    pub fn pivot(&self, options: PivotOptions) -> Result<Self> {
        options.aggregate.check()?;
        let parts = self.parts(&options)?;
        if let Some(case) = options.cases.iter().find(|case| case.len() != parts.on.len()) {
            let what = format!("a case has {} values, expected one of each of {} columns", case.len(), parts.on.len());
            return Err(Error::plan("pivot", what));
        }
        let cells = self.cells(&options, &parts)?;
        if parts.index.is_empty() {
            let all = self.unused_name("__all");
            let source = self.with_column(&all, lit(1_i64))?;
            return source.group_by([&all]).agg(cells)?.drop([all]);
        }
        self.group_by(&parts.index).maintain_order(options.maintain_order).agg(cells)
    }

    /// The different values of some columns, in the order in which they are first met: the columns that a pivot could have.
    /// Errors: `Plan` for unknown columns, and whatever running the frame gives.
    pub async fn pivot_values(&self, on: impl IntoIterator<Item = impl IntoExpr>) -> Result<Vec<Vec<ScalarValue>>> {
        let found = self.select(exprs(on))?.unique_with(Vec::<Expr>::new(), Keep::First, true)?.collect().await?;
        let row = |batch: &RecordBatch, row: usize| {
            let value = |column: &datafusion::arrow::array::ArrayRef| ScalarValue::try_from_array(column, row);
            batch.columns().iter().map(value).collect::<datafusion::error::Result<Vec<_>>>().map_err(from_datafusion)
        };
        found.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| row(batch, at))).collect()
    }

    fn parts(&self, options: &PivotOptions) -> Result<Parts> {
        let named = |columns: &Vec<Expr>| self.names_of("pivot", columns.clone());
        let mut parts = Parts { on: named(&options.on)?, index: named(&options.index)?, values: named(&options.values)? };
        let others: Vec<String> = self.columns().into_iter().filter(|name| !parts.on.contains(name)).collect();
        let without = |taken: &[String]| others.iter().filter(|name| !taken.contains(name)).cloned().collect();
        match (parts.index.is_empty(), parts.values.is_empty()) {
            (true, true) => return Err(Error::plan("pivot", "got neither an index nor values, expected one of them")),
            (true, false) => parts.index = without(&parts.values),
            (false, true) => parts.values = without(&parts.index),
            (false, false) => {}
        }
        Ok(parts)
    }

    /// An aggregate of the rows of each case, for each column of values.
    fn cells(&self, options: &PivotOptions, parts: &Parts) -> Result<Vec<Expr>> {
        let mut cells = vec![];
        for value in &parts.values {
            for case in &options.cases {
                let equal = parts.on.iter().zip(case).map(|(name, wanted)| equals(name, wanted));
                let rows = keep(col(value), equal.reduce(Expr::and).unwrap_or_else(|| lit(true)));
                let single = parts.values.len() == 1;
                let name = if single { shown(case) } else { format!("{value}{}{}", options.separator, shown(case)) };
                cells.push(options.aggregate.over(rows, &name)?.alias(name));
            }
        }
        Ok(cells)
    }
}

impl Aggregate {
    /// Errors: `Plan` for an unknown name, and for an expression that names columns or none at all.
    fn check(&self) -> Result<()> {
        match self {
            Aggregate::Named(name) if AGGREGATES.contains(&name.as_str()) => Ok(()),
            Aggregate::Named(name) => {
                Err(Error::plan("pivot", format!("unknown aggregate `{name}`")).hint(suggest(name, AGGREGATES.iter().copied())))
            }
            Aggregate::Of(expr) if of_element(expr) => Ok(()),
            Aggregate::Of(expr) => {
                let what = format!("the aggregate `{}` is not one of `element()` alone", written(expr));
                Err(Error::plan("pivot", what).hint("write the values of a place as element(): `gf.element().sum() * 2`"))
            }
        }
    }

    /// The aggregate of some rows, for the column `name`.
    fn over(&self, rows: Expr, name: &str) -> Result<Expr> {
        match self {
            Aggregate::Named(item) if item == "item" => {
                let place = format!("column `{name}`");
                let constants = [("allow_empty".to_owned(), true.into()), ("pivoted".to_owned(), place.as_str().into())];
                call(item, vec![rows], Constants::from(constants))
            }
            Aggregate::Named(aggregate) => call(aggregate, vec![rows], Constants::new()),
            Aggregate::Of(expr) => {
                let replaced = expr.clone().transform_up(|node| {
                    Ok(if node == element() { Transformed::yes(rows.clone()) } else { Transformed::no(node) })
                });
                Ok(replaced.map_err(from_datafusion)?.data)
            }
        }
    }
}

fn equals(name: &str, wanted: &ScalarValue) -> Expr {
    if wanted.is_null() { col(name).is_null() } else { col(name).eq(Expr::Literal(wanted.clone(), None)) }
}

/// The name of a column: the value, or of several `{"a",1}`.
fn shown(case: &[ScalarValue]) -> String {
    match case {
        [one] => text(one),
        several => {
            let quoted =
                |value: &ScalarValue| if value.data_type().is_string() { format!("\"{}\"", text(value)) } else { text(value) };
            format!("{{{}}}", several.iter().map(quoted).collect::<Vec<_>>().join(","))
        }
    }
}

/// A value as text: 1.0 with its point, a moment with a space before its time.
fn text(value: &ScalarValue) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    let as_text = value.to_array().ok().and_then(|array| cast(&array, &DataType::Utf8).ok());
    let shown = as_text.and_then(|array| ScalarValue::try_from_array(&array, 0).ok()).unwrap_or_else(|| value.clone());
    let shown = shown.try_as_str().flatten().map_or_else(|| value.to_string(), str::to_owned);
    if matches!(value, ScalarValue::TimestampMicrosecond(..) | ScalarValue::TimestampMillisecond(..)) {
        return shown.replace('T', " ");
    }
    shown
}

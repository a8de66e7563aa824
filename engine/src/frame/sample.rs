//! Rows drawn by chance, the same ones for the same seed on every machine.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn::floor;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::per_row;
use gradframe_plan::functions::required;

use super::DataFrame;
use crate::expr::{Constants, asc, call, cast, col, len, lit};
use crate::{Error, Result};

/// How many rows [`DataFrame::sample`] draws, and how.
///
/// ```
/// use gradframe::SampleOptions;
///
/// let some = SampleOptions::rows(100).seed(1);
/// let bootstrap = SampleOptions::fraction(1.0).with_replacement(true);
/// # let _ = (some, bootstrap);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleOptions {
    size: Size,
    with_replacement: bool,
    shuffle: bool,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Size {
    Rows(usize),
    Fraction(f64),
}

impl SampleOptions {
    /// So many rows.
    pub fn rows(rows: usize) -> Self {
        SampleOptions { size: Size::Rows(rows), with_replacement: false, shuffle: false, seed: 0 }
    }

    /// This part of all rows, rounded down.
    pub fn fraction(fraction: f64) -> Self {
        SampleOptions { size: Size::Fraction(fraction), ..Self::rows(0) }
    }

    /// Whether a row may be drawn more than once.
    pub fn with_replacement(self, with_replacement: bool) -> Self {
        SampleOptions { with_replacement, ..self }
    }

    /// Whether rows come as they were drawn rather than in their order. Rows drawn with replacement always do.
    pub fn shuffle(self, shuffle: bool) -> Self {
        SampleOptions { shuffle, ..self }
    }

    /// Another seed draws other rows.
    pub fn seed(self, seed: u64) -> Self {
        SampleOptions { seed, ..self }
    }

    /// How many rows are drawn of so many.
    fn of(&self, rows: Expr) -> Expr {
        match self.size {
            Size::Rows(wanted) => lit(wanted as i64),
            Size::Fraction(part) => cast(floor(cast(rows, DataType::Float64) * lit(part)), DataType::Int64),
        }
    }

    /// A number by chance for each number.
    fn draw(&self, number: Expr) -> Expr {
        per_row("hash_value", vec![number], vec![(self.seed as i64).into()])
    }
}

impl DataFrame {
    /// Rows drawn by chance.
    ///
    /// ```
    /// # use gradframe::{SampleOptions, Session};
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 1000)"))?;
    /// let some = numbers.sample(SampleOptions::rows(100).seed(7))?;
    /// assert_eq!(session.block_on(some.count())?, 100);
    /// let again = numbers.sample(SampleOptions::fraction(2.5).with_replacement(true))?;
    /// assert_eq!(session.block_on(again.count())?, 2500);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for a fraction that is negative or no number. When run, `Shape` for more rows than there are, unless with
    /// replacement.
    pub fn sample(&self, options: SampleOptions) -> Result<Self> {
        if let Size::Fraction(part) = options.size
            && !(0.0..=9e15).contains(&part)
        {
            return Err(Error::plan("sample", format!("the fraction is {part}, expected 0 or more")));
        }
        if options.with_replacement { self.drawn_again(options) } else { self.drawn_once(options) }
    }

    /// The rows whose place in a random order is among the first.
    fn drawn_once(&self, options: SampleOptions) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        let draw = numbered.unused_name("__draw");
        let drawn = numbered.with_column(&draw, options.draw(col(&row)))?;
        let (place, rows) = (drawn.unused_name("__place"), drawn.unused_name("__rows"));
        let by_draw = row_number().order_by(vec![asc(&draw), asc(&row)]).build().map_err(from_datafusion)?;
        let count = Expr::from(WindowFunction::new(count_udaf(), vec![lit(1_i64)]));
        let placed = drawn.windowed(count.alias(&rows))?.windowed(by_draw.alias(&place))?;
        let wanted = options.of(col(&rows));
        let error = Error::shape("sample", "more rows are wanted than there are").hint("draw with replacement, or fewer");
        let enough = required(error, wanted.clone().lt_eq(col(&rows)));
        let kept = placed.step(|plan| plan.filter(enough)?.filter(cast(col(&place), DataType::Int64).lt_eq(wanted)))?;
        let key = if options.shuffle { &place } else { &row };
        kept.step(|plan| plan.sort([asc(key)]))?.drop([row, draw, place, rows])
    }

    /// A row for each of so many numbers, whose hash says which.
    fn drawn_again(&self, options: SampleOptions) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        let (number, rows, place) =
            (numbered.unused_name("__number"), numbered.unused_name("__rows"), numbered.unused_name("__place"));
        let numbers = call("int_range", vec![lit(0_i64), options.of(len())], Constants::new())?.alias(&number);
        let draws = self.select([numbers, cast(len(), DataType::UInt64).alias(&rows)])?;
        let draws = draws.step(|plan| plan.filter(col(&rows).gt(lit(0_u64))))?;
        let draws = draws.select([col(&number), (options.draw(col(&number)) % col(&rows)).alias(&place)])?;
        let keys = (vec![place.as_str()], vec![row.as_str()]);
        let joined =
            draws.step(|plan| plan.join(numbered.plan.clone(), datafusion::logical_expr::JoinType::Inner, keys, None))?;
        joined.step(|plan| plan.sort([asc(&number)]))?.drop([number, place, row])
    }
}

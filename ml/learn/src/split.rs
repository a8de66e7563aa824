//! How a training set is divided into rows to learn from and rows to evaluate on.

/// Which rows are kept for evaluation. The rest are trained on; statistics of columns come from these alone.
///
/// Source of names and meanings: BigQuery ML's `data_split_method`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Split {
    /// `no_split`: none.
    #[default]
    None,
    /// `auto_split`: by the number of rows, see [`Split::resolved`].
    Auto,
    /// `random`: about this fraction, chosen by a keyed hash of each row's content; equal rows fall on the same side.
    Random { eval_fraction: f64 },
    /// `seq`: this fraction, the rows whose split column is largest; nulls count as largest.
    Seq { eval_fraction: f64 },
    /// `custom`: the rows whose split column is true or null.
    Custom,
}

impl Split {
    /// The fraction of `random` and `seq` where none is given.
    pub const EVAL_FRACTION: f64 = 0.2;

    /// Up to this many rows `auto_split` keeps none.
    const AUTO_ROWS_MIN: u64 = 500;
    /// Up to this many rows `auto_split` keeps [`Split::EVAL_FRACTION`] of them, beyond it [`Split::AUTO_EVAL_ROWS`].
    const AUTO_ROWS_LARGE: u64 = 50_000;
    const AUTO_EVAL_ROWS: u64 = 10_000;

    /// The same split with `Auto` decided: none below 500 rows, a random fifth up to 50 000, about 10 000 rows beyond.
    pub fn resolved(self, rows: u64) -> Split {
        match self {
            Split::Auto if rows < Self::AUTO_ROWS_MIN => Split::None,
            Split::Auto if rows <= Self::AUTO_ROWS_LARGE => Split::Random { eval_fraction: Self::EVAL_FRACTION },
            Split::Auto => Split::Random { eval_fraction: Self::AUTO_EVAL_ROWS as f64 / rows as f64 },
            decided => decided,
        }
    }

    /// Its name as an option: `random`.
    pub fn method(self) -> &'static str {
        match self {
            Split::None => "no_split",
            Split::Auto => "auto_split",
            Split::Random { .. } => "random",
            Split::Seq { .. } => "seq",
            Split::Custom => "custom",
        }
    }

    /// The fraction of rows that is kept, where the method has one.
    pub fn eval_fraction(self) -> Option<f64> {
        match self {
            Split::Random { eval_fraction } | Split::Seq { eval_fraction } => Some(eval_fraction),
            Split::None | Split::Auto | Split::Custom => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automatic_split_goes_by_the_number_of_rows() {
        let fraction = |rows| Split::Auto.resolved(rows).eval_fraction();
        assert_eq!(fraction(499), None);
        assert_eq!(fraction(500), Some(0.2));
        assert_eq!(fraction(50_000), Some(0.2));
        assert_eq!(fraction(100_000), Some(0.1));
        assert_eq!(Split::Custom.resolved(10), Split::Custom);
    }
}

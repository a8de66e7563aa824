//! What can be said of a join.

use datafusion::logical_expr::Expr;
use gradframe_plan::names::suggest;

use crate::expr::IntoExpr;
use crate::{Error, Result};

/// Which rows of a join remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Pairs of rows with equal keys.
    Inner,
    /// All left rows, with nulls where the right side has no match.
    Left,
    /// All right rows, with nulls where the left side has no match.
    Right,
    /// All rows of both sides. The keys of both sides are kept.
    Full,
    /// Left rows that have a match; left columns only.
    Semi,
    /// Left rows that have no match; left columns only.
    Anti,
    /// Every pair of rows; takes no keys.
    Cross,
}

/// Of which keys a side may have several rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Validate {
    /// Both sides of any.
    #[default]
    ManyToMany,
    /// The right side has one row of each key.
    ManyToOne,
    /// The left side has one row of each key.
    OneToMany,
    /// Both sides have one row of each key.
    OneToOne,
}

/// Whose order the rows of a join keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MaintainOrder {
    /// Nobody's.
    #[default]
    None,
    /// The left rows'.
    Left,
    /// The right rows'.
    Right,
    /// The left rows', those of one left row in the right rows'.
    LeftRight,
    /// The right rows', those of one right row in the left rows'.
    RightLeft,
}

/// Finds a word of Polars's in a table of them.
fn by_name<T: Copy>(what: &str, name: &str, table: &[(&str, T)]) -> Result<T> {
    let found = table.iter().find(|(known, _)| *known == name);
    let hint = || suggest(name, table.iter().map(|(known, _)| *known));
    found.map(|(_, value)| *value).ok_or_else(|| Error::plan("join", format!("unknown {what} `{name}`")).hint(hint()))
}

impl std::str::FromStr for How {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        let table = [
            ("inner", How::Inner),
            ("left", How::Left),
            ("right", How::Right),
            ("full", How::Full),
            ("semi", How::Semi),
            ("anti", How::Anti),
            ("cross", How::Cross),
            ("outer", How::Full),
        ];
        by_name("kind of join", name, &table)
    }
}

impl std::str::FromStr for Validate {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        let table = [
            ("m:m", Validate::ManyToMany),
            ("m:1", Validate::ManyToOne),
            ("1:m", Validate::OneToMany),
            ("1:1", Validate::OneToOne),
        ];
        by_name("validation", name, &table)
    }
}

impl std::str::FromStr for MaintainOrder {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        let table = [
            ("none", MaintainOrder::None),
            ("left", MaintainOrder::Left),
            ("right", MaintainOrder::Right),
            ("left_right", MaintainOrder::LeftRight),
            ("right_left", MaintainOrder::RightLeft),
        ];
        by_name("order", name, &table)
    }
}

/// The keys of a join, which rows remain, and how they are named and ordered.
#[derive(Debug, Clone)]
pub struct JoinOptions {
    pub(super) left_on: Vec<Expr>,
    pub(super) right_on: Vec<Expr>,
    pub(super) how: How,
    pub(super) suffix: String,
    pub(super) validate: Validate,
    pub(super) nulls_equal: bool,
    pub(super) coalesce: Option<bool>,
    pub(super) maintain_order: Option<MaintainOrder>,
}

impl JoinOptions {
    /// An inner join on columns or expressions that are the same on both sides.
    pub fn on(keys: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        let keys: Vec<Expr> = keys.into_iter().map(IntoExpr::into_expr).collect();
        JoinOptions::keys(keys.clone(), keys)
    }

    /// An inner join on these columns or expressions of the left side, equal to those of the right side.
    pub fn keys(left: impl IntoIterator<Item = impl IntoExpr>, right: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        JoinOptions {
            left_on: left.into_iter().map(IntoExpr::into_expr).collect(),
            right_on: right.into_iter().map(IntoExpr::into_expr).collect(),
            how: How::Inner,
            suffix: "_right".to_owned(),
            validate: Validate::default(),
            nulls_equal: false,
            coalesce: None,
            maintain_order: None,
        }
    }

    /// Every pair of rows.
    pub fn cross() -> Self {
        JoinOptions::on(Vec::<Expr>::new()).how(How::Cross)
    }

    /// Which rows remain.
    pub fn how(self, how: How) -> Self {
        JoinOptions { how, ..self }
    }

    /// Appended to a right column's name that the left side has too: `_right` if it is not said.
    pub fn suffix(self, suffix: impl Into<String>) -> Self {
        JoinOptions { suffix: suffix.into(), ..self }
    }

    /// Fails, when run, for a key that a side has twice where it may have it once.
    pub fn validate(self, validate: Validate) -> Self {
        JoinOptions { validate, ..self }
    }

    /// Whether null equals null. It does not if it is not said.
    pub fn nulls_equal(self, nulls_equal: bool) -> Self {
        JoinOptions { nulls_equal, ..self }
    }

    /// Whether the keys of both sides become one column. If it is not said they do, but for a full join and for keys that
    /// are expressions.
    pub fn coalesce(self, coalesce: bool) -> Self {
        JoinOptions { coalesce: Some(coalesce), ..self }
    }

    /// Whose order the rows keep. If it is not said nobody's; of a cross join the left rows', and for each of them the right rows'.
    pub fn maintain_order(self, maintain_order: MaintainOrder) -> Self {
        JoinOptions { maintain_order: Some(maintain_order), ..self }
    }

    /// Whose order the rows keep.
    pub(super) fn order(&self) -> MaintainOrder {
        match (self.maintain_order, self.how) {
            (Some(order), _) => order,
            (None, How::Cross) => MaintainOrder::LeftRight,
            (None, _) => MaintainOrder::None,
        }
    }
}

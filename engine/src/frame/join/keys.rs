//! The sides of a join, ready: keys as columns, checked, with the numbers by which the result is ordered.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;

use super::options::{How, JoinOptions, MaintainOrder, Validate};
use super::{LEFT, RIGHT};
use crate::expr::col;
use crate::expr::resolve::shown;
use crate::{DataFrame, Error, Result};
use gradframe_plan::names::type_name;

/// The two sides, with hidden columns after their own.
pub(super) struct Sides {
    pub left: DataFrame,
    pub right: DataFrame,
    /// The columns that hold the keys: the side's own, or hidden ones where keys are computed.
    pub left_keys: Vec<String>,
    pub right_keys: Vec<String>,
    /// How many columns of each side are its own.
    pub left_columns: Vec<String>,
    pub right_columns: Vec<String>,
    /// Whether every key is a column.
    pub plain: bool,
    /// The hidden numbers of rows by which the result is ordered: side and name.
    pub order: Vec<(&'static str, String)>,
}

impl Sides {
    pub fn prepare(left: &DataFrame, right: &DataFrame, options: &JoinOptions) -> Result<Self> {
        check_counts(options)?;
        let left_on = left.checked("join", options.left_on.clone())?;
        let right_on = right.checked("join", options.right_on.clone())?;
        if left_on.len() != right_on.len() {
            let what = format!("the sides have {} and {} keys, expected as many", left_on.len(), right_on.len());
            return Err(Error::plan("join", what));
        }
        let plain = left_on.iter().chain(&right_on).all(|key| matches!(key, Expr::Column(_)));
        for (left_key, right_key) in left_on.iter().zip(&right_on) {
            check_types(left, left_key, right, right_key)?;
        }
        let (left_columns, right_columns) = (left.columns(), right.columns());
        let (left, left_keys) = with_keys(left, left_on)?;
        let (right, right_keys) = with_keys(right, right_on)?;
        let (left, right) = (
            left.with_unique_keys("left", &left_keys, one_left(options.validate), options.nulls_equal)?,
            right.with_unique_keys("right", &right_keys, one_right(options.validate), options.nulls_equal)?,
        );
        let sides = Sides { left, right, left_keys, right_keys, left_columns, right_columns, plain, order: vec![] };
        sides.numbered(options.order(), options.how)
    }

    fn numbered(mut self, order: MaintainOrder, how: How) -> Result<Self> {
        let wanted: &[&str] = match order {
            MaintainOrder::None => &[],
            // The other side's rows of one row are in their order anyhow.
            MaintainOrder::Left | MaintainOrder::LeftRight => &[LEFT, RIGHT],
            MaintainOrder::Right | MaintainOrder::RightLeft => &[RIGHT, LEFT],
        };
        for side in wanted {
            // Nothing of the right side is left after a semi or anti join.
            if *side == RIGHT && matches!(how, How::Semi | How::Anti) {
                continue;
            }
            let frame = if *side == LEFT { &mut self.left } else { &mut self.right };
            let (numbered, row) = frame.numbered()?;
            *frame = numbered;
            self.order.push((if *side == LEFT { LEFT } else { RIGHT }, row));
        }
        Ok(self)
    }
}

fn one_left(validate: Validate) -> bool {
    matches!(validate, Validate::OneToOne | Validate::OneToMany)
}

fn one_right(validate: Validate) -> bool {
    matches!(validate, Validate::OneToOne | Validate::ManyToOne)
}

fn check_counts(options: &JoinOptions) -> Result<()> {
    let (left, right) = (options.left_on.len(), options.right_on.len());
    let what = match (options.how, left, right) {
        (How::Cross, 0, 0) => return Ok(()),
        (How::Cross, ..) => "a cross join takes no keys".to_owned(),
        (_, 0, 0) => "got no keys, expected at least one".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::plan("join", what))
}

/// Text and numbers are never equal; what they could be cast to would be a surprise.
fn check_types(left: &DataFrame, left_key: &Expr, right: &DataFrame, right_key: &Expr) -> Result<()> {
    let (Some(left_type), Some(right_type)) = (left.type_of(left_key), right.type_of(right_key)) else { return Ok(()) };
    if comparable(&left_type, &right_type) {
        return Ok(());
    }
    let (left, right) = (shown(left_key), shown(right_key));
    let what = format!(
        "the keys `{left}` of {left_type} and `{right}` of {right_type} cannot be equal",
        left_type = type_name(&left_type),
        right_type = type_name(&right_type)
    );
    Err(Error::dtype("join", what).hint("cast one of them first"))
}

fn comparable(left: &DataType, right: &DataType) -> bool {
    let text = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, values) => values.is_string(),
        other => other.is_string(),
    };
    let known = |data_type: &DataType| {
        data_type.is_numeric() || text(data_type) || data_type.is_temporal() || *data_type == DataType::Boolean
    };
    let alike = (left.is_numeric() && right.is_numeric())
        || (text(left) && text(right))
        || (left.is_temporal() && right.is_temporal())
        || left == right;
    alike || !known(left) || !known(right)
}

/// The frame with a hidden column for each key that is no column, and the names of the keys' columns.
fn with_keys(frame: &DataFrame, keys: Vec<Expr>) -> Result<(DataFrame, Vec<String>)> {
    let mut names = vec![];
    let mut computed = vec![];
    for (at, key) in keys.into_iter().enumerate() {
        match key {
            Expr::Column(column) => names.push(column.name),
            key => {
                let name = frame.unused_name(&format!("__key_{at}"));
                computed.push(key.unalias_nested().data.alias(&name));
                names.push(name);
            }
        }
    }
    if computed.is_empty() {
        return Ok((frame.clone(), names));
    }
    let own = frame.columns().into_iter().map(col);
    Ok((frame.project(own.chain(computed).collect())?, names))
}

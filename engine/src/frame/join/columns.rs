//! The columns of a join's result.

use datafusion::common::Column;
use datafusion::logical_expr::Expr;

use super::keys::Sides;
use super::options::{How, JoinOptions};
use super::{LEFT, RIGHT};
use crate::expr::coalesce;
use crate::{Error, Result};

/// The left columns, then the right ones. Keys that become one are in the left key's place; of a right join, whose left
/// keys may be missing, in the right key's.
pub(super) fn of_result(sides: &Sides, options: &JoinOptions) -> Result<Vec<Expr>> {
    let merged = options.how != How::Cross && sides.plain && options.coalesce.unwrap_or(options.how != How::Full);
    let mut names = Names { taken: vec![], suffix: &options.suffix };
    let mut columns = vec![];
    for name in &sides.left_columns {
        let key = sides.left_keys.iter().position(|key| key == name).filter(|_| merged);
        match (key, options.how) {
            (Some(_), How::Right) => {}
            (Some(at), How::Full) => {
                let both = coalesce([column(LEFT, name), column(RIGHT, &sides.right_keys[at])]);
                columns.push(both.alias(names.take(name)?));
            }
            _ => columns.push(column(LEFT, name).alias(names.take(name)?)),
        }
    }
    if matches!(options.how, How::Semi | How::Anti) {
        return Ok(columns);
    }
    for name in &sides.right_columns {
        let dropped = merged && options.how != How::Right && sides.right_keys.contains(name);
        if !dropped {
            columns.push(column(RIGHT, name).alias(names.take(name)?));
        }
    }
    Ok(columns)
}

fn column(side: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(side), name))
}

struct Names<'a> {
    taken: Vec<String>,
    suffix: &'a str,
}

impl Names<'_> {
    /// The name, with the suffix where it is taken. Errors: `Plan` if that is taken too.
    fn take(&mut self, name: &str) -> Result<String> {
        let shown = if self.taken.iter().any(|taken| taken == name) { format!("{name}{}", self.suffix) } else { name.to_owned() };
        if self.taken.contains(&shown) {
            let what = format!("both sides have a column `{name}`, and there is a column `{shown}` already");
            return Err(Error::plan("join", what).hint("give another suffix"));
        }
        self.taken.push(shown.clone());
        Ok(shown)
    }
}

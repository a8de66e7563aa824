//! Joins as SQL writes them.

use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::Join;
use gradframe_plan::error::from_datafusion;

use super::expressions::Scope;
use super::names::quoted;
use super::no_words;
use super::select::Select;
use super::steps::{Writer, aliased, output_names};
use crate::Result;

/// What the sides are called.
const LEFT: &str = "l";
const RIGHT: &str = "r";

impl Writer<'_> {
    pub(super) fn join(&mut self, step: &Join) -> Result<Select> {
        if step.null_aware {
            return Err(no_words("an anti join that is aware of nulls"));
        }
        let (left, right) = (self.plan(&step.left)?, self.plan(&step.right)?);
        let of = |side: &str, select: &Select| select.columns.iter().map(|column| format!("{side}.{}", quoted(column))).collect();
        let (of_left, of_right): (Vec<String>, Vec<String>) = (of(LEFT, &left), of(RIGHT, &right));
        let both = [of_left.as_slice(), &of_right].concat();
        let (left, right) = (self.relation(left), self.relation(right));
        let condition = self.join_condition(step, &of_left, &of_right, &both)?;
        let word = word(step.join_type, condition.is_some())?;
        let on = condition.map_or_else(String::new, |condition| format!(" ON {condition}"));
        let given = match step.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => of_left,
            JoinType::RightSemi | JoinType::RightAnti => of_right,
            _ => both,
        };
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        let mut select = Select::from(format!("{left} AS {LEFT} {word} {right} AS {RIGHT}{on}"), names.clone());
        select.items = Some(given.into_iter().zip(&names).map(|(column, name)| aliased(column, name)).collect());
        Ok(select)
    }

    /// The condition; None for every pair of rows.
    fn join_condition(&mut self, step: &Join, left: &[String], right: &[String], both: &[String]) -> Result<Option<String>> {
        let equal = match step.null_equality {
            NullEquality::NullEqualsNothing => "=",
            NullEquality::NullEqualsNull => "IS NOT DISTINCT FROM",
        };
        let mut conditions = vec![];
        for (of_left, of_right) in &step.on {
            let of_left = self.expr(of_left, &Scope { schema: step.left.schema(), columns: left })?;
            let of_right = self.expr(of_right, &Scope { schema: step.right.schema(), columns: right })?;
            conditions.push(format!("({of_left}) {equal} ({of_right})"));
        }
        if let Some(filter) = &step.filter {
            let schema: DFSchema = step.left.schema().join(step.right.schema()).map_err(from_datafusion)?;
            conditions.push(format!("({})", self.expr(filter, &Scope { schema: &schema, columns: both })?));
        }
        Ok((!conditions.is_empty()).then(|| conditions.join(" AND ")))
    }
}

fn word(join_type: JoinType, has_condition: bool) -> Result<&'static str> {
    Ok(match join_type {
        JoinType::Inner if !has_condition => "CROSS JOIN",
        _ if !has_condition => return Err(no_words("an outer join without a condition")),
        JoinType::Inner => "JOIN",
        JoinType::Left => "LEFT JOIN",
        JoinType::Right => "RIGHT JOIN",
        JoinType::Full => "FULL JOIN",
        JoinType::LeftSemi => "LEFT SEMI JOIN",
        JoinType::RightSemi => "RIGHT SEMI JOIN",
        JoinType::LeftAnti => "LEFT ANTI JOIN",
        JoinType::RightAnti => "RIGHT ANTI JOIN",
        JoinType::LeftMark | JoinType::RightMark => return Err(no_words("a join that marks rows")),
    })
}

//! Grouping and aggregation.

use std::collections::{HashMap, HashSet};

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::all_values;
use gradframe_plan::functions::min;
use gradframe_plan::ops::row_order::ROW_ORDER;

use super::DataFrame;
use super::group_nulls::without_nothing;
use super::naming::{named, output_name};
use crate::expr::structure::by_row;
use crate::expr::{IntoExpr, col};
use crate::{Error, Result};

/// A frame divided into groups, waiting for what to compute of each.
#[derive(Debug, Clone)]
pub struct GroupBy {
    frame: DataFrame,
    keys: Vec<Expr>,
    /// Whether the groups come in the order of their first rows.
    maintain_order: bool,
    /// What must be true of a group.
    having: Vec<Expr>,
}

impl DataFrame {
    /// Groups of rows with equal keys; nulls are one group.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let groups = frame.group_by(["k"]).agg([sum("n"), mean("x").alias("mean")])?;
    /// assert_eq!(groups.columns(), ["k", "n", "mean"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn group_by(&self, keys: impl IntoIterator<Item = impl IntoExpr>) -> GroupBy {
        let keys = keys.into_iter().map(IntoExpr::into_expr).collect();
        GroupBy { frame: self.clone(), keys, maintain_order: false, having: vec![] }
    }
}

impl GroupBy {
    /// The groups in the order of their first rows; without, in any.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let groups = frame.group_by(["k"]).maintain_order(true).agg([count("x")])?;
    /// assert_eq!(session.block_on(groups.first()?.filter(col("k").eq(lit("a")))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn maintain_order(self, maintain_order: bool) -> Self {
        GroupBy { maintain_order, ..self }
    }

    /// Only the groups of which a condition is true: an expression of aggregates. Asked for twice, both must be.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let groups = frame.group_by(["k"]).having(gradframe::expr::len().gt(lit(1))).agg([sum("n")])?;
    /// assert_eq!(session.block_on(groups.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn having(mut self, condition: impl IntoExpr) -> Self {
        self.having.push(condition.into_expr());
        self
    }

    /// One row a group: the keys, then the aggregates, each named by its alias or its first column.
    /// An aggregate may be part of an expression: `sum("fare") / len()`. What is no aggregate becomes a list of the group's
    /// values, in the order of the rows. Errors: `Plan` for unknown columns.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let half = frame.group_by(["k"]).agg([(sum("n") / lit(2)).alias("half")])?;
    /// assert_eq!(half.columns(), ["k", "half"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn agg(&self, aggregates: impl IntoIterator<Item = impl IntoExpr>) -> Result<DataFrame> {
        let mut aggregates: Vec<Expr> = aggregates.into_iter().map(IntoExpr::into_expr).collect();
        let conditions: Vec<String> =
            (0..self.having.len()).map(|at| self.frame.unused_name(&format!("__having_{at}"))).collect();
        aggregates.extend(self.having.iter().zip(&conditions).map(|(condition, name)| condition.clone().alias(name)));
        let groups = self.groups(aggregates)?;
        match conditions.iter().map(col).reduce(Expr::and) {
            None => Ok(groups),
            Some(all) => groups.filter(all)?.drop(&conditions),
        }
    }

    fn groups(&self, aggregates: Vec<Expr>) -> Result<DataFrame> {
        let (frame, keys, mut results) = self.frame.resolve_groups(self.keys.clone(), aggregates, self.maintain_order)?;
        if !self.maintain_order {
            return aggregate(&frame, keys, results);
        }
        let first = self.frame.unused_name("__first_row");
        results.push(min(col(ROW_ORDER)).alias(&first));
        aggregate(&frame, keys, results)?.by_number(&first)
    }

    /// One row a group: the keys and the number of its rows, `len`.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(frame.group_by(["k"]).len()?.columns(), ["k", "len"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn len(&self) -> Result<DataFrame> {
        self.agg([crate::expr::len()])
    }
}

/// The result with its lists of a group's values in an aggregate that takes many groups at once; DataFusion's takes a list a group.
fn listed_at_once(result: Expr) -> Result<Expr> {
    let listed = result.transform_up(|node| {
        Ok(match node {
            Expr::AggregateFunction(list) if is_list_in_order(&list) => {
                let mut params = list.params;
                let mut values = all_values(params.args.swap_remove(0), by_row().expr);
                if let Expr::AggregateFunction(values) = &mut values {
                    values.params.filter = params.filter;
                }
                Transformed::yes(values)
            }
            other => Transformed::no(other),
        })
    });
    Ok(listed.map_err(from_datafusion)?.data)
}

fn is_list_in_order(list: &AggregateFunction) -> bool {
    let params = &list.params;
    let is_plain = !params.distinct && params.null_treatment.is_none() && params.args.len() == 1;
    list.func.name() == "array_agg" && is_plain && params.order_by == [by_row()]
}

/// Aggregates below, what is computed of them in a projection above.
pub(super) fn aggregate(frame: &DataFrame, keys: Vec<Expr>, results: Vec<Expr>) -> Result<DataFrame> {
    let lists = |result| if keys.is_empty() { Ok(result) } else { listed_at_once(result) };
    let plainly = |result| if keys.is_empty() { Ok(result) } else { without_nothing(result, frame.plan.schema()) };
    let results = results.into_iter().map(|result| plainly(lists(named(result))?)).collect::<Result<Vec<Expr>>>()?;
    let aggregates = find_aggregate_exprs(&results);
    let grouped = LogicalPlanBuilder::from(frame.plan.clone())
        .aggregate(keys.clone(), told_apart(&aggregates))
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    let projection = projection_over(&grouped, keys.len(), &aggregates, results)?;
    frame.with_plan(grouped).project(projection)
}

/// Different aggregates whose names are the same, since a name does not show casts, get names of their own.
fn told_apart(aggregates: &[Expr]) -> Vec<Expr> {
    let mut taken = HashSet::new();
    let named = aggregates.iter().enumerate().map(|(index, aggregate)| {
        let is_new = taken.insert(aggregate.schema_name().to_string());
        if is_new { aggregate.clone() } else { aggregate.clone().alias(format!("__aggregate_{index}")) }
    });
    named.collect()
}

/// The keys' columns, then the results with each aggregate replaced by the column that holds it.
fn projection_over(grouped: &LogicalPlan, keys: usize, aggregates: &[Expr], results: Vec<Expr>) -> Result<Vec<Expr>> {
    let schema = grouped.schema();
    let columns: Vec<Expr> = schema.iter().map(|field| Expr::Column(Column::from(field))).collect();
    let (keys, computed) = columns.split_at(keys);
    let column_of: HashMap<&Expr, &Expr> = aggregates.iter().zip(computed).collect();
    let mut projection = keys.to_vec();
    for result in results {
        let name = output_name(&result);
        let over = refer_to_aggregates(result, &column_of)?;
        refuse_loose_columns(&over, schema)?;
        projection.push(over.unalias_nested().data.alias(name));
    }
    Ok(projection)
}

fn refer_to_aggregates(expr: Expr, column_of: &HashMap<&Expr, &Expr>) -> Result<Expr> {
    let replaced = expr.transform_down(|node| {
        let is_aggregate = matches!(node, Expr::AggregateFunction(_));
        Ok(match is_aggregate.then(|| column_of.get(&node)).flatten() {
            Some(column) => Transformed::new((*column).clone(), true, TreeNodeRecursion::Jump),
            None => Transformed::no(node),
        })
    });
    Ok(replaced.map_err(from_datafusion)?.data)
}

/// A column that the aggregation doesn't give can only be one that was left outside an aggregate.
fn refuse_loose_columns(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let loose = expr.column_refs().into_iter().find(|column| !schema.is_column_from_schema(column));
    match loose {
        None => Ok(()),
        Some(column) => {
            Err(Error::plan("agg", format!("column `{}` is neither a group key nor inside an aggregate", column.name))
                .hint("wrap it in an aggregate such as `first(..)`, or group by it"))
        }
    }
}

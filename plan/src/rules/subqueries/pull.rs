//! Pulling filters that name the outer row up through a plan, operator by operator, with what they compare as columns.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::logical_plan::{Aggregate, Filter, Limit, Projection, SubqueryAlias, Window};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, ExprFunctionExt, FetchType, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, SkipType, lit,
};

use super::{is_correlated, subquery_of};

/// The name of a column that was pulled up.
const KEY: &str = "__key_";

/// A plan and the conditions that it is yet to meet.
pub(super) struct Pulled {
    pub plan: LogicalPlan,
    pub conditions: Vec<Condition>,
}

impl Pulled {
    fn keys(&self) -> Vec<Expr> {
        self.conditions.iter().flat_map(|condition| condition.keys.iter().cloned().map(Expr::Column)).collect()
    }

    /// Whether rows of one outer row are those of one value of each key: groups by them are what it sees.
    fn is_by_key(&self) -> bool {
        self.conditions.iter().all(|condition| condition.by_key)
    }

    fn with(self, plan: LogicalPlan) -> Self {
        Pulled { plan, ..self }
    }
}

pub(super) struct Condition {
    keys: Vec<Column>,
    pub predicate: Expr,
    by_key: bool,
}

impl Condition {
    fn renamed(self, rename: impl Fn(&Column) -> Column) -> Result<Self> {
        let keys: Vec<Column> = self.keys.iter().map(&rename).collect();
        let predicate = self.predicate.transform_up(|part| match part {
            Expr::Column(column) => Ok(Transformed::yes(Expr::Column(rename(&column)))),
            other => Ok(Transformed::no(other)),
        });
        Ok(Condition { keys, predicate: predicate.data()?, by_key: self.by_key })
    }
}

/// How many keys there are so far.
#[derive(Default)]
pub(super) struct Pull {
    keys: usize,
}

impl Pull {
    /// The plan without its filters, and what they ask; none if one of them cannot be moved.
    pub fn up(&mut self, plan: &LogicalPlan) -> Result<Option<Pulled>> {
        if !is_correlated(plan) {
            return Ok(Some(Pulled { plan: plan.clone(), conditions: vec![] }));
        }
        match plan {
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::Join(_) => self.join(plan),
            LogicalPlan::Limit(limit) => self.limit(limit),
            // Beyond filters, the outer row stays where it is named.
            _ if plan.contains_outer_reference() => Ok(None),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.over(plan, &sort.input),
            LogicalPlan::Distinct(Distinct::All(input)) => Ok(self.over(plan, input)?.filter(Pulled::is_by_key)),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            _ => Ok(None),
        }
    }

    fn over(&mut self, plan: &LogicalPlan, input: &LogicalPlan) -> Result<Option<Pulled>> {
        let Some(pulled) = self.up(input)? else { return Ok(None) };
        let node = with_input(plan, pulled.plan.clone())?;
        Ok(Some(pulled.with(node)))
    }

    fn filter(&mut self, filter: &Filter) -> Result<Option<Pulled>> {
        let Some(Pulled { mut plan, mut conditions }) = self.up(&filter.input)? else { return Ok(None) };
        let parts = split_conjunction_owned(filter.predicate.clone());
        let (outer, own): (Vec<_>, Vec<_>) = parts.into_iter().partition(Expr::contains_outer);
        if let Some(own) = conjunction(own) {
            plan = LogicalPlan::Filter(Filter::try_new(own, Arc::new(plan))?);
        }
        let mut columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        for part in outer {
            if part.is_volatile() || part.exists(|part| Ok(subquery_of(part).is_some()))? {
                return Ok(None);
            }
            conditions.push(self.condition(part, &mut columns)?);
        }
        let plan = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?);
        Ok(Some(Pulled { plan, conditions }))
    }

    fn condition(&mut self, part: Expr, columns: &mut Vec<Expr>) -> Result<Condition> {
        if let Some((inner, op, outer)) = equality(&part) {
            let key = self.key(inner, columns);
            let predicate = BinaryExpr::new(Box::new(Expr::Column(key.clone())), op, Box::new(outer));
            return Ok(Condition { keys: vec![key], predicate: Expr::BinaryExpr(predicate), by_key: true });
        }
        let mut keys = vec![];
        let predicate = part.transform_up(|part| match part {
            Expr::Column(_) => {
                let key = self.key(part, columns);
                keys.push(key.clone());
                Ok(Transformed::yes(Expr::Column(key)))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(Condition { by_key: keys.is_empty(), predicate: predicate.data()?, keys })
    }

    fn key(&mut self, expr: Expr, columns: &mut Vec<Expr>) -> Column {
        let name = format!("{KEY}{}", self.keys);
        self.keys += 1;
        columns.push(expr.alias(&name));
        Column::from_name(name)
    }

    fn projection(&mut self, projection: &Projection) -> Result<Option<Pulled>> {
        let Some(pulled) = self.up(&projection.input)? else { return Ok(None) };
        let exprs = projection.expr.iter().cloned().chain(pulled.keys()).collect();
        let node = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(pulled.plan.clone()))?);
        Ok(Some(pulled.with(node)))
    }

    fn alias(&mut self, alias: &SubqueryAlias) -> Result<Option<Pulled>> {
        let Some(Pulled { plan, conditions }) = self.up(&alias.input)? else { return Ok(None) };
        let rename = |column: &Column| Column::new(Some(alias.alias.clone()), column.name.clone());
        let conditions = conditions.into_iter().map(|condition| condition.renamed(rename)).collect::<Result<Vec<_>>>()?;
        let plan = LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(plan), alias.alias.clone())?);
        Ok(Some(Pulled { plan, conditions }))
    }

    /// Groups of each key. Of all rows there is one without rows, too; so it is of ROLLUP and the like.
    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Option<Pulled>> {
        let sets = aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)));
        if aggregate.group_expr.is_empty() || sets {
            return Ok(None);
        }
        let Some(pulled) = self.up(&aggregate.input)?.filter(Pulled::is_by_key) else { return Ok(None) };
        let groups = aggregate.group_expr.iter().cloned().chain(pulled.keys()).collect();
        let node = Aggregate::try_new(Arc::new(pulled.plan.clone()), groups, aggregate.aggr_expr.clone())?;
        Ok(Some(pulled.with(LogicalPlan::Aggregate(node))))
    }

    /// Partitions of each key, under the names that the functions had.
    fn window(&mut self, window: &Window) -> Result<Option<Pulled>> {
        let Some(pulled) = self.up(&window.input)?.filter(Pulled::is_by_key) else { return Ok(None) };
        let keys = pulled.keys();
        let functions = window.window_expr.iter().map(|function| partitioned(function.clone(), &keys));
        let functions = functions.collect::<Result<Vec<_>>>()?;
        let passed: Vec<Expr> = pulled.plan.schema().columns().into_iter().map(Expr::Column).collect();
        let node = Window::try_new(functions, Arc::new(pulled.plan.clone()))?;
        let results = node.schema.columns().into_iter().skip(passed.len()).map(Expr::Column);
        let named = window.schema.iter().skip(window.input.schema().fields().len()).zip(results);
        let named = named.map(|((qualifier, field), result)| result.alias_qualified(qualifier.cloned(), field.name()));
        let columns = passed.iter().cloned().chain(named).collect();
        let node = Projection::try_new(columns, Arc::new(LogicalPlan::Window(node)))?;
        Ok(Some(pulled.with(LogicalPlan::Projection(node))))
    }

    /// Rows from one to another of each key.
    fn limit(&mut self, limit: &Limit) -> Result<Option<Pulled>> {
        if let LogicalPlan::Projection(projection) = limit.input.as_ref() {
            let input = Arc::new(LogicalPlan::Limit(Limit { input: Arc::clone(&projection.input), ..limit.clone() }));
            return self.up(&with_input(&limit.input, Arc::unwrap_or_clone(input))?);
        }
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
            return Ok(None);
        };
        let Some(pulled) = self.up(&limit.input)?.filter(Pulled::is_by_key) else { return Ok(None) };
        let order = match &pulled.plan {
            LogicalPlan::Sort(sort) => sort.expr.clone(),
            _ => vec![],
        };
        let columns: Vec<Expr> = pulled.plan.schema().columns().into_iter().map(Expr::Column).collect();
        let number = row_number().partition_by(pulled.keys()).order_by(order).build()?;
        let name = number.schema_name().to_string();
        let place = Expr::Column(Column::from_name(name));
        let mut kept = place.clone().gt(lit(skip as u64));
        if let Some(fetch) = fetch {
            kept = kept.and(place.lt_eq(lit(skip.saturating_add(fetch) as u64)));
        }
        let node = LogicalPlanBuilder::from(pulled.plan.clone()).window([number])?.filter(kept)?.project(columns)?;
        Ok(Some(pulled.with(node.build()?)))
    }

    fn join(&mut self, plan: &LogicalPlan) -> Result<Option<Pulled>> {
        let LogicalPlan::Join(join) = plan else { return Ok(None) };
        let (left, right) = match join.join_type {
            JoinType::Inner => (true, true),
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, false),
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => (false, true),
            _ => (false, false),
        };
        let stays = |side: &LogicalPlan, moves: bool| is_correlated(side) && !moves;
        if plan.contains_outer_reference() || stays(&join.left, left) || stays(&join.right, right) {
            return Ok(None);
        }
        let (Some(left), Some(right)) = (self.up(&join.left)?, self.up(&join.right)?) else { return Ok(None) };
        let node = plan.with_new_exprs(plan.expressions(), vec![left.plan, right.plan])?;
        let conditions = left.conditions.into_iter().chain(right.conditions).collect();
        Ok(Some(Pulled { plan: node, conditions }))
    }
}

/// The sides of an equality: of the subquery, its operator, of the outer row.
pub(super) fn equality(expr: &Expr) -> Option<(Expr, Operator, Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Eq | Operator::IsNotDistinctFrom), right }) = expr else {
        return None;
    };
    let outer = |side: &Expr| side.contains_outer() && !side.any_column_refs();
    let inner = |side: &Expr| !side.contains_outer() && side.any_column_refs();
    match (left.as_ref(), right.as_ref()) {
        (a, b) if inner(a) && outer(b) => Some((a.clone(), *op, b.clone())),
        (a, b) if outer(a) && inner(b) => Some((b.clone(), *op, a.clone())),
        _ => None,
    }
}

fn partitioned(function: Expr, keys: &[Expr]) -> Result<Expr> {
    function
        .transform_up(|part| match part {
            Expr::WindowFunction(mut function) => {
                function.params.partition_by.extend(keys.iter().cloned());
                Ok(Transformed::yes(Expr::WindowFunction(function)))
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
}

pub(super) fn with_input(plan: &LogicalPlan, input: LogicalPlan) -> Result<LogicalPlan> {
    plan.with_new_exprs(plan.expressions(), vec![input])
}

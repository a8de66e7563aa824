//! PIVOT and UNPIVOT: values of a column as columns, and columns as rows.
//!
//! `t PIVOT (sum(x) FOR s IN ('a', 'b'))` groups by the columns that it does not name, and has a column for each value: the aggregate over the rows that have
//! it. It is named after the value; an alias of the aggregate, and which of several it is, comes behind it. `t UNPIVOT (v FOR n IN (x, y))` has a row for each of
//! the columns that is not null, with its name in `n` and its value in `v`. So DuckDB has them.

use datafusion::common::{Column, DFSchema, UnnestOptions};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, col, ident, lit};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, ExprWithAlias, Ident, NullInclusion, PivotValueSource, TableAlias, TableFactor, Value,
};
use gradframe_ml_core::{Error, Result};

use crate::errors::ours;

/// The relation, and the alias that it was given; None if it is another.
///
/// Errors: `Plan` for what is no aggregate or no column, `NotImplemented` for values that are not written out.
pub(crate) fn planned(
    factor: &TableFactor,
    planner: &mut dyn RelationPlannerContext,
) -> Result<Option<(LogicalPlan, Option<TableAlias>)>> {
    Ok(match factor {
        TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null: None, alias } => {
            let input = ours(planner.plan(table.as_ref().clone()))?;
            let mut pivot = Pivot { schema: input.schema().as_ref().clone(), planner };
            let plan = pivot.plan(input, aggregate_functions, value_column, value_source)?;
            Some((plan, alias.clone()))
        }
        TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
            let input = ours(planner.plan(table.as_ref().clone()))?;
            let with_nulls = *null_inclusion == Some(NullInclusion::IncludeNulls);
            Some((unpivoted(input, value, name, columns, with_nulls, planner)?, alias.clone()))
        }
        _ => None,
    })
}

/// An aggregate of a pivot, as it was written, and the name that it was given.
struct Aggregate {
    planned: Expr,
    shown: String,
    alias: Option<String>,
}

struct Pivot<'a> {
    schema: DFSchema,
    planner: &'a mut dyn RelationPlannerContext,
}

impl Pivot<'_> {
    fn plan(
        &mut self,
        input: LogicalPlan,
        aggregates: &[ExprWithAlias],
        column: &[SqlExpr],
        values: &PivotValueSource,
    ) -> Result<LogicalPlan> {
        let [column] = column else {
            let error = Error::not_implemented("pivot", "the values of several columns");
            return Err(error.hint("make them one: FOR a || b IN ('xy', ...)"));
        };
        let PivotValueSource::List(values) = values else {
            let error = Error::not_implemented("pivot", "values that are not written out");
            return Err(error.hint("the columns of a result are known before it is computed: FOR s IN ('a', 'b')"));
        };
        let by = self.expr(column)?;
        let aggregates = aggregates.iter().map(|aggregate| self.aggregate(aggregate)).collect::<Result<Vec<_>>>()?;
        let groups = self.groups(&by, &aggregates);
        let is_one = matches!(aggregates.as_slice(), [Aggregate { alias: None, .. }]);
        let (mut made, mut named) = (vec![], vec![]);
        for value in values {
            let test = self.is_value(column, &value.expr)?;
            let title = value.alias.as_ref().map_or_else(|| shown(&value.expr), |alias| alias.value.clone());
            for Aggregate { planned, shown, alias } in &aggregates {
                let own = alias.as_ref().unwrap_or(shown);
                let hidden = format!("__pivot_{}", made.len());
                made.push(filtered(planned.clone(), &test)?.alias(&hidden));
                named.push(ident(hidden).alias(if is_one { title.clone() } else { format!("{title}_{own}") }));
            }
        }
        let grouped = ours(LogicalPlanBuilder::from(input).aggregate(groups.clone(), made))?;
        ours(grouped.project(groups.into_iter().chain(named)).and_then(LogicalPlanBuilder::build))
    }

    fn expr(&mut self, written: &SqlExpr) -> Result<Expr> {
        ours(self.planner.sql_to_expr(written.clone(), &self.schema))
    }

    fn aggregate(&mut self, written: &ExprWithAlias) -> Result<Aggregate> {
        // Stars among its arguments have given it a name.
        let planned = self.expr(&written.expr)?.unalias();
        if !matches!(planned, Expr::AggregateFunction(_)) {
            let error = Error::plan("pivot", format!("`{}` is no aggregate", written.expr));
            return Err(error.hint("write PIVOT (sum(x) FOR s IN ('a', 'b'))"));
        }
        Ok(Aggregate { planned, shown: written.expr.to_string(), alias: written.alias.as_ref().map(|alias| alias.value.clone()) })
    }

    /// The columns that neither an aggregate nor the column of the values reads.
    fn groups(&self, by: &Expr, aggregates: &[Aggregate]) -> Vec<Expr> {
        let mut read = by.column_refs();
        read.extend(aggregates.iter().flat_map(|aggregate| aggregate.planned.column_refs()));
        let columns = self.schema.columns();
        columns.iter().filter(|column| !read.contains(column)).map(|column| col(column.clone())).collect()
    }

    /// Whether a row has this value.
    fn is_value(&mut self, column: &SqlExpr, value: &SqlExpr) -> Result<Expr> {
        let column = Box::new(SqlExpr::Nested(Box::new(column.clone())));
        self.expr(&match value {
            SqlExpr::Value(null) if null.value == Value::Null => SqlExpr::IsNull(column),
            value => SqlExpr::BinaryOp { left: column, op: BinaryOperator::Eq, right: Box::new(value.clone()) },
        })
    }
}

/// The aggregate over those of its rows that pass the test.
fn filtered(aggregate: Expr, test: &Expr) -> Result<Expr> {
    let Expr::AggregateFunction(mut aggregate) = aggregate else {
        return Err(Error::internal("pivot", "what is filtered is no aggregate"));
    };
    let filter = aggregate.params.filter.take().map_or_else(|| test.clone(), |own| own.and(test.clone()));
    aggregate.params.filter = Some(Box::new(filter));
    Ok(Expr::AggregateFunction(aggregate))
}

/// A text without its quotes.
fn shown(value: &SqlExpr) -> String {
    match value {
        SqlExpr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// Both lists of a row, of names and of values, are unnested side by side, so that the input is read once.
fn unpivoted(
    input: LogicalPlan,
    value: &SqlExpr,
    name: &Ident,
    columns: &[ExprWithAlias],
    with_nulls: bool,
    planner: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let SqlExpr::Identifier(value) = value else {
        let error = Error::not_implemented("unpivot", format!("`{value}` as the name of a column"));
        return Err(error.hint("write UNPIVOT (value FOR name IN (x, y))"));
    };
    let (value, name) = (planner.normalize_ident(value.clone()), planner.normalize_ident(name.clone()));
    let schema = input.schema().as_ref().clone();
    let (mut names, mut values) = (vec![], vec![]);
    for column in columns {
        let planned = ours(planner.sql_to_expr(column.expr.clone(), &schema))?;
        let Expr::Column(read) = &planned else {
            return Err(Error::plan("unpivot", format!("`{}` is no column", column.expr)).hint("compute it in a query below"));
        };
        names.push(column.alias.as_ref().map_or_else(|| read.name.clone(), |alias| alias.value.clone()));
        values.push(planned);
    }
    let types = ours(values.iter().map(|value| value.get_type(&schema)).collect::<Result<Vec<_>, _>>())?;
    let Some(common) = type_union_resolution(&types) else {
        let error = Error::plan("unpivot", format!("the columns {} have no common type", names.join(", ")));
        return Err(error.hint("cast them in a query below"));
    };
    let others = schema.columns().into_iter().filter(|column| !values.contains(&col(column.clone()))).map(col);
    let lists = [
        make_array(names.into_iter().map(lit).collect()).alias(&name),
        make_array(values.iter().map(|value| cast(value.clone(), common.clone())).collect()).alias(&value),
    ];
    let rows = LogicalPlanBuilder::from(input).project(others.chain(lists));
    let unnested = [Column::new_unqualified(name), Column::new_unqualified(&value)].to_vec();
    let rows = rows.and_then(|rows| rows.unnest_columns_with_options(unnested, UnnestOptions::default()));
    let rows = if with_nulls { rows } else { rows.and_then(|rows| rows.filter(ident(value).is_not_null())) };
    ours(rows.and_then(LogicalPlanBuilder::build))
}

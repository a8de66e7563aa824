//! `SUMMARIZE trips`, `SUMMARIZE SELECT ...`, as in DuckDB: a row for each column of some rows, with what it holds.
//!
//! All columns are aggregated in one pass; the answers become rows afterwards.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, UnnestOptions};
use datafusion::functions::core::expr_fn::{get_field, named_struct, nullif};
use datafusion::functions_aggregate::expr_fn::{approx_distinct, approx_percentile_cont, count, max, min};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::{DFParser, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{SetExpr, Statement as AstStatement, TableFactor};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::functions::{avg, stddev};

use crate::errors::ours;
use crate::tokens::is_word;

pub(crate) const OP: &str = "summarize";

/// What a query begins with, where SUMMARIZE is not of a table.
const QUERIES: [&str; 4] = ["SELECT", "WITH", "VALUES", "FROM"];

/// The columns of the answer and their types.
const COLUMNS: [(&str, DataType); 12] = [
    ("column_name", DataType::Utf8),
    ("column_type", DataType::Utf8),
    ("min", DataType::Utf8),
    ("max", DataType::Utf8),
    ("approx_unique", DataType::Int64),
    ("avg", DataType::Float64),
    ("std", DataType::Float64),
    ("q25", DataType::Float64),
    ("q50", DataType::Float64),
    ("q75", DataType::Float64),
    ("count", DataType::Int64),
    ("null_percentage", DataType::Float64),
];

/// The query that follows the word: one that is written out, or all of a table or file.
pub(crate) fn query(sql: &mut DFParser<'static>) -> Result<SqlStatement> {
    let next = &sql.parser.peek_token_ref().token;
    if QUERIES.iter().any(|word| is_word(next, word)) {
        return ours(sql.parse_statement());
    }
    let relation = ours(sql.parser.parse_table_factor())?;
    of_all(relation).ok_or_else(|| Error::internal(OP, "the query is another statement"))
}

/// `SELECT * FROM relation`
fn of_all(relation: TableFactor) -> Option<SqlStatement> {
    let mut statement = DFParser::parse_sql("SELECT * FROM summarized").ok()?.pop_front()?;
    let SqlStatement::Statement(inner) = &mut statement else { return None };
    let AstStatement::Query(query) = inner.as_mut() else { return None };
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    select.from.first_mut()?.relation = relation;
    Some(statement)
}

/// A row for each column of the plan. Errors: `Plan` for a plan without columns.
pub(crate) fn summary(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns: Vec<(Expr, String, DataType)> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            (Expr::Column(Column::from((qualifier, field))), field.name().clone(), field.data_type().clone())
        })
        .collect();
    if columns.is_empty() {
        return Err(Error::plan(OP, "there is no column"));
    }
    let mut aggregates = Aggregates { exprs: vec![count(lit(1_i64))] };
    let answers: Vec<Vec<Answer>> = columns.iter().map(|(column, name, own)| aggregates.of(column, name, own)).collect();
    let aggregated =
        ours(LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), aggregates.exprs).and_then(LogicalPlanBuilder::build))?;
    let found: Vec<Expr> = aggregated.schema().columns().into_iter().map(Expr::Column).collect();
    let rows = answers.iter().map(|answers| named_struct(fields(answers, &found))).collect();
    let unnested = LogicalPlanBuilder::from(aggregated)
        .project([make_array(rows).alias(ROW)])
        .and_then(|plan| plan.unnest_column_with_options(ROW, UnnestOptions::default()))
        .and_then(|plan| {
            plan.project(COLUMNS.map(|(name, _)| get_field(Expr::Column(Column::from_name(ROW)), name).alias(name)))
        });
    ours(unnested.and_then(LogicalPlanBuilder::build))
}

const ROW: &str = "__row";

/// Where an answer comes from.
enum Answer {
    Known(ScalarValue),
    /// An aggregate, by its place.
    Found(usize),
    /// The share of the rows, of which there are as many as the first aggregate says, beyond this aggregate's count.
    RestOfRows(usize),
}

struct Aggregates {
    exprs: Vec<Expr>,
}

impl Aggregates {
    fn add(&mut self, aggregate: Expr) -> Answer {
        self.exprs.push(aggregate);
        Answer::Found(self.exprs.len() - 1)
    }

    /// The answers about a column, in the order of [`COLUMNS`].
    fn of(&mut self, column: &Expr, name: &str, own: &DataType) -> Vec<Answer> {
        let number = cast(column.clone(), DataType::Float64);
        let quantile = |at: f64| approx_percentile_cont(number.clone().sort(true, false), lit(at), None);
        let mut answers = vec![Answer::Known(name.into()), Answer::Known(own.to_string().into())];
        for extreme in [min(column.clone()), max(column.clone())] {
            answers.push(if has_order(own) { self.add(extreme) } else { Answer::Known(ScalarValue::Null) });
        }
        answers.push(self.add(approx_distinct(if is_counted(own) {
            column.clone()
        } else {
            cast(column.clone(), DataType::Utf8)
        })));
        let of_numbers = [avg(number.clone()), stddev(number.clone()), quantile(0.25), quantile(0.5), quantile(0.75)];
        for statistic in of_numbers {
            answers.push(if own.is_numeric() { self.add(statistic) } else { Answer::Known(ScalarValue::Null) });
        }
        let present = self.exprs.len();
        self.exprs.push(count(column.clone()));
        answers.extend([Answer::Found(present), Answer::RestOfRows(present)]);
        answers
    }
}

fn has_order(own: &DataType) -> bool {
    own.is_numeric() || own.is_string() || own.is_temporal() || *own == DataType::Boolean
}

/// Whether its values are counted as they are; others by their texts.
fn is_counted(own: &DataType) -> bool {
    own.is_integer()
        || own.is_string()
        || matches!(own, DataType::Boolean | DataType::Date32 | DataType::Timestamp(..) | DataType::Null)
}

/// Names and values of a struct.
fn fields(answers: &[Answer], found: &[Expr]) -> Vec<Expr> {
    let value = |answer: &Answer| match answer {
        Answer::Known(value) => Expr::Literal(value.clone(), None),
        Answer::Found(place) => found[*place].clone(),
        Answer::RestOfRows(place) => {
            let float = |place: usize| cast(found[place].clone(), DataType::Float64);
            lit(100.0) * (float(0) - float(*place)) / nullif(float(0), lit(0.0))
        }
    };
    let typed = |((name, own), answer): (&(&str, DataType), &Answer)| [lit(*name), cast(value(answer), own.clone())];
    COLUMNS.iter().zip(answers).flat_map(typed).collect()
}

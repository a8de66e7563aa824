//! Conditions on log tables as SQL: values are bound, never written into the text.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};

use super::float_order::{float_condition, float_order};
use super::sql::{ToValue, Value};

/// A statement and the values bound to its `?`, in order.
#[derive(Debug)]
pub(super) struct BoundSql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// The SELECT that answers a query. `columns` are the fields to read; none of them still counts rows.
pub(super) fn select(table: LogTable, query: &LogQuery, columns: &Schema) -> Result<BoundSql> {
    select_from(table.name(), &select_list(table, columns), table, query, row_order(table))
}

/// The same, of columns of another table that has those which the query's filters name; in no order if it is empty.
pub(super) fn select_from(from: &str, columns: &str, table: LogTable, query: &LogQuery, order: &str) -> Result<BoundSql> {
    let mut sql = conditions_of(from, columns, table, query)?;
    sql.end(order, query.limit);
    Ok(sql)
}

/// [`select`] without the rows of these runs, of which there may be any number: a condition for each is more than SQLite takes.
pub(super) fn select_but(
    table: LogTable,
    query: &LogQuery,
    columns: &Schema,
    runs: &BTreeSet<&str>,
    is_shared: bool,
) -> Result<BoundSql> {
    let mut sql = conditions_of(table.name(), &select_list(table, columns), table, query)?;
    if !runs.is_empty() {
        // The one thing that both databases have a name of their own for.
        let others = match is_shared {
            true => "run NOT IN (SELECT json_array_elements_text(CAST(? AS json)))",
            false => "run NOT IN (SELECT value FROM json_each(?))",
        };
        sql.and(others, [Value::Text(serde_json::json!(runs).to_string())]);
    }
    sql.end(row_order(table), query.limit);
    Ok(sql)
}

/// The statement up to its conditions.
fn conditions_of(from: &str, columns: &str, table: LogTable, query: &LogQuery) -> Result<BoundSql> {
    let mut sql = BoundSql { text: format!("SELECT {columns} FROM {from}"), values: Vec::new() };
    let place = Place { table, schema: table.schema() };
    if !query.filters.is_empty() {
        sql.text.push_str(" WHERE ");
        sql.push_all(&place, &query.filters)?;
    }
    Ok(sql)
}

/// Where the columns of conditions are.
struct Place {
    table: LogTable,
    schema: SchemaRef,
}

/// Rows come back in this order: that of time within a run.
fn row_order(table: LogTable) -> &'static str {
    match table {
        LogTable::Experiments => "id",
        LogTable::Runs => "run",
        LogTable::Params | LogTable::Tags | LogTable::Metrics | LogTable::Latest => "run, name",
        LogTable::Artifacts => "run, path",
        LogTable::Environments => "environment, kind, name",
        LogTable::Models => "model, version",
        LogTable::Aliases => "model, alias",
        LogTable::ModelTags => "model, version, name",
        LogTable::LoggedModels => "logged_model",
        LogTable::Datasets => "run, role, name",
        LogTable::DatasetFiles => "run, role, path",
        LogTable::Batches => "run",
        LogTable::Lineage => "model, version, role, dataset",
        LogTable::Traces => "started, trace",
        LogTable::TraceValues => "trace, kind, name",
        LogTable::Spans => "trace, started, span",
    }
}

fn select_list(table: LogTable, columns: &Schema) -> String {
    if columns.fields().is_empty() {
        return "1".to_string();
    }
    columns.fields().iter().map(|field| stored_column(table, field)).collect::<Vec<_>>().join(", ")
}

/// What stands in the store for a column of a log table. Floats are kept as integers that sort as they do.
fn stored_column(table: LogTable, field: &Field) -> String {
    match (table, field.name().as_str()) {
        (LogTable::Runs, "experiment") => "(SELECT experiment FROM experiments WHERE id = runs.experiment_id)".into(),
        (LogTable::LoggedModels, "experiment") => {
            "(SELECT experiment FROM experiments WHERE id = logged_models.experiment_id)".into()
        }
        (LogTable::Traces, "experiment") => "(SELECT experiment FROM experiments WHERE id = traces.experiment_id)".into(),
        (LogTable::Runs, "diff") => "(SELECT body FROM texts WHERE hash = runs.diff_hash)".into(),
        (_, name) if field.data_type() == &DataType::Float64 => format!("\"{name}_order\""),
        (_, name) => format!("\"{name}\""),
    }
}

/// What to compare. Unsigned integers are kept as their bits; flipping the sign bit makes them sort.
fn compared_column(table: LogTable, field: &Field) -> String {
    let column = stored_column(table, field);
    match field.data_type() {
        DataType::UInt64 => {
            let (low, high) = (format!("{column} + {0} + 1", i64::MAX), format!("{column} - {0} - 1", i64::MAX));
            format!("(CASE WHEN {column} < 0 THEN {low} ELSE {high} END)")
        }
        _ => column,
    }
}

impl BoundSql {
    /// The values, for a statement of this text.
    pub(super) fn values(&self) -> Vec<&dyn ToValue> {
        self.values.iter().map(|value| value as &dyn ToValue).collect()
    }

    /// Adds a condition to a statement that ends with its conditions.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(if self.text.contains(" WHERE ") { " AND " } else { " WHERE " });
        self.text.push_str(condition);
        self.values.extend(values);
    }

    /// Adds the order, if there is one, and the limit.
    fn end(&mut self, order: &str, limit: Option<usize>) {
        if !order.is_empty() {
            self.text.push_str(" ORDER BY ");
            self.text.push_str(order);
        }
        if let Some(limit) = limit {
            self.text.push_str(" LIMIT ");
            self.push_value(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        }
    }

    fn push_value(&mut self, value: Value) {
        self.values.push(value);
        self.text.push('?');
    }

    fn push_filter(&mut self, place: &Place, filter: &LogFilter) -> Result<()> {
        match filter {
            LogFilter::Eq(column, value) => self.push_comparison(place, column, "=", value),
            LogFilter::Compare(column, op, value) => self.push_comparison(place, column, comparison(*op)?, value),
            LogFilter::In(column, values) => self.push_in(place, column, values),
            LogFilter::And(filters) => self.push_all(place, filters),
        }
    }

    fn push_comparison(&mut self, place: &Place, column: &str, op: &str, value: &ScalarValue) -> Result<()> {
        let field = field(&place.schema, column)?;
        if let Some(number) = float(field, value)? {
            self.text.push_str(&float_condition(&stored_column(place.table, field), op, number));
            return Ok(());
        }
        self.text.push_str(&format!("{} {op} ", compared_column(place.table, field)));
        self.push_value(stored_value(field, value)?);
        Ok(())
    }

    fn push_in(&mut self, place: &Place, column: &str, values: &[ScalarValue]) -> Result<()> {
        let field = field(&place.schema, column)?;
        if field.data_type() == &DataType::Float64 {
            let numbers = values.iter().map(|value| float(field, value)).collect::<Result<Vec<_>>>()?;
            self.push_in_floats(&stored_column(place.table, field), numbers.into_iter().flatten());
            return Ok(());
        }
        self.text.push_str(&format!("{} IN (", compared_column(place.table, field)));
        for (i, value) in values.iter().enumerate() {
            self.text.push_str(if i == 0 { "" } else { ", " });
            self.push_value(stored_value(field, value)?);
        }
        self.text.push(')');
        Ok(())
    }

    fn push_in_floats(&mut self, column: &str, numbers: impl Iterator<Item = f64>) {
        let (nans, numbers): (Vec<f64>, Vec<f64>) = numbers.partition(|number| number.is_nan());
        let both_zeros = |number: f64| if number == 0.0 { vec![-0.0, 0.0] } else { vec![number] };
        let orders: Vec<i64> = numbers.into_iter().flat_map(both_zeros).map(float_order).collect();
        self.text.push_str(
            &nans.first().map_or_else(|| "(FALSE".to_owned(), |nan| format!("({}", float_condition(column, "=", *nan))),
        );
        for (i, order) in orders.iter().enumerate() {
            self.text.push_str(&if i == 0 { format!(" OR {column} IN (") } else { ", ".to_owned() });
            self.push_value(Value::Integer(*order));
        }
        self.text.push_str(if orders.is_empty() { ")" } else { "))" });
    }

    /// All of them, halves of halves in parentheses: to SQLite a chain is as deep as it is long, and a thousand deep is more than it takes.
    fn push_all(&mut self, place: &Place, filters: &[LogFilter]) -> Result<()> {
        match filters {
            [] => self.text.push_str("TRUE"),
            [one] => self.push_filter(place, one)?,
            several => {
                let (first, rest) = several.split_at(several.len() / 2);
                self.text.push('(');
                self.push_all(place, first)?;
                self.text.push_str(" AND ");
                self.push_all(place, rest)?;
                self.text.push(')');
            }
        }
        Ok(())
    }
}

fn field<'a>(schema: &'a Schema, column: &str) -> Result<&'a Field> {
    schema.field_with_name(column).map_err(|_| Error::plan("run log", format!("unknown column `{column}`")))
}

fn comparison(op: Operator) -> Result<&'static str> {
    match op {
        Operator::Eq => Ok("="),
        Operator::NotEq => Ok("<>"),
        Operator::Lt => Ok("<"),
        Operator::LtEq => Ok("<="),
        Operator::Gt => Ok(">"),
        Operator::GtEq => Ok(">="),
        other => Err(Error::internal("run log", format!("operator `{other}` is not a comparison"))),
    }
}

/// The value as the store keeps values of that column.
fn stored_value(field: &Field, value: &ScalarValue) -> Result<Value> {
    let value = value.cast_to(field.data_type()).map_err(|e| unfit(field, value).because(e))?;
    Ok(match value {
        ref null if null.is_null() => Value::Null,
        ScalarValue::Utf8(Some(text)) => Value::Text(text),
        ScalarValue::Int64(Some(number)) => Value::Integer(number),
        ScalarValue::UInt64(Some(number)) => Value::Integer((number ^ (1 << 63)) as i64),
        ScalarValue::Boolean(Some(truth)) => Value::Integer(truth.into()),
        ScalarValue::Float64(Some(number)) => Value::Integer(float_order(number)),
        ScalarValue::TimestampMicrosecond(Some(us), _) => Value::Integer(us),
        other => return Err(unfit(field, &other)),
    })
}

/// The number to compare a column of floats with; None of another column, and of a null.
fn float(field: &Field, value: &ScalarValue) -> Result<Option<f64>> {
    if field.data_type() != &DataType::Float64 {
        return Ok(None);
    }
    match value.cast_to(&DataType::Float64).map_err(|error| unfit(field, value).because(error))? {
        ScalarValue::Float64(number) => Ok(number),
        _ => Ok(None),
    }
}

fn unfit(field: &Field, value: &ScalarValue) -> Error {
    Error::plan("run log", format!("column `{}` is {}, compared with {value}", field.name(), field.data_type()))
}

#[cfg(test)]
mod tests {
    use gradframe_plan::services::RunLog;

    use super::*;

    #[test]
    fn values_are_bound_not_written() {
        let evil = "x'; DROP TABLE runs; --";
        let query = LogQuery { filters: vec![LogFilter::Eq("run".into(), ScalarValue::from(evil))], ..Default::default() };
        let sql = select(LogTable::Params, &query, &LogTable::Params.schema()).unwrap();
        assert_eq!(sql.text, r#"SELECT "run", "name", "value" FROM params WHERE "run" = ? ORDER BY run, name"#);
        assert_eq!(sql.values, [Value::Text(evil.into())]);
    }

    #[test]
    fn any_number_of_conditions_is_not_deep() {
        let filters = vec![LogFilter::Eq("run".into(), ScalarValue::from("x")); 5_000];
        for filters in [vec![LogFilter::And(filters.clone())], filters] {
            let store = super::super::Store::in_memory().unwrap();
            let rows = store.scan(LogTable::Params, &LogQuery { filters, ..Default::default() }).unwrap();
            assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 0);
        }
    }

    #[test]
    fn an_unknown_column_is_a_plan_error() {
        let query = LogQuery { filters: vec![LogFilter::Eq("rnu".into(), ScalarValue::from("x"))], ..Default::default() };
        assert_eq!(select(LogTable::Runs, &query, &LogTable::Runs.schema()).unwrap_err().kind(), "Plan");
    }
}

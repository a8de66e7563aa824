//! What databases of later versions say of traces in columns, and clients see as metadata all the same.

use gradframe_ml_core::Result;
use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use serde_json::{Map, Value};

use super::database::wrong;
use super::registry::has_column;

const SESSION: (&str, &str) = ("mlflow.trace.session", "session_id");
/// Metadata that are objects of JSON, each with its columns, which are the names in it.
const OBJECTS: [(&str, &[&str]); 2] = [
    (
        "mlflow.trace.tokenUsage",
        &[
            "input_tokens",
            "output_tokens",
            "total_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "cache_creation_input_tokens_above_1hr",
        ],
    ),
    ("mlflow.trace.cost", &["input_cost", "output_cost", "total_cost"]),
];

/// The columns that a database has of them.
pub(super) struct TraceColumns {
    session: bool,
    objects: Vec<(&'static str, Vec<&'static str>)>,
}

impl TraceColumns {
    pub fn of(database: &Connection) -> Result<Self> {
        let has = |column: &str| has_column(database, "trace_info", column);
        let mut objects = vec![];
        for (name, columns) in OBJECTS {
            let there = columns.iter().map(|column| Ok(has(column)?.then_some(*column))).collect::<Result<Vec<_>>>()?;
            objects.push((name, there.into_iter().flatten().collect()));
        }
        Ok(TraceColumns { session: has(SESSION.1)?, objects })
    }

    /// The metadata of a trace that stand in columns.
    pub fn metadata(&self, database: &Connection, trace: &str) -> Result<Vec<(String, String)>> {
        let mut found = vec![];
        if self.session
            && let [Stored::Text(session)] = values(database, trace, &[SESSION.1])?.as_slice()
        {
            found.push((SESSION.0.to_owned(), session.clone()));
        }
        for (name, columns) in &self.objects {
            let values = values(database, trace, columns)?;
            let said = columns.iter().zip(values).filter_map(|(column, value)| Some(((*column).to_owned(), number(&value)?)));
            let object: Map<String, Value> = said.collect();
            if !object.is_empty() {
                found.push(((*name).to_owned(), Value::from(object).to_string()));
            }
        }
        Ok(found)
    }
}

fn values(database: &Connection, trace: &str, columns: &[&str]) -> Result<Vec<Stored>> {
    if columns.is_empty() {
        return Ok(vec![]);
    }
    let sql = format!("SELECT {} FROM trace_info WHERE request_id = ?1", columns.join(", "));
    let mut statement = database.prepare_cached(&sql).map_err(wrong)?;
    statement.query_row([trace], |row| (0..columns.len()).map(|column| row.get(column)).collect()).map_err(wrong)
}

fn number(value: &Stored) -> Option<Value> {
    match value {
        Stored::Integer(whole) => Some((*whole).into()),
        Stored::Real(real) => Some((*real).into()),
        _ => None,
    }
}

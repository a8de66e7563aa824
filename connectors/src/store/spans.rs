//! The spans of traces: the calls within each.

use gradframe_ml_core::Result;

use super::Store;
use super::sql::{Row, ToValue, Transaction, params, put};
use super::traces::check;

/// A part of a trace: one call within it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// Sixteen digits.
    pub id: String,
    /// None of the outermost.
    pub parent: Option<String>,
    pub name: String,
    /// Such as LLM, CHAIN, RETRIEVER.
    pub span_type: String,
    pub status: String,
    pub started_us: i64,
    pub ended_us: Option<i64>,
    /// Of JSON.
    pub inputs: Option<String>,
    pub outputs: Option<String>,
    pub attributes: String,
}

impl Store {
    /// Keeps the spans of a trace, in place of those that it had. Errors: `Plan` for an unknown trace.
    pub fn set_spans(&self, id: &str, spans: &[Span]) -> Result<()> {
        self.database.write(|transaction| {
            check(transaction, id)?;
            insert_spans(transaction, id, spans)
        })
    }

    /// The spans of a trace, as they began.
    pub fn spans(&self, id: &str) -> Result<Vec<Span>> {
        let sql = "SELECT span, parent, name, span_type, status, started, ended, inputs, outputs, attributes FROM spans
                   WHERE trace = ?1 ORDER BY started, span";
        Ok(self.database.read(|transaction| transaction.rows(sql, params![id], Span::of_row))?.unwrap_or_default())
    }
}

impl Span {
    fn of_row(row: &Row<'_>) -> Result<Self> {
        Ok(Span {
            id: row.get(0)?,
            parent: row.get(1)?,
            name: row.get(2)?,
            span_type: row.get(3)?,
            status: row.get(4)?,
            started_us: row.get(5)?,
            ended_us: row.get(6)?,
            inputs: row.get(7)?,
            outputs: row.get(8)?,
            attributes: row.get(9)?,
        })
    }
}

/// Writes the spans of a trace, in place of those that it had.
pub(super) fn insert_spans(transaction: &Transaction<'_>, id: &str, spans: &[Span]) -> Result<()> {
    transaction.execute("DELETE FROM spans WHERE trace = ?1", params![id])?;
    let columns = ["parent", "name", "span_type", "status", "started", "ended", "inputs", "outputs", "attributes"];
    let sql = put("spans", &["trace", "span"], &columns);
    for span in spans {
        let values: &[&dyn ToValue] = params![
            id,
            span.id,
            span.parent,
            span.name,
            span.span_type,
            span.status,
            span.started_us,
            span.ended_us,
            span.inputs,
            span.outputs,
            span.attributes,
        ];
        transaction.execute(&sql, values)?;
    }
    Ok(())
}

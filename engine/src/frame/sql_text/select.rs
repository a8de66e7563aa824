//! One SELECT, and which clause may still be added to it.

use super::names::quoted;

/// A query under construction. Its columns are in the order of the plan's.
#[derive(Debug, Clone, Default)]
pub(super) struct Select {
    /// After FROM; nothing for a query without rows to read.
    pub(super) from: String,
    /// After SELECT; None is all columns of FROM, in their order.
    pub(super) items: Option<Vec<String>>,
    pub(super) distinct: bool,
    pub(super) conditions: Vec<String>,
    /// How many of the items, the first ones, the rows are grouped by; None without aggregates.
    pub(super) keys: Option<usize>,
    /// Sort keys over FROM, each with its relation.
    pub(super) order: String,
    /// Whether FROM has columns beside these, which only the order is of.
    pub(super) has_hidden: bool,
    pub(super) limit: Option<String>,
    pub(super) offset: Option<String>,
    /// The columns that come out, by name.
    pub(super) columns: Vec<String>,
}

impl Select {
    /// All of some rows.
    pub(super) fn from(from: String, columns: Vec<String>) -> Self {
        Select { from, columns, ..Select::default() }
    }

    /// Whether only rows of FROM were chosen so far, perhaps in an order.
    pub(super) fn is_of_rows(&self) -> bool {
        self.items.is_none() && !self.distinct && !self.is_cut()
    }

    /// Whether a number of rows was asked for.
    pub(super) fn is_cut(&self) -> bool {
        self.limit.is_some() || self.offset.is_some()
    }

    /// The query's text, a clause a line.
    pub(super) fn text(&self) -> String {
        let items = match &self.items {
            Some(items) => items.join(", "),
            None if self.has_hidden => self.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", "),
            None => "*".to_owned(),
        };
        let mut lines = vec![format!("SELECT {}{items}", if self.distinct { "DISTINCT " } else { "" })];
        if !self.from.is_empty() {
            lines.push(format!("FROM {}", self.from));
        }
        if !self.conditions.is_empty() {
            lines.push(format!("WHERE {}", self.conditions.join(" AND ")));
        }
        if let Some(keys) = self.keys.filter(|keys| *keys > 0) {
            lines.push(format!("GROUP BY {}", (1..=keys).map(|key| key.to_string()).collect::<Vec<_>>().join(", ")));
        }
        if !self.order.is_empty() {
            lines.push(format!("ORDER BY {}", self.order));
        }
        lines.extend(self.limit.as_ref().map(|limit| format!("LIMIT {limit}")));
        lines.extend(self.offset.as_ref().map(|offset| format!("OFFSET {offset}")));
        lines.join("\n")
    }
}

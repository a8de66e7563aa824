//! What a table is by its definition: the same when its rows are cached.

use std::collections::HashMap;

use datafusion::catalog::TableProvider;
use datafusion::common::Constraints;
use datafusion::logical_expr::{Expr, TableType};

/// See the module.
#[derive(Debug)]
pub(super) struct Definition {
    pub table_type: TableType,
    /// The statement that made it.
    pub sql: Option<String>,
    /// Keys that its rows keep.
    pub constraints: Option<Constraints>,
    /// Values of columns that INSERT leaves out, by name.
    pub defaults: HashMap<String, Expr>,
}

impl Default for Definition {
    fn default() -> Self {
        Definition { table_type: TableType::Base, sql: None, constraints: None, defaults: HashMap::new() }
    }
}

impl Definition {
    /// A table's own.
    pub fn of(table: &dyn TableProvider) -> Self {
        let schema = table.schema();
        let default = |name: &String| table.get_column_default(name).map(|value| (name.clone(), value.clone()));
        Definition {
            table_type: table.table_type(),
            sql: table.get_table_definition().map(str::to_owned),
            constraints: table.constraints().cloned(),
            defaults: schema.fields().iter().filter_map(|field| default(field.name())).collect(),
        }
    }
}

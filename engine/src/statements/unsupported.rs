//! Definitions that DataFusion takes, and that would change nothing here: each is refused.

use datafusion::logical_expr::DdlStatement;

use crate::Error;

/// Why a definition is refused: `NotImplemented`, naming the statement and what to do instead.
pub(super) fn unsupported(command: &DdlStatement) -> Error {
    let one_schema = "tables, views and models are in schema `public`; a home of its own (--home) keeps others apart";
    let (statement, hint) = match command {
        DdlStatement::CreateIndex(_) => ("CREATE INDEX", "leave it out: scans use the statistics of Parquet files"),
        DdlStatement::CreateCatalogSchema(_) => ("CREATE SCHEMA", one_schema),
        DdlStatement::DropCatalogSchema(_) => ("DROP SCHEMA", one_schema),
        DdlStatement::CreateCatalog(_) => ("CREATE DATABASE", one_schema),
        DdlStatement::CreateFunction(_) => ("CREATE FUNCTION", "write the expression in a view"),
        DdlStatement::DropFunction(_) => ("DROP FUNCTION", "functions are built in"),
        other => (other.name(), "see the list of statements in the README"),
    };
    Error::not_implemented("sql", format!("{statement} is not supported")).hint(hint)
}

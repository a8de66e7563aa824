//! SHOW TABLES: what the user has made, and the log; not the catalog's own views.

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::Statement as AstStatement;
use gradframe_ml_core::{Error, Result};

use crate::parser::parse;
use crate::statement::Statement;

const QUERY: &str = "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables \
     WHERE table_schema <> 'information_schema' ORDER BY table_schema = 'gradframe', table_schema, table_name";

/// The statement, with a query in place of a plain SHOW TABLES.
pub(crate) fn as_query(statement: SqlStatement) -> Result<SqlStatement> {
    match &statement {
        SqlStatement::Statement(inner) if is_plain(inner) => {}
        _ => return Ok(statement),
    }
    match parse(QUERY)?.pop().map(|parsed| parsed.statement) {
        Some(Statement::Sql(query)) => Ok(*query),
        _ => Err(Error::internal("show tables", "the query is another statement")),
    }
}

fn is_plain(statement: &AstStatement) -> bool {
    let AstStatement::ShowTables { extended, full, terse, history, external, show_options } = statement else { return false };
    let restricted =
        show_options.show_in.is_some() || show_options.starts_with.is_some() || show_options.filter_position.is_some();
    !(*extended || *full || *terse || *history || *external || restricted)
}

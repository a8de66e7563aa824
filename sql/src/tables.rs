//! The names in FROM that a statement reads.

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast;
use gradframe_ml_core::Result;

use crate::deep_copy::deep_copy;
use crate::errors::ours;
use crate::statement::{Parsed, Statement};

/// Tables, views and models that the statement names, without those that it defines itself by WITH. A file in FROM is
/// among them, under its path. Errors: `Plan` for a name of more parts than a table can have.
pub fn tables(parsed: &Parsed) -> Result<Vec<TableReference>> {
    of_statement(&parsed.statement)
}

fn of_statement(statement: &Statement) -> Result<Vec<TableReference>> {
    match statement {
        Statement::Sql(sql) => of_sql(sql),
        Statement::CreateModel(create) => {
            let query = ast::Statement::Query(deep_copy(&create.query, create.query_text.len())?);
            of_sql(&SqlStatement::Statement(Box::new(query)))
        }
        Statement::Summarize { query } => of_sql(query),
        Statement::Explain { statement, .. } => of_statement(statement),
        Statement::LoadModel(_)
        | Statement::DropModel { .. }
        | Statement::ShowModels
        | Statement::CacheTable { .. } // stored tables alone
        | Statement::UncacheTable { .. }
        | Statement::DescribeModel { .. } => Ok(vec![]),
    }
}

fn of_sql(statement: &SqlStatement) -> Result<Vec<TableReference>> {
    let (tables, _defined_by_with) = ours(resolve_table_references(statement, true))?;
    Ok(tables)
}

//! Constraints of CREATE [EXTERNAL] TABLE: nobody would check them, and the optimizer would trust them.

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{ColumnDef, ColumnOption, Spanned, Statement, TableConstraint};
use datafusion::sql::sqlparser::tokenizer::Location;
use gradframe_ml_core::{Error, Result};

use crate::errors::at;

/// Errors: `NotImplemented` for a constraint other than NOT NULL.
pub(crate) fn check(statement: &SqlStatement) -> Result<()> {
    match statement {
        SqlStatement::Explain(explain) => check(&explain.statement),
        SqlStatement::CreateExternalTable(table) => check_table(&table.columns, &table.constraints),
        SqlStatement::Statement(statement) => match statement.as_ref() {
            Statement::CreateTable(table) => check_table(&table.columns, &table.constraints),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_table(columns: &[ColumnDef], constraints: &[TableConstraint]) -> Result<()> {
    let options = |column: &ColumnDef| column.options.iter().find_map(|option| of_column(&option.option));
    let column = columns.iter().find_map(|column| Some((options(column)?, column.name.span.start)));
    let table = || constraints.iter().find_map(|constraint| Some((of_table(constraint)?, constraint.span().start)));
    match column.or_else(table) {
        Some((name, place)) => Err(refused(name, place)),
        None => Ok(()),
    }
}

fn of_column(option: &ColumnOption) -> Option<&'static str> {
    match option {
        ColumnOption::PrimaryKey(_) => Some("PRIMARY KEY"),
        ColumnOption::Unique(_) => Some("UNIQUE"),
        ColumnOption::ForeignKey(_) => Some("FOREIGN KEY"),
        ColumnOption::Check(_) => Some("CHECK"),
        _ => None,
    }
}

fn of_table(constraint: &TableConstraint) -> Option<&'static str> {
    match constraint {
        TableConstraint::PrimaryKey(_) => Some("PRIMARY KEY"),
        TableConstraint::Unique(_) => Some("UNIQUE"),
        TableConstraint::ForeignKey(_) => Some("FOREIGN KEY"),
        TableConstraint::Check(_) => Some("CHECK"),
        _ => None,
    }
}

fn refused(name: &str, place: Location) -> Error {
    let error = Error::not_implemented("sql", format!("{name} is not supported: rows would not be checked against it"));
    at(error.hint("leave it out, or write NOT NULL, which is checked; SELECT DISTINCT and WHERE choose rows in a query"), place)
}

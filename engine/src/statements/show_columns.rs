//! SHOW COLUMNS of a frame that the statement has a name for. The catalog's views, which DataFusion asks, know tables alone.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{Field, SchemaRef};
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::Statement as AstStatement;
use gradframe_sql::{Parsed, Statement};

use crate::catalog::{CATALOG, PUBLIC, schema_of_frame};
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

const OP: &str = "show columns";

/// A row for each column of the frame; None for another statement, and for what is no frame.
/// Errors: `NotImplemented` for FULL and EXTENDED.
pub(super) fn of_frame(session: &Session, statement: &Parsed) -> Option<Result<DataFrame>> {
    let Statement::Sql(statement) = &statement.statement else { return None };
    let SqlStatement::Statement(statement) = statement.as_ref() else { return None };
    let AstStatement::ShowColumns { extended, full, show_options } = statement.as_ref() else { return None };
    let name = match show_options.show_in.as_ref()?.parent_name.as_ref()?.0.as_slice() {
        [only] => only.as_ident()?,
        _ => return None,
    };
    let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    let schema = schema_of_frame(&name)?;
    if *extended || *full || show_options.filter_position.is_some() {
        let error = Error::not_implemented(OP, format!("FULL, EXTENDED and LIKE for `{name}`, which is a frame"));
        return Some(Err(error.hint("SHOW COLUMNS FROM and DESCRIBE tell its columns")));
    }
    Some(rows(&name, &schema).and_then(|rows| session.from_batches(rows.schema(), vec![rows])))
}

fn rows(name: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |of: fn(&Field) -> String| -> ArrayRef {
        Arc::new(schema.fields().iter().map(|field| Some(of(field))).collect::<StringArray>())
    };
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; schema.fields().len()])) };
    let is_nullable = |field: &Field| if field.is_nullable() { "YES" } else { "NO" }.to_owned();
    let columns = [
        ("table_catalog", same(CATALOG)),
        ("table_schema", same(PUBLIC)),
        ("table_name", same(name)),
        ("column_name", column(|field| field.name().clone())),
        ("data_type", column(|field| field.data_type().to_string())),
        ("is_nullable", column(is_nullable)),
    ];
    RecordBatch::try_from_iter(columns).map_err(|error| Error::internal(OP, error.to_string()))
}

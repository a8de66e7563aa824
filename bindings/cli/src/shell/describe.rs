//! `\d` and its kin: what there is, and what it is made of.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use gradframe::{DataFrame, Error};

use super::commands::Listed;
use crate::exit::Result;
use crate::output::{self, type_name};
use crate::statements::Shell;

const TABLES: &str = "SELECT table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind
    FROM information_schema.tables WHERE table_schema = 'public'";
const MODELS: &str = "SELECT model AS name, 'model' AS kind FROM gradframe.models GROUP BY model";
const RUNS: &str = "SELECT run, title, status, started, ended, error FROM gradframe.runs ORDER BY run DESC LIMIT 20";

/// Prints a list. A list without entries says how to make one.
pub async fn list(shell: &Shell, listed: Listed) -> Result<()> {
    let (sql, none) = match listed {
        Listed::All => {
            (format!("SELECT * FROM ({TABLES} UNION ALL {MODELS}) ORDER BY name, kind"), "no tables, views or models yet")
        }
        Listed::Tables => (
            format!("SELECT * FROM ({TABLES}) WHERE kind = 'table' ORDER BY name"),
            "no tables yet: CREATE TABLE name AS SELECT ...",
        ),
        Listed::Views => (
            format!("SELECT * FROM ({TABLES}) WHERE kind = 'view' ORDER BY name"),
            "no views yet: CREATE VIEW name AS SELECT ...",
        ),
        Listed::Models => {
            ("SHOW MODELS".to_owned(), "no models yet: CREATE MODEL name OPTIONS (model_type = 'linear_reg') AS SELECT ...")
        }
        Listed::Runs => (RUNS.to_owned(), "no runs yet: each CREATE MODEL is one"),
    };
    let frame = shell.session.sql(&sql).await?;
    if frame.count().await? == 0 {
        eprintln!("{none}");
        return Ok(());
    }
    print(shell, &frame).await
}

/// Prints the columns of a table, view or quoted file, or what a model is.
pub async fn describe(shell: &Shell, name: &str) -> Result<()> {
    if name.starts_with('\'') {
        let frame = shell.session.sql(&format!("SELECT * FROM {name}")).await?;
        return print(shell, &columns(shell, &frame)?).await;
    }
    if shell.session.models()?.iter().any(|model| model == name.trim_matches('"')) {
        let frame = shell.session.sql(&format!("DESCRIBE MODEL {name}")).await?;
        return print(shell, &frame).await;
    }
    let frame = shell.session.table(name).await?;
    print(shell, &columns(shell, &frame)?).await
}

async fn print(shell: &Shell, frame: &DataFrame) -> Result<()> {
    let mut style = shell.style.clone();
    style.table.started = None;
    output::write(frame.stream().await?, &style, None).await
}

/// Column, type and whether there may be nulls, a row a column.
fn columns(shell: &Shell, frame: &DataFrame) -> gradframe::Result<DataFrame> {
    let schema = frame.schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let types = schema.fields().iter().map(|field| type_name(field.data_type()));
    let nulls = schema.fields().iter().map(|field| if field.is_nullable() { "yes" } else { "no" });
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(names)),
        Arc::new(StringArray::from_iter_values(types)),
        Arc::new(StringArray::from_iter_values(nulls)),
    ];
    let fields = ["column", "type", "null"].map(|name| Field::new(name, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| Error::internal("\\d", error.to_string()))?;
    shell.session.from_batches(schema, vec![batch])
}

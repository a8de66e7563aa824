//! Gradframe as the database behind the golden files.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use gradframe::{Error, Result, Session};
use gradframe_tests::outside::root;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

use crate::harness::{session_in, texts};

/// One session, and the folders whose names stand in braces in the golden files.
pub struct Database {
    session: Session,
    places: [(&'static str, String); 2],
}

impl Database {
    pub fn open(home: &Path) -> Result<Self> {
        let shown = |path: PathBuf| path.canonicalize().unwrap_or(path).to_string_lossy().into_owned();
        let places = [("{dir}", shown(home.to_owned())), ("{data}", shown(root().join("tests/slt/data")))];
        Ok(Database { session: session_in(home)?, places })
    }

    async fn answer(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        let frame = self.session.sql(&self.with_paths(sql)).await?;
        let columns = frame.columns();
        let cells: Vec<_> = frame.collect().await?.iter().flat_map(texts).collect();
        let Some(first) = columns.first() else { return Ok(DBOutput::StatementComplete(0)) };
        let rows = if first == "plan_type" { cells.iter().flat_map(|row| plan_lines(row)).collect() } else { cells };
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; columns.len()], rows: self.all_without_paths(&rows) })
    }

    fn all_without_paths(&self, rows: &[Vec<String>]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| self.without_paths(cell)).collect()).collect()
    }

    fn with_paths(&self, sql: &str) -> String {
        self.places.iter().fold(sql.to_owned(), |text, (name, path)| text.replace(name, path))
    }

    /// Plans print paths without their leading slash.
    fn without_paths(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (name, path)| {
            text.replace(path.as_str(), name).replace(path.trim_start_matches('/'), name)
        })
    }

    fn without_paths_in(&self, error: Error) -> Error {
        let text = self.without_paths(&error.to_string());
        if text == error.to_string() { error } else { Error::execution("", text) }
    }
}

/// The lines of a plan as rows, numbered, indented by dashes: the format's own whitespace does not count.
fn plan_lines(row: &[String]) -> Vec<Vec<String>> {
    let [kind, plan] = row else { return vec![row.to_vec()] };
    let numbered = plan.lines().enumerate().map(|(index, line)| {
        let text = line.trim_start();
        vec![format!("{:02}){}{text}", index + 1, "-".repeat(line.len() - text.len()))]
    });
    std::iter::once(vec![kind.clone()]).chain(numbered).collect()
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        self.answer(sql).await.map_err(|error| self.without_paths_in(error))
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "gradframe"
    }
}

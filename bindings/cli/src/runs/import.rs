//! `gradframe runs import`: what was taken in, and what of it was not.

use std::path::Path;

use gradframe::Session;

use super::{quoted, texts};
use crate::exit::Result;
use crate::output::print_line;

/// A line a run, and on the error output what its tag `import.note` says.
pub async fn run(session: &Session, path: &Path) -> Result<()> {
    let runs = session.import_runs(path)?;
    if runs.is_empty() {
        eprintln!("nothing is new in {}: its ended runs are here already", path.display());
    }
    for run in runs {
        print_line(&format!("imported {run}"))?;
        let notes = format!("SELECT value FROM gradframe.tags WHERE name = 'import.note' AND run = {}", quoted(&run));
        for batch in session.sql(&notes).await?.collect().await? {
            texts(&batch).iter().for_each(|note| eprintln!("{run}: {note}"));
        }
    }
    Ok(())
}

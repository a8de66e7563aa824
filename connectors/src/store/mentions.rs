//! Which versions of models are named by what is kept as SQL: views, and queries of runs, which a replay asks again.

use std::sync::Arc;

use gradframe_ml_core::Result;

use super::Store;
use super::sql::{Transaction, params};

/// Texts of SQL, as they are looked through: without spaces and quotation marks, in small letters.
#[derive(Debug)]
pub(super) struct Mentions(Vec<String>);

impl Store {
    /// What is kept as SQL here, as a transaction of the store's database sees it. Beside a server views are in a directory of this machine,
    /// which is not locked while the server is waited for; those of other machines are not known.
    pub(super) fn mentions(&self, transaction: &Transaction<'_>) -> Result<Mentions> {
        let views = match Arc::ptr_eq(&self.catalog, &self.database) {
            true => texts(transaction, VIEWS)?,
            false => self.catalog.read(|catalog| texts(catalog, VIEWS))?.unwrap_or_default(),
        };
        let all = views.into_iter().chain(texts(transaction, QUERIES)?);
        Ok(Mentions(all.map(|text| plain(&text)).collect()))
    }
}

impl Store {
    /// Models, each with a statement by which one of its versions was trained or read its rows, of those that may read from a model.
    pub fn queries_of_models(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT m.model, r.statement FROM models AS m JOIN runs AS r ON m.run = r.run
                   WHERE lower(r.statement) LIKE '%model%'
                   UNION SELECT m.model, d.source FROM models AS m JOIN datasets AS d ON m.run = d.run
                   WHERE d.kind = 'query' AND lower(d.source) LIKE '%model%' ORDER BY 1, 2";
        Ok(self.database.read(|transaction| transaction.pairs(sql, params![]))?.unwrap_or_default())
    }
}

const VIEWS: &str = "SELECT sql FROM entries WHERE kind = 'view'";
const QUERIES: &str = "SELECT statement FROM runs WHERE statement LIKE '%@%' OR statement LIKE '%models:/%'
    UNION SELECT source FROM datasets WHERE kind = 'query' AND (source LIKE '%@%' OR source LIKE '%models:/%')";

fn texts(transaction: &Transaction<'_>, sql: &str) -> Result<Vec<String>> {
    transaction.rows(sql, params![], |row| row.get(0))
}

impl Mentions {
    /// Whether one of them may mean this version: `fare@3`, `models:/fare/3`.
    pub fn name(&self, model: &str, version: u64) -> bool {
        let names = [format!("{}@{version}", plain(model)), format!("{}/{version}", plain(model))];
        let in_text = |text: &String| names.iter().any(|name| has(text, name));
        self.0.iter().any(in_text)
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !['"', '`', '\''].contains(c)).flat_map(char::to_lowercase).collect()
}

/// Whether the name is there, and no digit of a longer number follows.
fn has(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| !text[at + name.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_however_it_is_written() {
        let text = |sql: &str| Mentions(vec![plain(sql)]);
        for named in ["ML.PREDICT(MODEL fare@1, TABLE t)", "MODEL Fare @ 1", "MODEL \"fare\"@1", "'models:/fare/1'", "fare@1"] {
            assert!(text(named).name("fare", 1), "{named}");
        }
        for other in ["MODEL fare@12", "MODEL fare", "MODEL fare@champion", "MODEL fare@2"] {
            assert!(!text(other).name("fare", 1), "{other}");
        }
        assert!(text("MODEL \"my model\"@3").name("my model", 3));
    }
}

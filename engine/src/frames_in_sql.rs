//! SQL over frames: names that a statement has for frames, without a catalog.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use gradframe_plan::error::from_datafusion;
use gradframe_sql::BoundValues;

use crate::catalog::with_frames;
use crate::{DataFrame, Result, Session};

impl Session {
    /// [`Session::sql`] in which frames have names. A frame goes before a table of its name; a view that the statement
    /// reads or makes does not see it.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let trips = session.block_on(session.sql("SELECT value AS fare FROM generate_series(1, 10)"))?;
    /// let dear = session.block_on(session.sql_with("SELECT * FROM trips WHERE fare > 7", [("trips", trips)]))?;
    /// assert_eq!(session.block_on(dear.count())?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Names in SQL without quotes are in lower case; a frame is found under its name as given and in lower case.
    /// Errors: as [`Session::sql`].
    pub async fn sql_with(
        &self,
        text: &str,
        frames: impl IntoIterator<Item = (impl Into<String>, DataFrame)>,
    ) -> Result<DataFrame> {
        self.sql_with_bound(text, frames, &BoundValues::NONE).await
    }

    /// [`Session::sql_with`] with values in the places of placeholders; see [`Session::sql_bound`].
    pub async fn sql_with_bound(
        &self,
        text: &str,
        frames: impl IntoIterator<Item = (impl Into<String>, DataFrame)>,
        values: &BoundValues,
    ) -> Result<DataFrame> {
        let mut named = std::collections::BTreeMap::new();
        for (name, frame) in frames {
            let (name, table) =
                (name.into(), Arc::new(ViewTable::new(frame.logical_plan().clone(), None)) as Arc<dyn TableProvider>);
            named.entry(name.to_lowercase()).or_insert_with(|| Arc::clone(&table));
            named.insert(name, table);
        }
        with_frames(named, Box::pin(self.sql_bound(text, values))).await
    }

    /// Names in FROM that nothing in the catalog stands behind, as SQL sees them: unquoted ones in lower case. Files and
    /// names with a schema are not among them. Errors: `Plan` for bad syntax.
    pub fn unknown_tables(&self, text: &str) -> Result<Vec<String>> {
        let mut unknown = vec![];
        for statement in self.parse(text)? {
            for table in gradframe_sql::tables(&statement)? {
                let name = table.table().to_owned();
                let asked = table.schema().is_none() && !unknown.contains(&name);
                if asked && !self.context().table_exist(table).map_err(from_datafusion)? {
                    unknown.push(name);
                }
            }
        }
        Ok(unknown)
    }
}

impl DataFrame {
    /// The frame within no run: what is asked of it is asked where it stands then. See [`Session::in_run`].
    pub fn out_of_run(self) -> DataFrame {
        DataFrame::new(self.session().out_of_run(), self.logical_plan().clone())
    }

    /// SQL over this frame, which it calls `table_name`; other tables of the session may be joined.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let trips = session.block_on(session.sql("SELECT value AS fare FROM generate_series(1, 10)"))?;
    /// let total = session.block_on(trips.sql("SELECT sum(fare) AS total FROM self", "self"))?;
    /// assert_eq!(total.columns(), ["total"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub async fn sql(&self, text: &str, table_name: &str) -> Result<DataFrame> {
        self.session().sql_with(text, [(table_name, self.clone())]).await
    }
}

//! Schema `public`: tables, views and models, one set of names.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableType;
use gradframe_connectors::store::{Entry, EntryKind, Store};
use gradframe_exec::pinned::PinnedTable;
use gradframe_plan::ModelTable;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::services::ModelRegistry;
use parking_lot::{Mutex, RwLock};

use super::cached::{CachedTables, Source};
use super::{frames, stored};
use crate::unknown::suggest_table;
use crate::{Error, Result};

/// What a name of the schema stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    View,
    Model,
}

impl Kind {
    /// As errors call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::View => "view",
            Kind::Model => "model",
        }
    }
}

tokio::task_local! {
    /// The views being planned around this one: a view that reads itself is found out, not followed.
    static PLANNING: Vec<String>;
}

/// Tables, views and models of the store, and frames registered for this session alone.
#[derive(Debug)]
pub(crate) struct PublicSchema {
    store: Arc<Store>,
    /// Where the store's own tables lie; relative locations are relative to it.
    home: std::path::PathBuf,
    /// The session's state, in which stored SQL is planned. Set once the state that holds this schema exists.
    state: OnceLock<Weak<RwLock<SessionState>>>,
    /// Registered frames, by name.
    registered: RwLock<BTreeMap<String, Arc<dyn TableProvider>>>,
    /// Tables whose rows this session keeps in memory, by name.
    cached: CachedTables,
    /// Opened tables by the SQL that makes them, so that a file's schema is not inferred at each use.
    opened: Mutex<HashMap<String, Arc<dyn TableProvider>>>,
}

impl PublicSchema {
    pub(crate) fn new(store: Arc<Store>, home: std::path::PathBuf) -> Self {
        let (registered, cached, opened) = (RwLock::default(), CachedTables::default(), Mutex::default());
        Self { store, home, state: OnceLock::new(), registered, cached, opened }
    }

    /// Says in which state stored SQL is to be planned. The first call counts.
    pub(crate) fn attach(&self, state: Weak<RwLock<SessionState>>) {
        self.state.get_or_init(|| state);
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// What the name stands for, if anything.
    pub(crate) fn kind(&self, name: &str) -> Result<Option<Kind>> {
        if self.registered.read().contains_key(name) {
            return Ok(Some(Kind::Table));
        }
        if let Some(entry) = self.entry(name)? {
            return Ok(Some(kind_of(&entry)));
        }
        Ok(self.store.exists(name)?.then_some(Kind::Model))
    }

    /// The stored table or view of this name.
    pub(crate) fn entry(&self, name: &str) -> Result<Option<Entry>> {
        Ok(self.store.entries()?.into_iter().find(|entry| entry.name == name))
    }

    /// All names, models included, for suggestions.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let mut names = self.tables_and_views()?;
        names.extend(self.store.names()?);
        names.extend(self.store.alias_names()?);
        names.extend(frames::names());
        Ok(names)
    }

    /// Plans a view's SQL under its own name, so that reading itself is an error.
    pub(crate) async fn plan_view(&self, name: &str, sql: &str) -> Result<datafusion::logical_expr::LogicalPlan> {
        let mut around = PLANNING.try_with(Clone::clone).unwrap_or_default();
        if around.iter().any(|view| view == name) {
            let path = around.iter().map(|view| format!("`{view}`")).collect::<Vec<_>>().join(" reads ");
            return Err(Error::plan("view", format!("view `{name}` reads itself: {path} reads `{name}`")));
        }
        around.push(name.to_owned());
        let state = self.state()?;
        PLANNING.scope(around, Box::pin(async move { gradframe_sql::plan_view(&state, sql).await })).await
    }

    /// The table that a stored statement makes, opened once for each different statement.
    pub(crate) async fn open(&self, sql: &str) -> Result<Arc<dyn TableProvider>> {
        if let Some(opened) = self.opened.lock().get(sql) {
            return Ok(Arc::clone(opened));
        }
        let table = stored::open(&self.state()?, &self.home, sql).await?;
        self.opened.lock().insert(sql.to_owned(), Arc::clone(&table));
        Ok(table)
    }

    /// Forgets an opened table, so that the next use looks at its files again.
    pub(crate) fn close(&self, sql: &str) {
        self.opened.lock().remove(sql);
    }

    /// From now on a table of this name is the cached one, if the name stands for what its rows were read from still; false if not.
    pub(crate) fn cache(&self, name: &str, source: &Source, table: Arc<PinnedTable>) -> Result<bool> {
        self.cached.insert_if(name, table, || self.is_still(name, source))
    }

    /// Whether this session keeps the table's rows in memory.
    pub(crate) fn is_cached(&self, name: &str) -> bool {
        self.cached.get(name).is_some()
    }

    /// Forgets the cached table; false if there was none. After the name has come to stand for something else, not before: rows that
    /// are being read meanwhile would come in behind.
    pub(crate) fn uncache(&self, name: &str) -> bool {
        self.cached.remove(name)
    }

    /// What the rows of the name are read from, whether or not they are cached. None of a model, and of what there is none of.
    pub(crate) fn source(&self, name: &str) -> Result<Option<Source>> {
        if let Some(frame) = self.registered.read().get(name) {
            return Ok(Some(Source::Frame(Arc::clone(frame))));
        }
        Ok(self.entry(name)?.map(Source::Stored))
    }

    /// Whether the name stands for this still.
    pub(crate) fn is_still(&self, name: &str, source: &Source) -> Result<bool> {
        Ok(self.source(name)?.is_some_and(|now| now.is(source)))
    }

    /// The table or view itself. None if it has been dropped meanwhile; if it has been replaced, the newest.
    pub(crate) async fn table_of(&self, name: &str, source: Source) -> Result<Option<Arc<dyn TableProvider>>> {
        match source {
            Source::Frame(frame) => Ok(Some(frame)),
            Source::Stored(Entry { kind: EntryKind::View, sql, .. }) => {
                let plan = self.plan_view(name, &sql).await;
                // The places in a view's own text are none in the user's.
                let inside = |error| suggest_table(error, |_| self.names()).inside(&format!("view `{name}`"));
                let plan = plan.map_err(inside)?;
                Ok(Some(Arc::new(ViewTable::new(plan, Some(sql)))))
            }
            Source::Stored(Entry { kind: EntryKind::Table, sql, .. }) => self.open_newest(name, sql).await,
        }
    }

    fn state(&self) -> Result<SessionState> {
        let state = self.state.get().and_then(Weak::upgrade);
        let state = state.ok_or_else(|| Error::internal("catalog", "the session of this catalog is gone"))?;
        let state = state.read().clone();
        Ok(state)
    }

    fn tables_and_views(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.registered.read().keys().cloned().collect();
        names.extend(self.store.entries()?.into_iter().map(|entry| entry.name));
        names.sort();
        Ok(names)
    }

    /// Opens the table, and again if another process has replaced it between its entry and its files.
    async fn open_newest(&self, name: &str, mut sql: String) -> Result<Option<Arc<dyn TableProvider>>> {
        loop {
            let error = match self.open(&sql).await {
                Ok(table) => return Ok(Some(table)),
                Err(error) => error,
            };
            match self.entry(name)? {
                Some(now) if now.sql == sql => return Err(error),
                Some(now) => sql = now.sql,
                None => return Ok(None),
            }
        }
    }

    async fn resolve(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        // A view reads what it read when it was made, not a frame that happens to be there.
        if let (Some(frame), Err(_not_in_a_view)) = (frames::named(name), PLANNING.try_with(|_| ())) {
            return Ok(Some(frame));
        }
        if let Some(cached) = self.cached.get(name) {
            return Ok(Some(cached));
        }
        match self.source(name)? {
            Some(source) => self.table_of(name, source).await,
            None => Ok(self.store.get(name)?.map(|model| Arc::new(ModelTable::new(model)) as Arc<dyn TableProvider>)),
        }
    }
}

fn kind_of(entry: &Entry) -> Kind {
    match entry.kind {
        EntryKind::Table => Kind::Table,
        EntryKind::View => Kind::View,
    }
}

#[async_trait]
impl SchemaProvider for PublicSchema {
    /// Tables and views; models are listed by SHOW MODELS. Empty if the store can't be read, which the query says next.
    fn table_names(&self) -> Vec<String> {
        self.tables_and_views().unwrap_or_default()
    }

    async fn table(&self, name: &str) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        self.resolve(name).await.map_err(to_datafusion)
    }

    /// Without opening files or planning views.
    async fn table_type(&self, name: &str) -> DataFusionResult<Option<TableType>> {
        let kind = self.kind(name).map_err(to_datafusion)?;
        Ok(kind.map(|kind| if kind == Kind::View { TableType::View } else { TableType::Base }))
    }

    /// For this session alone. Errors: `Plan` if the name is taken.
    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        match self.kind(&name).map_err(to_datafusion)? {
            Some(kind) => Err(to_datafusion(Error::plan("register", format!("{} `{name}` already exists", kind.name())))),
            None => {
                self.uncache(&name); // rows of a table that another process has dropped
                Ok(self.registered.write().insert(name, table))
            }
        }
    }

    fn deregister_table(&self, name: &str) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        let removed = self.registered.write().remove(name);
        self.uncache(name);
        Ok(removed)
    }

    fn table_exist(&self, name: &str) -> bool {
        matches!(self.kind(name), Ok(Some(_)))
    }
}

//! The tables of `store.db`, layout by layout.

use gradframe_ml_core::Result;
use rusqlite::Transaction;

use super::errors::store_error;
use super::points::fold;
use super::{now_us, sql};

/// The present layout.
pub(super) const LAYOUTS: usize = 9;

/// `TABLES[i]` turns the tables of layout `i` into those of layout `i + 1`, in SQLite's words; PostgreSQL's are made of them.
/// Layouts are never edited once released: add a step.
pub(super) const TABLES: [&str; LAYOUTS] =
    [LAYOUT_1, LAYOUT_2, LAYOUT_3, LAYOUT_4, LAYOUT_5, LAYOUT_6, LAYOUT_7, LAYOUT_8, LAYOUT_9];

/// The layout that brings the experiment of runs that name none.
pub(super) const HAS_DEFAULT_EXPERIMENT: usize = 3;

/// The first one that was ever made in PostgreSQL.
pub(super) const FIRST_SHARED: usize = 6;

/// `MIGRATIONS[i]` turns layout `i` of a file into layout `i + 1`; SQLite's `user_version` says which one it has.
pub(super) const MIGRATIONS: [fn(&Transaction) -> Result<()>; LAYOUTS] =
    [to_layout_1, to_layout_2, to_layout_3, to_layout_4, to_layout_5, to_layout_6, to_layout_7, to_layout_8, to_layout_9];

fn to_layout_1(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_1).map_err(store_error)
}

fn to_layout_2(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_2).map_err(store_error)
}

fn to_layout_4(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_4).map_err(store_error)
}

fn to_layout_5(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_5).map_err(store_error)
}

fn to_layout_6(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_6).map_err(store_error)
}

fn to_layout_7(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_7).map_err(store_error)
}

fn to_layout_8(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_8).map_err(store_error)
}

fn to_layout_9(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_9).map_err(store_error)
}

fn to_layout_3(transaction: &Transaction) -> Result<()> {
    transaction.execute_batch(LAYOUT_3).map_err(store_error)?;
    let default = "INSERT INTO experiments (id, experiment, created) VALUES (0, 'Default', ?1)";
    transaction.execute(default, [now_us()]).map_err(store_error)?;
    fold::fold_rows_of_layout_2(&sql::Transaction::Sqlite(transaction))?;
    transaction.execute_batch("DROP TABLE metrics").map_err(store_error)
}

/// Metrics kept `value` for people who open the file with other tools (null where it is NaN), and `value_order`, the
/// exact bits as an integer that sorts as the floats do: that is what we read and compare.
const LAYOUT_1: &str = "
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'cancelled')),
    started INTEGER NOT NULL,
    ended INTEGER,
    model TEXT,
    seed INTEGER NOT NULL,
    reproducible INTEGER NOT NULL,
    error TEXT,
    process TEXT NOT NULL
) STRICT;
CREATE INDEX runs_running ON runs (run) WHERE status = 'running';

CREATE TABLE params (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    step INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    value REAL,
    value_order INTEGER NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX metrics_of_run ON metrics (run, epoch, id);

CREATE TABLE model_names (
    name TEXT PRIMARY KEY,
    last_version INTEGER NOT NULL
) STRICT;

CREATE TABLE models (
    model TEXT NOT NULL REFERENCES model_names (name),
    version INTEGER NOT NULL,
    model_type TEXT NOT NULL,
    label TEXT NOT NULL,
    features INTEGER NOT NULL,
    run TEXT NOT NULL,
    created INTEGER NOT NULL,
    weights_xxh3 TEXT NOT NULL,
    PRIMARY KEY (model, version)
) STRICT;

CREATE TABLE entries (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('table', 'view')),
    sql TEXT NOT NULL
) STRICT;
";

/// What it takes to run a training again from where it stopped: the whole statement that asked for it.
const LAYOUT_2: &str = "ALTER TABLE runs ADD COLUMN statement TEXT;";

/// Points by column, a chunk a metric (`points/chunk.rs`), with a summary of each. Experiments, tags, environments; texts
/// that many runs share. A run need have no seed.
const LAYOUT_3: &str = "
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE texts (
    hash TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE environments (
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (environment, kind, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN experiment_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN \"commit\" TEXT;
ALTER TABLE runs ADD COLUMN diff_hash TEXT;
ALTER TABLE runs ADD COLUMN environment TEXT;
ALTER TABLE runs ADD COLUMN chosen_seed INTEGER;
UPDATE runs SET chosen_seed = seed;
ALTER TABLE runs DROP COLUMN seed;
ALTER TABLE runs RENAME COLUMN chosen_seed TO seed;
CREATE INDEX runs_of_experiment ON runs (experiment_id);

CREATE TABLE tags (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    part INTEGER NOT NULL,
    points INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (run, name, part)
) STRICT;

CREATE TABLE latest (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    step INTEGER NOT NULL,
    epoch INTEGER,
    value_order INTEGER NOT NULL,
    time INTEGER NOT NULL,
    points INTEGER NOT NULL,
    min_order INTEGER,
    max_order INTEGER,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE folded_segments (
    segment TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
";

/// Artifacts of runs; what is said about models and their versions, and about experiments; what is deleted softly.
const LAYOUT_4: &str = "
ALTER TABLE runs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiments ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;

CREATE TABLE experiment_tags (
    id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    step INTEGER,
    bytes INTEGER NOT NULL,
    hash TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifacts_of_hash ON artifacts (hash);

CREATE TABLE aliases (
    model TEXT NOT NULL REFERENCES model_names (name) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (model, alias)
) STRICT, WITHOUT ROWID;

CREATE TABLE alias_log (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    version INTEGER,
    before INTEGER,
    time INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX alias_log_of_alias ON alias_log (model, alias, id);

CREATE TABLE model_tags (
    model TEXT NOT NULL REFERENCES model_names (name) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, version, name)
) STRICT, WITHOUT ROWID;
";

/// What MLflow's registry knows of models beside what ours does; models that its clients log without registering them; data
/// sets. A name without `created` is one that was used and dropped. A version with a `source` is kept elsewhere: in
/// artifacts of a run, or with a logged model.
const LAYOUT_5: &str = "
ALTER TABLE model_names ADD COLUMN created INTEGER;
ALTER TABLE model_names ADD COLUMN updated INTEGER;
ALTER TABLE model_names ADD COLUMN description TEXT NOT NULL DEFAULT '';
UPDATE model_names SET created = (SELECT min(created) FROM models WHERE model = model_names.name),
                       updated = (SELECT max(created) FROM models WHERE model = model_names.name);

ALTER TABLE models ADD COLUMN source TEXT;
ALTER TABLE models ADD COLUMN updated INTEGER;
ALTER TABLE models ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE models ADD COLUMN stage TEXT NOT NULL DEFAULT 'None';
ALTER TABLE models ADD COLUMN run_link TEXT;
ALTER TABLE models ADD COLUMN logged_model TEXT;

CREATE TABLE logged_models (
    logged_model TEXT PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    name TEXT NOT NULL,
    model_type TEXT NOT NULL,
    run TEXT NOT NULL,
    status TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_models_of_run ON logged_models (run);

CREATE TABLE logged_model_values (
    logged_model TEXT NOT NULL REFERENCES logged_models (logged_model) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('param', 'tag')),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (logged_model, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model_metrics (
    logged_model TEXT NOT NULL REFERENCES logged_models (logged_model) ON DELETE CASCADE,
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    dataset TEXT NOT NULL,
    digest TEXT NOT NULL,
    step INTEGER NOT NULL,
    value_order INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (logged_model, run, name, dataset, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_model_files (
    logged_model TEXT NOT NULL REFERENCES logged_models (logged_model) ON DELETE CASCADE,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (logged_model, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_model_files_of_hash ON logged_model_files (hash);

CREATE TABLE run_models (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    logged_model TEXT NOT NULL,
    is_input INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (run, logged_model, is_input)
) STRICT, WITHOUT ROWID;

CREATE TABLE datasets (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    schema TEXT NOT NULL,
    profile TEXT NOT NULL,
    rows INTEGER,
    PRIMARY KEY (run, role, name, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset_tags (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    dataset TEXT NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, dataset, digest, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset_files (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    role TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    version TEXT,
    hash TEXT,
    PRIMARY KEY (run, role, path)
) STRICT, WITHOUT ROWID;

CREATE VIEW lineage AS
SELECT m.model AS model, m.version AS version, m.run AS run, d.role AS role, d.name AS dataset, d.digest AS digest,
       d.kind AS kind, d.source AS source, d.rows AS rows
FROM models AS m LEFT JOIN datasets AS d ON d.run = m.run;
";

/// Which rows the steps of a training in mini-batches learned from.
const LAYOUT_6: &str = "
CREATE TABLE batches (
    run TEXT PRIMARY KEY REFERENCES runs (run) ON DELETE CASCADE,
    batch_rows INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    key INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What lists of runs filter and sort by is found by its name.
const LAYOUT_7: &str = "
CREATE INDEX latest_of_name ON latest (name, run, value_order, min_order, max_order);
CREATE INDEX params_of_name ON params (name, run);
CREATE INDEX tags_of_name ON tags (name, run);
";

/// Traces of MLflow's clients.
const LAYOUT_8: &str = "
CREATE TABLE traces (
    trace TEXT PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    run TEXT NOT NULL,
    state TEXT NOT NULL,
    client_request TEXT,
    started INTEGER NOT NULL,
    duration_us INTEGER,
    request TEXT,
    response TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX traces_of_experiment ON traces (experiment_id, started);
CREATE INDEX traces_of_run ON traces (run);

CREATE TABLE trace_values (
    trace TEXT NOT NULL REFERENCES traces (trace) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('tag', 'metadata')),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE trace_assessments (
    trace TEXT NOT NULL REFERENCES traces (trace) ON DELETE CASCADE,
    assessment TEXT NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (trace, assessment)
) STRICT, WITHOUT ROWID;

CREATE TABLE trace_files (
    trace TEXT NOT NULL REFERENCES traces (trace) ON DELETE CASCADE,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (trace, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_files_of_hash ON trace_files (hash);

CREATE TABLE spans (
    trace TEXT NOT NULL REFERENCES traces (trace) ON DELETE CASCADE,
    span TEXT NOT NULL,
    parent TEXT,
    name TEXT NOT NULL,
    span_type TEXT NOT NULL,
    status TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    inputs TEXT,
    outputs TEXT,
    attributes TEXT NOT NULL,
    PRIMARY KEY (trace, span)
) STRICT, WITHOUT ROWID;
";

/// Where the files of a version are whose source names another version or a logged model (`places.rs`); all points of the metrics
/// of logged models, of which the one of the greatest step was kept before.
const LAYOUT_9: &str = "
ALTER TABLE models ADD COLUMN storage TEXT;
UPDATE models SET storage = (SELECT 'mlflow-artifacts:/' || l.experiment_id || '/models/' || l.logged_model || '/artifacts'
                             FROM logged_models AS l WHERE models.source = 'models:/' || l.logged_model)
WHERE source LIKE 'models:/m-%';
UPDATE models SET storage = (
    WITH RECURSIVE chain (place, links) AS (
        SELECT models.source, 0
        UNION ALL
        SELECT coalesce(o.storage, o.source, 'mlflow-artifacts:/registry/' || o.model || '/' || o.version), links + 1
        FROM chain JOIN models AS o ON chain.place = 'models:/' || o.model || '/' || o.version WHERE links < 100
    ) SELECT place FROM chain WHERE place NOT LIKE 'models:/%' LIMIT 1
) WHERE source LIKE 'models:/%/%';
CREATE INDEX models_of_storage ON models (storage);
CREATE INDEX models_of_logged ON models (logged_model);

CREATE TABLE logged_model_points (
    logged_model TEXT NOT NULL REFERENCES logged_models (logged_model) ON DELETE CASCADE,
    name TEXT NOT NULL,
    dataset TEXT NOT NULL,
    digest TEXT NOT NULL,
    run TEXT NOT NULL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    value_order INTEGER NOT NULL,
    PRIMARY KEY (logged_model, name, dataset, digest, run, step, time, value_order)
) STRICT, WITHOUT ROWID;
INSERT INTO logged_model_points (logged_model, name, dataset, digest, run, step, time, value_order)
SELECT logged_model, name, dataset, digest, run, step, time, value_order FROM logged_model_metrics;
DROP TABLE logged_model_metrics;
";

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn layout_9_finds_the_places_of_versions_and_keeps_the_metrics_of_logged_models() {
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        MIGRATIONS[..8].iter().try_for_each(|step| step(&transaction)).unwrap();
        let before = "INSERT INTO model_names (name, last_version) VALUES ('a', 4), ('b', 4);
            INSERT INTO logged_models VALUES ('m-1', 0, 'n', '', '', 'LOGGED_MODEL_READY', 1, 1, 1);
            INSERT INTO logged_model_metrics VALUES ('m-1', 'r', 'acc', 'd', 'x', 7, 5, 3);
            INSERT INTO models (model, version, model_type, label, features, run, created, weights_xxh3, source) VALUES
                ('a', 1, 'mlflow', '', 0, '', 1, '', 'models:/m-1'), ('a', 2, 'linear_reg', '', 0, '', 1, '', NULL),
                ('b', 1, 'mlflow', '', 0, '', 1, '', 'models:/a/1'), ('b', 2, 'mlflow', '', 0, '', 1, '', 'models:/a/2'),
                ('a', 3, 'mlflow', '', 0, '', 1, '', 'models:/b/1'), ('a', 4, 'mlflow', '', 0, '', 1, '', 'models:/b/3'),
                ('b', 3, 'mlflow', '', 0, '', 1, '', 'models:/gone/1'), ('b', 4, 'mlflow', '', 0, '', 1, '', 'mlflow-artifacts:/0/r/artifacts/m');";
        transaction.execute_batch(before).unwrap();
        to_layout_9(&transaction).unwrap();
        let mut statement = transaction.prepare("SELECT storage FROM models ORDER BY model, version").unwrap();
        let places: Vec<Option<String>> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let (logged, trained) = ("mlflow-artifacts:/0/models/m-1/artifacts", "mlflow-artifacts:/registry/a/2");
        assert_eq!(
            places.iter().map(Option::as_deref).collect::<Vec<_>>(),
            [Some(logged), None, Some(logged), None, Some(logged), Some(trained), None, None],
            "a copy of a copy has the place of the first, in whatever order they are"
        );
        let kept = "SELECT count(*) FROM logged_model_points WHERE name = 'acc' AND dataset = 'd' AND step = 7 AND value_order = 5 AND time = 3";
        assert_eq!(transaction.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }
}

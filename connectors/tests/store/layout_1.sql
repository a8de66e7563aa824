-- A store of the first layout, as the builds of then made it.

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

INSERT INTO runs VALUES ('20261101-000000-0abc', 'old', 'finished', 1000000, 2000000, NULL, -1, 0, NULL, '- - - 1 - -');
INSERT INTO params VALUES ('20261101-000000-0abc', 'l2_reg', '0.1');
-- 0.5, a NaN (the greatest value, as bits that sort) and -0.25.
INSERT INTO metrics VALUES (1, '20261101-000000-0abc', 'loss', 0, 0, 0.5, 4602678819172646912, 1100000);
INSERT INTO metrics VALUES (2, '20261101-000000-0abc', 'loss', 1, 1, NULL, 9221120237041090560, 1200000);
INSERT INTO metrics VALUES (3, '20261101-000000-0abc', 'seconds', 1, 1, -0.25, -4598175219545276417, 1200000);

//! The traces of a run from a store to another, with their values, assessments, files and spans.

use gradframe_ml_core::Result;

use super::copy::{Values, insert, rows_of};
use super::copy_checks::check_rows;
use super::sql::{Transaction, Value, params};

/// Rows of traces, by table, each with its columns; traces themselves come first.
const TABLES: [(&str, &str); 5] = [
    ("traces", "trace, experiment_id, name, run, state, client_request, started, duration_us, request, response"),
    ("trace_values", "trace, kind, name, value"),
    ("trace_assessments", "trace, assessment, body, created"),
    ("trace_files", "trace, path, bytes, hash"),
    ("spans", "trace, span, parent, name, span_type, status, started, ended, inputs, outputs, attributes"),
];
/// Where a trace is until its own experiment is known: numbers of experiments are each store's own.
const DEFAULT_EXPERIMENT: i64 = 0;

/// All that a store knows of the traces of a run.
#[derive(Debug)]
pub(super) struct CopiedTraces {
    /// In the order of [`TABLES`].
    rows: Vec<Vec<Values>>,
    /// Each trace with the name of its experiment, and when that was made.
    experiments: Vec<Values>,
}

impl CopiedTraces {
    pub fn read(transaction: &Transaction<'_>, run: &str) -> Result<Self> {
        let of_run = "WHERE trace IN (SELECT trace FROM traces WHERE run = ?1)";
        let read = |(table, columns): &(&str, &str)| {
            let sql = format!("SELECT {columns} FROM {table} {of_run}");
            rows_of(transaction, &sql, columns, run)
        };
        let mut rows = TABLES.iter().map(read).collect::<Result<Vec<_>>>()?;
        for trace in rows.iter_mut().take(1).flatten() {
            trace[1] = Value::Integer(DEFAULT_EXPERIMENT);
        }
        let columns = "trace, experiment, created";
        let sql = format!("SELECT {columns} FROM traces JOIN experiments ON id = experiment_id WHERE run = ?1");
        Ok(CopiedTraces { rows, experiments: rows_of(transaction, &sql, columns, run)? })
    }

    pub fn check(&self) -> Result<()> {
        TABLES.iter().zip(&self.rows).try_for_each(|((table, _), rows)| check_rows(table, rows))
    }

    /// A trace that is there already stays as it is.
    pub fn write(&self, transaction: &Transaction<'_>) -> Result<()> {
        for ((table, columns), rows) in TABLES.iter().zip(&self.rows) {
            insert(transaction, table, columns, rows, true)?;
        }
        let place = "UPDATE traces SET experiment_id = (SELECT id FROM experiments WHERE experiment = ?2) WHERE trace = ?1";
        for of in &self.experiments {
            insert(transaction, "experiments", "experiment, created", &[of[1..].to_vec()], true)?;
            transaction.execute(place, params![of[0], of[1]])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gradframe_plan::ops::run_log::{LogQuery, LogTable};
    use gradframe_plan::services::{NewRun, RunLog};

    use super::super::{RunChanges, Span, Store, Trace};

    #[test]
    fn a_run_is_copied_with_its_traces() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (Store::open(here.path().into()).unwrap(), Store::open(there.path().into()).unwrap());
        // Another number there than here.
        to.create_experiment("other", &[]).unwrap();
        let experiment = from.create_experiment("traced", &[]).unwrap();
        let run = from.create_run(experiment, &NewRun::default(), None).unwrap();
        for (id, run) in [("tr-1", run.as_str()), ("tr-2", "of no run")] {
            let trace = Trace {
                id: id.into(),
                experiment,
                name: "answer".into(),
                run: run.into(),
                state: "OK".into(),
                started_us: 5,
                duration_us: Some(7),
                tags: vec![("team".into(), "a".into())],
                metadata: vec![("user".into(), "ann".into())],
                assessments: vec![("a-1".into(), "{}".into())],
                ..Trace::default()
            };
            from.put_trace(&trace).unwrap();
            from.put_trace_file(id, "traces.json", &mut &b"{}"[..]).unwrap();
            from.set_spans(id, &[Span { id: "01".into(), name: "part".into(), ..Span::default() }]).unwrap();
        }
        from.change_run(&run, &RunChanges { status: Some("finished"), ..RunChanges::default() }).unwrap();

        to.copy_run_from(&from, &run).unwrap();
        let found = to.trace("tr-1").unwrap().unwrap();
        let expected = from.trace("tr-1").unwrap().unwrap();
        assert_eq!(found, Trace { experiment: found.experiment, ..expected });
        let rows = |table| to.scan(table, &LogQuery::default()).unwrap().iter().map(|batch| batch.num_rows()).sum::<usize>();
        assert_eq!([LogTable::Traces, LogTable::TraceValues, LogTable::Spans].map(rows), [1, 2, 1]);
        let name = |store: &Store, id| store.experiments().unwrap().into_iter().find(|of| of.id == id).unwrap().name;
        assert_eq!(name(&to, found.experiment), "traced");
        assert_eq!(std::fs::read(to.trace_file("tr-1", "traces.json").unwrap().unwrap()).unwrap(), b"{}");
        assert_eq!(to.remove_unused_objects().unwrap(), (0, 0));
    }
}

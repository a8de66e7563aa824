//! Running a frame: rows in memory, a stream, a file, or an account of the plan.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::collect_partitioned;
use gradframe_connectors::sinks::{WriteOptions, copy_plan};
use gradframe_plan::error::from_datafusion;

use super::explain::plans;
use super::{DataFrame, ScanProgress};
use crate::Result;
use crate::panics::{guard, guard_stream};

impl DataFrame {
    /// All rows, in batches. Without a sort the order is open, but for queries that only read, filter, compute and
    /// predict: their rows come in the order of their file or table.
    /// Errors: whatever the data or the limits make of it, by kind. Dropping the future cancels the work.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let batches = session.block_on(frame.collect())?;
    /// assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub async fn collect(&self) -> Result<Vec<RecordBatch>> {
        self.collect_watched(|_| ()).await
    }

    /// [`DataFrame::collect`]; `watch` is given a view of how far the scans are, once the query is planned.
    pub async fn collect_watched(&self, watch: impl FnOnce(ScanProgress)) -> Result<Vec<RecordBatch>> {
        if let Some(rows) = self.rows_in_memory() {
            return Ok(rows);
        }
        let execution = self.execution();
        let context = Arc::new(execution.task_ctx());
        let collected = guard("collect", async {
            let plan = execution.create_physical_plan().await.map_err(from_datafusion)?;
            watch(ScanProgress::of(&plan));
            collect_partitioned(plan, context).await.map_err(from_datafusion)
        });
        Ok(self.or_lost_row(collected).await?.into_iter().flatten().collect())
    }

    /// The rows as they are computed. Dropping the stream cancels the work.
    /// Errors inside the stream convert with [`crate::from_datafusion`].
    pub async fn stream(&self) -> Result<SendableRecordBatchStream> {
        let execution = self.execution();
        let stream = guard("stream", async { execution.execute_stream().await.map_err(from_datafusion) }).await?;
        Ok(self.naming_lost_rows(guard_stream("stream", stream)))
    }

    /// The number of rows.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.count())?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub async fn count(&self) -> Result<usize> {
        let execution = self.execution();
        self.or_lost_row(guard("count", async { execution.count().await.map_err(from_datafusion) })).await
    }

    /// Runs the plan once and gives a frame over its rows in memory.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let rows = session.block_on(frame.cache())?;
    /// assert_eq!(session.block_on(rows.count())?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub async fn cache(&self) -> Result<DataFrame> {
        let rows = self.collect().await?;
        let schema = rows.first().map_or_else(|| self.schema(), RecordBatch::schema);
        self.session.from_batches(schema, rows)
    }

    /// Writes one Parquet file, replacing it; returns the number of rows. A failed write leaves what was there.
    pub async fn write_parquet(&self, path: impl AsRef<str>) -> Result<u64> {
        self.write(path, one_file("parquet")).await
    }

    /// Writes one CSV file with a header line, replacing it; returns the number of rows. A failed write leaves what was there.
    pub async fn write_csv(&self, path: impl AsRef<str>) -> Result<u64> {
        self.write(path, one_file("csv")).await
    }

    /// Writes one NDJSON file, replacing it; returns the number of rows. A failed write leaves what was there.
    pub async fn write_ndjson(&self, path: impl AsRef<str>) -> Result<u64> {
        self.write(path, one_file("json")).await
    }

    /// Writes one Arrow IPC file, replacing it; returns the number of rows. A failed write leaves what was there.
    pub async fn write_ipc(&self, path: impl AsRef<str>) -> Result<u64> {
        self.write(path, one_file("arrow")).await
    }

    /// Writes a file or a directory of files, as COPY TO does; returns the number of rows. The files appear all at once: a
    /// failed or cancelled write leaves what was there. Rows of the target itself may be read meanwhile.
    ///
    /// ```
    /// # use gradframe::{Session, WriteOptions};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let out = directory.path().join("fares").display().to_string();
    /// let trips = session.block_on(session.sql(
    ///     "SELECT * FROM (VALUES ('EU', 12.0), ('EU', 18.0), ('US', 40.0)) AS t(region, fare)",
    /// ))?;
    /// let options = WriteOptions::new().format("parquet").partition_by(["region"]).overwrite(true);
    /// assert_eq!(session.block_on(trips.write(&out, options))?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for an unknown option and for a target that exists without `overwrite`; `Resources` for a full disk;
    /// those of the query.
    pub async fn write(&self, path: impl AsRef<str>, options: WriteOptions) -> Result<u64> {
        let plan = copy_plan(self.plan.clone(), path.as_ref(), options)?;
        let execution = self.with_plan(plan).execution();
        let written = guard("write", async { execution.collect().await.map_err(from_datafusion) });
        Ok(affected_rows(&self.or_lost_row(written).await?))
    }

    /// The plan as text; with `analyze`, run and with rows, bytes and time of each operator.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert!(session.block_on(frame.explain(false))?.contains("plan"));
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub async fn explain(&self, analyze: bool) -> Result<String> {
        let execution = self.execution();
        let batches = guard("explain", async {
            let explained = execution.explain(false, analyze).map_err(from_datafusion)?;
            explained.collect().await.map_err(from_datafusion)
        });
        plans(&self.or_lost_row(batches).await?, true)
    }
}

fn one_file(format: &str) -> WriteOptions {
    WriteOptions::new().format(format).option("single_file_output", "true").overwrite(true)
}

/// The sum of the `count` column that DataFusion's writers answer with.
fn affected_rows(batches: &[RecordBatch]) -> u64 {
    let counts = batches.iter().filter_map(|batch| batch.columns().first()?.as_primitive_opt::<UInt64Type>());
    counts.flat_map(|counts| counts.values().iter()).sum()
}

//! The rows of a partition on their way through windows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{PhysicalExpr, SendableRecordBatchStream};
use futures::{StreamExt, stream};
use gradframe_plan::error::to_datafusion;

use super::super::appended;
use super::functions::{Function, Kind, Rows};
use super::grouping::{Groups, Order};
use super::held::{Held, HeldBatch};
use crate::memory::Memory;

/// The input with a column for each window.
pub(super) fn started(
    schema: SchemaRef,
    windows: &[Arc<dyn WindowExpr>],
    input: SendableRecordBatchStream,
    metrics: (&ExecutionPlanMetricsSet, usize),
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let over = Over::new(Arc::clone(&schema), windows, input, metrics, context)?;
    let batches = stream::try_unfold(over, |mut over| async move { Ok(over.next().await?.map(|batch| (batch, over))) });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

struct Window {
    expr: Arc<dyn WindowExpr>,
    is_immediate: bool,
    function: Box<dyn Function>,
    /// Of the first batch that waits, once it is known.
    column: Option<ArrayRef>,
}

struct Over {
    schema: SchemaRef,
    input: SendableRecordBatchStream,
    windows: Vec<Window>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    wants_order: bool,
    groups: Option<Groups>,
    held: Held,
    /// What states and groups take.
    memory: Memory,
    metrics: BaselineMetrics,
    /// Rows that are taken at once, where a row takes long: so that what waits for the answer can be told to stop.
    piece_rows: Option<usize>,
    pieces: VecDeque<RecordBatch>,
    finished: bool,
}

impl Over {
    fn new(
        schema: SchemaRef,
        windows: &[Arc<dyn WindowExpr>],
        input: SendableRecordBatchStream,
        metrics: (&ExecutionPlanMetricsSet, usize),
        context: &TaskContext,
    ) -> Result<Self> {
        let keys = windows[0].partition_by().to_vec();
        let kinds: Vec<Kind> = windows.iter().filter_map(Kind::of).collect();
        let functions = kinds.iter().zip(windows).map(|(kind, expr)| {
            let function = kind.function(expr, !keys.is_empty())?;
            Ok(Window { expr: Arc::clone(expr), is_immediate: kind.is_immediate(), function, column: None })
        });
        let functions = functions.collect::<Result<Vec<_>>>()?;
        let immediate = functions.iter().filter(|window| window.is_immediate).map(|window| window.expr.field());
        let immediate: Vec<FieldRef> = immediate.collect::<Result<_>>()?;
        let rows = appended::schema(&input.schema(), immediate.into_iter());
        Ok(Over {
            schema,
            input,
            windows: functions,
            wants_order: !keys.is_empty() && kinds.iter().any(|kind| kind.wants_order()),
            held: Held::new(rows, !keys.is_empty(), context, metrics),
            keys,
            groups: None,
            memory: Memory::new("window", context),
            metrics: BaselineMetrics::new(metrics.0, metrics.1),
            piece_rows: kinds.contains(&Kind::Moving).then(|| context.session_config().batch_size().max(1)),
            pieces: VecDeque::new(),
            finished: false,
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.held.load().await?;
            if let Some(batch) = self.ready()? {
                return Ok(Some(batch.record_output(&self.metrics)));
            }
            if self.finished {
                return Ok(None);
            }
            if let Some(piece) = self.pieces.pop_front() {
                let known = self.take(piece)?;
                tokio::task::yield_now().await;
                match known {
                    Some(batch) => return Ok(Some(batch.record_output(&self.metrics))),
                    None => continue,
                }
            }
            match self.input.next().await.transpose()? {
                Some(batch) => self.cut(batch),
                None => self.finish()?,
            }
        }
    }

    fn cut(&mut self, batch: RecordBatch) {
        let rows = batch.num_rows();
        let piece = self.piece_rows.unwrap_or(rows).max(1);
        self.pieces.extend((0..rows).step_by(piece).map(|start| batch.slice(start, piece.min(rows - start))));
    }

    /// Takes the next rows, and gives them back where all of their columns are known.
    fn take(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let groups = self.numbers(&batch)?;
        let total = self.groups.as_ref().map_or(0, Groups::count);
        let mut immediate = vec![];
        for window in &mut self.windows {
            let args = window.expr.evaluate_args(&batch)?;
            let of = groups.as_deref().map(|groups| (groups, total));
            let rows = Rows { args: &args, count: batch.num_rows(), groups: of };
            immediate.extend(window.function.take(&rows)?);
        }
        self.account(0)?;
        let rows = appended::batch(self.held.schema(), &batch, immediate)?;
        if self.windows.iter().all(|window| window.is_immediate) {
            return self.put_together(&rows).map(Some);
        }
        self.held.push(HeldBatch { rows, groups }, self.wants_order)?;
        Ok(None)
    }

    /// The group of each row.
    fn numbers(&mut self, batch: &RecordBatch) -> Result<Option<Vec<u32>>> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let rows = batch.num_rows();
        let keys = self.keys.iter().map(|key| key.evaluate(batch)?.into_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let groups = match &mut self.groups {
            Some(groups) => groups,
            none => none.insert(Groups::of(&keys)?),
        };
        groups.numbers(&keys, rows).map(Some)
    }

    /// Reserves what states and groups take, and `more` bytes.
    fn account(&self, more: usize) -> Result<()> {
        let functions: usize = self.windows.iter().map(|window| window.function.bytes()).sum();
        let needed = functions + self.groups.as_ref().map_or(0, Groups::bytes) + more;
        match needed.checked_sub(self.memory.bytes()) {
            Some(missing) => self.memory.grow(missing, "what it keeps of groups and rows").map_err(to_datafusion)?,
            None => self.memory.shrink(self.memory.bytes() - needed),
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let groups = self.groups.take();
        let order = match groups.as_ref().filter(|_| self.wants_order) {
            Some(groups) => {
                self.account(Order::bytes(self.held.groups().map(<[u32]>::len).sum()))?;
                Some(Order::of(self.held.groups(), groups.count())?)
            }
            None => None,
        };
        for window in &mut self.windows {
            window.function.finish(order.as_ref())?;
        }
        drop(order);
        self.finished = true;
        self.account(0)?;
        self.held.finish()
    }

    /// The first batch, if all of its columns are known.
    fn ready(&mut self) -> Result<Option<RecordBatch>> {
        let Some(front) = self.held.front() else { return Ok(None) };
        let count = front.rows.num_rows();
        for window in self.windows.iter_mut().filter(|window| !window.is_immediate && window.column.is_none()) {
            window.column = window.function.give(count, front.groups.as_deref())?;
            if window.column.is_none() {
                return Ok(None);
            }
        }
        let Some(batch) = self.held.pop() else { return Ok(None) };
        self.put_together(&batch.rows).map(Some)
    }

    /// The input's columns, then those of the windows in their order.
    fn put_together(&mut self, rows: &RecordBatch) -> Result<RecordBatch> {
        let own = self.schema.fields().len() - self.windows.len();
        let (input, mut immediate) = (&rows.columns()[..own], rows.columns()[own..].iter());
        let column = |window: &mut Window| window.column.take().or_else(|| immediate.next().cloned());
        let columns: Vec<ArrayRef> = self.windows.iter_mut().filter_map(column).collect();
        let input = RecordBatch::try_new_with_options(
            self.input.schema(),
            input.to_vec(),
            &arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows())),
        )?;
        appended::batch(&self.schema, &input, columns)
    }
}

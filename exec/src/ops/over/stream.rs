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
use super::divided::Divided;
use super::functions::{Function, Kind, Rows};
use super::grouping::{Groups, Order};
use super::held::{Held, HeldBatch};
use crate::memory::Memory;

/// What a stream of windows is of.
#[derive(Clone)]
pub(super) struct Asked {
    /// The input's columns, then the windows'.
    pub schema: SchemaRef,
    pub windows: Vec<Arc<dyn WindowExpr>>,
    pub metrics: ExecutionPlanMetricsSet,
    pub baseline: BaselineMetrics,
    pub partition: usize,
    pub context: Arc<TaskContext>,
    /// How often the rows were divided.
    pub depth: u64,
}

/// The input with a column for each window.
pub(super) fn started(asked: Asked, input: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
    let schema = Arc::clone(&asked.schema);
    let over = Over::new(asked, input)?;
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
    asked: Asked,
    input: SendableRecordBatchStream,
    windows: Vec<Window>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    wants_order: bool,
    groups: Option<Groups>,
    held: Held,
    /// What states and groups take.
    memory: Memory,
    /// Rows that are taken at once, where a row takes long: so that what waits for the answer can be told to stop.
    piece_rows: Option<usize>,
    pieces: VecDeque<RecordBatch>,
    finished: bool,
    /// Whether there is no room for what is kept, which may be divided.
    is_short: bool,
    /// All rows with their windows, where they were divided.
    merged: Option<SendableRecordBatchStream>,
}

/// How often rows are divided at most: what does not fit then is of a few groups.
const DIVISIONS_MAX: u64 = 5;

impl Over {
    fn new(asked: Asked, input: SendableRecordBatchStream) -> Result<Self> {
        let (windows, context) = (&asked.windows, &asked.context);
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
            input,
            windows: functions,
            wants_order: !keys.is_empty() && kinds.iter().any(|kind| kind.wants_order()),
            held: Held::new(rows, !keys.is_empty(), context, (&asked.metrics, asked.partition)),
            keys,
            groups: None,
            memory: Memory::new("window", context),
            piece_rows: kinds.contains(&Kind::Moving).then(|| context.session_config().batch_size().max(1)),
            pieces: VecDeque::new(),
            finished: false,
            is_short: false,
            merged: None,
            asked,
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.is_short {
                self.divide().await?;
            }
            if let Some(merged) = &mut self.merged {
                return Ok(merged.next().await.transpose()?.map(|batch| batch.record_output(&self.asked.baseline)));
            }
            self.held.load().await?;
            if let Some(batch) = self.ready()? {
                return Ok(Some(batch.record_output(&self.asked.baseline)));
            }
            if self.finished {
                return Ok(None);
            }
            if let Some(piece) = self.pieces.pop_front() {
                let known = self.take(piece)?;
                tokio::task::yield_now().await;
                match known {
                    Some(batch) => return Ok(Some(batch.record_output(&self.asked.baseline))),
                    None => continue,
                }
            }
            match self.input.next().await.transpose()? {
                Some(batch) => self.cut(batch),
                None => {
                    self.finished = true;
                    self.finish()?;
                }
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
        let elapsed = self.asked.baseline.elapsed_compute().clone();
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
        let rows = appended::batch(self.held.schema(), &batch, immediate)?;
        if self.windows.iter().all(|window| window.is_immediate) {
            self.account(0)?;
            return self.put_together(&rows).map(Some);
        }
        let may_divide = self.may_divide();
        let has_room = self.held.push(HeldBatch { rows, groups }, self.wants_order)?;
        if !(may_divide || has_room) {
            self.held.demand()?;
        }
        self.is_short = may_divide && !has_room || self.is_beyond(0, may_divide)?;
        Ok(None)
    }

    /// Whether rows may be divided by their groups: where none of them has gone on yet.
    fn may_divide(&self) -> bool {
        let groups = self.groups.as_ref().map_or(0, Groups::count);
        groups > 1 && self.asked.depth < DIVISIONS_MAX && !self.windows.iter().all(|window| window.is_immediate)
    }

    /// Whether there is no room for states, groups and `more` bytes, of rows that may be divided. Errors: `Resources` if they may not.
    fn is_beyond(&mut self, more: usize, may_divide: bool) -> Result<bool> {
        let mut accounted = self.account(more);
        if accounted.is_err() && !self.keys.is_empty() && !self.wants_order && self.held.give_way()? {
            accounted = self.account(more);
        }
        match accounted {
            Err(_) if may_divide => Ok(true),
            accounted => accounted.map(|()| false),
        }
    }

    /// All rows go to the disk by their keys; what was computed of them is let go.
    async fn divide(&mut self) -> Result<()> {
        self.is_short = false;
        (self.windows, self.groups) = (vec![], None);
        self.memory.free();
        let schema = self.input.schema();
        let own: Vec<usize> = (0..schema.fields().len()).collect();
        let mut divided = Divided::new(&self.asked, &self.keys, &schema)?;
        self.held.finish()?;
        loop {
            self.held.load().await?;
            let Some(batch) = self.held.pop() else { break };
            divided.append(&batch.rows.project(&own)?)?;
            tokio::task::yield_now().await;
        }
        for piece in self.pieces.drain(..) {
            divided.append(&piece)?;
        }
        while !self.finished
            && let Some(batch) = self.input.next().await.transpose()?
        {
            divided.append(&batch)?;
        }
        self.merged = Some(divided.finish().await?);
        Ok(())
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
        let elapsed = self.asked.baseline.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let may_divide = self.may_divide();
        if self.wants_order {
            self.is_short = self.is_beyond(Order::bytes(self.held.groups().map(<[u32]>::len).sum()), may_divide)?;
        }
        if self.is_short {
            return Ok(());
        }
        let groups = self.groups.take();
        let order = match groups.as_ref().filter(|_| self.wants_order) {
            Some(groups) => Some(Order::of(self.held.groups(), groups.count())?),
            None => None,
        };
        for window in &mut self.windows {
            window.function.finish(order.as_ref())?;
        }
        drop(order);
        self.is_short = self.is_beyond(0, may_divide)?;
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
        let own = self.asked.schema.fields().len() - self.windows.len();
        let (input, mut immediate) = (&rows.columns()[..own], rows.columns()[own..].iter());
        let column = |window: &mut Window| window.column.take().or_else(|| immediate.next().cloned());
        let columns: Vec<ArrayRef> = self.windows.iter_mut().filter_map(column).collect();
        let input = RecordBatch::try_new_with_options(
            self.input.schema(),
            input.to_vec(),
            &arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows())),
        )?;
        appended::batch(&self.asked.schema, &input, columns)
    }
}

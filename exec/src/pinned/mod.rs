//! Tables that stay in memory, and those of their columns that a device computes with on the device too.
//!
//! `CACHE TABLE t ON CUDA` makes one of a table's rows as they are then. All columns are kept as Arrow batches, for what the
//! CPU does; [`column`] says which ones also lie on the device, and as what. Aggregates find them by their scan
//! ([`PinnedScanExec`]).

mod column;
mod definition;
mod reading;
mod scan;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Constraints, Statistics};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::{from_datafusion, to_datafusion};
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

pub(crate) use self::column::{Column, Of, Piece, is_string};
use self::definition::Definition;
pub(crate) use self::scan::PinnedScanExec;
use crate::device::{Device, Placement};
use crate::files_below::{FileBelow, files_below};
use crate::memory::{Memory, batch_bytes};

/// Options under which a table is kept in the CPU's memory alone, and that is nobody's failure.
pub fn stay_on_cpu(options: &mut ConfigOptions) {
    let mut own = options.extensions.get::<GradframeOptions>().cloned().unwrap_or_default();
    (own.device, own.device_strict) = (DeviceChoice::Cpu, false);
    options.extensions.insert(own);
}

/// A table in memory. See the module.
#[derive(Debug)]
pub struct PinnedTable {
    rows: MemTable,
    pinned: Arc<Pinned>,
    definition: Definition,
    /// What the batches take of the session's memory.
    _memory: Arc<Memory>,
}

/// What lies on a device of a table.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// The table's name.
    pub name: String,
    /// Its number of rows.
    pub rows: usize,
    /// For each of its columns what lies there, if it does.
    columns: Vec<Option<Column>>,
    /// Where that is.
    pub placement: Placement,
    /// The files that its rows were read from.
    pub files: Vec<FileBelow>,
}

impl Pinned {
    pub fn column(&self, number: usize) -> Option<&Column> {
        self.columns.get(number).and_then(Option::as_ref)
    }
}

impl PinnedTable {
    /// Of the rows that a plan gives of a table, whose definition it keeps. `config` says whether a device must be there. Where it
    /// is missing, or short of memory, the rows are on the CPU alone, unless the session is strict.
    ///
    /// Errors: the plan's; `Resources` as soon as the session has no memory for the batches that have come; in strict mode `NoDevice`,
    /// before anything is read, and `Resources` for the device's memory.
    pub async fn read(
        name: &str,
        table: &dyn TableProvider,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
        context: &Arc<TaskContext>,
    ) -> Result<Self> {
        let placement = Placement::demanded_by(config)?;
        let (definition, files) = (Definition::of(table), files_below(&plan));
        let (partitions, memory) = reading::rows(name, &plan, context).await?;
        Placing { name, schema: table.schema(), partitions, memory, definition, files }.on(placement)
    }

    /// Of partitions of batches, on this device, which must be used if the second is true. Errors: as [`PinnedTable::read`].
    pub fn on(
        device: (&Arc<dyn Device>, bool),
        name: &str,
        schema: SchemaRef,
        partitions: Vec<Vec<RecordBatch>>,
        context: &TaskContext,
    ) -> Result<Self> {
        let memory = reading::share(context);
        memory.grow(partitions.iter().flatten().map(batch_bytes).sum(), &reading::named(name))?;
        let (definition, files) = (Definition::default(), vec![]);
        let placing = Placing { name, schema, partitions, memory: Arc::new(memory), definition, files };
        placing.on(Placement::on(Arc::clone(device.0), device.1))
    }

    /// Its number of rows.
    pub fn rows(&self) -> usize {
        self.pinned.rows
    }

    /// The columns that lie on the device, by name.
    pub fn on_device(&self) -> Vec<String> {
        let schema = self.rows.schema();
        let there = schema.fields().iter().zip(&self.pinned.columns).filter(|(_, column)| column.is_some());
        there.map(|(field, _)| field.name().clone()).collect()
    }

    /// Bytes that it takes on the device.
    pub fn device_bytes(&self) -> usize {
        self.pinned.columns.iter().flatten().map(Column::bytes).sum()
    }

    /// Where it lies, as EXPLAIN says it: `cuda:0`, or `cpu (reason)`.
    pub fn place(&self) -> String {
        self.pinned.placement.shown(DisplayFormatType::Verbose).to_string()
    }
}

/// What a table is made of.
struct Placing<'a> {
    name: &'a str,
    schema: SchemaRef,
    partitions: Vec<Vec<RecordBatch>>,
    memory: Arc<Memory>,
    definition: Definition,
    files: Vec<FileBelow>,
}

impl Placing<'_> {
    fn on(self, placement: Placement) -> Result<PinnedTable> {
        let Placing { name, schema, partitions, memory, definition, files } = self;
        let none = || schema.fields().iter().map(|_| None).collect();
        let of_batches = |device: &Arc<dyn Device>| column::columns(device, &schema, &partitions);
        let (placement, columns) = match placement.device().map(of_batches) {
            Some(Ok(columns)) => (placement, columns),
            Some(Err(error)) => (placement.fallen_back(error)?, none()),
            None => (placement, none()),
        };
        let rows = partitions.iter().flatten().map(RecordBatch::num_rows).sum();
        let pinned = Arc::new(Pinned { name: name.into(), rows, columns, placement, files });
        let rows = MemTable::try_new(schema, partitions).map_err(from_datafusion)?;
        Ok(PinnedTable { rows, pinned, definition, _memory: memory })
    }
}

/// Its definition is that of the table that was read. A view's plan is not: DataFusion would read the view instead.
#[async_trait]
impl TableProvider for PinnedTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.definition.constraints.as_ref()
    }

    fn table_type(&self) -> TableType {
        self.definition.table_type
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.definition.sql.as_deref()
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.definition.defaults.get(column)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.rows.statistics()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let rows = self.rows.scan(state, projection, filters, limit).await?;
        let all = || (0..self.schema().fields().len()).collect();
        Ok(Arc::new(PinnedScanExec::new(Arc::clone(&self.pinned), projection.cloned().unwrap_or_else(all), rows)))
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        _input: Arc<dyn ExecutionPlan>,
        _insert_op: InsertOp,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let name = &self.pinned.name;
        let error = Error::plan("insert", format!("`{name}` is cached: its rows stay as they are"));
        Err(to_datafusion(error.hint(format!("UNCACHE TABLE {name} first"))))
    }
}

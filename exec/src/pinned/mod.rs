//! Tables that stay in memory, and those of their columns that a device computes with on the device too.
//!
//! `CACHE TABLE t ON CUDA` makes one of a table's rows as they are then. All columns are kept as Arrow batches, for what the
//! CPU does; [`column`] says which ones also lie on the device, and as what. Aggregates find them by their scan
//! ([`PinnedScanExec`]).

mod column;
mod scan;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::{from_datafusion, to_datafusion};
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

pub(crate) use self::column::{Column, Of, Piece, is_string};
pub(crate) use self::scan::PinnedScanExec;
use crate::device::{Device, Placement};
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
    /// What the batches take of the session's memory.
    _memory: Memory,
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
}

impl Pinned {
    pub fn column(&self, number: usize) -> Option<&Column> {
        self.columns.get(number).and_then(Option::as_ref)
    }
}

impl PinnedTable {
    /// Of partitions of batches. `config` says whether a device must be there. Where it is missing, or short of memory, the rows
    /// are on the CPU alone, unless the session is strict. Errors: then `NoDevice` and `Resources`; `Resources` if the session
    /// has no memory for the batches.
    pub fn try_new(
        name: &str,
        schema: SchemaRef,
        partitions: Vec<Vec<RecordBatch>>,
        config: &ConfigOptions,
        context: &TaskContext,
    ) -> Result<Self> {
        Self::placed(name, schema, partitions, Placement::demanded_by(config)?, context)
    }

    /// As [`PinnedTable::try_new`], on this device. Errors: as there; where the device has no memory, in strict mode `Resources`.
    pub fn on(
        device: (&Arc<dyn Device>, bool),
        name: &str,
        schema: SchemaRef,
        partitions: Vec<Vec<RecordBatch>>,
        context: &TaskContext,
    ) -> Result<Self> {
        Self::placed(name, schema, partitions, Placement::on(Arc::clone(device.0), device.1), context)
    }

    fn placed(
        name: &str,
        schema: SchemaRef,
        partitions: Vec<Vec<RecordBatch>>,
        placement: Placement,
        context: &TaskContext,
    ) -> Result<Self> {
        let memory = Memory::new("cache table", context);
        memory.grow(partitions.iter().flatten().map(batch_bytes).sum(), &format!("table `{name}`"))?;
        let none = || schema.fields().iter().map(|_| None).collect();
        let of_batches = |device: &Arc<dyn Device>| column::columns(device, &schema, &partitions);
        let (placement, columns) = match placement.device().map(of_batches) {
            Some(Ok(columns)) => (placement, columns),
            Some(Err(error)) => (placement.fallen_back(error)?, none()),
            None => (placement, none()),
        };
        let rows = partitions.iter().flatten().map(RecordBatch::num_rows).sum();
        let pinned = Arc::new(Pinned { name: name.into(), rows, columns, placement });
        let rows = MemTable::try_new(schema, partitions).map_err(from_datafusion)?;
        Ok(PinnedTable { rows, pinned, _memory: memory })
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

#[async_trait]
impl TableProvider for PinnedTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
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

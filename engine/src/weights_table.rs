//! `weights('dir')` in FROM: the tensors of a checkpoint as rows, so that two can be compared in SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::scalar::ScalarValue;
use futures::stream;
use gradframe_ml_models::{Weight, Weights, files::Directory};
use gradframe_plan::error::to_datafusion;
use gradframe_plan::services::Services;

use crate::Error;

/// Its name.
pub(crate) const NAME: &str = "weights";
/// The place of the numbers among the columns.
const VALUES: usize = 5;

/// The function.
#[derive(Debug)]
pub(crate) struct WeightsFunction;

impl TableFunctionImpl for WeightsFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let wrong = || Error::plan(NAME, "expected the directory of a model: weights('dir')");
        let [Expr::Literal(ScalarValue::Utf8(Some(path)), _)] = args.exprs() else { return Err(to_datafusion(wrong())) };
        let open = || -> crate::Result<Weights> {
            let services = Services::of(args.session().config())?;
            Weights::open(&Directory::open(&services.pretrained.find(path)?)?)
        };
        Ok(Arc::new(WeightsTable { weights: Arc::new(open().map_err(to_datafusion)?), schema: schema() }))
    }
}

/// name, dtype, shape, elements, file; and values, as f32, row-major.
fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![
        text("name"),
        text("dtype"),
        Field::new("shape", DataType::List(item(DataType::Int64)), false),
        Field::new("elements", DataType::Int64, false),
        text("file"),
        Field::new("values", DataType::List(item(DataType::Float32)), true),
    ]))
}

fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("item", data_type, false))
}

/// The tensors of a checkpoint. Their numbers are read only if somebody asks for them.
#[derive(Debug)]
struct WeightsTable {
    weights: Arc<Weights>,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for WeightsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let with_values = projection.is_none_or(|columns| columns.contains(&VALUES));
        let rows = Rows { weights: Arc::clone(&self.weights), schema: self.schema(), with_values };
        StreamingTable::try_new(self.schema(), vec![Arc::new(rows)])?.scan(state, projection, &[], limit).await
    }
}

/// One batch a tensor.
#[derive(Debug)]
struct Rows {
    weights: Arc<Weights>,
    schema: SchemaRef,
    with_values: bool,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let all: Vec<Weight> = self.weights.iter().cloned().collect();
        let (schema, with_values) = (Arc::clone(&self.schema), self.with_values);
        let batches = all.into_iter().map(move |weight| row(&schema, &weight, with_values).map_err(to_datafusion));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter(batches)))
    }
}

fn row(schema: &SchemaRef, weight: &Weight, with_values: bool) -> crate::Result<RecordBatch> {
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let shape: Vec<i64> = weight.shape.iter().map(|&size| size as i64).collect();
    let elements = shape.iter().product::<i64>();
    let file = weight.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let columns = vec![
        text(&weight.name),
        text(&weight.dtype),
        list(Arc::new(Int64Array::from(shape)), DataType::Int64)?,
        Arc::new(Int64Array::from(vec![elements])),
        text(&file),
        values(weight, with_values)?,
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|e| Error::internal(NAME, e.to_string()))
}

fn values(weight: &Weight, with_values: bool) -> crate::Result<ArrayRef> {
    if !with_values {
        return Ok(arrow::array::new_null_array(&DataType::List(item(DataType::Float32)), 1));
    }
    let numbers = weight.tensor()?.to_f64().into_iter().map(|value| value as f32);
    list(Arc::new(Float32Array::from_iter_values(numbers)), DataType::Float32)
}

/// One row: all of these.
fn list(values: ArrayRef, data_type: DataType) -> crate::Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    let list = ListArray::try_new(item(data_type), offsets, values, None);
    Ok(Arc::new(list.map_err(|e| Error::internal(NAME, e.to_string()))?))
}

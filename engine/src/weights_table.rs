//! `weights('dir')` in FROM: the tensors of a checkpoint as rows, so that two can be compared in SQL; `weights('dir', 'name')`: one of
//! them, with its shape in its type.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, Int64Array, ListArray, RecordBatch, StringArray};
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
use gradframe_plan::names::suggest;
use gradframe_plan::services::{FindOptions, Services};

use crate::Error;

/// Its name.
pub(crate) const NAME: &str = "weights";
/// The places of the numbers among the columns: under the name that needs no quotes, and under the older one.
const NUMBERS: [usize; 2] = [5, 6];
/// Arrow's type of tensors of one shape.
const TENSOR_TYPE: &str = "arrow.fixed_shape_tensor";

/// The function.
#[derive(Debug)]
pub(crate) struct WeightsFunction;

impl TableFunctionImpl for WeightsFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let wrong = || {
            Error::plan(NAME, "expected the directory of a model, and perhaps a tensor: weights('dir'), weights('dir', 'name')")
        };
        let text = |expr: &Expr| match expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text.clone()),
            _ => None,
        };
        let texts = args.exprs().iter().map(text).collect::<Option<Vec<String>>>();
        let (path, only) = match texts.as_deref() {
            Some([path]) => (path.clone(), None),
            Some([path, name]) => (path.clone(), Some(name.clone())),
            _ => return Err(to_datafusion(wrong())),
        };
        let open = || -> crate::Result<Weights> {
            let services = Services::of(args.session().config())?;
            Weights::open(&Directory::open(&services.pretrained.find(&path, &FindOptions::default())?)?)
        };
        let weights = open().map_err(to_datafusion)?;
        let shape = only.as_deref().map(|name| shape_of(&weights, name)).transpose().map_err(to_datafusion)?;
        let schema = schema(shape.as_deref());
        Ok(Arc::new(WeightsTable { weights: Arc::new(weights), only, schema }))
    }
}

/// Errors: `Plan` with the nearest name if there is no such tensor.
fn shape_of(weights: &Weights, name: &str) -> crate::Result<Vec<usize>> {
    let found = weights.iter().find(|weight| weight.name == name).map(|weight| weight.shape.clone());
    found.ok_or_else(|| {
        let names = weights.iter().map(|weight| weight.name.as_str());
        Error::plan(NAME, format!("the checkpoint has no tensor `{name}`")).hint(suggest(name, names))
    })
}

/// name, dtype, shape, elements, file; and the numbers, as f32, row-major, of a single tensor with its shape.
fn schema(shape: Option<&[usize]>) -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let numbers = |name| match shape {
        None => Field::new(name, DataType::List(item(DataType::Float32)), true),
        Some(shape) => {
            let count = shape.iter().product::<usize>() as i32;
            let sizes = serde_json::json!({ "shape": shape }).to_string();
            let said = [("ARROW:extension:name", TENSOR_TYPE.to_owned()), ("ARROW:extension:metadata", sizes)];
            let said = said.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            Field::new(name, DataType::FixedSizeList(item(DataType::Float32), count), true).with_metadata(said)
        }
    };
    Arc::new(Schema::new(vec![
        text("name"),
        text("dtype"),
        Field::new("shape", DataType::List(item(DataType::Int64)), false),
        Field::new("elements", DataType::Int64, false),
        text("file"),
        numbers("tensor"),
        numbers("values"),
    ]))
}

fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("item", data_type, false))
}

/// The tensors of a checkpoint. Their numbers are read only if somebody asks for them.
#[derive(Debug)]
struct WeightsTable {
    weights: Arc<Weights>,
    /// The name of the only one that is asked for.
    only: Option<String>,
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
        let with_values = projection.is_none_or(|columns| NUMBERS.iter().any(|place| columns.contains(place)));
        let is_asked = |weight: &&Weight| self.only.as_ref().is_none_or(|only| *only == weight.name);
        let weights = self.weights.iter().filter(is_asked).cloned().collect();
        let rows = Rows { weights, schema: self.schema(), with_values };
        StreamingTable::try_new(self.schema(), vec![Arc::new(rows)])?.scan(state, projection, &[], limit).await
    }
}

/// One batch a tensor.
#[derive(Debug)]
struct Rows {
    weights: Vec<Weight>,
    schema: SchemaRef,
    with_values: bool,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (all, schema, with_values) = (self.weights.clone(), Arc::clone(&self.schema), self.with_values);
        let batches = all.into_iter().map(move |weight| row(&schema, &weight, with_values).map_err(to_datafusion));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter(batches)))
    }
}

fn row(schema: &SchemaRef, weight: &Weight, with_values: bool) -> crate::Result<RecordBatch> {
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let shape: Vec<i64> = weight.shape.iter().map(|&size| size as i64).collect();
    let elements = shape.iter().product::<i64>();
    let file = weight.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let numbers = values(weight, schema.field(NUMBERS[0]).data_type(), with_values)?;
    let columns = vec![
        text(&weight.name),
        text(&weight.dtype),
        list(Arc::new(Int64Array::from(shape)), DataType::Int64)?,
        Arc::new(Int64Array::from(vec![elements])),
        text(&file),
        Arc::clone(&numbers),
        numbers,
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|e| Error::internal(NAME, e.to_string()))
}

fn values(weight: &Weight, data_type: &DataType, with_values: bool) -> crate::Result<ArrayRef> {
    if !with_values {
        return Ok(arrow::array::new_null_array(data_type, 1));
    }
    let numbers = weight.tensor()?.to_f64().into_iter().map(|value| value as f32);
    let numbers = Arc::new(Float32Array::from_iter_values(numbers));
    match data_type {
        DataType::FixedSizeList(item, count) => {
            let one = FixedSizeListArray::try_new_with_length(Arc::clone(item), *count, numbers, None, 1);
            Ok(Arc::new(one.map_err(|e| Error::internal(NAME, e.to_string()))?))
        }
        _ => list(numbers, DataType::Float32),
    }
}

/// One row: all of these.
fn list(values: ArrayRef, data_type: DataType) -> crate::Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    let list = ListArray::try_new(item(data_type), offsets, values, None);
    Ok(Arc::new(list.map_err(|e| Error::internal(NAME, e.to_string()))?))
}

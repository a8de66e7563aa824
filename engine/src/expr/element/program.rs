//! An expression over elements, ready to run.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, new_empty_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use datafusion::common::DFSchema;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::physical_plan::PhysicalExpr;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::simplified::simplified;

use super::super::resolve::{Group, Lowering, Named, Shape, root_names, shown, typed};
use super::super::structure::ROW_ORDER;
use super::ELEMENT;
use crate::{Error, Result, Session};

/// The number of an element's list, and what is computed of each.
pub(super) const LIST: &str = "__list";
const RESULT: &str = "__result";

/// What is computed of elements.
pub(super) trait Computed {
    /// The type of its values.
    fn data_type(&self) -> &DataType;

    /// Whether it has one value for a list.
    fn is_value(&self) -> bool;

    /// One value for each element, if it looks at each by itself.
    fn of_each(&self, elements: &ArrayRef) -> Option<datafusion::common::Result<ArrayRef>>;

    /// The results of lists that have elements, and the number of each one's list: values, or lists of values.
    fn of_lists(&self, elements: ArrayRef, owners: UInt32Array) -> Result<(UInt32Array, ArrayRef)>;

    /// The value for a list without elements.
    fn of_none(&self) -> Result<ArrayRef>;
}

/// How many values it has for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// One for each element, by itself.
    Each,
    /// One.
    Value,
    /// Any number.
    Values,
}

/// An expression over the column of elements.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// The function's name in errors.
    pub(super) op: &'static str,
    pub(super) expr: Expr,
    pub(super) element: DataType,
    /// The type of its values.
    pub(super) data_type: DataType,
    pub(super) form: Form,
    /// Where it looks at one element by itself.
    physical: Option<Arc<dyn PhysicalExpr>>,
}

impl Program {
    /// Errors: `Plan` for columns of the frame, and those of the expression itself.
    pub(super) fn new(op: &'static str, expr: Expr, element: DataType) -> Result<Self> {
        if let Some(name) = root_names(&expr).into_iter().find(|name| name != ELEMENT && name != ROW_ORDER) {
            let what = format!("`{}` names the column `{name}`, which an element does not have", shown(&expr));
            return Err(Error::plan(op, what).hint("inside, element() is the only column"));
        }
        let schema =
            DFSchema::try_from(Schema::new(vec![Field::new(ELEMENT, element.clone(), true)])).map_err(from_datafusion)?;
        let Some(named) = typed(op, vec![expr.clone()], &schema, &schema)?.pop() else {
            return Err(Error::plan(op, "the expression chooses no column"));
        };
        let Named { expr: resolved, data_type, .. } = named.clone();
        let mut lowering = Lowering::default();
        let lowered = lowering.lower_named(named, &Group::default())?;
        let is_plain = lowering.layers.is_empty() && !lowering.needs_order && find_aggregate_exprs([&lowered.expr]).is_empty();
        let form = match lowered.shape {
            Shape::Rows if is_plain => Form::Each,
            // A constant is there for each element; what is computed of constants is one value.
            Shape::Scalar if is_plain && lowered.expr == resolved => Form::Each,
            Shape::Scalar => Form::Value,
            _ => Form::Values,
        };
        let physical = match form {
            Form::Each => {
                let simple = simplified(lowered.expr, &schema).map_err(from_datafusion)?;
                let physical = STATE.create_physical_expr(simple, &schema).map_err(from_datafusion)?;
                Some(gradframe_exec::rules::as_in_plans(physical, schema.as_arrow()).map_err(from_datafusion)?)
            }
            Form::Value | Form::Values => None,
        };
        Ok(Program { op, expr, element, data_type, form, physical })
    }

    /// What it computes, in SQL over rows called `frame`: of each element; or of each list, and of none.
    /// Errors: `NotImplemented` for what SQL has no words for.
    pub(super) fn queries(&self) -> Result<Vec<String>> {
        let elements = session()?.from_batches(schema(&self.element), vec![])?;
        let of_all = elements.select([self.result()])?;
        match self.form {
            // A constant is there for each element, too.
            Form::Each => Ok(vec![elements.with_columns([self.result()])?.select([crate::expr::col(RESULT)])?.to_sql()?]),
            Form::Value | Form::Values => Ok(vec![elements.group_by([LIST]).agg([self.result()])?.to_sql()?, of_all.to_sql()?]),
        }
    }

    fn result(&self) -> Expr {
        self.expr.clone().alias(RESULT)
    }
}

impl Computed for Program {
    fn data_type(&self) -> &DataType {
        &self.data_type
    }

    fn is_value(&self) -> bool {
        self.form == Form::Value
    }

    fn of_each(&self, elements: &ArrayRef) -> Option<datafusion::common::Result<ArrayRef>> {
        let physical = self.physical.as_ref()?;
        let evaluate = || {
            let schema = Arc::new(Schema::new(vec![Field::new(ELEMENT, self.element.clone(), true)]));
            let batch = RecordBatch::try_new(schema, vec![Arc::clone(elements)])?;
            physical.evaluate(&batch)?.into_array(elements.len())
        };
        Some(evaluate())
    }

    fn of_lists(&self, elements: ArrayRef, owners: UInt32Array) -> Result<(UInt32Array, ArrayRef)> {
        let groups = rows(self.op, elements, owners)?.group_by([LIST]).agg([self.result()])?;
        owned(self.op, &run(self.op, groups.collect())?)
    }

    fn of_none(&self) -> Result<ArrayRef> {
        let frame = session()?.from_batches(schema(&self.element), vec![])?.select([self.result()])?;
        only(self.op, &run(self.op, frame.collect())?)
    }
}

/// Elements and the numbers of their lists.
fn schema(element: &DataType) -> SchemaRef {
    let list = Field::new(LIST, DataType::UInt32, false);
    Arc::new(Schema::new(vec![list, Field::new(ELEMENT, element.clone(), true)]))
}

/// Elements beside the numbers of their lists, as a frame.
pub(super) fn rows(op: &'static str, elements: ArrayRef, owners: UInt32Array) -> Result<crate::DataFrame> {
    let schema = schema(elements.data_type());
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(owners), elements]);
    session()?.from_batches(schema, vec![batch.map_err(|error| Error::internal(op, error.to_string()))?])
}

/// The numbers of lists, and the result of each.
pub(super) fn owned(op: &'static str, found: &[RecordBatch]) -> Result<(UInt32Array, ArrayRef)> {
    let [owners, results] = <[ArrayRef; 2]>::try_from(columns(op, found, 2)?)
        .map_err(|_| Error::internal(op, "a group has a number and a result"))?;
    let owners = cast(&owners, &DataType::UInt32).map_err(|error| Error::internal(op, error.to_string()))?;
    Ok((owners.as_primitive::<UInt32Type>().clone(), results))
}

/// The only column.
pub(super) fn only(op: &'static str, found: &[RecordBatch]) -> Result<ArrayRef> {
    columns(op, found, 1)?.pop().ok_or_else(|| Error::internal(op, "no value for no elements"))
}

/// What plans expressions of single elements.
static STATE: LazyLock<SessionState> = LazyLock::new(|| SessionStateBuilder::new().with_default_features().build());

/// The session of the queries over elements.
pub(super) fn session() -> Result<Session> {
    static SESSION: LazyLock<std::result::Result<Session, String>> =
        LazyLock::new(|| Session::builder().in_memory().threads(1).build().map_err(|error| error.to_string()));
    SESSION.clone().map_err(|error| Error::internal("element", error))
}

/// Runs a query to its end from inside another, on a thread of its own: the threads of the outer one may all be waiting here.
pub(super) fn run(op: &str, query: impl Future<Output = Result<Vec<RecordBatch>>> + Send) -> Result<Vec<RecordBatch>> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::external(op, format!("can't start a thread: {error}")))?;
        runtime.block_on(query)
    };
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err(Error::internal(op, "a thread panicked")))
}

/// The columns of several batches, each as one array.
fn columns(op: &str, batches: &[RecordBatch], count: usize) -> Result<Vec<ArrayRef>> {
    let column = |at: usize| {
        let chunks: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(at).as_ref()).collect();
        match chunks.as_slice() {
            [] => Ok(new_empty_array(&DataType::Null)),
            chunks => concat(chunks).map_err(|error| Error::execution(op, error.to_string())),
        }
    };
    (0..count).map(column).collect()
}

//! An expression over elements, ready to run.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use datafusion::common::DFSchema;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::physical_plan::PhysicalExpr;
use gradframe_plan::error::from_datafusion;

use super::super::resolve::{Group, Lowering, Named, Shape, root_names, shown, typed};
use super::super::structure::ROW_ORDER;
use super::ELEMENT;
use crate::{Error, Result, Session};

/// The number of an element's list, and what is computed of each.
const LIST: &str = "__list";
const RESULT: &str = "__result";

/// How many values it has for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
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
    form: Form,
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
            Shape::Rows | Shape::Scalar if is_plain => Form::Each,
            Shape::Scalar => Form::Value,
            _ => Form::Values,
        };
        let physical = match form {
            Form::Each => Some(STATE.create_physical_expr(resolved, &schema).map_err(from_datafusion)?),
            Form::Value | Form::Values => None,
        };
        Ok(Program { op, expr, element, data_type, form, physical })
    }

    /// Whether it has one value for a list.
    pub(super) fn is_value(&self) -> bool {
        self.form == Form::Value
    }

    /// One value for each element, if it looks at each by itself.
    pub(super) fn of_each(&self, elements: &ArrayRef) -> Option<datafusion::common::Result<ArrayRef>> {
        let physical = self.physical.as_ref()?;
        let evaluate = || {
            let schema = Arc::new(Schema::new(vec![Field::new(ELEMENT, self.element.clone(), true)]));
            let batch = RecordBatch::try_new(schema, vec![Arc::clone(elements)])?;
            physical.evaluate(&batch)?.into_array(elements.len())
        };
        Some(evaluate())
    }

    /// The results of lists that have elements, and the number of each one's list: values, or lists of values.
    pub(super) fn of_lists(&self, elements: ArrayRef, owners: UInt32Array) -> Result<(UInt32Array, ArrayRef)> {
        let batch = RecordBatch::try_new(self.schema(), vec![Arc::new(owners), elements]);
        let batch = batch.map_err(|error| Error::internal(self.op, error.to_string()))?;
        let groups = session()?.from_batches(self.schema(), vec![batch])?.group_by([LIST]);
        let found = run(self.op, groups.agg([self.expr.clone().alias(RESULT)])?)?;
        let [owners, results] = <[ArrayRef; 2]>::try_from(columns(self.op, &found, 2)?)
            .map_err(|_| Error::internal(self.op, "a group has a number and a result"))?;
        Ok((owners.as_primitive::<UInt32Type>().clone(), results))
    }

    /// The value for a list without elements.
    pub(super) fn of_none(&self) -> Result<ArrayRef> {
        let frame = session()?.from_batches(self.schema(), vec![])?;
        let found = run(self.op, frame.select([self.expr.clone().alias(RESULT)])?)?;
        columns(self.op, &found, 1)?.pop().ok_or_else(|| Error::internal(self.op, "no value for no elements"))
    }

    fn schema(&self) -> SchemaRef {
        let list = Field::new(LIST, DataType::UInt32, false);
        Arc::new(Schema::new(vec![list, Field::new(ELEMENT, self.element.clone(), true)]))
    }
}

/// What plans expressions of single elements.
static STATE: LazyLock<SessionState> = LazyLock::new(|| SessionStateBuilder::new().with_default_features().build());

/// The session of the queries over elements.
fn session() -> Result<Session> {
    static SESSION: LazyLock<std::result::Result<Session, String>> =
        LazyLock::new(|| Session::builder().in_memory().threads(1).build().map_err(|error| error.to_string()));
    SESSION.clone().map_err(|error| Error::internal("element", error))
}

/// Runs a query to its end from inside another, on a thread of its own: the threads of the outer one may all be waiting here.
fn run(op: &str, frame: crate::DataFrame) -> Result<Vec<RecordBatch>> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::external(op, format!("can't start a thread: {error}")))?;
        runtime.block_on(frame.collect())
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

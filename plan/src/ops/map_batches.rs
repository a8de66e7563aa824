//! Map batches: a function of the user's over batches of rows, Arrow in and Arrow out.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use gradframe_ml_core::Error;

use crate::error::from_datafusion;

/// The operator's name in errors.
pub const OP: &str = "map_batches";

/// A function over batches of rows. It is called from many threads at once, and may give rows of any number.
///
/// Closures from a batch to a batch are such functions.
pub trait MapFunction: Send + Sync {
    /// How EXPLAIN and errors call it.
    fn name(&self) -> String {
        "function".to_owned()
    }

    /// The rows that take these rows' place. Their columns must be those that were declared.
    /// Errors: any kind; the query ends with it.
    fn map(&self, rows: RecordBatch) -> Result<Vec<RecordBatch>, Error>;
}

impl<F: Fn(RecordBatch) -> Result<RecordBatch, Error> + Send + Sync> MapFunction for F {
    fn map(&self, rows: RecordBatch) -> Result<Vec<RecordBatch>, Error> {
        self(rows).map(|rows| vec![rows])
    }
}

/// How a function over batches is called, and what may be assumed of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MapOptions {
    /// The columns of the result; None are those of the input.
    pub schema: Option<SchemaRef>,
    /// The function is called for one batch after another, on all threads, in the order of the rows on each. If not, it is
    /// called once, with all rows, which must fit in memory.
    pub streamable: bool,
    /// Rows of a batch; None is as many as make a few megabytes.
    pub batch_rows: Option<usize>,
    /// A filter above may be applied to the input: the function treats each row by itself and leaves the filter's columns.
    pub predicate_pushdown: bool,
    /// The function does not mind if columns that nobody reads above are missing. Only for a result with the input's columns.
    pub projection_pushdown: bool,
    /// A limit above may be applied to the input: the function gives one row for each row, in order.
    pub slice_pushdown: bool,
}

impl Default for MapOptions {
    /// In batches, with the input's columns, and nothing assumed.
    fn default() -> Self {
        MapOptions {
            schema: None,
            streamable: true,
            batch_rows: None,
            predicate_pushdown: false,
            projection_pushdown: false,
            slice_pushdown: false,
        }
    }
}

/// The plan that puts `function`'s rows in the place of those of `input`.
///
/// Columns: those declared in the options, else the input's; all of them may be null.
/// Errors: `Plan` for `projection_pushdown` with a declared schema, a batch of no rows, or two columns of one name.
pub fn map_batches(input: LogicalPlan, function: Arc<dyn MapFunction>, options: MapOptions) -> Result<LogicalPlan, Error> {
    if options.projection_pushdown && options.schema.is_some() {
        let what = "projection_pushdown needs a result with the columns of the input, but a schema is given";
        return Err(Error::plan(OP, what).hint("select the columns that the function reads first"));
    }
    if options.batch_rows == Some(0) {
        return Err(Error::plan(OP, "batches of 0 rows, expected 1 row or more"));
    }
    let schema = output_schema(&input, &options).map_err(from_datafusion)?;
    let node = MapBatchesNode { input, function, options, schema };
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// The logical node of `map_batches`.
#[derive(Clone)]
pub struct MapBatchesNode {
    input: LogicalPlan,
    function: Arc<dyn MapFunction>,
    options: MapOptions,
    schema: DFSchemaRef,
}

impl MapBatchesNode {
    /// The function that is called.
    pub fn function(&self) -> &Arc<dyn MapFunction> {
        &self.function
    }

    /// How it is called.
    pub fn options(&self) -> &MapOptions {
        &self.options
    }

    /// Whether filters must stay above, those that read no column included.
    pub fn keeps_filters_above(&self) -> bool {
        !self.options.predicate_pushdown
    }
}

/// What a function gives may be null where its input was not.
fn output_schema(input: &LogicalPlan, options: &MapOptions) -> Result<DFSchemaRef> {
    let nullable = |field: &arrow::datatypes::FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
    let schema = match &options.schema {
        Some(declared) => {
            let fields: Vec<_> = declared.fields().iter().map(nullable).collect();
            DFSchema::try_from(Schema::new_with_metadata(fields, declared.metadata().clone()))?
        }
        None => {
            let fields = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), nullable(field)));
            DFSchema::new_with_metadata(fields.collect(), input.schema().metadata().clone())?
        }
    };
    Ok(Arc::new(schema))
}

impl UserDefinedLogicalNodeCore for MapBatchesNode {
    fn name(&self) -> &str {
        "MapBatches"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let input = self.input.schema();
        let made_here = |name: &&str| self.keeps_filters_above() || !input.has_column_with_unqualified_name(name);
        self.schema.fields().iter().map(|field| field.name().as_str()).filter(made_here).map(str::to_owned).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MapBatches: {}{}", self.function.name(), how(&self.options))
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.swap_remove(0);
        let schema = output_schema(&input, &self.options)?;
        Ok(MapBatchesNode { input, schema, ..self.clone() })
    }

    // A function that is called with no column at all could not tell how many rows there are.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        (self.options.projection_pushdown && !output_columns.is_empty()).then(|| vec![output_columns.to_vec()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        self.options.slice_pushdown
    }
}

/// What EXPLAIN says of how a function is called.
pub fn how(options: &MapOptions) -> &'static str {
    if options.streamable { "" } else { ", called once with all rows: does not stream" }
}

impl fmt::Debug for MapBatchesNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapBatchesNode").field("function", &self.function.name()).field("options", &self.options).finish()
    }
}

impl PartialEq for MapBatchesNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function) && self.options == other.options && self.input == other.input
    }
}

impl Eq for MapBatchesNode {}

impl PartialOrd for MapBatchesNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for MapBatchesNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.function).hash(state);
        self.options.hash(state);
        self.input.hash(state);
    }
}

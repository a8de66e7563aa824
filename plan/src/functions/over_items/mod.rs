//! Expressions, aggregates and windows over the items of lists, where a list stands for a column of as many values.
//!
//! A function of this kind carries an expression of DataFusion's over columns named `__item_0`, `__item_1`, ...: its arguments,
//! lists of which are seen item by item, all else repeated. Without a list the arguments are columns of one value. The number of
//! the item is there as [`ROW_ORDER`], the order of these rows.

mod distinct;
mod of_row;
mod running;
mod windowed;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{filter, take};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::LoweredAggregateBuilder;
use gradframe_ml_core::Error;

use self::distinct::Distinct;
pub use self::of_row::{is_of_row, of_row, spelled_out};
pub use self::running::AsInPlans;
use self::running::Running;
use self::windowed::windowed;
use crate::error::to_datafusion;
use crate::ops::row_order::ROW_ORDER;
use crate::simplified::simplified;

/// What becomes of the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfItems {
    /// An expression of each: a list as long.
    Each,
    /// An aggregate of all: one value.
    All,
    /// A window over all: a list as long.
    Window,
    /// The first argument's items for which the expression is true: a list of them.
    Kept,
}

/// An argument of a function over items.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemArg {
    /// The argument.
    pub value: Expr,
    /// Whether it is a list that is seen item by item.
    pub is_list: bool,
}

/// The column that stands for an argument in the expression over items.
pub fn item_column(arg: usize) -> Expr {
    Expr::Column(datafusion::common::Column::from_name(format!("__item_{arg}")))
}

/// The expression over the items of `args`; of one value each, if none of them is a list.
/// Errors, when run: `Execution` for lists of different lengths; those of the expression.
pub fn over_items(what: OfItems, computed: Expr, args: Vec<ItemArg>, as_in_plans: AsInPlans) -> Expr {
    let (lists, values): (Vec<bool>, Vec<Expr>) = args.into_iter().map(|arg| (arg.is_list, arg.value)).unzip();
    let name = match what {
        OfItems::Each => "each_item",
        OfItems::All => "all_items",
        OfItems::Window => "window_of_items",
        OfItems::Kept => "kept_items",
    };
    let shown = format!("{name}[{computed}]");
    let signature = if values.is_empty() {
        Signature::nullary(Volatility::Immutable)
    } else {
        Signature::user_defined(Volatility::Immutable)
    };
    let function = OverItems { what, computed, lists, shown, signature, running: Running(as_in_plans) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), values))
}

/// Which arguments of a call of [`over_items`] are lists, of [`of_row`] none; None of another function.
pub fn list_arguments(function: &ScalarFunction) -> Option<Vec<bool>> {
    if is_of_row(function) {
        return Some(vec![false; function.args.len()]);
    }
    function.func.inner().as_ref().downcast_ref::<OverItems>().map(|function| function.lists.clone())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OverItems {
    what: OfItems,
    computed: Expr,
    /// Which arguments are lists.
    lists: Vec<bool>,
    /// The name with the expression, by which plans tell calls apart.
    shown: String,
    signature: Signature,
    running: Running,
}

impl OverItems {
    /// The columns that the expression is over.
    fn schema(&self, types: &[DataType]) -> Result<DFSchema> {
        let column = |(at, (own, is_list)): (usize, (&DataType, &bool))| {
            let data_type = if *is_list { item_type(own)? } else { own.clone() };
            Ok(Field::new(format!("__item_{at}"), data_type, true))
        };
        let mut fields = types.iter().zip(&self.lists).enumerate().map(column).collect::<Result<Vec<_>>>()?;
        fields.push(Field::new(ROW_ORDER, DataType::UInt64, false));
        DFSchema::try_from(Schema::new(fields))
    }

    /// The expression as it can be run: analyser and optimizer do not look into functions.
    fn planned(&self, schema: &DFSchema) -> Result<Expr> {
        simplified(self.computed.clone(), schema)
    }

    /// One value a row, of this type.
    fn over(&self, columns: &[ArrayRef], rows: usize, expected: &DataType) -> Result<ArrayRef> {
        let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
        let schema = self.schema(&types)?;
        let (items, batch) = flattened(columns, &self.lists, rows, &schema)?;
        let result = match self.what {
            OfItems::All => self.of_lists(&items, &batch, &schema, expected)?,
            OfItems::Window => {
                let window = self.planned(&schema)?;
                let item = window.get_type(&schema)?;
                let values = windowed(&window, &batch, &items.lengths, &schema, &item)?;
                items.as_lists(values, items.lengths.clone())
            }
            OfItems::Each | OfItems::Kept => self.of_batch(&items, &batch, &schema)?,
        };
        Ok(if result.data_type() == expected { result } else { arrow::compute::cast(&result, expected)? })
    }

    fn of_batch(&self, items: &Items, batch: &RecordBatch, schema: &DFSchema) -> Result<ArrayRef> {
        let computed = self.running.physical(&self.planned(schema)?, schema)?.evaluate(batch)?.into_array(batch.num_rows())?;
        match self.what {
            // A condition may be a null without a type.
            OfItems::Kept => items.kept(batch.column(0), arrow::compute::cast(&computed, &DataType::Boolean)?.as_boolean()),
            _ => Ok(items.as_lists(computed, items.lengths.clone())),
        }
    }

    /// One accumulator a list.
    fn of_lists(&self, items: &Items, batch: &RecordBatch, schema: &DFSchema, result: &DataType) -> Result<ArrayRef> {
        let computed = self.planned(schema)?;
        let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let aggregate = LoweredAggregateBuilder::new(&computed, schema, schema.as_arrow(), &properties, &context);
        let aggregate = aggregate.with_name(computed.schema_name().to_string()).build()?;
        let (function, kept) = (aggregate.aggregate, aggregate.filter);
        let kept = kept.map(|kept| self.running.rewritten(kept, schema)).transpose()?;
        let all = function.all_expressions();
        let args = all.args.into_iter().chain(all.order_by_exprs);
        let args = args.map(|arg| self.running.rewritten(arg, schema)).collect::<Result<Vec<_>>>()?;
        let mut values = vec![];
        let mut start = 0;
        for length in &items.lengths {
            let list = match &kept {
                Some(kept) => only(&batch.slice(start, *length), kept)?,
                None => batch.slice(start, *length),
            };
            start += length;
            let columns = args.iter().map(|arg| arg.evaluate(&list)?.into_array(list.num_rows())).collect::<Result<Vec<_>>>()?;
            let mut accumulator = function.create_accumulator()?;
            accumulator.update_batch(&columns)?;
            values.push(accumulator.evaluate()?);
        }
        if values.is_empty() { Ok(arrow::array::new_empty_array(result)) } else { ScalarValue::iter_to_array(values) }
    }
}

fn only(batch: &RecordBatch, kept: &Arc<dyn PhysicalExpr>) -> Result<RecordBatch> {
    let kept = kept.evaluate(batch)?.into_array(batch.num_rows())?;
    Ok(arrow::compute::filter_record_batch(batch, kept.as_boolean())?)
}

fn item_type(list: &DataType) -> Result<DataType> {
    match list {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Ok(item.data_type().clone()),
        other => Err(to_datafusion(Error::internal("over_items", format!("{other} is no list")))),
    }
}

/// The items of a batch of lists, all after another.
struct Items {
    lengths: Vec<usize>,
}

impl Items {
    fn as_lists(&self, items: ArrayRef, lengths: Vec<usize>) -> ArrayRef {
        let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), items, None))
    }

    fn kept(&self, items: &ArrayRef, kept: &BooleanArray) -> Result<ArrayRef> {
        let mut lengths = vec![];
        let mut start = 0;
        for length in &self.lengths {
            lengths.push(kept.slice(start, *length).true_count());
            start += length;
        }
        Ok(self.as_lists(filter(items, kept)?, lengths))
    }
}

/// The arguments as columns of one row an item; a null list has none.
fn flattened(args: &[ArrayRef], lists: &[bool], rows: usize, schema: &DFSchema) -> Result<(Items, RecordBatch)> {
    let mut lengths: Option<Vec<usize>> = None;
    let mut columns: Vec<Option<ArrayRef>> = vec![];
    for (arg, is_list) in args.iter().zip(lists) {
        if !is_list {
            columns.push(None);
            continue;
        }
        let list = arrow::compute::cast(arg, &DataType::new_list(item_type(arg.data_type())?, true))?;
        let list = list.as_list::<i32>();
        let own: Vec<usize> = (0..rows).map(|row| if list.is_null(row) { 0 } else { list.value_length(row) as usize }).collect();
        if lengths.as_ref().is_some_and(|lengths| *lengths != own) {
            let error = Error::execution("expression", "parts of an expression have different numbers of values");
            return Err(to_datafusion(error.hint("select them one by one")));
        }
        let places = (0..rows).flat_map(|row| {
            let start = list.value_offsets()[row] as u64;
            start..start + own[row] as u64
        });
        columns.push(Some(take(list.values(), &UInt64Array::from_iter_values(places), None)?));
        lengths = Some(own);
    }
    let lengths = lengths.unwrap_or_else(|| vec![1; rows]);
    let row_of =
        UInt64Array::from_iter_values(lengths.iter().enumerate().flat_map(|(row, n)| std::iter::repeat_n(row as u64, *n)));
    let repeated = |(column, arg): (Option<ArrayRef>, &ArrayRef)| Ok(column.map_or_else(|| take(arg, &row_of, None), Ok)?);
    let mut columns = columns.into_iter().zip(args).map(repeated).collect::<Result<Vec<_>>>()?;
    columns.push(Arc::new(UInt64Array::from_iter_values(lengths.iter().flat_map(|n| 0..*n as u64))));
    Ok((Items { lengths }, RecordBatch::try_new(Arc::clone(schema.inner()), columns)?))
}

impl ScalarUDFImpl for OverItems {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let schema = self.schema(types)?;
        match self.what {
            OfItems::Each | OfItems::Window => Ok(DataType::new_list(self.planned(&schema)?.get_type(&schema)?, true)),
            OfItems::All => self.planned(&schema)?.get_type(&schema),
            OfItems::Kept => Ok(DataType::new_list(schema.field(0).data_type().clone(), true)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = args.args.iter().map(|arg| arg.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let expected = args.return_field.data_type();
        if self.lists.contains(&true) {
            return Ok(ColumnarValue::Array(self.over(&columns, args.number_rows, expected)?));
        }
        let distinct = Distinct::of(columns, args.number_rows)?;
        let computed = self.over(&distinct.columns, distinct.rows, expected)?;
        Ok(ColumnarValue::Array(distinct.spread(&computed)?))
    }
}

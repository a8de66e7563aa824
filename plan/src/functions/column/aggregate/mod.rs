//! A kernel as an aggregate: over all rows of a group, which it holds until the group is complete.

mod at_once;
mod first_sorted;
mod groups;
mod whole;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_empty_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, GroupsAccumulator, Signature};

use self::first_sorted::few_of_groups;
use self::groups::Groups;
use self::whole::Whole;
use super::kernel::{Carried, Columns, Kernel, as_first};

/// What the aggregate makes of the kernel's array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Its only value.
    Value,
    /// All of it, as a list.
    List,
}

impl Answer {
    /// What the aggregate's name begins with.
    fn name(self) -> &'static str {
        match self {
            Answer::Value => "value",
            Answer::List => "list",
        }
    }
}

/// A call of a kernel over a group's rows. The last argument is the order of the rows, by which they are sorted first; the
/// kernel does not see it.
pub fn aggregate(name: &'static str, args: Vec<Expr>, order: Expr, constants: Vec<ScalarValue>, result: Answer) -> Expr {
    let function = AggregateUDF::new_from_impl(OverGroup::new(Carried::new(name, constants), result));
    let args = args.into_iter().chain([order]).collect();
    Expr::AggregateFunction(AggregateFunction::new_udf(Arc::new(function), args, false, None, vec![], None))
}

/// The values of a group as a list, in this order.
pub fn all_values(value: Expr, order: Expr) -> Expr {
    aggregate(ALL_VALUES, vec![value], order, vec![], Answer::List)
}

const ALL_VALUES: &str = "all_values";

/// The kernel of this name as an aggregate: `value.skew[true]`, `list.mode[]`.
pub(in crate::functions) fn aggregate_named(name: &str, constants: Vec<ScalarValue>) -> Option<AggregateUDF> {
    let (answer, name) = name.split_once('.')?;
    let result = [Answer::Value, Answer::List].into_iter().find(|result| result.name() == answer)?;
    Some(AggregateUDF::new_from_impl(OverGroup::new(Carried::named(name, constants)?, result)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OverGroup {
    kernel: Carried,
    result: Answer,
    shown: String,
}

impl OverGroup {
    fn new(kernel: Carried, result: Answer) -> Self {
        let shown = format!("{}.{}", result.name(), kernel.shown);
        OverGroup { kernel, result, shown }
    }
}

impl AggregateUDFImpl for OverGroup {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.kernel.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let of_kernel = self.kernel.result(&types[..types.len().saturating_sub(1)])?;
        Ok(match self.result {
            Answer::Value => of_kernel,
            Answer::List => DataType::new_list(of_kernel, true),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |(index, field): (usize, &FieldRef)| {
            let name = format!("{}[{index}]", args.name);
            Arc::new(Field::new(name, DataType::new_list(field.data_type().clone(), true), true))
        };
        Ok(args.input_fields.iter().enumerate().map(list).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let types = types(&args);
        if let Some(groups) = few_of_groups(&self.kernel, self.result, &types) {
            return Ok(Box::new(Whole::new(groups, &types)?));
        }
        Ok(Box::new(Group { kernel: self.kernel.over(args.exprs), result: self.result, held: vec![vec![]; types.len()], types }))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let types = types(&args);
        match few_of_groups(&self.kernel, self.result, &types) {
            Some(groups) => Ok(groups),
            None => Ok(Box::new(Groups::new(self.kernel.over(args.exprs), self.result, types))),
        }
    }
}

/// Not of the expressions over the schema, which is not theirs where a rule has put a column in the place of one of them.
fn types(args: &AccumulatorArgs) -> Vec<DataType> {
    args.expr_fields.iter().map(|field| field.data_type().clone()).collect()
}

pub(super) const KERNELS: &[Kernel] = &[
    // [value]
    Kernel { name: ALL_VALUES, result: as_first, run: |columns: &Columns| Ok(Arc::clone(&columns.values[0])) },
];

/// The rows of a group so far: for each argument, its arrays.
#[derive(Debug)]
struct Group {
    kernel: Carried,
    result: Answer,
    held: Vec<Vec<ArrayRef>>,
    types: Vec<DataType>,
}

impl Group {
    fn columns(&self) -> Result<Vec<ArrayRef>> {
        self.held.iter().zip(&self.types).map(|(arrays, data_type)| joined(arrays, data_type)).collect()
    }

    /// The arguments in the order of the rows, without that order.
    fn in_order(&self) -> Result<Vec<ArrayRef>> {
        let mut columns = self.columns()?;
        let Some(order) = columns.pop() else { return Ok(columns) };
        let is_sorted = order.as_primitive_opt::<arrow::datatypes::UInt64Type>().is_some_and(|o| o.values().is_sorted());
        if is_sorted {
            return Ok(columns);
        }
        let places = arrow::compute::sort_to_indices(&order, None, None)?;
        columns.iter().map(|column| Ok(arrow::compute::take(column, &places, None)?)).collect()
    }
}

fn joined(arrays: &[ArrayRef], data_type: &DataType) -> Result<ArrayRef> {
    match arrays {
        [] => Ok(new_empty_array(data_type)),
        [one] => Ok(Arc::clone(one)),
        several => Ok(arrow::compute::concat(&several.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?),
    }
}

impl Accumulator for Group {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for (held, column) in self.held.iter_mut().zip(values) {
            // A group's rows are slices of a batch, which would keep all of it in memory.
            let compact = arrow::compute::take(column, &UInt64Array::from_iter_values(0..column.len() as u64), None)?;
            held.push(compact);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let columns = self.in_order()?;
        let rows = columns.first().map_or(0, |column| column.len());
        let computed = self.kernel.run(&columns, rows)?;
        match self.result {
            Answer::Value => ScalarValue::try_from_array(&computed, 0),
            Answer::List => Ok(SingleRowListArrayBuilder::new(computed).build_list_scalar()),
        }
    }

    fn size(&self) -> usize {
        let bytes = |arrays: &Vec<ArrayRef>| arrays.iter().map(|array| array.get_array_memory_size()).sum::<usize>();
        size_of_val(self) + self.held.iter().map(bytes).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |column| SingleRowListArrayBuilder::new(column).build_list_scalar();
        Ok(self.columns()?.into_iter().map(list).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (held, lists) in self.held.iter_mut().zip(states) {
            held.extend(lists.as_list::<i32>().iter().flatten().filter(|items| !items.is_empty()));
        }
        Ok(())
    }
}

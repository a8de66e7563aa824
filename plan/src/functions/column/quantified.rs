//! `x = ANY (list)`, `x <> ALL (list)` and their like, in three-valued logic.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array};
use arrow::compute::kernels::cmp::{eq, gt, gt_eq, lt, lt_eq, neq};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    // [value, list]; constants: the operator, and whether it is asked of all elements.
    Kernel { name: "quantified", result: |_, _| Ok(DataType::Boolean), run: quantified },
];

fn quantified(columns: &Columns) -> Result<ArrayRef> {
    let [values, lists] = columns.values else { return wrong("it takes a value and a list") };
    let (op, all) = (columns.text(0), columns.flag(1));
    let (values, lists) = alike(values, lists)?;
    let lists = lists.as_list::<i32>();
    // The value of its row beside each element.
    let rows = (0..lists.len() as u32).flat_map(|row| std::iter::repeat_n(row, lists.value_length_of(row)));
    let beside = take(&values, &UInt32Array::from_iter_values(rows), None)?;
    let (first, last) = (lists.value_offsets()[0] as usize, lists.value_offsets()[lists.len()] as usize);
    let elements = lists.values().slice(first, last - first);
    let compared = compare(op, &beside, &elements)?;
    let mut at = 0;
    let answers = (0..lists.len()).map(|row| {
        let length = lists.value_length_of(row as u32);
        let of_row = compared.slice(at, length);
        at += length;
        if lists.is_null(row) { None } else { folded(&of_row, all) }
    });
    Ok(Arc::new(answers.collect::<BooleanArray>()))
}

trait Lengths {
    fn value_length_of(&self, row: u32) -> usize;
}

impl Lengths for ListArray {
    fn value_length_of(&self, row: u32) -> usize {
        self.value_length(row as usize) as usize
    }
}

/// What decides, if any element does; else unknown, if any is; else the other.
fn folded(compared: &BooleanArray, all: bool) -> Option<bool> {
    let decides = if all { compared.false_count() } else { compared.true_count() };
    match decides {
        0 if compared.null_count() > 0 => None,
        0 => Some(all),
        _ => Some(!all),
    }
}

/// Both in the type in which they are compared.
fn alike(values: &ArrayRef, lists: &ArrayRef) -> Result<(ArrayRef, ArrayRef)> {
    let element = match lists.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type().clone(),
        DataType::Null => values.data_type().clone(),
        other => return refused(format!("{other} is no list")),
    };
    let Some(common) = comparison_coercion(values.data_type(), &element) else {
        return refused(format!("{} cannot be compared with elements of {element}", values.data_type()));
    };
    let list = DataType::List(Arc::new(Field::new_list_field(common.clone(), true)));
    Ok((cast(values, &common)?, cast(lists, &list)?))
}

fn compare(op: &str, left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray> {
    let compare = match op {
        "=" => eq,
        "<>" => neq,
        "<" => lt,
        "<=" => lt_eq,
        ">" => gt,
        ">=" => gt_eq,
        other => return wrong(&format!("{other} compares nothing")),
    };
    Ok(compare(left, right)?)
}

fn refused<T>(what: String) -> Result<T> {
    Err(to_datafusion(Error::plan("any", what).hint("write x = ANY (list), or x IN (SELECT ..)")))
}

fn wrong<T>(what: &str) -> Result<T> {
    Err(to_datafusion(Error::internal("any", what)))
}

/// The operator and the quantifier, as the kernel takes them.
pub fn quantifier(op: &str, all: bool) -> Vec<ScalarValue> {
    vec![op.into(), all.into()]
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn an_unknown_element_leaves_open_what_no_other_decides() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            Some(vec![Some(1), None]),
            Some(vec![Some(1), Some(2)]),
            Some(vec![]),
            None,
            Some(vec![Some(1)]),
        ]);
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(3), Some(3), Some(3), Some(1), None]));
        let asked = |op: &str, all: bool, lists: &ArrayRef, values: &ArrayRef| {
            let constants = quantifier(op, all);
            let columns = Columns { values: &[Arc::clone(values), Arc::clone(lists)], rows: values.len(), constants: &constants };
            quantified(&columns).unwrap().as_boolean().iter().collect::<Vec<_>>()
        };
        let lists: ArrayRef = Arc::new(lists);
        let any = [Some(true), None, Some(false), Some(false), None, None];
        assert_eq!(asked("=", false, &lists, &values), any);
        assert_eq!(asked("=", false, &lists.slice(2, 3), &values.slice(2, 3)), any[2..5]);
        assert_eq!(asked("<>", true, &lists, &values), [Some(false), None, Some(true), Some(true), None, None]);
        assert_eq!(asked(">=", true, &lists, &values), [None, None, Some(true), Some(true), None, None]);
    }
}

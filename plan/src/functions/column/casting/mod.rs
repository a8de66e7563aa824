//! Casts that lose nothing without a word: a value that does not fit is an error, wherever in a list or a structure it is.

mod decimals;
mod from_text;
mod moments;
mod to_text;
mod value;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel, as_first};
use super::per_row::{kernel_of, per_row};
use crate::error::to_datafusion;
use crate::names::type_name;
use crate::own_types::{own_array, own_type};

pub use self::value::{cannot_cast, casts_plainly};

const LENIENT: &str = "cast_or_null";
const STRICT: &str = "strict_cast";
const LOSES: &str = "cast_loses";
const OWN: &str = "own_values";

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: as below.
    Kernel { name: LENIENT, result: target, run: cast },
    // [value]; constants: the column's name, a null of the type.
    Kernel { name: STRICT, result: target, run: run_strict },
    // [value]; constants: as above. Whether the cast loses something of the value.
    Kernel { name: LOSES, result: |_, _| Ok(DataType::Boolean), run: run_loses },
    // [value], in the type in which columns come in.
    Kernel { name: OWN, result: |types, constants| as_first(types, constants).map(|given| own_type(&given)), run: run_own },
    // [value, whether it is missing, the old value as text]
    Kernel { name: "require_mapped", result: as_first, run: require_mapped },
];

/// A strict cast that an expression holds.
#[derive(Debug)]
pub struct StrictCast {
    /// Whether the cast loses something of the value, as a condition.
    pub loses: Expr,
}

/// The value as another type. When run, an `Execution` error of cast names the column and the first value that does not fit.
pub fn strict_cast(value: Expr, column: &str, to: &DataType) -> Result<Expr> {
    Ok(per_row(STRICT, vec![value], vec![column.into(), ScalarValue::try_from(to)?]))
}

/// The value in the type in which columns come in ([`own_type`]). When run, errors as [`own_array`].
pub fn own_values(value: Expr) -> Expr {
    per_row(OWN, vec![value], vec![])
}

fn run_own(columns: &Columns) -> Result<ArrayRef> {
    let given = &columns.values[0];
    Ok(own_array(given, &own_type(given.data_type()))?)
}

/// The value as another type; null where it is none.
pub fn lenient_cast(value: Expr, to: &DataType) -> Result<Expr> {
    Ok(per_row(LENIENT, vec![value], vec!["".into(), ScalarValue::try_from(to)?]))
}

/// The strict cast that a function is, if it is one.
pub fn strict_cast_of(function: &ScalarFunction) -> Option<StrictCast> {
    let (name, constants) = kernel_of(function)?;
    let value = function.args.first().filter(|_| name == STRICT)?;
    Some(StrictCast { loses: per_row(LOSES, vec![value.clone()], constants.to_vec()) })
}

fn target(_types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    Ok(constants.get(1).map_or(DataType::Null, ScalarValue::data_type))
}

fn cast(columns: &Columns) -> Result<ArrayRef> {
    value::as_type(&columns.values[0], &target(&[], columns.constants)?)
}

fn run_strict(columns: &Columns) -> Result<ArrayRef> {
    let (column, cast) = (&columns.values[0], cast(columns)?);
    let lost = || (0..columns.rows).find(|row| loses(column, &cast, *row));
    let Some(row) = may_lose(column, &cast).then(lost).flatten() else { return Ok(cast) };
    let value = array_value_to_string(column, row)?;
    let what = format!("`{}` has '{value}', which is no {}", columns.text(0), type_name(cast.data_type()));
    Err(to_datafusion(Error::execution("cast", what).hint("strict=False makes it null")))
}

fn run_loses(columns: &Columns) -> Result<ArrayRef> {
    let (column, cast) = (&columns.values[0], cast(columns)?);
    Ok(Arc::new(BooleanArray::from_iter((0..columns.rows).map(|row| Some(loses(column, &cast, row))))))
}

/// Whether there are more nulls than before, at some depth; of values that no row holds, too.
fn may_lose(from: &ArrayRef, to: &ArrayRef) -> bool {
    to.logical_null_count() != from.logical_null_count()
        || parts(from).iter().zip(parts(to)).any(|(from, to)| from.len() != to.len() || may_lose(from, &to))
}

/// The arrays that a nested one is made of.
fn parts(array: &ArrayRef) -> Vec<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => vec![Arc::clone(array.as_list::<i32>().values())],
        DataType::LargeList(_) => vec![Arc::clone(array.as_list::<i64>().values())],
        DataType::FixedSizeList(_, _) => vec![Arc::clone(array.as_fixed_size_list().values())],
        DataType::Struct(_) => array.as_struct().columns().to_vec(),
        _ => vec![],
    }
}

/// Whether a value of the row has become null, at some depth.
fn loses(from: &ArrayRef, to: &ArrayRef, row: usize) -> bool {
    if is_null(from, row) {
        return false;
    }
    if is_null(to, row) {
        return true;
    }
    match (items(from, row), items(to, row)) {
        (Some(from), Some(to)) => from.len() != to.len() || (0..from.len()).any(|item| loses(&from, &to, item)),
        _ => match (from.as_struct_opt(), to.as_struct_opt()) {
            (Some(from), Some(to)) => to.columns().iter().enumerate().any(|(at, field)| {
                // Fields are cast by name, where they have the same names.
                let own = from.column_by_name(to.column_names()[at]).or_else(|| from.columns().get(at));
                own.is_some_and(|own| loses(own, field, row))
            }),
            _ => false,
        },
    }
}

fn is_null(array: &ArrayRef, row: usize) -> bool {
    match array.data_type() {
        DataType::Null => true,
        DataType::Dictionary(_, _) => array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)),
        _ => array.is_null(row),
    }
}

/// The items of a row's list.
fn items(array: &ArrayRef, row: usize) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(_, _) => Some(array.as_fixed_size_list().value(row)),
        _ => None,
    }
}

fn require_mapped(columns: &Columns) -> Result<ArrayRef> {
    let missing = datafusion::common::cast::as_boolean_array(&columns.values[1])?;
    let Some(row) = (0..columns.rows).find(|row| missing.is_valid(*row) && missing.value(*row)) else {
        return Ok(Arc::clone(&columns.values[0]));
    };
    let value = array_value_to_string(&columns.values[2], row)?;
    let what = format!("no new value is given for '{value}'");
    Err(to_datafusion(Error::execution("replace_strict", what).hint("give a default")))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListArray, StringArray};
    use arrow::datatypes::{Field, Int64Type};

    use super::*;

    fn loses_at(column: ArrayRef, to: DataType) -> Option<usize> {
        let null = ScalarValue::try_from(&to).expect("a null");
        let columns = Columns { values: &[column], rows: 2, constants: &["c".into(), null] };
        let lost = run_loses(&columns).expect("a mask");
        assert_eq!(run_strict(&columns).is_err(), lost.as_boolean().true_count() > 0);
        (0..2).find(|row| lost.as_boolean().value(*row))
    }

    #[test]
    fn what_is_lost_is_found_at_every_depth() {
        let texts = |a, b| -> ArrayRef { Arc::new(StringArray::from(vec![Some(a), b])) };
        assert_eq!(loses_at(texts("1", None), DataType::Int64), None);
        assert_eq!(loses_at(texts("1", Some("x")), DataType::Int64), Some(1));
        let mut lists = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        lists.append_value([Some("1"), None]);
        lists.append_value([Some("2"), Some("x")]);
        let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
        assert_eq!(loses_at(Arc::new(lists.finish()), list.clone()), Some(1));
        let numbers = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]);
        assert_eq!(loses_at(Arc::new(numbers), DataType::new_list(DataType::Float64, true)), None);
    }
}

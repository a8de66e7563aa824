//! Lists and arrays of several columns, row by row.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::functions_nested::expr_fn as nested_fn;
use datafusion::logical_expr::Expr;

use super::super::call::Call;
use super::super::resolve::{cast_to, common_moment, item_of, shown, widest_number};
use super::super::table::FunctionRow;
use super::super::{lit, when};
use super::cast;
use super::horizontal::{any_null, require_alike};
use crate::Result;
use gradframe_plan::names::type_name;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("concat_list", |call| {
        let (mut lists, array) = lists(call)?;
        if lists.len() == 1 {
            return Ok(lists.swap_remove(0));
        }
        let any_null = any_null(&lists).unwrap_or_else(|| lit(false));
        let together = nested_fn::array_concat(lists);
        // DataFusion makes lists of the arrays.
        let together = array.into_iter().fold(together, |lists, array| cast(lists, DataType::new_list(array, true)));
        Ok(when(!any_null).then(together).end())
    })
    .spread(0),
    FunctionRow::typed("concat_arr", concat_arr).spread(0),
];

/// What a column of nothing but nulls becomes, whose own type no list can be made of.
const OF_NULLS: DataType = DataType::Boolean;

/// Each value and list as a list, numbers and moments in the type that holds all of them; and the type of the arrays, if lists of arrays
/// come of it.
fn lists(call: &mut Call) -> Result<(Vec<Expr>, Option<DataType>)> {
    let exprs = call.rest();
    require_alike(call, &exprs)?;
    let types = exprs.iter().map(|expr| call.type_of(expr)).collect::<Result<Vec<_>>>()?;
    require_arrays_alike(call, &exprs, &types)?;
    let items: Vec<DataType> = types.iter().map(|own| listed(own).clone()).filter(|item| !item.is_null()).collect();
    let common = widest_number(items.iter()).or_else(|| common_moment(&items)).or_else(|| common_array(&items));
    let list = |(expr, own): (Expr, &DataType)| match (own, &common) {
        (DataType::Null, None) => nested_fn::make_array(vec![cast(expr, OF_NULLS)]),
        (own, Some(common)) if !is_list(own) => nested_fn::make_array(vec![cast_to(expr, own, common)]),
        (own, Some(common)) => cast_to(expr, own, &DataType::new_list(common.clone(), true)),
        (DataType::List(item) | DataType::LargeList(item), None) => cast_to(expr, own, &DataType::List(of_short_lists(item))),
        (own, None) => nested_fn::make_array(vec![cast_to(expr, own, &short_lists(own))]),
    };
    let array =
        common.clone().or_else(|| items.first().map(short_lists)).filter(|item| matches!(item, DataType::FixedSizeList(..)));
    Ok((exprs.into_iter().zip(&types).map(list).collect(), array))
}

/// What a list of this one's values is of: a list's items, and an array as it is.
fn listed(own: &DataType) -> &DataType {
    match own {
        DataType::List(item) | DataType::LargeList(item) => item.data_type(),
        own => own,
    }
}

/// Arrays of one length of the type that holds the values of all.
fn common_array(items: &[DataType]) -> Option<DataType> {
    let Some(DataType::FixedSizeList(_, length)) = items.first() else { return None };
    let values: Vec<DataType> = items.iter().map(|item| item_of(item).clone()).collect();
    let common = widest_number(values.iter()).or_else(|| common_moment(&values))?;
    Some(DataType::new_fixed_size_list(common, *length, true))
}

/// Errors: `DType` for an array beside what is none, or is of another length.
fn require_arrays_alike(call: &Call, exprs: &[Expr], types: &[DataType]) -> Result<()> {
    let length = |own: &DataType| match listed(own) {
        DataType::FixedSizeList(_, length) => Some(*length),
        _ => None,
    };
    let known: Vec<usize> = (0..types.len()).filter(|at| !listed(&types[*at]).is_null()).collect();
    let Some(&first) = known.first() else { return Ok(()) };
    let Some(&other) = known.iter().find(|at| length(&types[**at]) != length(&types[first])) else { return Ok(()) };
    let [(name, own), (other_name, other)] = [first, other].map(|at| (shown(&exprs[at]), type_name(&types[at])));
    let what = format!("`{name}` is {own} and `{other_name}` is {other}, expected types that go together");
    Err(crate::Error::dtype(call.name(), what).hint("concat_arr puts arrays together, arr.to_list makes lists of them"))
}

/// The type with lists in the place of large ones, however deep: DataFusion's `array_concat` promises those and gives what it got.
fn short_lists(own: &DataType) -> DataType {
    match own {
        DataType::List(item) | DataType::LargeList(item) => DataType::List(of_short_lists(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(of_short_lists(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of_short_lists).collect()),
        other => other.clone(),
    }
}

fn of_short_lists(field: &FieldRef) -> FieldRef {
    let own = short_lists(field.data_type());
    if own == *field.data_type() { Arc::clone(field) } else { Arc::new(field.as_ref().clone().with_data_type(own)) }
}

fn is_list(own: &DataType) -> bool {
    matches!(own, DataType::List(_) | DataType::LargeList(_))
}

/// Values and arrays one after another, as an array of all their lengths together; null where an array is.
fn concat_arr(call: &mut Call) -> Result<Expr> {
    let exprs = call.rest();
    require_alike(call, &exprs)?;
    let (mut width, mut item, mut arrays, mut parts) = (0_i32, None, vec![], vec![]);
    for expr in exprs {
        let own = call.type_of(&expr)?;
        let (length, own_item) = match &own {
            DataType::FixedSizeList(item, length) => (*length, item.data_type().clone()),
            own if own.is_nested() => {
                let what = format!("`{}` is {own}, expected arrays or values", shown(&expr));
                return Err(crate::Error::dtype(call.name(), what).hint("concat_list takes lists"));
            }
            own => (1, own.clone()),
        };
        let expected = item.get_or_insert_with(|| own_item.clone());
        if *expected != own_item {
            let what = format!("`{}` is {own}, expected {expected} or arrays of it as the first", shown(&expr));
            return Err(crate::Error::dtype(call.name(), what).hint("cast it first"));
        }
        width = width.saturating_add(length);
        let is_array = matches!(own, DataType::FixedSizeList(..));
        arrays.extend(is_array.then(|| expr.clone()));
        parts.push(match own {
            _ if is_array => cast(expr, DataType::new_list(own_item, true)),
            DataType::Null => nested_fn::make_array(vec![cast(expr, OF_NULLS)]),
            _ => nested_fn::make_array(vec![expr]),
        });
    }
    let item = item.map(|item| if item.is_null() { OF_NULLS } else { item });
    let Some(item) = item else { return Err(call.wrong("got no column, expected at least one")) };
    let together = if parts.len() == 1 { parts.swap_remove(0) } else { nested_fn::array_concat(parts) };
    let array = cast(together, DataType::new_fixed_size_list(item, width, true));
    match any_null(&arrays) {
        Some(any_null) => Ok(when(!any_null).then(array).end()),
        None => Ok(array),
    }
}

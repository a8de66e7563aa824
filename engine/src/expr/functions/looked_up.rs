//! A value looked up among others: as one table of constants where its type tells equal values by their bytes, else as one condition after
//! another.

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;
use datafusion::scalar::ScalarValue;

use super::super::when;
use super::comparison::Comparison;

/// What a value becomes, and what becomes of it.
pub(super) type Pairs = Vec<(ScalarValue, ScalarValue)>;

/// The new value of the first pair that has this one as its old value, `otherwise` of all others. A null is like a null.
pub(super) fn replaced(value: &Expr, own: &DataType, pairs: Pairs, otherwise: Expr) -> Expr {
    match of_type(own, &pairs) {
        Some(table) => looked_up(value, pairs, table, otherwise),
        None => compared(value, pairs, otherwise),
    }
}

/// Whether a value is none of these; null of a null.
pub(super) fn is_none_of(value: &Expr, own: &DataType, old: &[ScalarValue]) -> Expr {
    let known: Vec<Expr> = old.iter().filter(|old| !old.is_null()).map(|old| constant(old.clone())).collect();
    let is_present = value.clone().is_not_null();
    if known.is_empty() {
        is_present
    } else if own.is_nested() {
        // A list of constants does not hold lists.
        known.into_iter().fold(is_present, |none, known| none.and(value.clone().ne_missing(known)))
    } else {
        value.clone().in_list(known, true)
    }
}

fn constant(value: ScalarValue) -> Expr {
    Expr::Literal(value, None)
}

/// The pairs whose old values are no nulls, these in the type; None where one has none there, or where equal values may have other bytes.
fn of_type(own: &DataType, pairs: &[(ScalarValue, ScalarValue)]) -> Option<Pairs> {
    let by_bytes = own.is_integer() || own.is_string() || matches!(own, DataType::Date32 | DataType::Timestamp(..));
    let in_type = |old: &ScalarValue| {
        let cast = old.cast_to(own).ok()?;
        let same = cast.cast_to(&old.data_type()).is_ok_and(|back| back == *old);
        (same && own.is_string() == old.data_type().is_string()).then_some(cast)
    };
    let known = || pairs.iter().filter(|(old, _)| !old.is_null());
    by_bytes.then(|| known().map(|(old, new)| Some((in_type(old)?, new.clone()))).collect()).flatten()
}

fn looked_up(value: &Expr, pairs: Pairs, table: Pairs, otherwise: Expr) -> Expr {
    let of_null = pairs.into_iter().find(|(old, _)| old.is_null()).map(|(_, new)| new);
    let known: Vec<Expr> = table.iter().map(|(old, _)| constant(old.clone())).collect();
    let found = match (known.is_empty(), matches!(otherwise, Expr::Literal(..))) {
        (true, _) => otherwise,
        // What is no constant stands beside the table, which would be searched from its beginning for each row.
        (_, true) => table_of(value, table, Some(otherwise)),
        _ => when(value.clone().in_list(known, false)).then(table_of(value, table, None)).otherwise(otherwise),
    };
    match of_null {
        Some(new) => when(value.clone().is_null()).then(constant(new)).otherwise(found),
        None => found,
    }
}

fn table_of(value: &Expr, pairs: Pairs, otherwise: Option<Expr>) -> Expr {
    let boxed = |(old, new): (ScalarValue, ScalarValue)| (Box::new(constant(old)), Box::new(constant(new)));
    Expr::Case(Case::new(Some(Box::new(value.clone())), pairs.into_iter().map(boxed).collect(), otherwise.map(Box::new)))
}

fn compared(value: &Expr, pairs: Pairs, otherwise: Expr) -> Expr {
    let mut cases: Option<super::super::Then> = None;
    for (old, new) in pairs {
        let condition = if old.is_null() { value.clone().is_null() } else { value.clone().eq_missing(constant(old)) };
        cases = Some(match cases {
            None => when(condition).then(constant(new)),
            Some(cases) => cases.when(condition).then(constant(new)),
        });
    }
    match cases {
        Some(cases) => cases.otherwise(otherwise),
        None => otherwise,
    }
}

//! Functions of the schema ML that stand in expressions (and, in [`frame`], those of frames): those that look at one row, and the analytic ones, which are
//! fitted to all rows of a training and may stand in a TRANSFORM only.
//!
//! DataFusion looks a qualified function up under its text as written. Here each has one name, `ml.bucketize`, and whoever
//! reads SQL writes calls in that form first ([`crate::ops::transform`], `sql`).

mod analytic;
mod apply_array;
mod arguments;
mod as_own;
mod as_trained;
mod bucketize;
mod checked_sum;
pub mod column;
mod ends;
mod enums;
mod equal_lengths;
mod exact;
mod extremes;
mod far_moments;
mod feature_cross;
mod fit_aggregate;
mod float_aggregates;
pub mod frame;
mod given;
mod hash_bucketize;
mod held_rows;
mod map_column;
mod null_keys;
mod once;
mod one_nan;
mod one_zero;
mod order_keys;
mod over_items;
mod own_part;
mod parameters;
mod power;
mod required;
mod rounded_cast;
mod row_key;
mod signed_counts;
mod sliding;
mod tensor_element;
mod to_timestamp;
mod whole_shift;
pub mod words;
mod zoned;

use std::sync::Arc;

use datafusion::functions_nested::distance::array_distance_udf;
use datafusion::logical_expr::ScalarUDF;

pub use self::analytic::{Analytic, Marker, analytic_call, marker_of, with_slot};
pub use self::apply_array::{ArrayFunction, TracedArrays, apply_array};
pub use self::as_trained::as_trained;
pub(crate) use self::as_trained::values;
pub use self::bucketize::{BucketFormat, bucketize_expr};
pub use self::checked_sum::{checked_sum, sum};
pub use self::ends::{end_aggregates, first_value, last_value};
pub use self::enums::{categories, enum_at, enum_categories, enum_field, enum_place, place_of, shown_type, struct_of, to_enum};
pub use self::equal_lengths::equal_lengths;
pub use self::exact::RESULT as EXACT_RESULT;
pub use self::extremes::{extreme_aggregates, max, min};
use self::far_moments::date_bin_function;
pub use self::fit_aggregate::{FitKind, fit_call};
pub use self::float_aggregates::{
    avg, corr, covar_pop, covar_samp, float_aggregates, median, stddev, stddev_pop, var_pop, var_sample,
};
pub use self::given::given;
pub use self::held_rows::compact;
pub use self::map_column::{ColumnFunction, Sees, map_column};
pub use self::null_keys::null_keys_in_rows;
pub use self::once::once;
pub use self::one_nan::{one_nan, one_nan_in_rows, one_nan_in_rows_made_of};
pub use self::one_zero::{has_floats, identity, is_identity, one_zero};
pub use self::over_items::{
    AsInPlans, ItemArg, OfItems, is_of_row, item_column, list_arguments, of_row, over_items, spelled_out,
};
pub use self::own_part::{exact_form, is_exact};
pub use self::parameters::{Parameters, Strategy, parameters_of};
pub use self::power::power;
use self::power::power_function;
pub use self::required::required;
pub use self::rounded_cast::{rounded_cast, rounded_try_cast};
pub use self::row_key::row_key;
pub use self::tensor_element::{element_named, element_type, tensor_element};
pub use self::to_timestamp::{TIMESTAMP_READERS, timestamp_reader};
pub use self::whole_shift::WholeShift;
pub use self::zoned::{is_utc, read_in_zone};

/// What the names of all functions begin with.
pub const PREFIX: &str = "ml.";

/// The functions that look at one row: they may stand in any expression.
pub fn row_functions() -> Vec<Arc<ScalarUDF>> {
    let functions = [
        ScalarUDF::new_from_impl(bucketize::Bucketize::default()),
        ScalarUDF::new_from_impl(hash_bucketize::HashBucketize::default()),
        ScalarUDF::new_from_impl(feature_cross::FeatureCross::default()),
    ];
    functions.into_iter().map(Arc::new).collect()
}

/// What every session has beside DataFusion's own functions: those of one row, and those that mean something else than DataFusion's.
pub fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    // Its other name is that of databases of vectors.
    let distance = array_distance_udf().as_ref().clone().with_aliases(["l2_distance"]);
    let others = [power_function(), date_bin_function(), Arc::new(distance)];
    row_functions().into_iter().chain(others).chain(signed_counts::signed_counts()).collect()
}

/// The analytic functions, as markers that a TRANSFORM replaces once it is fitted.
pub fn analytic_functions() -> Vec<Arc<ScalarUDF>> {
    Analytic::ALL.into_iter().map(|function| Arc::new(ScalarUDF::new_from_impl(Marker::new(function)))).collect()
}

/// Whether a function of this name, without the schema and in lower case, looks at one row or at all; None if there is none.
pub fn kind(name: &str) -> Option<FunctionKind> {
    if ROW_NAMES.contains(&name) {
        return Some(FunctionKind::Row);
    }
    Analytic::named(name).map(|_| FunctionKind::Analytic)
}

/// The names of all functions, without the schema.
pub fn names() -> impl Iterator<Item = &'static str> {
    Analytic::ALL.into_iter().map(Analytic::name).chain(ROW_NAMES)
}

const ROW_NAMES: [&str; 3] = ["bucketize", "hash_bucketize", "feature_cross"];

/// What a function looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// One row.
    Row,
    /// All rows of the training: written with OVER ().
    Analytic,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_named_as_it_is_registered() {
        let registered = row_functions().into_iter().chain(analytic_functions()).map(|f| f.name().to_owned());
        let mut registered: Vec<String> = registered.collect();
        let mut listed: Vec<String> = names().map(|name| format!("{PREFIX}{name}")).collect();
        registered.sort();
        listed.sort();
        assert_eq!(registered, listed);
    }
}

//! Rows that are beyond both of their neighbours.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::kernels::cmp::{gt, lt};
use arrow::compute::{and_kleene, concat};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::super::one_zero::one_zero;
use super::kernel::{Columns, Kernel};

pub(super) const KERNELS: &[Kernel] = &[
    // [number]; constant: whether it is to be greater than its neighbours, not less.
    Kernel { name: "peaks", result: |_, _| Ok(DataType::Boolean), run: peaks },
];

/// Beside the first and the last row stands a 0, as in Polars.
fn peaks(columns: &Columns) -> Result<ArrayRef> {
    let values = one_zero(&columns.values[0]);
    let zero = ScalarValue::new_zero(values.data_type())?.to_array()?;
    let others = values.len().saturating_sub(1);
    let before = concat(&[&zero, &values.slice(0, others)])?.slice(0, values.len());
    let after = concat(&[&values.slice(values.len() - others, others), &zero])?.slice(0, values.len());
    let beyond = if columns.flag(0) { gt } else { lt };
    Ok(Arc::new(and_kleene(&beyond(&values, &before)?, &beyond(&values, &after)?)?))
}

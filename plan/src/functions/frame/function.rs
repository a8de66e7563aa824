//! A row of a family's table as one of DataFusion's scalar functions.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::arguments::{Batch, Call, Takes};
use crate::functions::one_nan;

/// What makes a function of DataFusion's out of a row.
pub(super) struct Row {
    /// `str.contains`
    pub name: &'static str,
    /// What it takes, in order. The last may be repeated or left out where it is `Takes::Rest`.
    pub takes: &'static [Takes],
    /// The type of its results. Constants are checked here: it is asked when a frame's method is called.
    pub returns: fn(&Call) -> Result<DataType>,
    /// The results for a batch of rows; of the type that `returns` said.
    pub run: fn(&Batch) -> Result<ArrayRef>,
    /// A call of DataFusion's that means the same, for the optimizer; None where these arguments have none.
    pub same_as: fn(&[Expr]) -> Option<Expr>,
}

impl Row {
    pub(super) const fn new(
        name: &'static str,
        takes: &'static [Takes],
        returns: fn(&Call) -> Result<DataType>,
        run: fn(&Batch) -> Result<ArrayRef>,
    ) -> Row {
        Row { name, takes, returns, run, same_as: |_| None }
    }

    /// The same, and a call of DataFusion's that may stand for it.
    pub(super) const fn same_as(mut self, same_as: fn(&[Expr]) -> Option<Expr>) -> Row {
        self.same_as = same_as;
        self
    }
}

/// A row as a scalar function.
pub(super) struct FrameFunction {
    row: &'static Row,
}

static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| Signature::user_defined(Volatility::Immutable));

impl FrameFunction {
    pub(super) fn new(row: &'static Row) -> Self {
        FrameFunction { row }
    }
}

impl std::fmt::Debug for FrameFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.row.name)
    }
}

impl PartialEq for FrameFunction {
    fn eq(&self, other: &Self) -> bool {
        self.row.name == other.row.name
    }
}

impl Eq for FrameFunction {}

impl Hash for FrameFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.row.name.hash(state);
    }
}

impl ScalarUDFImpl for FrameFunction {
    fn name(&self) -> &str {
        self.row.name
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    // Types that do not fit stay: what `return_field_from_args` says of them is heard, what is said here is not.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.iter().enumerate().map(|(at, given)| Takes::at(self.row.takes, at).coerced(given)).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let fields: Vec<FieldRef> = types.iter().map(|t| Arc::new(Field::new("value", t.clone(), true))).collect();
        (self.row.returns)(&Call::new(self.row.name, &fields, vec![None; types.len()]))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let call = Call::new(self.row.name, args.arg_fields, args.scalar_arguments.to_vec());
        call.check(self.row.takes)?;
        Ok(Arc::new(Field::new(self.row.name, (self.row.returns)(&call)?, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        // A column of nothing but nulls has no layout that a kernel could read: what is made of it is null.
        let is_untyped = args.args.first().is_some_and(|first| first.data_type().is_null());
        if is_untyped && Takes::at(self.row.takes, 0).has_parts() {
            let nulls = new_null_array(args.return_field.data_type(), rows);
            return Ok(if constant {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&nulls, 0)?)
            } else {
                ColumnarValue::Array(nulls)
            });
        }
        let results = run_once_a_value(self.row, &args, rows)?;
        let results = if results.data_type().is_floating() { one_nan(results) } else { results };
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?)),
            false => Ok(ColumnarValue::Array(results)),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(other) = alike(&args, info).and_then(|alike| (self.row.same_as)(&alike)) else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        // A plan's schema survives every rewrite: another type, or one that cannot be told yet, keeps ours.
        let call = Expr::ScalarFunction(datafusion::logical_expr::expr::ScalarFunction::new_udf(
            Arc::new(datafusion::logical_expr::ScalarUDF::new_from_impl(FrameFunction::new(self.row))),
            args.clone(),
        ));
        match (info.get_data_type(&call), info.get_data_type(&other)) {
            (Ok(ours), Ok(theirs)) if ours == theirs => Ok(ExprSimplifyResult::Simplified(other)),
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }
}

/// The arguments with texts of one layout, as DataFusion's functions want them: constants take that of the first. None where
/// they differ, and for a dictionary, which our kernels work on once a value.
fn alike(args: &[Expr], info: &SimplifyContext) -> Option<Vec<Expr>> {
    let layout = info.get_data_type(args.first()?).ok()?;
    if matches!(layout, DataType::Dictionary(..)) {
        return None;
    }
    let alike = args.iter().map(|arg| match arg {
        Expr::Literal(value, metadata) if layout.is_string() && value.data_type().is_string() => {
            Some(Expr::Literal(value.cast_to(&layout).ok()?, metadata.clone()))
        }
        Expr::Literal(..) => Some(arg.clone()),
        other => info.get_data_type(other).is_ok_and(|given| given == layout).then(|| other.clone()),
    });
    alike.collect()
}

/// A column of few different values (a dictionary) is worked on once a value, where everything beside it is constant.
fn run_once_a_value(row: &Row, args: &ScalarFunctionArgs, rows: usize) -> Result<ArrayRef> {
    let run = |values: &[ColumnarValue], rows| {
        (row.run)(&Batch::new(row.name, values, &args.arg_fields, args.return_field.data_type(), rows))
    };
    let [ColumnarValue::Array(column), beside @ ..] = args.args.as_slice() else { return run(&args.args, rows) };
    let Some(dictionary) = column.as_any_dictionary_opt() else { return run(&args.args, rows) };
    let few = dictionary.values().len() <= rows && row.takes[0].is_elementwise();
    if !few || !beside.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) {
        return run(&args.args, rows);
    }
    let mut values = args.args.clone();
    values[0] = ColumnarValue::Array(Arc::clone(dictionary.values()));
    let results = run(&values, dictionary.values().len())?;
    Ok(take(&results, dictionary.keys(), None)?)
}

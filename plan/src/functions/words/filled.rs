//! A function of frames with constants in the places of some arguments. The optimizer puts the function itself in its place.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function under this name; None stands for an argument that is still to come.
pub(super) fn filled(name: &str, function: Arc<ScalarUDF>, constants: Vec<Option<ScalarValue>>) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Filled { name: name.to_owned(), function, constants, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Filled {
    name: String,
    function: Arc<ScalarUDF>,
    constants: Vec<Option<ScalarValue>>,
    signature: Signature,
}

impl Filled {
    /// All arguments, of those that come and the constants; those that are too many come last.
    fn all<T>(&self, given: impl IntoIterator<Item = T>, constant: impl Fn(&ScalarValue) -> T) -> Vec<T> {
        let mut given = given.into_iter();
        let mut all = vec![];
        for place in &self.constants {
            all.extend(place.as_ref().map(&constant).or_else(|| given.next()));
        }
        all.extend(given);
        all
    }
}

fn field(constant: &ScalarValue) -> FieldRef {
    Arc::new(Field::new("constant", constant.data_type(), constant.is_null()))
}

impl ScalarUDFImpl for Filled {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let coerced = self.function.coerce_types(&self.all(types.iter().cloned(), ScalarValue::data_type))?;
        let is_gap = |at: &usize| self.constants.get(*at).is_none_or(Option::is_none);
        Ok((0..coerced.len()).filter(is_gap).map(|at| coerced[at].clone()).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(&self.all(types.iter().cloned(), ScalarValue::data_type))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let fields = self.all(args.arg_fields.iter().cloned(), field);
        let constants: Vec<Option<ScalarValue>> =
            self.all(args.scalar_arguments.iter().map(|value| value.cloned()), |constant| Some(constant.clone()));
        let constants: Vec<Option<&ScalarValue>> = constants.iter().map(Option::as_ref).collect();
        self.function.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &constants })
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.args = self.all(args.args, |constant| ColumnarValue::Scalar(constant.clone()));
        args.arg_fields = self.all(args.arg_fields, field);
        self.function.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let args = self.all(args, |constant| Expr::Literal(constant.clone(), None));
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&self.function), args))))
    }
}

//! The scalar function that computes an expression over the elements of each row's list.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_plan::error::to_datafusion;

use super::ELEMENT;
use super::lists::{Elements, empty_list};
use super::program::{Computed, Program};
use super::words::{InWords, in_words};
use crate::expr::structure::{Mark, mark_of};

/// What is made of an expression's values for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Gives {
    /// A list of them.
    Lists,
    /// The value, where there is one for a list; else a list.
    Values,
    /// A list of those elements that it keeps.
    Filtered,
}

impl Gives {
    /// By the name of the function.
    pub(super) fn of(op: &str) -> Self {
        match op {
            "list.agg" | "cumulative_eval" => Gives::Values,
            "list.filter" => Gives::Filtered,
            _ => Gives::Lists,
        }
    }
}

/// The expression over the elements of a list.
pub(super) fn over_elements(program: Program, gives: Gives, list: Expr) -> Expr {
    let function = OverElements { condition: condition(&program, gives), program, gives, signature: signature() };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![list]))
}

fn signature() -> Signature {
    Signature::any(1, Volatility::Immutable)
}

/// What keeps elements, if it looks at each by itself.
fn condition(program: &Program, gives: Gives) -> Option<Program> {
    let Expr::ScalarFunction(keep) = &program.expr else { return None };
    if gives != Gives::Filtered || mark_of(keep) != Some(&Mark::Keep) {
        return None;
    }
    Program::new(program.op, keep.args.get(1)?.clone(), program.element.clone()).ok()
}

#[derive(Debug)]
struct OverElements {
    program: Program,
    gives: Gives,
    condition: Option<Program>,
    signature: Signature,
}

impl OverElements {
    fn result(&self) -> DataType {
        match self.gives {
            Gives::Values if self.program.is_value() => self.program.data_type.clone(),
            _ => DataType::new_list(self.program.data_type.clone(), true),
        }
    }

    fn run(&self, lists: &ArrayRef) -> Result<ArrayRef> {
        if let Some(condition) = &self.condition {
            let elements = Elements::of(lists, &self.program.element)?;
            if let Some(keep) = condition.of_each(&elements.values) {
                return elements.kept(&elements.values, &cast(&keep?, &DataType::Boolean)?);
            }
        }
        computed(&self.program, self.gives, lists, &self.program.element)
    }
}

/// What is computed of the elements of each list.
pub(super) fn computed(program: &impl Computed, gives: Gives, lists: &ArrayRef, element: &DataType) -> Result<ArrayRef> {
    let elements = Elements::of(lists, element)?;
    if let Some(values) = program.of_each(&elements.values) {
        return elements.lists(values?);
    }
    let found = program.of_lists(Arc::clone(&elements.values), elements.owners()).map_err(to_datafusion)?;
    let is_value = program.is_value();
    let of_empty = match (elements.has_empty(), is_value) {
        (false, _) => None,
        (true, true) => Some(program.of_none().map_err(to_datafusion)?),
        (true, false) => Some(empty_list(program.data_type())?),
    };
    let of_values = program.data_type().clone();
    let kind = if is_value { of_values } else { DataType::new_list(of_values, true) };
    let results = elements.results(&found.0, &cast(&found.1, &kind)?, of_empty)?;
    if is_value && gives == Gives::Lists { elements.single(results) } else { Ok(results) }
}

/// The word of such a function, with which a frame's SQL text calls it; None of another function.
/// Errors: `NotImplemented` for an expression that SQL has no words for.
pub(crate) fn word(function: &ScalarUDF) -> crate::Result<Option<String>> {
    let function = function.inner().as_ref();
    if let Some(own) = function.downcast_ref::<OverElements>() {
        return in_words(&own.program, own.gives, &own.result()).map(Some);
    }
    Ok(function.downcast_ref::<InWords>().map(|own| own.name().to_owned()))
}

impl PartialEq for OverElements {
    fn eq(&self, other: &Self) -> bool {
        let key = |function: &Self| (function.program.op, function.gives, function.program.element.clone());
        key(self) == key(other) && self.program.expr == other.program.expr
    }
}

impl Eq for OverElements {}

impl Hash for OverElements {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.program.op, self.gives, &self.program.element, &self.program.expr).hash(state);
    }
}

impl ScalarUDFImpl for OverElements {
    fn name(&self) -> &str {
        self.program.op
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let list = args.first().map(|list| list.schema_name().to_string()).unwrap_or_default();
        Ok(format!("{}({list}, {})", self.program.op, self.program.expr.human_display()).replace(ELEMENT, "element"))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.result())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = ColumnarValue::values_to_arrays(&args.args)?;
        let result = lists.first().map_or_else(|| empty_list(&self.program.data_type), |lists| self.run(lists))?;
        Ok(ColumnarValue::Array(cast(&result, &self.result())?))
    }
}

//! Expressions over the elements of lists as words of SQL, which carry what they compute as queries:
//! `"list.eval['Int64', 'each', 'SELECT __element * 10 AS __result FROM frame']"(scores)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array, new_empty_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_plan::error::to_datafusion;
use gradframe_plan::functions::words;

use super::function::{Gives, computed};
use super::program::{Computed, Form, Program, only, owned, rows, run, session};
use super::{TABLE, element_type};
use crate::Error;

/// How many values there are for a list, in a word.
const FORMS: [(&str, Form); 3] = [("each", Form::Each), ("value", Form::Value), ("values", Form::Values)];

/// The word of a computation that gives this type. Errors: `NotImplemented` for what SQL has no words for.
pub(super) fn in_words(program: &Program, gives: Gives, result: &DataType) -> crate::Result<String> {
    let no_words = |what: String| Error::not_implemented("explain", format!("SQL has no words for a part of this frame: {what}"));
    let form = FORMS.iter().find(|(_, form)| *form == program.form).map_or("values", |(name, _)| *name);
    let mut constants = vec![result.to_string(), form.to_owned()];
    constants.extend(program.queries()?);
    let word = words::word(program.op, &words::of_texts(&constants));
    let reads_back = gives == Gives::of(program.op) && InWords::read(&word).is_some_and(|read| read.result == *result);
    if reads_back { Ok(word) } else { Err(no_words(format!("the function `{}`", program.op))) }
}

/// The function that such a word means.
pub(crate) fn named(word: &str) -> Option<Arc<ScalarUDF>> {
    InWords::read(word).map(|function| Arc::new(ScalarUDF::new_from_impl(function)))
}

/// A computation over elements that is known by its queries.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct InWords {
    word: String,
    program: Queries,
    result: DataType,
    signature: Signature,
}

/// Queries over elements, and over those of each list.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Queries {
    op: &'static str,
    data_type: DataType,
    form: Form,
    queries: Vec<String>,
}

impl InWords {
    fn read(word: &str) -> Option<Self> {
        let (name, constants) = words::parts(word)?;
        let op = TABLE.iter().map(|row| row.name).find(|known| *known == name)?;
        let texts = words::texts(&constants)?;
        let [result, form, queries @ ..] = texts.as_slice() else { return None };
        let (_, form) = *FORMS.iter().find(|(known, _)| *known == form.as_str())?;
        if queries.len() != if form == Form::Each { 1 } else { 2 } {
            return None;
        }
        let result: DataType = result.parse().ok()?;
        let is_value = Gives::of(op) == Gives::Values && form == Form::Value;
        let data_type = if is_value { result.clone() } else { element_type(&result)? };
        let program = Queries { op, data_type, form, queries: queries.to_vec() };
        let signature = Signature::any(1, Volatility::Immutable);
        Some(InWords { word: word.to_owned(), program, result, signature })
    }
}

impl ScalarUDFImpl for InWords {
    fn name(&self) -> &str {
        &self.word
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(lists) = lists.first() else { return Ok(ColumnarValue::Array(new_empty_array(&self.result))) };
        let Some(element) = element_type(lists.data_type()) else {
            let what = format!("got {}, expected a list", lists.data_type());
            return Err(to_datafusion(Error::dtype(self.program.op, what)));
        };
        let element = if element.is_null() { DataType::Int64 } else { element };
        let found = computed(&Over { queries: &self.program, element: &element }, Gives::of(self.program.op), lists, &element)?;
        Ok(ColumnarValue::Array(cast(&found, &self.result)?))
    }
}

impl Queries {
    /// The answer of one of them.
    fn ask(&self, at: usize, elements: ArrayRef, owners: UInt32Array) -> crate::Result<Vec<RecordBatch>> {
        let query = self.queries.get(at).map(String::as_str).unwrap_or_default();
        let (session, rows) = (session()?, rows(self.op, elements, owners)?);
        run(self.op, async { session.sql_with(query, [("frame", rows)]).await?.collect().await })
    }
}

/// Queries over elements of a type.
struct Over<'a> {
    queries: &'a Queries,
    element: &'a DataType,
}

impl Computed for Over<'_> {
    fn data_type(&self) -> &DataType {
        &self.queries.data_type
    }

    fn is_value(&self) -> bool {
        self.queries.form == Form::Value
    }

    fn of_each(&self, elements: &ArrayRef) -> Option<Result<ArrayRef>> {
        let owners = UInt32Array::from(vec![0; elements.len()]);
        let asked = || only(self.queries.op, &self.queries.ask(0, Arc::clone(elements), owners)?);
        (self.queries.form == Form::Each).then(|| Ok(cast(&asked().map_err(to_datafusion)?, &self.queries.data_type)?))
    }

    fn of_lists(&self, elements: ArrayRef, owners: UInt32Array) -> crate::Result<(UInt32Array, ArrayRef)> {
        owned(self.queries.op, &self.queries.ask(0, elements, owners)?)
    }

    fn of_none(&self) -> crate::Result<ArrayRef> {
        only(self.queries.op, &self.queries.ask(1, new_empty_array(self.element), UInt32Array::from(Vec::<u32>::new()))?)
    }
}

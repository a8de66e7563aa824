//! Pretrained models over a column of texts: verbs of frames, and expressions.

use gradframe::Error;
use gradframe::expr::Texts;
use gradframe::models::{OnProblem, TextOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::OrRaise;
use crate::expr::{PyExpr, column as expression};
use crate::generating::{generate_options, name_in_python};
use crate::lazyframe::PyLazyFrame;
use crate::model::model_ref;
use crate::session::PySession;

/// Adds the functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(embed, module)?)?;
    module.add_function(wrap_pyfunction!(generate_text, module)?)?;
    module.add_function(wrap_pyfunction!(classify, module)?)?;
    module.add_function(wrap_pyfunction!(answer, module)?)?;
    module.add_function(wrap_pyfunction!(text_expr, module)?)
}

fn text_options(column: Option<String>, strict: bool) -> TextOptions {
    let on_problem = if strict { OnProblem::Error } else { OnProblem::Null };
    TextOptions { column, on_problem, ..TextOptions::default() }
}

/// All columns, then the vector of each row's text; see `LazyFrame.embed`.
#[pyfunction]
#[pyo3(signature = (frame, model, column, name, *, normalize=false, prompt_name=None, max_tokens=None))]
fn embed(
    frame: PyLazyFrame,
    model: &Bound<'_, PyAny>,
    column: Option<String>,
    name: &str,
    normalize: bool,
    prompt_name: Option<String>,
    max_tokens: Option<usize>,
) -> PyResult<PyLazyFrame> {
    let options = TextOptions { normalize, prompt_name, max_tokens, ..text_options(column, true) };
    frame.0.embed(model_ref(model)?, name, options).or_raise().map(PyLazyFrame)
}

/// All columns, then what comes after each row's prompt; see `LazyFrame.generate`.
#[pyfunction]
#[pyo3(signature = (frame, model, column, name, *, strict=true, seed_column=None, **options))]
fn generate_text(
    frame: PyLazyFrame,
    model: &Bound<'_, PyAny>,
    column: Option<String>,
    name: &str,
    strict: bool,
    seed_column: Option<String>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<PyLazyFrame> {
    let model = model_ref(model)?;
    let base = frame.0.session().text_model(model.clone()).and_then(|model| model.generation_defaults()).or_raise()?;
    let options = TextOptions { generate: generate_options(base, options)?, seed_column, ..text_options(column, strict) };
    options.generate.check_as(name_in_python).or_raise()?;
    frame.0.generate(model, name, options).or_raise().map(PyLazyFrame)
}

/// All columns, then the most probable label of each row's text, or of its pair of texts, and its probability; see `LazyFrame.classify`.
#[pyfunction]
#[pyo3(signature = (frame, model, column, label, score, *, pair=None, strict=true))]
fn classify(
    frame: PyLazyFrame,
    model: &Bound<'_, PyAny>,
    column: Option<String>,
    label: &str,
    score: &str,
    pair: Option<String>,
    strict: bool,
) -> PyResult<PyLazyFrame> {
    let options = TextOptions { pair_column: pair, ..text_options(column, strict) };
    frame.0.classify(model_ref(model)?, label, score, options).or_raise().map(PyLazyFrame)
}

/// All columns, then the part of each row's text that answers its question, its score and its place; see `LazyFrame.answer`.
#[pyfunction]
#[pyo3(signature = (frame, model, question, context, names, *, strict=true, max_answer_len=None))]
fn answer(
    frame: PyLazyFrame,
    model: &Bound<'_, PyAny>,
    question: Option<String>,
    context: Option<String>,
    names: [String; 4],
    strict: bool,
    max_answer_len: Option<usize>,
) -> PyResult<PyLazyFrame> {
    let options = TextOptions { question_column: question, max_answer_tokens: max_answer_len, ..text_options(context, strict) };
    frame.0.answer(model_ref(model)?, names.each_ref().map(String::as_str), options).or_raise().map(PyLazyFrame)
}

/// What a model makes of texts as an expression; see `Expr.embed` and its like. `embed` takes `normalize`, `prompt_name` and `max_tokens`,
/// `answer` `max_answer_len`, `generate` what generates.
#[pyfunction]
#[pyo3(signature = (task, texts, model, session, *, strict=true, **options))]
fn text_expr(
    task: &str,
    texts: Vec<Bound<'_, PyAny>>,
    model: &Bound<'_, PyAny>,
    session: &PySession,
    strict: bool,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<PyExpr> {
    let mut texts = texts.iter().map(expression).collect::<PyResult<Vec<_>>>()?;
    let model = session.engine().text_model(model_ref(model)?).or_raise()?;
    let given = |name: &str| options.map(|options| options.get_item(name)).transpose().map(Option::flatten);
    let base = text_options(None, strict);
    let second = if texts.len() > 1 { texts.pop() } else { None };
    let first = texts.pop().ok_or_else(|| Error::internal("models", "an expression of no texts")).or_raise()?;
    let made = match (task, second) {
        ("embed", _) => {
            let normalize = given("normalize")?.map(|flag| flag.extract()).transpose()?.unwrap_or(false);
            let prompt_name = given("prompt_name")?.map(|name| name.extract()).transpose()?.flatten();
            let max_tokens = given("max_tokens")?.map(|most| most.extract()).transpose()?.flatten();
            first.embed(&model, TextOptions { normalize, prompt_name, max_tokens, ..base })
        }
        ("generate", _) => {
            let generate = generate_options(model.generation_defaults().or_raise()?, options)?;
            generate.check_as(name_in_python).or_raise()?;
            first.generate(&model, TextOptions { generate, ..base })
        }
        ("classify", None) => first.classify(&model, base),
        ("classify", Some(other)) => first.classify_with(other, &model, base),
        (_, Some(context)) => {
            let max_answer_tokens = given("max_answer_len")?.map(|most| most.extract()).transpose()?.flatten();
            first.answer(context, &model, TextOptions { max_answer_tokens, ..base })
        }
        (_, None) => Err(Error::plan("answer", "expected a question and a text")),
    };
    made.or_raise().map(PyExpr::from)
}

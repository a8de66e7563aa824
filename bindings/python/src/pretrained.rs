//! Pretrained models by themselves. Over a column of texts: see `texts.rs`.

use std::sync::{Arc, OnceLock};

use gradframe::models::text::{Encoded, Tokenizer};
use gradframe::models::{
    AnswerOptions, Answerer, Classifier, DtypeChoice, EmbedOptions, Embedder, FindOptions, GenerateOptions, Generated, Generator,
    Model, files, generate,
};
use gradframe::{Error, NamedModel, Session};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::OrRaise;
use crate::generating::{generate_options, name_in_python};
use crate::session::PySession;
use crate::wait::wait;

/// Adds the class and the functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyPretrained>()
}

/// Token, kind, first character, the one behind its last, the text that it is of, and the word of that.
type TokenSpan = (u32, u32, usize, usize, Option<usize>, Option<u32>);
/// Score, first character, the one behind the last, answer.
type SpanAnswer = (f64, usize, usize, String);

/// A pretrained model. What it does is made ready when it is first asked for.
#[pyclass(name = "PyPretrained", module = "gradframe", frozen, from_py_object)]
#[derive(Clone)]
pub struct PyPretrained {
    session: Session,
    path: String,
    dtype: DtypeChoice,
    model: Arc<Model>,
    generator: Arc<OnceLock<Arc<Generator>>>,
    classifier: Arc<OnceLock<Arc<Classifier>>>,
    answerer: Arc<OnceLock<Arc<Answerer>>>,
    embedders: Arc<Mutex<Vec<Ready>>>,
}

/// An embedder, and how it embeds.
type Ready = (EmbedOptions, Arc<Embedder>);

/// Ways to embed that are kept ready.
const EMBEDDERS: usize = 4;

impl PyPretrained {
    /// As an operator takes it.
    pub fn named(&self) -> PyResult<Arc<NamedModel>> {
        self.session.pretrained(&self.path, self.dtype).or_raise()
    }

    fn tokenizer(&self) -> PyResult<&Tokenizer> {
        self.model.tokenizer().or_raise()
    }

    fn generator(&self) -> gradframe::Result<Arc<Generator>> {
        if let Some(ready) = self.generator.get() {
            return Ok(Arc::clone(ready));
        }
        let made = Arc::new(Generator::new(&self.model)?);
        Ok(Arc::clone(self.generator.get_or_init(|| made)))
    }

    fn classifier(&self) -> gradframe::Result<Arc<Classifier>> {
        if let Some(ready) = self.classifier.get() {
            return Ok(Arc::clone(ready));
        }
        let made = Arc::new(Classifier::new(&self.model)?);
        Ok(Arc::clone(self.classifier.get_or_init(|| made)))
    }

    /// Made once for each way to embed: who asks for one text at a time waits for no compiler.
    fn embedder(&self, options: &EmbedOptions) -> gradframe::Result<Arc<Embedder>> {
        let known = |ready: &[Ready]| ready.iter().find(|(own, _)| own == options).map(|(_, ready)| Arc::clone(ready));
        if let Some(ready) = known(&self.embedders.lock()) {
            return Ok(ready);
        }
        let made = Arc::new(Embedder::new(&self.model, options)?);
        let mut ready = self.embedders.lock();
        if let Some(first) = known(&ready) {
            return Ok(first);
        }
        if ready.len() == EMBEDDERS {
            ready.remove(0);
        }
        ready.push((options.clone(), Arc::clone(&made)));
        Ok(made)
    }

    /// As the model's `generation_config.json` has it, or the engine.
    fn generation_defaults(&self, configured: bool) -> gradframe::Result<GenerateOptions> {
        if configured { GenerateOptions::of(&self.model) } else { Ok(GenerateOptions::default()) }
    }

    fn answerer(&self) -> gradframe::Result<Arc<Answerer>> {
        if let Some(ready) = self.answerer.get() {
            return Ok(Arc::clone(ready));
        }
        let made = Arc::new(Answerer::new(&self.model)?);
        Ok(Arc::clone(self.answerer.get_or_init(|| made)))
    }
}

/// Work that takes long, on a thread of the engine that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> gradframe::Result<T> + Send + 'static) -> gradframe::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal("models", format!("the work failed: {error}")))?
}

#[pymethods]
impl PyPretrained {
    /// The model of a directory or of a name in the hub's cache, computed in `auto`, `f32` or `bf16`.
    #[staticmethod]
    fn open(py: Python<'_>, session: &PySession, path: String, dtype: &str) -> PyResult<Self> {
        let (session, dtype) = (session.engine().clone(), dtype.parse::<DtypeChoice>().or_raise()?);
        let (own, at) = (session.clone(), path.clone());
        let model = wait(py, blocking(move || own.open_pretrained(&at, dtype)))?;
        let (generator, classifier, answerer, embedders) = Default::default();
        Ok(PyPretrained { session, path, dtype, model, generator, classifier, answerer, embedders })
    }

    /// The directory of a name of the hub: in its cache, else downloaded.
    #[staticmethod]
    fn find(
        py: Python<'_>,
        session: &PySession,
        name: String,
        local_files_only: bool,
        token: Option<String>,
    ) -> PyResult<String> {
        let (own, options) = (session.engine().clone(), FindOptions { local_files_only, token });
        let found = wait(py, blocking(move || own.find_pretrained(&name, &options)))?;
        Ok(found.to_string_lossy().into_owned())
    }

    /// `bert`, `llama`.
    #[getter]
    fn kind(&self) -> &str {
        self.model.kind()
    }

    /// What its products are computed in: `f32` or `bf16`.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.model.precision().name()
    }

    /// What its head is for: `text-generation`; None without a head.
    #[getter]
    fn task(&self) -> Option<&'static str> {
        self.model.task().map(|task| task.name())
    }

    /// The labels of its head, in order.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.model.labels()
    }

    /// Its directory.
    #[getter]
    fn path(&self) -> String {
        self.model.directory().path().to_string_lossy().into_owned()
    }

    /// The directory that was opened, which holds `modules.json` if there is one.
    #[getter]
    fn root(&self) -> String {
        self.model.root().path().to_string_lossy().into_owned()
    }

    /// Tokens of a text, at most.
    #[getter]
    fn length_max(&self) -> PyResult<usize> {
        self.model.length_max().or_raise()
    }

    /// Numbers of an embedding.
    #[getter]
    fn width(&self) -> PyResult<usize> {
        Embedder::width_of(&self.model).or_raise()
    }

    /// The text of each token; empty of one that there is not.
    fn token_texts(&self, ids: Vec<u32>) -> PyResult<Vec<String>> {
        let tokenizer = self.tokenizer()?;
        Ok(ids.into_iter().map(|id| tokenizer.token_of(id).unwrap_or_default()).collect())
    }

    /// Name, type and shape of each tensor.
    fn tensors(&self) -> Vec<(String, String, Vec<usize>)> {
        self.model.weights().iter().map(|w| (w.name.clone(), w.dtype.clone(), w.shape.clone())).collect()
    }

    /// The numbers of a tensor, f32, row-major; None if there is none of this name.
    fn numbers(&self, py: Python<'_>, name: &str) -> PyResult<Option<Py<PyBytes>>> {
        let Some(weight) = self.model.weights().iter().find(|weight| weight.name == name) else { return Ok(None) };
        let numbers = weight.tensor().or_raise()?.to_f64().into_iter().map(|value| value as f32);
        Ok(Some(bytes_of(py, &numbers.collect::<Vec<f32>>())))
    }

    /// Different tokens of its tokenizer.
    #[getter]
    fn vocabulary(&self) -> PyResult<usize> {
        Ok(self.tokenizer()?.vocabulary())
    }

    /// Tokens and kinds of each text, or of each pair of texts.
    #[pyo3(signature = (texts, pairs=None, *, special=true, max_tokens=None))]
    fn encode(
        &self,
        texts: Vec<String>,
        pairs: Option<Vec<String>>,
        special: bool,
        max_tokens: Option<usize>,
    ) -> PyResult<Vec<(Vec<u32>, Vec<u32>)>> {
        if let Some(pairs) = pairs.as_ref().filter(|pairs| pairs.len() != texts.len()) {
            let what = format!("got {} texts and {} to pair them with, expected as many", texts.len(), pairs.len());
            return Err(Error::shape("encode", what)).or_raise();
        }
        let cut = max_tokens.map(|most| self.tokenizer()?.truncated_to(most).or_raise()).transpose()?;
        let tokenizer = cut.as_ref().map_or_else(|| self.tokenizer(), Ok)?;
        let one = |(place, text): (usize, &String)| match pairs.as_ref().and_then(|pairs| pairs.get(place)) {
            Some(other) => tokenizer.encode_pair(text, other),
            None if special => tokenizer.encode(text),
            None => tokenizer.encode_plain(text),
        };
        let encoded = texts.iter().enumerate().map(one).collect::<gradframe::Result<Vec<Encoded>>>().or_raise()?;
        Ok(encoded.into_iter().map(|row| (row.ids, row.kinds)).collect())
    }

    /// Of each token of a text, or of two: token, kind, first character, the one behind its last, the text that it is of and the word of
    /// that; None of a special one.
    #[pyo3(signature = (text, pair=None))]
    fn spans(&self, text: &str, pair: Option<&str>) -> PyResult<Vec<TokenSpan>> {
        let spans = self.tokenizer()?.spans(text, pair).or_raise()?;
        Ok(spans.into_iter().map(|s| (s.id, s.kind, s.characters.start, s.characters.end, s.text, s.word)).collect())
    }

    /// Tokens as a text, without the special ones if they are to be skipped.
    fn decode(&self, ids: Vec<u32>, skip_special: bool) -> PyResult<String> {
        self.tokenizer()?.decode(&ids, skip_special).or_raise()
    }

    /// The number of a token; None if there is none.
    fn token_id(&self, token: &str) -> PyResult<Option<u32>> {
        Ok(self.tokenizer()?.id_of(token))
    }

    /// The bytes of [N, D] f32, and D.
    #[pyo3(signature = (texts, normalize, prompt, max_tokens, prompt_text=None))]
    fn embed(
        &self,
        py: Python<'_>,
        texts: Vec<String>,
        normalize: bool,
        prompt: Option<String>,
        max_tokens: Option<usize>,
        prompt_text: Option<String>,
    ) -> PyResult<(Py<PyBytes>, usize)> {
        let own = self.clone();
        let (vectors, width) = wait(
            py,
            blocking(move || {
                let options = EmbedOptions { max_tokens, normalize, prompt, prompt_text, batch_tokens: None };
                let embedder = own.embedder(&options)?;
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                Ok((embedder.embed(&texts)?.vectors, embedder.width()))
            }),
        )?;
        Ok((bytes_of(py, &vectors), width))
    }

    /// What the head gives for each row of tokens (of a model without one, the tokens' vectors), as bytes of f32. `kinds` says of which
    /// of two texts each token is.
    #[pyo3(signature = (rows, kinds=None))]
    fn scores(&self, py: Python<'_>, rows: Vec<Vec<u32>>, kinds: Option<Vec<Vec<u32>>>) -> PyResult<Vec<Py<PyBytes>>> {
        let model = Arc::clone(&self.model);
        let found = wait(py, blocking(move || model.scores(&rows, kinds.as_deref())))?;
        Ok(found.iter().map(|row| bytes_of(py, row)).collect())
    }

    /// As `scores`, below any head: the tokens' vectors.
    #[pyo3(signature = (rows, kinds=None))]
    fn hidden_states(&self, py: Python<'_>, rows: Vec<Vec<u32>>, kinds: Option<Vec<Vec<u32>>>) -> PyResult<Vec<Py<PyBytes>>> {
        let model = Arc::clone(&self.model);
        let found = wait(py, blocking(move || model.hidden_states(&rows, kinds.as_deref())))?;
        Ok(found.iter().map(|row| bytes_of(py, row)).collect())
    }

    /// The probability of each label for each row of tokens; `kinds` says of which of two texts each token is.
    fn classify(&self, py: Python<'_>, rows: Vec<Vec<u32>>, kinds: Vec<Vec<u32>>) -> PyResult<Vec<Vec<f32>>> {
        let own = self.clone();
        wait(
            py,
            blocking(move || {
                let classifier = own.classifier()?;
                let rows = encoded_rows(rows, kinds)?;
                let found = classifier.classify_tokens(&rows, &|_| Ok(()))?;
                if found.tokens.contains(&0) {
                    return Err(Classifier::no_tokens());
                }
                Ok(found.scores.chunks_exact(classifier.labels().len().max(1)).map(<[f32]>::to_vec).collect())
            }),
        )
    }

    /// Of each question the best answers in its text, as (score, first character, the one behind the last, answer).
    fn answer(
        &self,
        py: Python<'_>,
        pairs: Vec<(String, String)>,
        top: usize,
        max_tokens: usize,
    ) -> PyResult<Vec<Vec<SpanAnswer>>> {
        let own = self.clone();
        let found = wait(
            py,
            blocking(move || {
                let rows: Vec<(&str, &str)> = pairs.iter().map(|(question, text)| (question.as_str(), text.as_str())).collect();
                let found = own.answerer()?.answer(&rows, AnswerOptions { top, max_tokens }, &|_| Ok(()))?;
                found.answers.into_iter().collect::<gradframe::Result<Vec<_>>>()
            }),
        )?;
        let one = |a: gradframe::models::AnswerSpan| (a.score, a.characters.start, a.characters.end, a.text);
        Ok(found.into_iter().map(|answers| answers.into_iter().map(one).collect()).collect())
    }

    /// With `configured`, what is not given is as the model says. Of each prompt its new tokens, the one that ends them among them, their text, and why they end.
    #[pyo3(signature = (prompts, *, configured=true, **options))]
    fn generate(
        &self,
        py: Python<'_>,
        prompts: Vec<Vec<u32>>,
        configured: bool,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<(Vec<u32>, String, &'static str)>> {
        let (own, options) = (self.clone(), generate_options(self.generation_defaults(configured).or_raise()?, options)?);
        options.check_as(name_in_python).or_raise()?;
        let found = wait(py, blocking(move || own.generator()?.generate(&prompts, &options, &mut |_| Ok(()))))?;
        let one = |one: Generated| (one.ids.into_iter().chain(one.end).collect(), one.text, finish_name(one.finish));
        Ok(found.0.into_iter().map(one).collect())
    }

    /// Writes it to a directory that other libraries read, with the modules of sentence-transformers around it if that is asked for.
    /// The directory of its network.
    fn save(&self, py: Python<'_>, path: String, sentences: bool) -> PyResult<String> {
        let (model, dtype) = (Arc::clone(&self.model), self.dtype);
        let folder = wait(
            py,
            blocking(move || {
                let (from, weights) = (model.directory(), model.weights());
                match sentences {
                    true => files::save_sentences(model.root(), from, weights, path.as_ref(), dtype),
                    false => files::save(from, weights, path.as_ref(), dtype).map(|()| path.into()),
                }
            }),
        )?;
        Ok(folder.to_string_lossy().into_owned())
    }
}

fn bytes_of(py: Python<'_>, values: &[f32]) -> Py<PyBytes> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    PyBytes::new(py, &bytes).unbind()
}

fn finish_name(finish: generate::Finish) -> &'static str {
    match finish {
        generate::Finish::End => "end",
        generate::Finish::Stop => "stop",
        generate::Finish::Length => "length",
        generate::Finish::Context => "context",
    }
}

/// Rows of tokens with the text of the two that each is of. Errors: `Shape` where not every token has one.
fn encoded_rows(rows: Vec<Vec<u32>>, kinds: Vec<Vec<u32>>) -> gradframe::Result<Vec<Encoded>> {
    let lengths = |rows: &[Vec<u32>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
    let (of_tokens, of_kinds) = (lengths(&rows), lengths(&kinds));
    if of_tokens != of_kinds {
        let what = format!("rows of {of_tokens:?} tokens come with {of_kinds:?} kinds, expected one for each token");
        return Err(Error::shape("classify", what));
    }
    Ok(rows.into_iter().zip(kinds).map(|(ids, kinds)| Encoded { ids, kinds, is_truncated: false }).collect())
}

//! A pretrained model at work: read once, at the first text, by whoever needs it first.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use arrow::array::ArrayRef;
use datafusion::execution::TaskContext;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_models::generate::{Finish, Steps};
use gradframe_ml_models::{AnswerOptions, Answerer, Classifier, EmbedOptions, Embedder, Generator, Model};
use gradframe_plan::NamedModel;
use gradframe_plan::error::copy;
use gradframe_plan::ops::text::{OnProblem, TextColumn, TextNode, TextOptions, TextTask};

use super::answer::{Answer, column};
use super::counts::Counts;
use super::inputs::{Texts, inputs};
use super::known::{Claim, Claims, Known};
use super::shared::Shared;

/// The model of an operator.
#[derive(Debug)]
pub struct Worker {
    model: Arc<NamedModel>,
    opened: Arc<Model>,
    task: TextTask,
    options: Arc<TextOptions>,
    outputs: Vec<TextColumn>,
    shared: Arc<Shared>,
    /// The query that ran last, and what it knows: kept as long as its plan, since others of its operators may begin later.
    known: Mutex<Option<(Weak<TaskContext>, Arc<Known>)>>,
}

/// A model made ready for what is asked of it.
#[derive(Debug)]
pub enum Ready {
    Embedder(Embedder),
    Generator(Generator),
    Classifier(Classifier, Vec<Arc<str>>),
    Answerer(Answerer),
}

impl Worker {
    pub fn new(node: &TextNode) -> Self {
        Worker {
            model: Arc::clone(node.model()),
            opened: Arc::clone(node.opened()),
            task: node.task(),
            options: Arc::clone(node.options()),
            outputs: node.outputs().to_vec(),
            shared: Shared::of(node),
            known: Mutex::default(),
        }
    }

    /// `e@1`: the model and its version.
    pub fn title(&self) -> String {
        format!("{}@{}", self.model.name, self.model.version)
    }

    /// What EXPLAIN says of how it works.
    pub fn how(&self) -> String {
        let (kind, dtype) = (self.opened.kind(), self.opened.precision().name());
        let batches = match self.task {
            TextTask::Generate => "rows that go on side by side",
            TextTask::Embed | TextTask::Classify | TextTask::Answer => "by length",
        };
        let flop = self.flop_per_token();
        format!("architecture={kind}, dtype={dtype}, device=cpu, batches={batches}, flop_per_token={flop}")
    }

    /// An estimate: a multiply and an add of each weight, but those that are looked up.
    pub fn flop_per_token(&self) -> usize {
        let looked_up = self.opened.architecture().vocabulary() * self.opened.architecture().width();
        2 * self.opened.parameters().saturating_sub(looked_up)
    }

    pub fn operator(&self) -> &'static str {
        match self.task {
            TextTask::Embed => "EmbedExec",
            TextTask::Generate => "GenerateExec",
            TextTask::Classify => "ClassifyExec",
            TextTask::Answer => "AnswerExec",
        }
    }

    pub fn task(&self) -> TextTask {
        self.task
    }

    pub fn outputs(&self) -> &[TextColumn] {
        &self.outputs
    }

    /// What this query knows already of what is asked of the model, here and elsewhere in its plan.
    pub fn known(&self, context: &Arc<TaskContext>) -> Arc<Known> {
        let mut own = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((query, known)) = own.as_ref()
            && std::ptr::eq(query.as_ptr(), Arc::as_ptr(context))
        {
            return Arc::clone(known);
        }
        let known = self.shared.known(context);
        *own = Some((Arc::downgrade(context), Arc::clone(&known)));
        known
    }

    /// The appended columns of these texts.
    /// Errors: those of the model's files; `Execution` for a text that it cannot take, if that is asked for; `Cancelled`.
    pub fn columns(&self, texts: &[ArrayRef], known: &Known, counts: &Counts, stop: &AtomicBool) -> Result<Vec<ArrayRef>> {
        let columns = texts.iter().map(|column| inputs(self.task.op(), column)).collect::<Result<Vec<_>>>()?;
        let rows: Vec<Option<Texts>> = match &columns[..] {
            [first, second] => first.iter().zip(second).map(|(a, b)| Some((a?, Some(b?)))).collect(),
            [only] => only.iter().map(|text| Some((text?, None))).collect(),
            _ => return Err(Error::internal(self.task.op(), format!("is given {} columns of texts", columns.len()))),
        };
        let found = self.found(&rows, known, counts, stop)?;
        let answers: Vec<Option<Arc<Answer>>> =
            rows.iter().map(|texts| texts.and_then(|texts| found.get(&texts).map(Arc::clone))).collect();
        self.outputs.iter().map(|output| column(&output.output, &answers)).collect()
    }

    /// The answers of these texts. Those that nobody else answers go through the model; then the others are waited for, and what
    /// somebody gave up, or could not keep, goes through the model in the next round.
    fn found<'t>(
        &self,
        rows: &[Option<Texts<'t>>],
        known: &Known,
        counts: &Counts,
        stop: &AtomicBool,
    ) -> Result<HashMap<Texts<'t>, Arc<Answer>>> {
        let mut found = HashMap::new();
        let mut open: Vec<Texts> = different(rows);
        (0..rows.iter().flatten().count() - open.len()).for_each(|_| counts.add_hit());
        while !open.is_empty() {
            let (mut claims, mut others) = (Claims::new(known), Vec::new());
            for texts in open.drain(..) {
                match known.claim(texts) {
                    Claim::Known(answer) => {
                        counts.add_hit();
                        found.insert(texts, answer);
                    }
                    Claim::Own => claims.push(texts),
                    Claim::Other => others.push(texts),
                }
            }
            let own: Vec<Arc<Answer>> = self.answers(claims.texts(), counts, stop)?.into_iter().map(Arc::new).collect();
            found.extend(claims.texts().iter().copied().zip(own.iter().map(Arc::clone)));
            claims.answered(&own);
            for texts in others {
                match known.wait(texts, stop)? {
                    Some(answer) => {
                        counts.add_hit();
                        found.insert(texts, answer);
                    }
                    None => open.push(texts),
                }
            }
        }
        Ok(found)
    }

    fn answers(&self, rows: &[Texts], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let firsts = || rows.iter().map(|(text, _)| *text).collect::<Vec<_>>();
        match self.ready()? {
            Ready::Embedder(embedder) => self.embedded(embedder, &firsts(), counts, stop),
            Ready::Generator(generator) => self.generated(generator, rows, counts, stop),
            Ready::Classifier(classifier, labels) => self.classified((classifier, labels.as_slice()), rows, counts, stop),
            Ready::Answerer(answerer) => self.answered(answerer, rows, counts, stop),
        }
    }

    fn ready(&self) -> Result<&Ready> {
        self.shared.ready.get_or_init(|| self.load()).as_ref().map_err(copy)
    }

    fn load(&self) -> Result<Ready> {
        let model = self.opened.as_ref();
        match self.task {
            TextTask::Embed => {
                let own = &self.options;
                let (max_tokens, prompt) = (own.max_tokens, own.prompt_name.clone());
                let options = EmbedOptions { max_tokens, normalize: own.normalize, prompt, ..EmbedOptions::default() };
                Embedder::new(model, &options).map(Ready::Embedder)
            }
            TextTask::Generate => Generator::new(model).map(Ready::Generator),
            TextTask::Classify => {
                let classifier = Classifier::new(model)?;
                let labels = classifier.labels().iter().map(|label| label.as_str().into()).collect();
                Ok(Ready::Classifier(classifier, labels))
            }
            TextTask::Answer => Answerer::new(model).map(Ready::Answerer),
        }
    }

    fn embedded(&self, embedder: &Embedder, texts: &[&str], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
        let found = embedder.embed_observed(texts, &|_| go_on(stop))?;
        counts.add_work(found.work);
        let vectors = found.vectors.chunks_exact(embedder.width().max(1));
        let one = |(values, (&tokens, &truncated)): (&[f32], (&usize, &bool))| match (tokens, self.options.on_problem) {
            (0, OnProblem::Error) => Err(no_tokens(self.task)),
            (0, OnProblem::Null) => Ok(Answer::Failed(NO_TOKENS.to_owned())),
            _ => Ok(Answer::Vector { values: values.into(), tokens, truncated }),
        };
        vectors.zip(found.tokens.iter().zip(&found.truncated)).map(one).collect()
    }

    /// Rows are prompts, with their seeds if they have such.
    fn generated(&self, generator: &Generator, rows: &[Texts], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
        let (mut prompts, mut seeds, mut answers) = (Vec::new(), Vec::new(), Vec::with_capacity(rows.len()));
        for (text, seed) in rows {
            let ids = generator.encode(text)?;
            match (generator.check_prompt(&ids), self.options.on_problem) {
                (Ok(()), _) => {
                    answers.push(None);
                    prompts.push(ids);
                    seeds.push(seed.map_or(Ok(self.options.generate.seed), |seed| self.seed(seed))?);
                }
                (Err(error), OnProblem::Error) => return Err(error),
                (Err(error), OnProblem::Null) => answers.push(Some(Answer::Failed(error.detail().what.clone()))),
            }
        }
        let on_step = &mut |_: Steps| go_on(stop);
        let (found, steps) = generator.generate_seeded(&prompts, &seeds, &self.options.generate, on_step)?;
        counts.add_steps(steps);
        let mut found = found.into_iter().zip(&prompts).map(|(found, prompt)| Answer::Text {
            text: found.text,
            prompt_tokens: prompt.len(),
            tokens: found.ids.len(),
            finish: finish_name(found.finish),
        });
        let filled = answers.into_iter().map(|answer| answer.or_else(|| found.next()));
        filled.map(|answer| answer.ok_or_else(|| Error::internal(self.task.op(), "a prompt has no continuation"))).collect()
    }

    /// A whole number as its bits.
    fn seed(&self, text: &str) -> Result<u64> {
        let found = text.parse::<u64>().ok().or_else(|| text.parse::<i64>().ok().map(|seed| seed as u64));
        found.ok_or_else(|| Error::internal(self.task.op(), format!("`{text}` is no seed")))
    }

    fn classified(
        &self,
        (classifier, labels): (&Classifier, &[Arc<str>]),
        rows: &[Texts],
        counts: &Counts,
        stop: &AtomicBool,
    ) -> Result<Vec<Answer>> {
        let found = classifier.classify(rows, &|_| go_on(stop))?;
        counts.add_work(found.work);
        let best = |(scores, &tokens): (&[f32], &usize)| match (tokens, self.options.on_problem) {
            (0, OnProblem::Error) => Err(no_tokens(self.task)),
            (0, OnProblem::Null) => Ok(Answer::Failed(NO_TOKENS.to_owned())),
            _ => {
                let first = (0, scores[0]);
                let (at, score) = scores
                    .iter()
                    .enumerate()
                    .fold(first, |best, (i, &score)| if score.total_cmp(&best.1).is_gt() { (i, score) } else { best });
                Ok(Answer::Label { label: Arc::clone(&labels[at]), score: f64::from(score) })
            }
        };
        found.scores.chunks_exact(labels.len().max(1)).zip(&found.tokens).map(best).collect()
    }

    fn answered(&self, answerer: &Answerer, rows: &[Texts], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
        let pairs: Vec<(&str, &str)> = rows.iter().map(|(question, text)| (*question, text.unwrap_or_default())).collect();
        let default = AnswerOptions::default();
        let options = AnswerOptions { top: 1, max_tokens: self.options.max_answer_tokens.unwrap_or(default.max_tokens) };
        let found = answerer.answer(&pairs, options, &|_| go_on(stop))?;
        counts.add_work(found.work);
        let one = |answers: Result<Vec<gradframe_ml_models::AnswerSpan>>| match (answers, self.options.on_problem) {
            (Err(error), OnProblem::Error) => Err(error),
            (Err(error), OnProblem::Null) => Ok(Answer::Failed(error.detail().what.clone())),
            (Ok(answers), _) => Ok(match answers.into_iter().next() {
                Some(best) => Answer::Part { text: best.text, score: best.score, characters: best.characters },
                None => Answer::Failed(NO_TOKENS.to_owned()),
            }),
        };
        found.answers.into_iter().map(one).collect()
    }
}

/// The different texts, in the order in which they come first.
fn different<'t>(rows: &[Option<Texts<'t>>]) -> Vec<Texts<'t>> {
    let mut seen = HashSet::new();
    rows.iter().flatten().copied().filter(|texts| seen.insert(*texts)).collect()
}

/// Why there is no answer for a text of which nothing is left.
const NO_TOKENS: &str = "the text has no tokens";

fn no_tokens(task: TextTask) -> Error {
    Error::execution(task.op(), NO_TOKENS).hint("filter empty texts")
}

/// Errors: `Cancelled` if nobody waits any more.
pub fn go_on(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::cancelled("text", "nobody waits for the answer any more")),
        false => Ok(()),
    }
}

fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::End => "end",
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Context => "context",
    }
}

//! A pretrained model at work: read once, at the first text, by whoever needs it first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_models::generate::{Finish, Steps};
use gradframe_ml_models::{Classifier, EmbedOptions, Embedder, Generator, Model, Work};
use gradframe_plan::NamedModel;
use gradframe_plan::error::copy;
use gradframe_plan::ops::text::{OnProblem, TextNode, TextOptions, TextOutput, TextTask};

use super::answer::{Answer, column};
use super::known::Known;

/// The model of an operator.
#[derive(Debug)]
pub struct Worker {
    model: Arc<NamedModel>,
    opened: Arc<Model>,
    task: TextTask,
    options: Arc<TextOptions>,
    outputs: Vec<TextOutput>,
    ready: OnceLock<Result<Ready>>,
    /// Of the query that runs.
    known: Mutex<Weak<Known>>,
}

#[derive(Debug)]
enum Ready {
    Embedder(Embedder),
    Generator(Generator),
    Classifier(Classifier, Vec<Arc<str>>),
}

impl Worker {
    pub fn new(node: &TextNode) -> Self {
        Worker {
            model: Arc::clone(node.model()),
            opened: Arc::clone(node.opened()),
            task: node.task(),
            options: Arc::clone(node.options()),
            outputs: node.outputs().to_vec(),
            ready: OnceLock::new(),
            known: Mutex::default(),
        }
    }

    /// `e@1`: the model and its version.
    pub fn title(&self) -> String {
        format!("{}@{}", self.model.name, self.model.version)
    }

    /// What EXPLAIN says of how it works.
    pub fn how(&self) -> String {
        let (kind, dtype) = (self.opened.kind(), self.opened.weights().main_dtype());
        let parameters: usize = self.opened.weights().iter().map(|w| w.shape.iter().product::<usize>()).sum();
        let batches = match self.task {
            TextTask::Generate => "rows that go on side by side",
            TextTask::Embed | TextTask::Classify => "by length",
        };
        // A multiply and an add of each weight, but those that are looked up.
        let looked_up = self.opened.architecture().vocabulary() * self.opened.architecture().width();
        let flop = 2 * parameters.saturating_sub(looked_up);
        format!("architecture={kind}, dtype={dtype}, device=cpu, batches={batches}, flop_per_token={flop}")
    }

    pub fn operator(&self) -> &'static str {
        match self.task {
            TextTask::Embed => "EmbedExec",
            TextTask::Generate => "GenerateExec",
            TextTask::Classify => "ClassifyExec",
        }
    }

    pub fn task(&self) -> TextTask {
        self.task
    }

    pub fn outputs(&self) -> &[TextOutput] {
        &self.outputs
    }

    /// What this query knows already, as long as one of its partitions runs.
    pub fn known(&self, context: &TaskContext) -> Arc<Known> {
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        known.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Known::new(self.task.op(), context));
            *known = Arc::downgrade(&new);
            new
        })
    }

    /// The appended columns of these texts.
    /// Errors: those of the model's files; `Execution` for a text that it cannot take, if that is asked for; `Cancelled`.
    pub fn columns(&self, texts: &ArrayRef, known: &Known, counts: &Counts, stop: &AtomicBool) -> Result<Vec<ArrayRef>> {
        let texts = cast(texts, &DataType::Utf8).map_err(|e| Error::internal(self.task.op(), e.to_string()))?;
        let texts: Vec<Option<&str>> = texts.as_string::<i32>().iter().collect();
        let (new, places) = self.look_up(&texts, known, counts);
        let found = self.answers(&new, counts, stop)?;
        let found: Vec<Arc<Answer>> = found.into_iter().map(Arc::new).collect();
        new.iter().zip(&found).for_each(|(text, answer)| known.keep(text, answer));
        let answer = |place: Place| match place {
            Place::Null => None,
            Place::Known(answer) => Some(answer),
            Place::New(at) => found.get(at).map(Arc::clone),
        };
        let answers: Vec<Option<Arc<Answer>>> = places.into_iter().map(answer).collect();
        self.outputs.iter().map(|output| column(output, &answers)).collect()
    }

    /// The different texts of which nothing is known, and for each row where its answer is.
    fn look_up<'t>(&self, texts: &[Option<&'t str>], known: &Known, counts: &Counts) -> (Vec<&'t str>, Vec<Place>) {
        let (mut new, mut numbers) = (Vec::new(), HashMap::new());
        let place = |text: &Option<&'t str>| {
            let Some(text) = text else { return Place::Null };
            if let Some(answer) = known.get(text) {
                counts.cache_hits.add(1);
                return Place::Known(answer);
            }
            let next = new.len();
            let at = *numbers.entry(*text).or_insert(next);
            if at == next {
                new.push(*text);
            } else {
                counts.cache_hits.add(1);
            }
            Place::New(at)
        };
        let places = texts.iter().map(place).collect();
        (new, places)
    }

    fn answers(&self, texts: &[&str], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        match self.ready()? {
            Ready::Embedder(embedder) => embedded(embedder, texts, counts, stop),
            Ready::Generator(generator) => self.generated(generator, texts, counts, stop),
            Ready::Classifier(classifier, labels) => classified(classifier, labels, texts, counts, stop),
        }
    }

    fn ready(&self) -> Result<&Ready> {
        self.ready.get_or_init(|| self.load()).as_ref().map_err(copy)
    }

    fn load(&self) -> Result<Ready> {
        let model = self.opened.as_ref();
        match self.task {
            TextTask::Embed => {
                let own = &self.options;
                let (max_tokens, prompt) = (own.max_tokens, own.prompt_name.clone());
                let options = EmbedOptions { max_tokens, normalize: own.normalize, prompt, batch_tokens: None };
                Embedder::new(model, &options).map(Ready::Embedder)
            }
            TextTask::Generate => Generator::new(model).map(Ready::Generator),
            TextTask::Classify => {
                let classifier = Classifier::new(model)?;
                let labels = classifier.labels().iter().map(|label| label.as_str().into()).collect();
                Ok(Ready::Classifier(classifier, labels))
            }
        }
    }

    fn generated(&self, generator: &Generator, texts: &[&str], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
        let (mut prompts, mut answers) = (Vec::new(), Vec::with_capacity(texts.len()));
        for text in texts {
            let ids = generator.encode(text)?;
            match (generator.check_prompt(&ids), self.options.on_problem) {
                (Ok(()), _) => {
                    answers.push(None);
                    prompts.push(ids);
                }
                (Err(error), OnProblem::Error) => return Err(error),
                (Err(error), OnProblem::Null) => answers.push(Some(Answer::Failed(error.detail().what.clone()))),
            }
        }
        let on_step = &mut |_: Steps| go_on(stop);
        let (found, steps) = generator.generate(&prompts, &self.options.generate, on_step)?;
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
}

/// Where a row's answer is.
enum Place {
    Null,
    Known(Arc<Answer>),
    New(usize),
}

/// Errors: `Cancelled` if nobody waits any more.
fn go_on(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::cancelled("text", "nobody waits for the answer any more")),
        false => Ok(()),
    }
}

fn embedded(embedder: &Embedder, texts: &[&str], counts: &Counts, stop: &AtomicBool) -> Result<Vec<Answer>> {
    let found = embedder.embed_observed(texts, &|_| go_on(stop))?;
    counts.add_work(found.work);
    let vectors = found.vectors.chunks_exact(embedder.width().max(1));
    let rows = vectors.zip(found.tokens.iter().zip(&found.truncated));
    Ok(rows.map(|(values, (&tokens, &truncated))| Answer::Vector { values: values.into(), tokens, truncated }).collect())
}

fn classified(
    classifier: &Classifier,
    labels: &[Arc<str>],
    texts: &[&str],
    counts: &Counts,
    stop: &AtomicBool,
) -> Result<Vec<Answer>> {
    let pairs: Vec<(&str, Option<&str>)> = texts.iter().map(|text| (*text, None)).collect();
    let found = classifier.classify(&pairs, &|_| go_on(stop))?;
    counts.add_work(found.work);
    let best = |scores: &[f32]| {
        let first = (0, f32::NEG_INFINITY);
        let (at, score) =
            scores.iter().enumerate().fold(first, |best, (i, &score)| if score > best.1 { (i, score) } else { best });
        Answer::Label { label: Arc::clone(&labels[at]), score: f64::from(score) }
    };
    Ok(found.scores.chunks_exact(labels.len().max(1)).map(best).collect())
}

fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::End => "end",
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Context => "context",
    }
}

/// What EXPLAIN ANALYZE says.
#[derive(Debug)]
pub struct Counts {
    cache_hits: Count,
    tokens: Count,
    batches: Count,
    by_length: Option<[Count; 2]>,
    by_step: Option<[Count; 3]>,
}

impl Counts {
    pub fn new(metrics: &ExecutionPlanMetricsSet, partition: usize, task: TextTask) -> Self {
        let count = |name: &'static str| MetricBuilder::new(metrics).counter(name, partition);
        let generates = task == TextTask::Generate;
        Counts {
            cache_hits: count("cache_hits"),
            tokens: count("tokens"),
            batches: count("batches"),
            by_length: (!generates).then(|| [count("texts"), count("padding_tokens")]),
            by_step: generates.then(|| [count("prompt_tokens"), count("shared_prompt_tokens"), count("idle_rows")]),
        }
    }

    fn add_work(&self, work: Work) {
        self.tokens.add(work.tokens);
        self.batches.add(work.batches);
        if let Some([texts, padding]) = &self.by_length {
            texts.add(work.rows);
            padding.add(work.padding);
        }
    }

    fn add_steps(&self, steps: Steps) {
        self.tokens.add(steps.tokens);
        self.batches.add(steps.runs);
        if let Some([prompt, shared, idle]) = &self.by_step {
            prompt.add(steps.prompt_tokens);
            shared.add(steps.shared_tokens);
            idle.add(steps.idle_rows);
        }
    }
}

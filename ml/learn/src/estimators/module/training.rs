//! Training of a module.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::compile;

use super::super::epochs::{Epochs, Programs};
use super::super::network::{check_rows, schedule};
use super::Module;
use super::options::course;
use super::step::{Rule, Step as StepSpec};
use super::stored::capture_name;
use crate::checkpoint::Checkpoint;
use crate::estimator::{Layout, Options, Request, Step, Task, Training};
use crate::minibatch::{Cut, Position};
use crate::registry::option;

/// A training in progress.
#[derive(Debug)]
pub(super) struct ModuleTraining {
    module: Arc<Module>,
    layout: Layout,
    options: Options,
    seed: u64,
    rules: Vec<Rule>,
    epochs: Option<Epochs>,
}

impl ModuleTraining {
    /// A training from the module's own parameters. Errors: `Plan` for an option or a rule that is unknown, or weights of
    /// rows with a loss of the whole batch; `Shape` if the module has not a score for each class; `Execution` for no rows.
    pub fn begin(module: Arc<Module>, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>> {
        check_rows(module.task, layout)?;
        check_classes(&module, layout)?;
        check_weights(&module, layout)?;
        let rules = rules(&module)?;
        let (layout, options) = (layout.clone(), options.clone());
        Ok(Box::new(ModuleTraining { module, layout, options, seed, rules, epochs: None }))
    }

    fn programs(&self) -> Result<Programs> {
        let batch_rows = option(&self.options, "batch_size")? as usize;
        let batches = Cut { rows: self.layout.rows as usize, batch_rows }.batches() as f64;
        let spec = StepSpec {
            module: &self.module,
            layout: &self.layout,
            rules: &self.rules,
            schedule: schedule(&self.options, batches)?,
            clip_norm: option(&self.options, "clip_norm")?,
            seed: self.seed,
        };
        Ok(Programs {
            step: Arc::new(compile(&spec.function()?)?),
            evaluation: Arc::new(compile(&spec.evaluation()?)?),
            evaluation_rows: batch_rows.max(1024),
            names: self.names(),
            parts: self.module.parameters.len() + self.module.buffers.len(),
            loss_unit: 1.0,
        })
    }

    /// The state's names, in order.
    fn names(&self) -> Vec<String> {
        let Module { parameters, buffers, .. } = self.module.as_ref();
        let parts = parameters.iter().chain(buffers).map(|(name, _)| name.clone());
        let slots = parameters.iter().zip(&self.rules);
        let slots = slots.flat_map(|((name, _), rule)| rule.rule.slots().iter().map(move |slot| format!("{name}/{slot}")));
        parts.chain(slots).chain(["step", "rate"].map(String::from)).collect()
    }

    /// The state before the first update.
    fn first(&self) -> Result<Vec<Tensor>> {
        let Module { parameters, buffers, .. } = self.module.as_ref();
        let mut state: Vec<Tensor> = parameters.iter().chain(buffers).map(|(_, tensor)| tensor.clone()).collect();
        for ((_, tensor), rule) in parameters.iter().zip(&self.rules) {
            let zeros = Tensor::from_vec(tensor.shape(), vec![0f64; tensor.len()])?.cast(tensor.dtype())?;
            state.extend(std::iter::repeat_n(zeros, rule.rule.slots().len()));
        }
        state.extend([Tensor::scalar(0f64), Tensor::scalar(0f64)]);
        Ok(state)
    }

    fn epochs(&mut self) -> Result<&mut Epochs> {
        if self.epochs.is_none() {
            let course = course(&self.layout, &self.options, self.seed)?;
            self.epochs = Some(Epochs::new(course, self.programs()?, self.first()?));
        }
        self.epochs.as_mut().ok_or_else(|| Error::internal("train", "no epochs"))
    }

    /// A finished module also keeps what it used and was not given.
    fn with_captures(&self, mut request: Request) -> Request {
        if let Request::Done(fitted) = &mut request {
            let captures = self.module.forward.captures.iter().enumerate();
            fitted.weights.extend(captures.map(|(number, tensor)| (capture_name(number), tensor.clone())));
        }
        request
    }
}

impl Training for ModuleTraining {
    fn next(&mut self, answer: Option<Vec<Tensor>>) -> Result<(Option<Step>, Request)> {
        let epochs = self.epochs()?;
        let (step, request) = match answer {
            None => (None, epochs.proceed()?),
            Some(answer) => epochs.answered(answer)?,
        };
        Ok((step, self.with_captures(request)))
    }

    fn state_bytes(&self) -> Result<usize> {
        let own = |tensor: &Tensor| tensor.buffer().len();
        let kept = |(rule, (_, tensor)): (&Rule, &(String, Tensor))| own(tensor) * (2 + rule.rule.slots().len());
        let parameters: usize = self.rules.iter().zip(&self.module.parameters).map(kept).sum();
        Ok(parameters + self.module.buffers.iter().map(|(_, tensor)| own(tensor)).sum::<usize>())
    }

    fn checkpoint(&self, inside: Option<&Position>) -> Result<Option<Checkpoint>> {
        let mut checkpoint = Checkpoint::default();
        let saved = self.epochs.as_ref().is_some_and(|epochs| epochs.save(inside, &mut checkpoint));
        Ok(saved.then_some(checkpoint))
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let course = course(&self.layout, &self.options, self.seed)?;
        self.epochs = Some(Epochs::restore(course, self.programs()?, &self.first()?, checkpoint)?);
        Ok(())
    }
}

/// By parameter.
fn rules(module: &Module) -> Result<Vec<Rule>> {
    let of = |number: usize| {
        let group = module.groups.iter().find(|group| group.members.contains(&number));
        let group = group.ok_or_else(|| Error::internal("train", "a parameter in no group"))?;
        Ok(Rule { rule: group.rule.rule()?, rate: group.rate })
    };
    (0..module.parameters.len()).map(of).collect()
}

/// Errors: `Shape` if the module has not a score for each class.
pub(super) fn check_classes(module: &Module, layout: &Layout) -> Result<()> {
    if module.task == Task::Regression {
        return Ok(());
    }
    let (name, classes) = (&layout.label.name, layout.label.classes.len());
    let what = match module.classes()? {
        Some(scores) if scores != classes => {
            format!("the module gives {scores} scores a row, label `{name}` has {classes} classes")
        }
        None if classes != 2 => {
            format!("the module gives one score a row, which tells two classes; label `{name}` has {classes}")
        }
        _ => return Ok(()),
    };
    Err(Error::shape("train", what).hint(format!("make its last layer give {classes} numbers a row")))
}

/// Errors: `Plan` if rows have weights and the loss is one number for all.
fn check_weights(module: &Module, layout: &Layout) -> Result<()> {
    let of_batch = module.training.function.output_types().next().is_none_or(|ty| ty.shape.rank() == 0);
    if !(layout.weighted && of_batch) {
        return Ok(());
    }
    let what = "rows have weights, and the loss gives one number for a whole batch";
    Err(Error::plan("train", what).hint("give a loss for each row: reduction=\"none\""))
}

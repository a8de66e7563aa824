//! Parameters in groups, what is kept beside them, and the step that updates both.

use std::collections::HashSet;

use gradframe_ml_array::{Array, Gradients, Optimizer as Steps, Update, When, numbers_of_step, realise_all};
use gradframe_ml_core::{Error, Result};

use super::rules::{Rule, check_rate};
use crate::parameter::Parameter;
use crate::state::StateDict;

/// Parameters, in groups with rules of their own, and what the rules keep beside them.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::Parameter;
/// use gradframe_ml_nn::optim::SGD;
///
/// let x = Parameter::new(&Array::from_vec(&[2], vec![1.0f32, -2.0])?)?;
/// let mut optimizer = SGD::new().lr(0.25).build([x.clone()])?;
/// let loss = x.array().square()?.sum(None, false)?;
/// optimizer.step(&loss.backward()?)?; // x - 0.25 * 2 x
/// assert_eq!(x.array().to_vec::<f32>()?, [0.5, -1.0]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    pub(super) groups: Vec<Group>,
    steps: Steps,
}

/// Parameters with one rule.
#[derive(Debug)]
pub(super) struct Group {
    pub rule: Rule,
    /// The learning rate when the first schedule set it.
    initial_lr: Option<f64>,
    pub members: Vec<Member>,
    /// Stand-ins for the numbers of the step after so many, while a function is traced that steps.
    pub given: Vec<(u64, Vec<Array>)>,
}

/// A parameter and what is kept beside it.
#[derive(Debug)]
pub(super) struct Member {
    parameter: Parameter,
    /// How many steps it has made.
    pub done: u64,
    /// Empty before the first step.
    pub slots: Vec<Array>,
}

/// What a step leaves of a member, by its place in its group.
struct Next {
    place: usize,
    value: Array,
    slots: Vec<Array>,
}

impl Optimizer {
    /// One group. [`Adam::build`](super::Adam::build) and the like say the same shorter.
    /// Errors: `Plan` naming a number of the rule that means nothing; for no parameters, or one that is given twice.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, rule: impl Into<Rule>) -> Result<Self> {
        let mut optimizer = Optimizer { groups: Vec::new(), steps: Steps::new() };
        optimizer.add_param_group(parameters, rule)?;
        Ok(optimizer)
    }

    /// Adds parameters with a rule of their own. Errors: as for [`Optimizer::new`].
    ///
    /// ```
    /// use gradframe_ml_nn::optim::AdamW;
    /// use gradframe_ml_nn::{Linear, Module};
    ///
    /// let (body, head) = (Linear::new(4, 8)?, Linear::new(8, 2)?);
    /// let mut optimizer = AdamW::new().lr(1e-5).build(body.parameters())?;
    /// optimizer.add_param_group(head.parameters(), AdamW::new().lr(1e-3))?;
    /// assert_eq!(optimizer.lrs(), [1e-5, 1e-3]);
    /// # Ok::<(), gradframe_ml_core::Error>(())
    /// ```
    pub fn add_param_group(&mut self, parameters: impl IntoIterator<Item = Parameter>, rule: impl Into<Rule>) -> Result<()> {
        let rule = rule.into();
        rule.check()?;
        rule.named.rule()?;
        let mut known: HashSet<usize> = self.members().map(|member| member.parameter.0.identity()).collect();
        let mut members = Vec::new();
        for parameter in parameters {
            if !known.insert(parameter.0.identity()) {
                let what = format!("a parameter {parameter:?} is given twice");
                return Err(Error::plan("optimizer", what).hint("tied weights belong to one group, once"));
            }
            members.push(Member { parameter, done: 0, slots: Vec::new() });
        }
        if members.is_empty() {
            return Err(Error::plan("optimizer", "there are no parameters").hint("model.parameters()"));
        }
        self.groups.push(Group { rule, initial_lr: None, members, given: Vec::new() });
        Ok(())
    }

    /// All parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.members().map(|member| &member.parameter)
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.groups.iter().flat_map(|group| &group.members)
    }

    /// Updates every parameter that has a gradient here, and computes the new values.
    /// Errors: `Plan` if none has, as gradients belong to the values before a step; `Resources` and those of computing them. Then no
    /// parameter has changed.
    pub fn step(&mut self, gradients: &Gradients) -> Result<()> {
        let next = self.groups.iter().map(|group| group.next(&self.steps, gradients)).collect::<Result<Vec<_>>>()?;
        if next.iter().all(Vec::is_empty) {
            let error = Error::plan("optimizer", "no parameter has a gradient here");
            return Err(error.hint("gradients are of one step: compute the loss and its backward() anew for each"));
        }
        let computed: Vec<Array> =
            next.iter().flatten().flat_map(|next| std::iter::once(&next.value).chain(&next.slots)).cloned().collect();
        if !computed.iter().any(Array::is_traced) {
            realise_all(&computed)?;
        } else if self.groups.iter().any(|group| group.given.is_empty()) {
            let error = Error::plan("optimizer", "it steps within a function that is traced, which knows nothing of it");
            return Err(error.hint("TrainStep compiles a step of a training"));
        }
        for (group, next) in self.groups.iter_mut().zip(next) {
            next.into_iter().try_for_each(|next| group.put(next))?;
        }
        Ok(())
    }

    /// The learning rate of the first group.
    pub fn lr(&self) -> f64 {
        self.groups.first().map_or(0.0, |group| group.rule.lr)
    }

    /// The learning rate of each group.
    pub fn lrs(&self) -> Vec<f64> {
        self.groups.iter().map(|group| group.rule.lr).collect()
    }

    /// Sets the learning rate of all groups. Errors: `Plan` unless it is a finite number from 0.
    pub fn set_lr(&mut self, lr: f64) -> Result<()> {
        self.set_lrs(&vec![lr; self.groups.len()])
    }

    /// Sets the learning rate of each group. Errors: `Plan` unless there is a finite number from 0 for each.
    pub fn set_lrs(&mut self, lrs: &[f64]) -> Result<()> {
        if lrs.len() != self.groups.len() {
            return Err(Error::plan("optimizer", format!("{} rates for {} groups", lrs.len(), self.groups.len())));
        }
        for (group, &lr) in self.groups.iter().zip(lrs) {
            check_rate(&group.rule.named.name, lr)?;
        }
        self.groups.iter_mut().zip(lrs).for_each(|(group, &lr)| group.rule.lr = lr);
        Ok(())
    }

    /// The learning rates from which schedules go: those that were when this was first called.
    pub(super) fn initial_lrs(&mut self) -> Vec<f64> {
        self.groups.iter_mut().map(|group| *group.initial_lr.get_or_insert(group.rule.lr)).collect()
    }

    /// What is kept beside the parameters, and how many steps each has made: `3.mean`, of the fourth parameter of all groups, and
    /// `3.step`. Learning rates and the other numbers of rules are not in it. Errors: those of computing it.
    pub fn state_dict(&self) -> Result<StateDict> {
        let mut state = StateDict::default();
        for (place, (group, member)) in
            self.groups.iter().flat_map(|group| group.members.iter().map(move |m| (group, m))).enumerate()
        {
            if member.done > 0 {
                state.insert(format!("{place}.step"), Array::from_vec(&[], vec![member.done])?);
                let names = group.rule.named.rule()?.slots();
                names.iter().zip(&member.slots).for_each(|(name, slot)| state.insert(format!("{place}.{name}"), slot.clone()));
            }
        }
        Ok(state)
    }

    /// Goes on where an optimiser of the same rules and parameters has stopped.
    /// Errors: `Plan` naming what is missing; `Shape` for an array that does not fit its parameter. Then nothing has changed.
    pub fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let mut next: Vec<(u64, Vec<Array>)> = Vec::new();
        for (place, (group, member)) in
            self.groups.iter().flat_map(|group| group.members.iter().map(move |m| (group, m))).enumerate()
        {
            next.push(group.loaded(place, member, state)?);
        }
        let members = self.groups.iter_mut().flat_map(|group| &mut group.members);
        members.zip(next).for_each(|(member, (done, slots))| (member.done, member.slots) = (done, slots));
        Ok(())
    }
}

impl Group {
    /// What the step makes of the members that have gradients.
    fn next(&self, steps: &Steps, gradients: &Gradients) -> Result<Vec<Next>> {
        let mut next = Vec::new();
        for done in self.counts() {
            let places: Vec<(usize, Array)> = self
                .members
                .iter()
                .enumerate()
                .filter(|(_, member)| member.done == done)
                .filter_map(|(place, member)| Some((place, gradients.of(&member.parameter.array())?.clone())))
                .collect();
            if !places.is_empty() {
                next.extend(self.updated(steps, done, &places)?);
            }
        }
        Ok(next)
    }

    /// The numbers of steps that members have made, each once.
    pub fn counts(&self) -> Vec<u64> {
        let mut counts: Vec<u64> = self.members.iter().map(|member| member.done).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    fn updated(&self, steps: &Steps, done: u64, places: &[(usize, Array)]) -> Result<Vec<Next>> {
        let (mut parameters, mut gradients, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for (place, gradient) in places {
            let member = &self.members[*place];
            parameters.push(member.parameter.array().detached()?);
            gradients.push(gradient.clone());
            slots.extend(self.slots_of(member)?);
        }
        let of = Update { parameters: &parameters, gradients: &gradients, slots: &slots };
        let (values, kept) = steps.step_given(&self.rule.named, &self.numbers(done)?, &of)?;
        let each = kept.len() / places.len().max(1);
        let next =
            |(i, value): (usize, Array)| Next { place: places[i].0, value, slots: kept[i * each..(i + 1) * each].to_vec() };
        Ok(values.into_iter().enumerate().map(next).collect())
    }

    /// The numbers of the step after so many.
    fn numbers(&self, done: u64) -> Result<Vec<Array>> {
        match self.given.iter().find(|(count, _)| *count == done) {
            Some((_, numbers)) => Ok(numbers.clone()),
            None if !self.given.is_empty() => {
                let error = Error::plan("optimizer", "a compiled step steps it twice, which has the numbers of one step");
                Err(error.hint("a TrainStep for each, or one update by gradients that were accumulated"))
            }
            None => numbers_of_step(&self.rule.named, When { rate: self.rule.lr, step: done + 1 }),
        }
    }

    /// What is kept beside a member, or would be before its first step.
    pub fn slots_of(&self, member: &Member) -> Result<Vec<Array>> {
        if !member.slots.is_empty() {
            return Ok(member.slots.clone());
        }
        let like = member.parameter.array();
        let sizes = crate::functional::ints(like.shape().iter().copied());
        let number = Array::number("optimizer", gradframe_ml_array::Number::Float(self.rule.beginning), like.element())?;
        (0..self.slots()).map(|_| crate::functional::one("full", &[&number], [sizes.clone()])).collect()
    }

    /// How many arrays the rule keeps beside each parameter.
    pub fn slots(&self) -> usize {
        self.rule.named.rule().map_or(0, |rule| rule.slots().len()) // it was checked when the group was made
    }

    fn put(&mut self, next: Next) -> Result<()> {
        let member = &mut self.members[next.place];
        member.parameter.0.replace(next.value.watched()?);
        (member.done, member.slots) = (member.done + 1, next.slots);
        Ok(())
    }

    fn loaded(&self, place: usize, member: &Member, state: &StateDict) -> Result<(u64, Vec<Array>)> {
        let Some(step) = state.get(&format!("{place}.step")) else { return Ok((0, Vec::new())) };
        let done = step.tensor()?.to_f64().first().copied().unwrap_or(0.0) as u64;
        let like = member.parameter.array();
        let slot = |name: &&'static str| {
            let name = format!("{place}.{name}");
            let given = state.get(&name).ok_or_else(|| Error::plan("load_state_dict", format!("`{name}` is missing")))?;
            if given.ty() != like.ty() {
                return Err(Error::shape("load_state_dict", format!("`{name}` is {}, expected {}", given.ty(), like.ty())));
            }
            Ok(given.clone())
        };
        Ok((done, self.rule.named.rule()?.slots().iter().map(slot).collect::<Result<_>>()?))
    }
}

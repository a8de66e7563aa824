//! An optimiser between two calls of a compiled step, and while one is traced.

use gradframe_ml_array::{Array, When, numbers_of_step};
use gradframe_ml_core::Result;

use super::optimizer::Optimizer;

/// Equal for optimisers that one program serves: rules with the names of their numbers, and which parameters have made as many steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Form(Vec<(String, Vec<String>, Vec<usize>)>);

/// What an optimiser was before a function was traced that steps it: steps and slots of each parameter.
pub(crate) struct Entered(Vec<(u64, Vec<Array>)>);

impl Optimizer {
    /// What decides which program serves it.
    pub(crate) fn form(&self) -> Form {
        let of_group = |group: &super::optimizer::Group| {
            let counts = group.counts();
            let moment = |done: u64| counts.iter().position(|&count| count == done).unwrap_or(0);
            let names = group.rule.named.form().into_iter().map(String::from).collect();
            (group.rule.named.name.clone(), names, group.members.iter().map(|member| moment(member.done)).collect())
        };
        Form(self.groups.iter().map(of_group).collect())
    }

    /// What its next steps are given: the numbers of each, then what is kept beside all parameters.
    pub(crate) fn given(&self) -> Result<Vec<Array>> {
        let mut given = Vec::new();
        for group in &self.groups {
            for done in group.counts() {
                given.extend(numbers_of_step(&group.rule.named, When { rate: group.rule.lr, step: done + 1 })?);
            }
        }
        for group in &self.groups {
            for member in &group.members {
                given.extend(group.slots_of(member)?);
            }
        }
        Ok(given)
    }

    /// From here on its next steps are given stand-ins of that. Gives what was before.
    pub(crate) fn enter(&mut self, stand_ins: &[Array]) -> Entered {
        let mut stand_ins = stand_ins.iter().cloned();
        for group in &mut self.groups {
            let count = 2 + group.rule.named.arguments().count();
            group.given = group.counts().into_iter().map(|done| (done, stand_ins.by_ref().take(count).collect())).collect();
        }
        let mut before = Vec::new();
        for group in &mut self.groups {
            let each = group.slots();
            for member in &mut group.members {
                let slots = stand_ins.by_ref().take(each).collect();
                before.push((member.done, std::mem::replace(&mut member.slots, slots)));
            }
        }
        Entered(before)
    }

    /// It is again as it was. Gives what was kept beside the parameters at the end, and which of them made a step.
    pub(crate) fn leave(&mut self, before: Entered) -> (Vec<Array>, Vec<bool>) {
        let (mut slots, mut updated) = (Vec::new(), Vec::new());
        self.groups.iter_mut().for_each(|group| group.given.clear());
        let members = self.groups.iter_mut().flat_map(|group| &mut group.members);
        for (member, (done, kept)) in members.zip(before.0) {
            updated.push(member.done > done);
            slots.extend(std::mem::replace(&mut member.slots, kept));
            member.done = done;
        }
        (slots, updated)
    }

    /// Parameters that made a step keep these from now on; None for one that has its value already.
    pub(crate) fn put(&mut self, slots: impl Iterator<Item = Option<Array>>, updated: &[bool]) {
        let mut slots = slots;
        let mut updated = updated.iter();
        for group in &mut self.groups {
            let each = group.slots();
            for member in &mut group.members {
                let next: Vec<Option<Array>> = slots.by_ref().take(each).collect();
                if !updated.next().is_some_and(|&updated| updated) {
                    continue;
                }
                member.done += 1;
                let own = std::mem::take(&mut member.slots).into_iter().map(Some).chain(std::iter::repeat(None));
                member.slots = next.into_iter().zip(own).filter_map(|(next, own)| next.or(own)).collect();
            }
        }
    }
}

//! Loops and choices: schedules inside a schedule, run by the same workers.
//!
//! What a loop is given is lent to it without a copy. Its carried values are handed from step to step as arguments that
//! are given away, so that a step writes over them where it may: rows that a loop fills cost a row a step.

use arrow_buffer::{Buffer, MutableBuffer};
use gradframe_ml_core::ops::check_limit;
use gradframe_ml_core::{Error, Result, Shape, Tensor};

use super::{Arguments, Run, lengths_of};
use crate::cpu::Scratch;
use crate::schedule::{BufferId, Choose, Repeat, Schedule, Source, Trips};

/// Memory of the program that is read as a tensor while a loop runs.
struct Loan {
    buffer: BufferId,
    memory: Buffer,
}

impl Run<'_> {
    pub(super) fn repeat(&mut self, number: usize, kernel: &Repeat) -> Result<()> {
        let mut loans = Vec::new();
        let mut carried = self.lent(&kernel.carried, &mut loans)?;
        let constants = self.lent(&kernel.constants, &mut loans)?;
        let arguments = |step: usize, carried: &mut dyn Iterator<Item = Tensor>| {
            let step = std::iter::once(Tensor::scalar(step as i64));
            step.chain(carried).chain(constants.iter().cloned()).collect::<Vec<Tensor>>()
        };
        let mut body = Nested::of(&kernel.body, self.scratch.take_nested(number, 0));
        self.hand_down(&kernel.results, &mut body.scratch);
        let mut condition = match &kernel.trips {
            Trips::Count(_) => None,
            Trips::While { condition, .. } => Some(Nested::of(condition, self.scratch.take_nested(number, 1))),
        };
        for step in 0.. {
            match (&kernel.trips, &mut condition) {
                (Trips::While { limit, .. }, Some(condition)) => {
                    let holds = condition.run(self, arguments(step, &mut carried.iter().cloned()))?;
                    if holds.first().is_none_or(|holds| holds.buffer().as_slice() == [0]) {
                        break;
                    }
                    check_limit(step, *limit)?;
                }
                (Trips::Count(count), _) if step < *count => {}
                _ => break,
            }
            let given = arguments(step, &mut carried.drain(..));
            carried = body.run(self, given)?;
        }
        self.scratch.give_nested(number, 0, body.scratch);
        if let Some(condition) = condition {
            self.scratch.give_nested(number, 1, condition.scratch);
        }
        drop(constants);
        self.settle(carried, &kernel.results, loans)
    }

    pub(super) fn choose(&mut self, number: usize, kernel: &Choose) -> Result<()> {
        let at = usize::from(self.env(&[]).bytes(kernel.condition.index()).first() == Some(&0));
        let mut loans = Vec::new();
        let operands = self.lent(&kernel.operands, &mut loans)?;
        let mut branch = Nested::of(&kernel.branches[at], self.scratch.take_nested(number, at));
        self.hand_down(&kernel.results, &mut branch.scratch);
        let results = branch.run(self, operands)?;
        self.scratch.give_nested(number, at, branch.scratch);
        self.settle(results, &kernel.results, loans)
    }

    /// The operands as tensors over the program's own memory.
    fn lent(&mut self, operands: &[(BufferId, Shape)], loans: &mut Vec<Loan>) -> Result<Vec<Tensor>> {
        let mut tensors = Vec::with_capacity(operands.len());
        for (id, shape) in operands {
            let shape = shape.eval(self.sizes)?;
            let buffer = &self.schedule.buffers[id.index()];
            tensors.push(match &buffer.source {
                Source::Input(index) => self.env(&[]).inputs[*index].reshaped(&shape)?,
                Source::Const(value) => value.reshaped(&shape)?,
                Source::Output | Source::Slot(_) => {
                    let memory = self.loan(*id, loans);
                    Tensor::try_new(buffer.dtype, &shape, memory.slice_with_length(0, self.lengths[id.index()]))?
                }
            });
        }
        Ok(tensors)
    }

    fn loan(&mut self, id: BufferId, loans: &mut Vec<Loan>) -> Buffer {
        if let Some(loan) = loans.iter().find(|loan| loan.buffer == id) {
            return loan.memory.clone();
        }
        let memory = Buffer::from(std::mem::take(self.place(id)));
        loans.push(Loan { buffer: id, memory: memory.clone() });
        memory
    }

    /// The memory where results will be, for the loop to make them in: they come to be there without a copy.
    fn hand_down(&mut self, results: &[(usize, BufferId)], scratch: &mut Scratch) {
        for (_, id) in results {
            let memory = std::mem::take(self.place(*id));
            if memory.len() == self.lengths[id.index()] {
                scratch.keep(memory);
            }
        }
    }

    /// Puts results and what was lent where they belong.
    fn settle(&mut self, values: Vec<Tensor>, results: &[(usize, BufferId)], loans: Vec<Loan>) -> Result<()> {
        let mut values: Vec<Option<Buffer>> = values.into_iter().map(|x| Some(x.into_buffer())).collect();
        for &(result, id) in results {
            let value = values.get_mut(result).and_then(Option::take);
            let value = value.ok_or_else(|| Error::internal("run", format!("a loop has no result {result}")))?;
            // What a loop hands on as it was given is the giver's.
            *self.place(id) = value.into_mutable().unwrap_or_else(|shared| copied(&shared));
        }
        drop(values);
        for Loan { buffer, memory } in loans {
            *self.place(buffer) = memory.into_mutable().unwrap_or_else(|shared| copied(&shared));
        }
        Ok(())
    }
}

fn copied(bytes: &Buffer) -> MutableBuffer {
    let mut memory = MutableBuffer::with_capacity(bytes.len());
    memory.extend_from_slice(bytes.as_slice());
    memory
}

/// A schedule that is run several times.
struct Nested<'a> {
    schedule: &'a Schedule,
    scratch: Scratch,
    lengths: Vec<usize>,
}

impl<'a> Nested<'a> {
    fn of(schedule: &'a Schedule, scratch: Scratch) -> Self {
        Nested { schedule, scratch, lengths: Vec::new() }
    }

    fn run(&mut self, around: &Run, arguments: Vec<Tensor>) -> Result<Vec<Tensor>> {
        if self.lengths.is_empty() {
            self.lengths = lengths_of(self.schedule, around.sizes)?;
        }
        let arguments = Arguments::Owned(arguments);
        Run::new(self.schedule, arguments, around.sizes, &self.lengths, &mut self.scratch, around.workers).all(None)
    }
}

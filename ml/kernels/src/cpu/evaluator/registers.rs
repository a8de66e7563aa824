//! The memory of a task's blocks.

use super::super::bytes::{Line, bytes_of_mut, typed_mut};
use super::super::unit::{Op, SLOT};
use super::fused::Run;
use super::steps::{Step, Steps};
use crate::schedule::Level;

/// The blocks of one task.
pub struct Registers {
    pub(super) element: Vec<Vec<Line>>,
    pub(super) row: Vec<Vec<Line>>,
    /// For each value that repeats from block to block, how many elements of it are there.
    pub(super) filled: Vec<usize>,
    /// For each step, what a run needs.
    pub(super) runs: Vec<RunMemory>,
}

/// The memory of a run.
#[derive(Default)]
pub struct RunMemory {
    /// The slots one after the other.
    pub slots: Vec<Line>,
    /// The instructions with their addresses, of one block.
    pub ops: Vec<Op>,
    /// The rows' numbers: those of a block's rows for each slot that holds one.
    pub numbers: Vec<f32>,
}

impl RunMemory {
    fn of(step: &Step) -> Self {
        let Step::Run(Run { slots, constants, .. }) = step else { return RunMemory::default() };
        let mut memory = RunMemory { slots: vec![Line::default(); slots * SLOT * 4 / Line::BYTES], ..RunMemory::default() };
        constants.iter().for_each(|(slot, number)| memory.slot(*slot).fill(*number));
        memory
    }

    /// The numbers of a slot.
    pub fn slot(&mut self, slot: usize) -> &mut [f32] {
        &mut typed_mut(bytes_of_mut(&mut self.slots))[slot * SLOT..(slot + 1) * SLOT]
    }
}

impl Registers {
    /// Empty ones for a chain of so many values.
    pub fn of(values: usize, steps: &Steps) -> Self {
        let [elements, rows] = steps.counts;
        let runs = steps.steps.iter().map(RunMemory::of).collect();
        Registers { element: vec![Vec::new(); elements], row: vec![Vec::new(); rows], filled: vec![0; values], runs }
    }

    /// The register's block, to be taken out or put back.
    pub fn slot(&mut self, level: Level, register: usize) -> &mut Vec<Line> {
        if level == Level::Row { &mut self.row[register] } else { &mut self.element[register] }
    }

    /// The register's block.
    pub fn at(&self, level: Level, register: usize) -> &[Line] {
        if level == Level::Row { &self.row[register] } else { &self.element[register] }
    }
}

//! The memory of a task's blocks.

use super::super::bytes::{Line, bytes_of_mut};
use super::super::unit::{Op, SLOT_BYTES};
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
    pub numbers: Vec<Line>,
}

impl RunMemory {
    fn of(step: &Step) -> Self {
        let Step::Run(Run { slots, constants, float, .. }) = step else { return RunMemory::default() };
        let mut memory = RunMemory { slots: vec![Line::default(); slots * SLOT_BYTES / Line::BYTES], ..RunMemory::default() };
        for (slot, number) in constants {
            let number = &number[..float.bytes()];
            memory.slot(*slot).chunks_exact_mut(number.len()).for_each(|lane| lane.copy_from_slice(number));
        }
        memory
    }

    fn slot(&mut self, slot: usize) -> &mut [u8] {
        &mut bytes_of_mut(&mut self.slots)[slot * SLOT_BYTES..(slot + 1) * SLOT_BYTES]
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

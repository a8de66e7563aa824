//! The memory of a task's blocks.

use super::super::bytes::Line;
use crate::compile::registers;
use crate::schedule::{Chain, Level};

/// The blocks of one task.
pub struct Registers {
    pub(super) element: Vec<Vec<Line>>,
    pub(super) row: Vec<Vec<Line>>,
    /// For each value that repeats from block to block, how many elements of it are there.
    pub(super) filled: Vec<usize>,
}

impl Registers {
    /// Empty ones for a chain.
    pub fn of(chain: &Chain) -> Self {
        let blocks = |level| vec![Vec::new(); registers::count(chain, level)];
        Registers { element: blocks(Level::Element), row: blocks(Level::Row), filled: vec![0; chain.values.len()] }
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

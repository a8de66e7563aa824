//! Modules while a function of them is traced: their arrays stand for others meanwhile.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::module::{Module, modes};
use crate::parameter::{Cell, Mode, Parameter};

/// The arrays of a module: those that are learned, and those that are kept beside them, which are frozen parameters and then buffers.
#[derive(Debug)]
pub struct Held {
    learned: Vec<(String, Cell)>,
    kept: Vec<(String, Cell)>,
}

impl Held {
    /// Those of a module, each once.
    pub fn of(module: &(impl Module + ?Sized)) -> Self {
        let (frozen, learned): (Vec<_>, Vec<_>) = module.named_parameters().into_iter().partition(|(_, p)| p.is_frozen());
        let kept = frozen.into_iter().map(|(name, parameter)| (name, parameter.0));
        let buffers = module.named_buffers().into_iter().map(|(name, buffer)| (name, buffer.0));
        Held {
            learned: learned.into_iter().map(|(name, parameter)| (name, parameter.0)).collect(),
            kept: kept.chain(buffers).collect(),
        }
    }

    /// Names and arrays of what is learned.
    pub fn learned(&self) -> Vec<(String, Array)> {
        arrays(&self.learned)
    }

    /// Names and arrays of what is kept.
    pub fn kept(&self) -> Vec<(String, Array)> {
        arrays(&self.kept)
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.learned.iter().chain(&self.kept).map(|(_, cell)| cell)
    }

    /// All arrays, learned ones first.
    pub fn arrays(&self) -> Vec<Array> {
        self.cells().map(Cell::get).collect()
    }

    /// Whether a parameter is one of them.
    pub(crate) fn holds(&self, parameter: &Parameter) -> bool {
        self.cells().any(|cell| cell.identity() == parameter.0.identity())
    }

    /// What a function gives while the module's arrays, learned ones first, stand for these, and which those are at its end.
    pub fn standing_for<R>(&self, arrays: Vec<Array>, function: impl FnOnce() -> R) -> (R, Vec<Array>) {
        let before = self.cells().zip(arrays).map(|(cell, array)| (cell, cell.replace(array))).collect();
        let guard = Before(before);
        let result = function();
        let after = self.arrays();
        drop(guard);
        (result, after)
    }

    /// How many arrays they are.
    pub(crate) fn len(&self) -> usize {
        self.learned.len() + self.kept.len()
    }

    /// From now on the arrays have these values, learned ones first; None for one that has its value already.
    /// Errors: those of computing them.
    pub(crate) fn put(&self, arrays: impl IntoIterator<Item = Option<Array>>) -> Result<()> {
        for (cell, array) in self.cells().zip(arrays) {
            let Some(array) = array else { continue };
            let next = if cell.get().is_watched() { array.watched()? } else { array };
            cell.replace(next);
        }
        Ok(())
    }
}

fn arrays(cells: &[(String, Cell)]) -> Vec<(String, Array)> {
    cells.iter().map(|(name, cell)| (name.clone(), cell.get())).collect()
}

/// Puts back what was before, also when something panics.
struct Before<'a>(Vec<(&'a Cell, Array)>);

impl Drop for Before<'_> {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|(cell, array)| drop(cell.replace(array)));
    }
}

/// What a function gives while a module trains, or does not.
pub fn in_mode<R>(module: &(impl Module + ?Sized), training: bool, function: impl FnOnce() -> R) -> R {
    let guard = Modes(modes(module).into_iter().map(|mode| (mode.is_training(), mode)).collect());
    guard.0.iter().for_each(|(_, mode)| mode.set(training));
    let result = function();
    drop(guard);
    result
}

/// Puts back what was before, also when something panics.
struct Modes(Vec<(bool, Mode)>);

impl Drop for Modes {
    fn drop(&mut self) {
        self.0.iter().for_each(|(before, mode)| mode.set(*before));
    }
}

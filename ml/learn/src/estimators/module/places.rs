//! What a module picks by, rows of a table or classes, and whether there is all of it: asked before rows are learned from or predicted
//! for. Only of places that are made of a row's own columns; those that weights, random numbers or the rows beside have a part in are not
//! known before.

use std::ops::Range;

use gradframe_ml_core::graph::Picking;
use gradframe_ml_core::transform::picks;
use gradframe_ml_core::{DType, Error, Function, Graph, NodeId, Result, Symbol, Tensor};
use gradframe_ml_kernels::{Program, compile};
use serde::{Deserialize, Serialize};

use super::super::row_weights::LabelledColumns;
use super::stored::{damaged, raw_columns};
use super::{Module, ModuleFunction};
use crate::estimator::{Chunk, Layout};
use crate::model::Model;
use crate::stored::StoredFunction;

/// Rows that are asked about at once: what a module works out of each may be much.
const ROWS_MAX: usize = 1024;
/// Columns that an error names, at most.
const NAMED_MAX: usize = 3;

/// What a stored module picks by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredPicks {
    /// In the order of the function's rows.
    pub picks: Vec<StoredPick>,
    /// Of the forward pass's arguments: i64 [picks, 4], the smallest place, the largest, the first that there is and the one after the
    /// last.
    pub function: StoredFunction,
}

/// One thing that picks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredPick {
    /// Its name: `embedding`.
    pub picking: String,
    /// The columns that its places are made of.
    pub columns: Vec<String>,
}

/// Asks rows whether a module finds all that it picks.
#[derive(Debug)]
pub struct PlaceCheck {
    program: Program,
    picks: Vec<StoredPick>,
    /// The module's name for people.
    title: String,
}

impl PlaceCheck {
    fn new(g: Graph, outputs: Vec<NodeId>, picks: Vec<StoredPick>, title: &str) -> Result<Self> {
        Ok(PlaceCheck { program: compile(&Function::new(g, outputs)?)?, picks, title: title.to_owned() })
    }

    /// Asks rows as the program takes them, some at a time; `of` names the model for errors: ` of model m`.
    /// Errors: `OutOfBounds` naming the place, what it is made of, and how many there are; `Execution` if what is stored is damaged.
    pub fn check(&self, op: &str, of: &str, arguments: &[Tensor]) -> Result<()> {
        let rows = arguments.first().and_then(|argument| argument.shape().first()).copied().unwrap_or(0);
        (0..rows).step_by(ROWS_MAX).try_for_each(|from| {
            let cut = |argument: &Tensor| argument.rows(from, ROWS_MAX.min(rows - from));
            self.check_part(op, of, &arguments.iter().map(cut).collect::<Result<Vec<_>>>()?)
        })
    }

    fn check_part(&self, op: &str, of: &str, arguments: &[Tensor]) -> Result<()> {
        let result = self.program.run(arguments)?.pop();
        let result = result.filter(|own| own.dtype() == DType::I64 && own.len() == 4 * self.picks.len());
        let result = result.ok_or_else(|| damaged("its check of places gives other numbers than it has picks".into()))?;
        for (pick, numbers) in self.picks.iter().zip(result.values::<i64>()?.chunks_exact(4)) {
            let [smallest, largest, low, high] = [numbers[0], numbers[1], numbers[2], numbers[3]];
            if smallest < low {
                return Err(self.outside(op, of, pick, smallest, low..high));
            }
            if largest >= high {
                return Err(self.outside(op, of, pick, largest, low..high));
            }
        }
        Ok(())
    }

    /// As [`PlaceCheck::check`], of encoded rows.
    pub fn check_chunk(&self, op: &str, chunk: &Chunk) -> Result<()> {
        self.check(op, "", &chunk.arguments().collect::<Vec<_>>())
    }

    fn outside(&self, op: &str, of: &str, pick: &StoredPick, place: i64, range: Range<i64>) -> Error {
        let columns: Vec<String> = pick.columns.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
        let more = if pick.columns.len() > NAMED_MAX { " .." } else { "" };
        let plural = if pick.columns.len() == 1 { "" } else { "s" };
        let there_are = if range.is_empty() { String::new() } else { format!(", {} to {}", range.start, range.end - 1) };
        let (columns, size, title) = (columns.join(", "), range.end, &self.title);
        let or_above = if place == i64::MAX { " or above" } else { "" }; // what uint64 has beyond it
        let what = format!(
            "index {place}{or_above}, made of column{plural} {columns}{more}, is outside of the {size} places that `{}` in {title}{of} has{there_are}",
            pick.picking
        );
        let is_class = ["cross_entropy", "nll_loss"].contains(&pick.picking.as_str());
        Error::out_of_bounds(op, what).hint(if place < 0 && !is_class {
            "pick by `where(i < 0, 0, i)` where a negative number stands for none and is left out later; else leave such rows out"
        } else {
            "leave such rows out, or train the module with as many places as there are"
        })
    }
}

/// The check of encoded rows before a training: `(dense, codes.., label[, weight])`. None if the module picks nothing.
pub(super) fn of_training(module: &Module, layout: &Layout) -> Result<Option<PlaceCheck>> {
    let learned = module.parameters.len();
    let first = learned + module.buffers.len() + 1; // behind the key
    let mut unknown = updated_buffers(module);
    unknown.push(first - 1);
    let Some((function, picks)) = module_picks(module, &module.training, first, Some(&layout.label.name), &unknown)? else {
        return Ok(None);
    };
    let mut g = Graph::new();
    let columns = LabelledColumns::declare(&mut g, layout, module.feature_dtype());
    let parts = module.parameters.iter().chain(&module.buffers).map(|(_, tensor)| tensor.clone());
    let own: Vec<NodeId> = parts.chain([Tensor::scalar(0u64)]).map(|tensor| g.constant(tensor)).collect();
    let operands = module.operands(&mut g, &module.training, own, &columns)?;
    let outputs = g.inline(&function, &operands)?;
    PlaceCheck::new(g, outputs, picks, &module.title).map(Some)
}

/// The arguments of the training's function that are buffers, and that it does not give back as they are.
fn updated_buffers(module: &Module) -> Vec<usize> {
    let function = &module.training.function;
    let (learned, arguments) = (module.parameters.len(), function.graph.arguments());
    let is_kept = |number: usize| {
        let given = arguments.get(learned + number).map(|argument| argument.node);
        given.is_some() && function.outputs.get(1 + number).copied() == given
    };
    (0..module.buffers.len()).filter(|&number| !is_kept(number)).map(|number| learned + number).collect()
}

/// What is kept of the forward pass's picks.
pub(super) fn to_store(module: &Module) -> Result<Option<StoredPicks>> {
    let first = module.parameters.len() + module.buffers.len();
    let found = module_picks(module, &module.forward, first, None, &[])?;
    found.map(|(function, picks)| Ok(StoredPicks { picks, function: StoredFunction::of(&function)? })).transpose()
}

/// The check of raw columns before a model predicts: the arguments of [`crate::Estimator::predict`] without nulls. None if it is no
/// module's, or picks nothing. Errors: `Execution` if what is stored is damaged.
pub fn place_check(model: &Model) -> Result<Option<PlaceCheck>> {
    let Some(module) = &model.spec.module else { return Ok(None) };
    let Some(picks) = &module.picks else { return Ok(None) };
    let mut g = Graph::new();
    let columns = raw_columns(&mut g, &model.spec.features, false)?;
    let function = picks.function.function()?;
    let operands = module.operands(&mut g, model, &columns, &function)?;
    let outputs = g.inline(&function, &operands).map_err(|error| damaged(error.to_string()).because(error))?;
    PlaceCheck::new(g, outputs, picks.picks.clone(), &module.title).map(Some)
}

/// The picks of a function whose inputs begin at `first`, a target behind them; those that a parameter or an argument of `unknown` has a
/// part in are left out.
fn module_picks(
    module: &Module,
    function: &ModuleFunction,
    first: usize,
    target: Option<&str>,
    unknown: &[usize],
) -> Result<Option<(Function, Vec<StoredPick>)>> {
    let learned = module.parameters.len();
    let behind = first + module.inputs.len() + usize::from(target.is_some());
    let wanted = |arguments: &[usize]| {
        let is_known = arguments.iter().all(|argument| *argument >= learned && !unknown.contains(argument));
        is_known && arguments.iter().any(|argument| (first..behind).contains(argument))
    };
    let Some((checks, found)) = picks(&function.function, &Symbol::new("N"), wanted)? else { return Ok(None) };
    let columns = |argument: &usize| -> Vec<String> {
        match argument.checked_sub(first).and_then(|place| module.inputs.get(place)) {
            Some(input) => input.columns.clone(),
            None if (first..behind).contains(argument) => target.map(str::to_owned).into_iter().collect(),
            None => vec![], // a buffer, or what it used and was not given
        }
    };
    let stored = |picking: Picking, arguments: &[usize]| StoredPick {
        picking: picking.name().to_owned(),
        columns: arguments.iter().flat_map(&columns).collect(),
    };
    let picks = found.iter().map(|pick| stored(pick.picking, &pick.arguments)).collect();
    Ok(Some((checks, picks)))
}

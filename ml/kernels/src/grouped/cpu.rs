//! The CPU's way: a piece of rows at a time, computed and then folded.

use gradframe_ml_core::{Error, Result, Tensor};

use super::{Folded, GroupFold, GroupOp, Grouped};
use crate::{Scratch, Threads};

/// Rows of a piece: what is made of them stays in the cache until it is folded.
const PIECE: usize = 1 << 14;

impl Grouped {
    /// What the folds give of all rows; floats are added in the rows' order. Errors: `Shape` or `DType` naming the argument
    /// that does not fit.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Folded>> {
        self.program.bind(inputs)?;
        let rows = inputs.first().map_or(0, Tensor::len);
        let (mut folded, mut scratch) = (self.nothing(), Scratch::new());
        for from in (0..rows).step_by(PIECE) {
            let count = PIECE.min(rows - from);
            let part = inputs.iter().map(|input| input.rows(from, count)).collect::<Result<Vec<_>>>()?;
            self.add(&self.program.run_with(&part, &mut scratch, Threads::One)?, &mut folded)?;
        }
        Ok(folded)
    }

    fn add(&self, results: &[Tensor], folded: &mut [Folded]) -> Result<()> {
        let groups = self.group.map(|group| results[group].values::<i64>()).transpose()?;
        let rows = results.first().map_or(0, Tensor::len);
        for (fold, folded) in self.folds.iter().zip(folded) {
            let holds = fold.rows.map(|rows| results[rows].values::<u8>()).transpose()?;
            let group = |row: usize| {
                let group = groups.map_or(Some(0), |groups| usize::try_from(groups[row]).ok())?;
                (group < self.groups && holds.is_none_or(|holds| holds[row] != 0)).then_some(group)
            };
            let of_groups = (0..rows).filter_map(|row| Some((row, group(row)?)));
            match folded {
                Folded::Floats(sums) => {
                    let values = value(fold, results)?.values::<f64>()?;
                    of_groups.for_each(|(row, group)| sums[group] += values[row]);
                }
                Folded::Integers(counts) if fold.op == GroupOp::Count => of_groups.for_each(|(_, group)| counts[group] += 1),
                Folded::Integers(numbers) => {
                    let values = value(fold, results)?.values::<i64>()?;
                    of_groups.for_each(|(row, group)| numbers[group] = fold.op.joined(numbers[group], i128::from(values[row])));
                }
            }
        }
        Ok(())
    }
}

fn value<'r>(fold: &GroupFold, results: &'r [Tensor]) -> Result<&'r Tensor> {
    let missing = || Error::internal("grouped", "a fold of nothing");
    fold.value.and_then(|value| results.get(value)).ok_or_else(missing)
}

//! Elements drawn at random: `sample`.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::lists::{Keys, Lists, gathered, same_list};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Any, Count, Flag, Int, List};

/// `n, fraction, with_replacement, shuffle, seed`: n or the fraction is null.
pub(super) const ROWS: &[Row] = &[Row::new("list.sample", &[List, Int, Any, Flag, Flag, Count], sample_type, sample)];

fn sample_type(call: &Call) -> Result<DataType> {
    match call.data_type(2) {
        t if t.is_numeric() || t.is_null() => same_list(call),
        _ => Err(call.unfit(2, "a number")),
    }
}

/// A row's draws follow from the seed and from what is in its list, so that neither threads nor batches change them.
fn sample(batch: &Batch) -> Result<ArrayRef> {
    let (lists, counts) = (Lists::of(batch, 0)?, batch.ints(1)?);
    let fractions: Float64Array = batch.array_as(2, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
    let keys = Keys::new(lists.values.data_type(), false, false)?.of(&lists.values)?;
    let (replace, shuffle, seed) = (batch.flag(3), batch.flag(4), batch.count(5).unwrap_or_default() as u64);
    gathered(batch, &lists.values, |row, places| {
        let Some(range) = lists.range(row) else { return Ok(false) };
        let of_fraction = fractions.is_valid(row).then(|| (fractions.value(row) * range.len() as f64) as i64);
        let Some(n) = counts.get(row).or(of_fraction) else { return Ok(false) };
        // Of nothing, nothing is drawn again.
        let n = if replace && range.is_empty() { n.min(0) } else { n };
        let Some(n) = usize::try_from(n).ok().filter(|n| *n <= range.len() || replace) else {
            let what = format!("{n} elements cannot be drawn of {}", range.len());
            return batch.bad_value(what, "with_replacement=True draws an element again");
        };
        let content = range.clone().fold(seed, |hash, place| xxh3_64_with_seed(keys.row(place).as_ref(), hash));
        let mut draws = Draws(content);
        let chosen = if replace { draws.any(range.len(), n) } else { draws.different(range.len(), n, shuffle) };
        places.extend(chosen.into_iter().map(|at| Some((range.start + at) as u32)));
        Ok(true)
    })
}

/// Splitmix64: Steele, Lea and Flood 2014.
struct Draws(u64);

impl Draws {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * below as u128) >> 64) as usize
    }

    fn any(&mut self, of: usize, n: usize) -> Vec<usize> {
        (0..n).map(|_| self.next(of)).collect()
    }

    /// Fisher and Yates's shuffle, stopped after n; in the order of the list where it is not to be shuffled.
    fn different(&mut self, of: usize, n: usize, shuffle: bool) -> Vec<usize> {
        let mut all: Vec<usize> = (0..of).collect();
        for at in 0..n {
            let other = at + self.next(of - at);
            all.swap(at, other);
        }
        all.truncate(n);
        if !shuffle {
            all.sort_unstable();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_different_and_repeatable() {
        let draw = |seed| Draws(seed).different(50, 20, true);
        let mut one = draw(7);
        assert_eq!(one, draw(7));
        assert_ne!(one, draw(8));
        one.sort_unstable();
        one.dedup();
        assert_eq!(one.len(), 20);
        assert!(Draws(1).any(3, 100).iter().all(|at| *at < 3));
    }
}

//! The order of rows by their keys: key by key from the last to the first, each by its digits, which keeps equal rows as they
//! were. The sorting itself is the graph's.

use std::sync::OnceLock;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, Result, Shape, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};

use super::keys::Key;

/// Bytes that sorting takes for each row and key, at most.
pub(super) const BYTES_A_ROW: usize = 48;

/// Fewer rows are sorted by comparing.
const FEW: usize = 2048;

/// The rows' numbers in the order of the keys. Errors: `Internal` for more rows than a `u32` counts.
pub(super) fn in_order(rows: usize, keys: &[Key]) -> Result<Vec<u32>> {
    let end = u32::try_from(rows).map_err(|_| Error::internal("sort", format!("{rows} rows at once")))?;
    keys.iter().rev().try_fold((0..end).collect(), by_key)
}

fn by_key(rows: Vec<u32>, key: &Key) -> Result<Vec<u32>> {
    let Some(nulls) = key.nulls.as_ref().filter(|nulls| nulls.null_count() > 0) else { return sorted(rows, &key.numbers) };
    let (valid, null): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|&row| nulls.is_valid(row as usize));
    let valid = sorted(valid, &key.numbers)?;
    let (first, last) = if key.nulls_first { (null, valid) } else { (valid, null) };
    Ok([first, last].concat())
}

fn sorted(mut rows: Vec<u32>, numbers: &[u64]) -> Result<Vec<u32>> {
    let number = |&row: &u32| numbers[row as usize];
    if rows.is_sorted_by_key(number) {
        return Ok(rows);
    }
    if rows.len() < FEW {
        rows.sort_by_key(number);
        return Ok(rows);
    }
    let (least, most) = rows.iter().map(number).fold((u64::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
    let beyond = |row: &u32| number(row) - least;
    let places = match u32::try_from(most - least) {
        Ok(span) => narrow().argsort(rows.iter().map(|row| (beyond(row) as u32) << span.leading_zeros()).collect()),
        Err(_) => wide().argsort(rows.iter().map(|row| beyond(row) << (most - least).leading_zeros()).collect()),
    }?;
    Ok(places.values::<i64>()?.iter().map(|&place| rows[place as usize]).collect())
}

/// The program that sorts numbers of one type.
struct Argsort(Result<Program>);

fn narrow() -> &'static Argsort {
    static NARROW: OnceLock<Argsort> = OnceLock::new();
    NARROW.get_or_init(|| Argsort(program(DType::U32)))
}

fn wide() -> &'static Argsort {
    static WIDE: OnceLock<Argsort> = OnceLock::new();
    WIDE.get_or_init(|| Argsort(program(DType::U64)))
}

impl Argsort {
    /// On this thread: the plan's other partitions have theirs.
    fn argsort<T: gradframe_ml_core::tensor::Element>(&self, numbers: Vec<T>) -> Result<Tensor> {
        let program = self.0.as_ref().map_err(gradframe_plan::error::copy)?;
        let numbers = Tensor::from_vec(&[numbers.len()], numbers)?;
        let places = program.run_with(&[numbers], &mut Scratch::default(), Threads::One)?.pop();
        places.ok_or_else(|| Error::internal("sort", "a program without a result"))
    }
}

fn program(dtype: DType) -> Result<Program> {
    let mut graph = Graph::new();
    let numbers = graph.input("numbers", Type::new(dtype, Shape::new([Dim::symbol("N")])));
    let places = graph.argsort(numbers, 0, false)?;
    compile(&Function::new(graph, vec![places])?)
}

#[cfg(test)]
mod tests {
    use arrow::buffer::NullBuffer;

    use super::*;

    fn key(numbers: Vec<u64>, nulls: Option<Vec<bool>>, nulls_first: bool) -> Key {
        Key { numbers, nulls: nulls.map(NullBuffer::from), nulls_first }
    }

    /// Numbers of `span`, drawn by a simple generator.
    fn drawn(rows: usize, span: u64, seed: u64) -> Vec<u64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state ^ (state >> 31)) % span
        };
        (0..rows).map(|_| next()).collect()
    }

    #[test]
    fn several_keys_are_sorted_as_by_comparing() {
        for rows in [0, 1, 10, 5000, 70_000] {
            for span in [3, 1 << 20, u64::MAX] {
                let (first, second) = (drawn(rows, 7, 1), drawn(rows, span, 2));
                let valid: Vec<bool> = drawn(rows, 5, 3).iter().map(|n| *n > 0).collect();
                let order = |row: u32| {
                    let row = row as usize;
                    (valid[row], if valid[row] { first[row] } else { 0 }, second[row], row)
                };
                let mut expected: Vec<u32> = (0..rows as u32).collect();
                expected.sort_by_key(|&row| order(row));
                let keys = [key(first.clone(), Some(valid.clone()), true), key(second.clone(), None, false)];
                assert_eq!(in_order(rows, &keys).unwrap(), expected, "{rows} {span}");
            }
        }
    }
}

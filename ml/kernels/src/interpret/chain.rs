//! Chains, one row at a time: all values of a row, in order.

use gradframe_ml_core::{Dim, Error, Result, Shape, Sizes};

use super::Memory;
use super::functions::{folded, map1, map2, neutral, threefry, widened};
use super::number::Number;
use crate::schedule::{AxisMap, Chain, Instr, Level, Load, Pair, ValueId};

/// A chain over a domain, with what it reads.
pub struct ChainRun<'a> {
    chain: &'a Chain,
    row: Vec<usize>,
    sizes: &'a Sizes,
    /// For each load its buffer's numbers and the sizes under which they are read.
    loaded: Vec<Option<(Vec<Number>, Vec<usize>)>>,
}

/// The values of one row: one number an element, or one a row.
pub type RowValues = Vec<Vec<Number>>;

impl<'a> ChainRun<'a> {
    /// The chain over rows of this shape.
    pub fn new(chain: &'a Chain, row: &Shape, memory: &Memory<'a>) -> Result<Self> {
        let sizes = memory.sizes;
        let loaded = |instr: &Instr| match instr {
            Instr::Load(load) => Ok(Some((memory.numbers(load.buffer)?, load.shape.eval(sizes)?))),
            _ => Ok(None),
        };
        let loaded = chain.values.iter().map(|v| loaded(&v.instr)).collect::<Result<_>>()?;
        Ok(ChainRun { chain, row: row.eval(sizes)?, sizes, loaded })
    }

    /// All values of the row at this index of the outer axes.
    pub fn row_values(&self, outer: &[usize]) -> Result<RowValues> {
        let mut values: RowValues = Vec::with_capacity(self.chain.values.len());
        for (at, value) in self.chain.values.iter().enumerate() {
            let numbers = match (&value.instr, value.level) {
                (Instr::Reduce(op, x), _) => {
                    let state = values[x.index()]
                        .iter()
                        .try_fold(neutral(*op, value.dtype), |state, &x| folded(*op, state, widened(x)))?;
                    vec![state.cast(value.dtype)]
                }
                (_, Level::Row) => vec![self.number(at, outer, 0, &values)?],
                (_, Level::Element) => {
                    let mut index = outer.to_vec();
                    let of_element = |position: usize| {
                        index.truncate(outer.len());
                        index.extend(unravelled(&self.row, position));
                        self.number(at, &index, position, &values)
                    };
                    (0..self.row.iter().product()).map(of_element).collect::<Result<_>>()?
                }
            };
            values.push(numbers);
        }
        Ok(values)
    }

    /// The `at`-th value at an index of the domain, which is the `position`-th of its row.
    fn number(&self, at: usize, index: &[usize], position: usize, values: &RowValues) -> Result<Number> {
        let value = &self.chain.values[at];
        let get = |v: ValueId| values[v.index()][if values[v.index()].len() == 1 { 0 } else { position }];
        Ok(match &value.instr {
            Instr::Load(load) => self.load(at, load, index)?,
            Instr::Iota(map) => Number::Signed(self.along(map, index)?),
            Instr::Scalar(bytes) => Number::from_bits(value.dtype, u64::from_le_bytes(*bytes)),
            Instr::Map1(f, x) => map1(*f, get(*x))?,
            Instr::Map2(f, a, b) => map2(*f, get(*a), get(*b))?,
            Instr::Pair(pair) => self.pair(pair, pair.operands.map(get))?,
            Instr::Select(c, a, b) => get(if get(*c).is_true() { *a } else { *b }),
            Instr::Cast(x) => get(*x).cast(value.dtype),
            Instr::Bitcast(x) => Number::from_bits(value.dtype, get(*x).bits(self.chain.value(*x).dtype)),
            Instr::Threefry(key, counter) => {
                Number::Unsigned(threefry(get(*key).to_wide() as u64, get(*counter).to_wide() as u64))
            }
            Instr::Spread(x) => get(*x),
            Instr::Reduce(..) => return Err(Error::internal("interpret", "a fold of a single number")),
        })
    }

    fn pair(&self, pair: &Pair, [a, b, c]: [Number; 3]) -> Result<Number> {
        let inner = map2(pair.inner, a, b)?;
        if pair.is_second { map2(pair.outer, c, inner) } else { map2(pair.outer, inner, c) }
    }

    fn load(&self, at: usize, load: &Load, index: &[usize]) -> Result<Number> {
        let Some((numbers, shape)) = &self.loaded[at] else { return Err(Error::internal("interpret", "nothing was loaded")) };
        let mut position = 0;
        for (map, &size) in load.axes.iter().zip(shape) {
            let i = self.along(map, index)?;
            let inside = usize::try_from(i).ok().filter(|&i| i < size);
            match inside {
                Some(i) => position = position * size + i,
                None if load.padded => return Ok(Number::from_bits(self.chain.values[at].dtype, 0)),
                None => return Err(Error::internal("interpret", format!("{load} leaves its buffer: {i} of {size}"))),
            }
        }
        Ok(numbers[position])
    }

    fn along(&self, map: &AxisMap, index: &[usize]) -> Result<i64> {
        let steps = map.terms.iter().map(|&(axis, step)| step * index[axis] as i64);
        Ok(signed(&map.start, self.sizes)? + steps.sum::<i64>())
    }
}

/// A dimension that may be negative: an index map's start lies before the buffer where a pad is read.
fn signed(dim: &Dim, sizes: &Sizes) -> Result<i64> {
    const LIFT: i64 = 1 << 40;
    Ok(dim.plus(LIFT).eval(sizes)? as i64 - LIFT)
}

/// The index of a row-major position.
pub fn unravelled(shape: &[usize], mut position: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &size) in index.iter_mut().zip(shape).rev() {
        (*i, position) = (position % size, position / size);
    }
    index
}

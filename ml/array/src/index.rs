//! Parts of an array by what stands between brackets, as NumPy reads it.

use gradframe_ml_core::{Error, Result};
use smallvec::SmallVec;

use crate::array::Array;
use crate::element::Element;
use crate::node::{Arg, Args, Operand};
use crate::number::Number;
use crate::ops::{Pick, index_args};
use crate::places::outside_of_axis;

/// One entry of an index.
#[derive(Debug, Clone)]
pub enum Index {
    /// A new axis of size 1.
    New,
    /// All axes that no other entry names.
    Rest,
    /// One element; the axis goes away. Negative counts from the end.
    At(i64),
    /// A range; what is left out is as in Python.
    Slice {
        /// First place.
        start: Option<i64>,
        /// The place after the last.
        stop: Option<i64>,
        /// Distance of places; not 0.
        step: Option<i64>,
    },
    /// Places, or truth values of which the true ones are picked.
    Array(Array),
}

impl Array {
    /// The part at this index. Errors: `Shape` for more entries than axes; `OutOfBounds` for a place outside; `DType` for an array that is
    /// neither of integers nor of truth values; `Plan` for truth values whose number is not known while tracing.
    pub fn index(&self, entries: &[Index]) -> Result<Array> {
        let entries = self.without_masks(entries)?;
        let entries = self.completed(&entries)?;
        let some_arrays = entries.iter().any(|entry| matches!(entry, Index::Array(_)));
        let mut parts = Parts::default();
        for entry in &entries {
            parts.add(self, entry, some_arrays)?;
        }
        let Parts { picks, operands, gathers, in_place, .. } = parts;
        let all = picks.iter().all(|pick| *pick == Pick::Whole);
        let part = if all { self.clone() } else { self.picked(&picks, operands)? };
        if gathers.is_empty() { Ok(part) } else { part.gathered(&gathers, in_place) }
    }

    fn picked(&self, picks: &[Pick], starts: Vec<Operand>) -> Result<Array> {
        let operands: Vec<Operand> = std::iter::once(self.into()).chain(starts).collect();
        Self::call_one("index", &operands, index_args(picks))
    }

    fn gathered(&self, gathers: &[(usize, Array)], in_place: bool) -> Result<Array> {
        let axes: SmallVec<[i64; 6]> = gathers.iter().map(|(axis, _)| *axis as i64).collect();
        let operands: Vec<Operand> = std::iter::once(self).chain(gathers.iter().map(|(_, a)| a)).map(Operand::from).collect();
        Self::call_one("gather", &operands, Args::from_iter([Arg::Ints(axes), Arg::Bool(in_place)]))
    }

    /// Truth values replaced by the places of the true ones.
    fn without_masks(&self, entries: &[Index]) -> Result<Vec<Index>> {
        let mut found = Vec::with_capacity(entries.len());
        let mut axis = 0;
        for (number, entry) in entries.iter().enumerate() {
            match entry {
                Index::Array(mask) if mask.element() == Element::BOOL => {
                    let end = axis + mask.shape().len();
                    if self.shape().get(axis..end) != Some(mask.shape()) {
                        let what = format!("truth values {:?} do not fit {:?} from axis {axis} on", mask.shape(), self.shape());
                        return Err(Error::shape("index", what));
                    }
                    axis = end;
                    found.extend(mask.nonzero()?.into_iter().map(Index::Array));
                }
                Index::Rest => {
                    let later: usize = entries[number + 1..].iter().map(axes_named).sum();
                    axis = self.shape().len().saturating_sub(later).max(axis);
                    found.push(Index::Rest);
                }
                other => {
                    axis += axes_named(other);
                    found.push(other.clone());
                }
            }
        }
        Ok(found)
    }

    /// The entries with one for each axis.
    fn completed(&self, entries: &[Index]) -> Result<Vec<Index>> {
        let named = entries.iter().filter(|e| !matches!(e, Index::New | Index::Rest)).count();
        let rests = entries.iter().filter(|e| matches!(e, Index::Rest)).count();
        let rank = self.shape().len();
        if named > rank {
            return Err(Error::shape("index", format!("{named} entries for an array of {rank} axes, {:?}", self.shape())));
        }
        if rests > 1 {
            return Err(Error::plan("index", "there may be one ... at most"));
        }
        let whole = || std::iter::repeat_n(Index::Slice { start: None, stop: None, step: None }, rank - named);
        let mut found = Vec::with_capacity(rank);
        for entry in entries {
            match entry {
                Index::Rest => found.extend(whole()),
                other => found.push(other.clone()),
            }
        }
        if rests == 0 {
            found.extend(whole());
        }
        Ok(found)
    }
}

/// How many axes an entry stands for.
fn axes_named(entry: &Index) -> usize {
    match entry {
        Index::New | Index::Rest => 0,
        Index::Array(mask) if mask.element() == Element::BOOL => mask.shape().len(),
        _ => 1,
    }
}

/// What is done to each axis, in order.
#[derive(Default)]
struct Parts {
    picks: Vec<Pick>,
    operands: Vec<Operand>,
    /// Axes of what was picked, and the places to gather in them.
    gathers: Vec<(usize, Array)>,
    /// Whether those axes lie side by side: then what is gathered takes their place.
    in_place: bool,
    /// The next axis of the array, and of what was picked from it.
    axis: usize,
    place: usize,
    last_gather: Option<usize>,
}

impl Parts {
    fn add(&mut self, array: &Array, entry: &Index, some_arrays: bool) -> Result<()> {
        match entry {
            Index::New => {
                self.picks.push(Pick::New);
                self.place += 1;
                return Ok(());
            }
            Index::Rest => return Ok(()), // replaced
            Index::At(at) if some_arrays => {
                let size = array.shape()[self.axis];
                let at = inside(*at, size, self.axis)?;
                self.gather(Array::number("index", Number::Int(at as i128), Element::INT)?);
            }
            Index::At(at) => {
                let size = array.shape()[self.axis];
                let at = inside(*at, size, self.axis)?;
                self.at(at, size)?;
            }
            Index::Slice { start, stop, step } => {
                let size = array.shape()[self.axis];
                self.slice(size, *start, *stop, *step)?;
                self.place += 1;
            }
            Index::Array(places) => {
                if !places.element().is_integer() {
                    let what = format!("expected integers or truth values, got {}", places.element());
                    return Err(Error::dtype("index", what).hint("cast with astype"));
                }
                self.gather(places.clone());
            }
        }
        self.axis += 1;
        Ok(())
    }

    fn gather(&mut self, places: Array) {
        self.in_place = match self.last_gather {
            None => true,
            Some(last) => self.in_place && self.place == last + 1,
        };
        self.last_gather = Some(self.place);
        self.picks.push(Pick::Whole);
        self.gathers.push((self.place, places));
        self.place += 1;
    }

    /// The ends are part of the structure, what lies between is an operand: a loop over rows is one program.
    fn at(&mut self, at: usize, size: usize) -> Result<()> {
        if at == 0 || at + 1 == size {
            self.picks.push(Pick::OneKnown(at));
        } else {
            self.picks.push(Pick::One);
            self.operands.push(start_of(at as i64)?);
        }
        Ok(())
    }

    fn slice(&mut self, size: usize, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Result<()> {
        let step = step.unwrap_or(1);
        if step == 0 {
            return Err(Error::plan("index", "the step of a slice is 0"));
        }
        let (start, count) = range(size as i64, start, stop, step);
        let reaches_end = start as usize + count == size && step == 1;
        if start == 0 && count == size && step == 1 {
            self.picks.push(Pick::Whole);
        } else if start == 0 || reaches_end || step < 0 && start + 1 == size as i64 || count == 0 {
            self.picks.push(Pick::Known { start: start as usize, count, step });
        } else {
            self.picks.push(Pick::Given { count, step });
            self.operands.push(start_of(start)?);
        }
        Ok(())
    }
}

/// A place as an operand: an input of the program, not a part of it.
fn start_of(place: i64) -> Result<Operand> {
    Array::number("index", Number::Int(place.into()), Element::INT).map(Operand::Array)
}

/// First place and number of places of a slice, as Python counts.
fn range(size: i64, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, usize) {
    let (least, most) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let held = |place: i64| (if place < 0 { place + size } else { place }).clamp(least, most);
    let start = start.map_or(if step > 0 { 0 } else { size - 1 }, held);
    let stop = stop.map_or(if step > 0 { size } else { -1 }, held);
    let way = if step > 0 { stop - start } else { start - stop };
    let count = if way <= 0 { 0 } else { (way + step.abs() - 1) / step.abs() };
    (if count == 0 { 0 } else { start }, count as usize)
}

fn inside(at: i64, size: usize, axis: usize) -> Result<usize> {
    let place = if at < 0 { at + size as i64 } else { at };
    let found = usize::try_from(place).ok().filter(|&p| p < size);
    found.ok_or_else(|| outside_of_axis(at, size, axis))
}

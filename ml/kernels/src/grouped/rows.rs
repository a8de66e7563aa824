//! A function of rows as one chain: all that its kernels do at a row, one after the other.

use std::collections::HashMap;

use gradframe_ml_core::{Error, Result, Shape};

use super::is_axis_of_rows;
use crate::schedule::{AxisMap, BufferId, Chain, Instr, Kernel, Level, Load, Loop, Schedule, Value, ValueId};

/// What is made of a row, without a pass for each part of it.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The chain over all rows. It stores nothing.
    pub kernel: Loop,
    /// For each of the function's results, the value that it is.
    pub results: Vec<ValueId>,
}

/// See [`super::Grouped::rows`].
pub fn of(schedule: &Schedule) -> Result<Rows> {
    let mut joined = Joined { values: Vec::new(), known: HashMap::new(), stored: HashMap::new() };
    for kernel in &schedule.kernels {
        match kernel {
            Kernel::Loop(own) if own.row.rank() == 0 && is_axis_of_rows(&own.outer) => joined.append(own)?,
            _ => return Err(several()),
        }
    }
    let results = schedule.outputs.iter().map(|(id, shape)| joined.result(schedule, *id, shape)).collect::<Result<_>>()?;
    let outer = schedule.outputs.first().map(|(_, shape)| shape.clone()).ok_or_else(several)?;
    let chain = Chain { values: joined.values, registers: Vec::new() };
    Ok(Rows { kernel: Loop { outer, row: Shape::scalar(), chain, stores: Vec::new() }, results })
}

fn several() -> Error {
    Error::not_implemented("grouped", "rows that are not computed each by itself")
}

struct Joined {
    values: Vec<Value>,
    known: HashMap<Value, ValueId>,
    /// What kernels before have stored at a row.
    stored: HashMap<BufferId, ValueId>,
}

impl Joined {
    fn append(&mut self, kernel: &Loop) -> Result<()> {
        let mut names: Vec<ValueId> = Vec::with_capacity(kernel.chain.values.len());
        for value in &kernel.chain.values {
            let name = match &value.instr {
                Instr::Load(load) if self.stored.contains_key(&load.buffer) => {
                    let is_own_row = load.is_whole(&kernel.outer, &Shape::scalar());
                    if is_own_row { self.stored[&load.buffer] } else { return Err(several()) }
                }
                instr => self.add(Value { instr: instr.renamed(&names), ..value.clone() }),
            };
            names.push(name);
        }
        self.stored.extend(kernel.stores.iter().map(|(value, buffer)| (*buffer, names[value.index()])));
        Ok(())
    }

    fn add(&mut self, value: Value) -> ValueId {
        let next = ValueId(self.values.len() as u32);
        let name = *self.known.entry(value.clone()).or_insert(next);
        if name == next {
            self.values.push(value);
        }
        name
    }

    /// A result that no kernel stores is an argument.
    fn result(&mut self, schedule: &Schedule, id: BufferId, shape: &Shape) -> Result<ValueId> {
        if let Some(value) = self.stored.get(&id) {
            return Ok(*value);
        }
        let buffer = &schedule.buffers[id.index()];
        if buffer.shape != *shape || !is_axis_of_rows(shape) {
            return Err(several());
        }
        let load = Load { buffer: id, shape: shape.clone(), axes: vec![AxisMap::identity(0)], padded: false };
        Ok(self.add(Value { instr: Instr::Load(load), dtype: buffer.dtype, level: Level::Element }))
    }
}

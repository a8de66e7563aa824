//! Instructions of a chain as C expressions.

use gradframe_ml_core::{DType, Result, Shape};
use gradframe_ml_kernels::schedule::{Chain, Instr, Level, Load, Pair, ValueId};

use super::text::{Entry, c_type, literal};
use super::{functions, index};

/// A chain over `outer` x `row`, whose index variables stand in scope.
pub struct ChainText<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// Axes over which rows are independent.
    pub outer: &'a Shape,
    /// Axes of one row.
    pub row: &'a Shape,
    /// The position on the whole domain, as an expression.
    pub at: &'static str,
    /// The position on the outer axes, as an expression.
    pub at_row: &'static str,
}

impl ChainText<'_> {
    /// A load that reads its buffer from end to end needs no index variables.
    pub fn is_whole(&self, load: &Load, level: Level) -> bool {
        match level {
            Level::Element => load.is_whole(self.outer, self.row),
            Level::Row => load.is_whole(self.outer, &Shape::scalar()),
        }
    }

    /// The axes whose index variables are needed.
    pub fn used_axes(&self) -> Vec<usize> {
        index::used_axes(self.chain, |load, level| self.is_whole(load, level))
    }

    /// A value that needs no variable: a literal, or a row's number where elements are asked for.
    pub fn inlined(&self, v: ValueId) -> Option<String> {
        let value = self.chain.value(v);
        match &value.instr {
            Instr::Scalar(bytes) => Some(literal(value.dtype, u64::from_le_bytes(*bytes))),
            Instr::Spread(x) => Some(self.inlined(*x).unwrap_or_else(|| x.to_string())),
            _ => None,
        }
    }

    /// How a value is computed from others, whose names `name` knows. Folds are no expressions.
    /// Errors: `Internal` for a function that a type does not have.
    pub fn expression(&self, entry: &mut Entry, v: ValueId, name: &dyn Fn(ValueId) -> String) -> Result<String> {
        let value = self.chain.value(v);
        let dtype_of = |v: &ValueId| self.chain.value(*v).dtype;
        Ok(match &value.instr {
            Instr::Load(load) => self.load(entry, load, value.dtype, value.level),
            Instr::Iota(map) => format!("(i64)({})", index::along(entry, map)),
            Instr::Scalar(bytes) => literal(value.dtype, u64::from_le_bytes(*bytes)),
            Instr::Map1(f, x) => functions::map1(*f, dtype_of(x), &name(*x))?,
            Instr::Map2(f, a, b) => functions::map2(*f, dtype_of(a), &name(*a), &name(*b))?,
            Instr::Pair(pair) => pair_text(pair, value.dtype, name)?,
            Instr::Select(c, a, b) => format!("{} ? {} : {}", name(*c), name(*a), name(*b)),
            Instr::Cast(x) => format!("convert<{}>({})", c_type(value.dtype), name(*x)),
            Instr::Bitcast(x) => format!("bits_as<{}>({})", c_type(value.dtype), name(*x)),
            Instr::Threefry(key, counter) => format!("threefry({}, {})", name(*key), name(*counter)),
            Instr::Reduce(_, x) | Instr::Spread(x) => name(*x),
        })
    }

    fn load(&self, entry: &mut Entry, load: &Load, dtype: DType, level: Level) -> String {
        let buffer = entry.read(load.buffer);
        if self.is_whole(load, level) {
            return format!("{buffer}[{}]", if level == Level::Row { self.at_row } else { self.at });
        }
        let read = format!("{buffer}[{}]", index::position(entry, &load.axes, &load.shape));
        match index::inside(entry, load) {
            Some(condition) => format!("{condition} ? {read} : {}", literal(dtype, 0)),
            None => read,
        }
    }
}

fn pair_text(pair: &Pair, dtype: DType, name: &dyn Fn(ValueId) -> String) -> Result<String> {
    let [a, b, c] = pair.operands.map(name);
    let inner = format!("({})", functions::map2(pair.inner, dtype, &a, &b)?);
    if pair.is_second { functions::map2(pair.outer, dtype, &c, &inner) } else { functions::map2(pair.outer, dtype, &inner, &c) }
}

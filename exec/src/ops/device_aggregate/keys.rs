//! Keys of groups: a few strings or whole numbers, all keys of a row one number.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{DType, Error, NodeId, Result};
use std::sync::Arc;

use super::states::{places, whole};
use super::values::{Building, Kind, Value};

/// Groups of all keys together, at most.
const GROUPS_MAX: usize = 1024;

/// One key: a number from 0 on, the last of which is null if it may be.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Numbers without that of null.
    count: usize,
    is_nullable: bool,
    of: Numbered,
}

/// What the numbers of a key are of.
#[derive(Debug, Clone)]
enum Numbered {
    /// Whole numbers from this one on.
    From(i128),
    Words(ArrayRef),
    Bools,
}

impl Key {
    /// The key of a value, and its number in each row. Errors: `NotImplemented` for too many, and for floats.
    pub fn of(building: &mut Building, value: &Value, name: &str) -> Result<(Self, NodeId)> {
        let refused = |what: &str| Error::not_implemented("device", format!("groups by `{name}`: {what}"));
        let (count, of, node) = match &value.of {
            Kind::Words(strings) => (strings.len(), Numbered::Words(Arc::clone(strings)), value.node),
            Kind::Bool => (2, Numbered::Bools, building.graph.cast(value.node, DType::I64)?),
            Kind::Integer(low, high) if low <= high && high - low < GROUPS_MAX as i128 => {
                let first = building.number(i64::try_from(*low).map_err(|_| refused("beyond 64 bits"))?);
                ((high - low + 1) as usize, Numbered::From(*low), building.map2(Fn2::Sub, value.node, first)?)
            }
            Kind::Integer(..) => return Err(refused("too many whole numbers")),
            Kind::Float { .. } => return Err(refused("floats")),
        };
        if count > GROUPS_MAX {
            return Err(refused("too many strings"));
        }
        let null = building.number(count as i64);
        let node = value.valid.map_or(Ok(node), |valid| building.graph.select(valid, node, null))?;
        Ok((Key { count, is_nullable: value.valid.is_some(), of }, node))
    }

    fn numbers(&self) -> usize {
        self.count + usize::from(self.is_nullable)
    }

    /// The keys of these numbers. Errors: `Internal` for a type that they do not have.
    fn array(&self, numbers: &[usize], data_type: &DataType) -> Result<ArrayRef> {
        let nulls = NullBuffer::from_iter(numbers.iter().map(|&number| number < self.count));
        let number = |number: &usize| if *number < self.count { *number as i128 } else { 0 };
        let numbers: Vec<i128> = numbers.iter().map(number).collect();
        match &self.of {
            Numbered::Words(strings) => places(strings, &numbers, &nulls, data_type),
            Numbered::Bools => {
                let bools = numbers.iter().map(|&number| number == 1).collect::<Vec<bool>>();
                Ok(Arc::new(BooleanArray::new(bools.into(), Some(nulls))))
            }
            Numbered::From(low) => {
                let numbers: Vec<i128> = numbers.iter().map(|number| low + number).collect();
                whole(data_type, &numbers, Some(nulls))
            }
        }
    }
}

/// All keys of a row as one number: the last one varies fastest. Errors: `NotImplemented` for too many groups.
pub(super) fn joined(building: &mut Building, keys: &[(Key, NodeId)]) -> Result<(usize, Option<NodeId>)> {
    let (mut groups, mut code) = (1usize, None);
    for (key, node) in keys {
        groups = groups.saturating_mul(key.numbers());
        code = Some(match code {
            None => *node,
            Some(code) => {
                let numbers = building.number(key.numbers() as i64);
                let before = building.map2(Fn2::Mul, code, numbers)?;
                building.map2(Fn2::Add, before, *node)?
            }
        });
    }
    if groups > GROUPS_MAX {
        return Err(Error::not_implemented("device", format!("{groups} groups; no more than {GROUPS_MAX} are folded there")));
    }
    Ok((groups.max(1), code))
}

/// The columns of the keys of these groups, of these types.
pub(super) fn columns(keys: &[Key], groups: &[usize], types: &[&DataType]) -> Result<Vec<ArrayRef>> {
    let mut after = 1;
    let mut columns = Vec::with_capacity(keys.len());
    for (key, data_type) in keys.iter().zip(types).rev() {
        let numbers: Vec<usize> = groups.iter().map(|group| group / after % key.numbers().max(1)).collect();
        columns.push(key.array(&numbers, data_type)?);
        after *= key.numbers().max(1);
    }
    columns.reverse();
    Ok(columns)
}

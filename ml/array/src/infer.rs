//! The types of an operation's results: its meaning built once as a graph of operands of these types, and remembered.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use gradframe_ml_core::{Graph, Result};
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::array::Array;
use crate::element::ArrayType;
use crate::memory;
use crate::node::Op;
use crate::ops::Value;

/// Operations and types that are remembered on a thread, at most; then it begins anew.
const KNOWN_MAX: usize = 4096;

struct Known {
    hash: u64,
    op: Op,
    operands: SmallVec<[ArrayType; 3]>,
    results: Arc<[ArrayType]>,
}

thread_local! {
    static KNOWN: RefCell<HashTable<Known>> = const { RefCell::new(HashTable::new()) };
}

/// The types of the results. Errors: `Shape` or `DType` if the operation does not take the operands; `Shape` or `Resources`
/// for a result that no machine holds.
pub(crate) fn result_types(op: &Op, operands: &[Array]) -> Result<Arc<[ArrayType]>> {
    if let Op::Apply(closed) = op {
        closed.results.iter().try_for_each(|ty| memory::check(&closed.name, ty, false))?;
        return Ok(Arc::clone(&closed.results));
    }
    let hash = hash_of(op, operands);
    let same = |known: &Known| {
        let types = known.operands.iter().zip(operands);
        known.hash == hash
            && known.operands.len() == operands.len()
            && known.op == *op
            && types.into_iter().all(|(a, b)| a == b.ty())
    };
    let known = KNOWN.with_borrow(|table| table.find(hash, same).map(|known| Arc::clone(&known.results)));
    if let Some(results) = known {
        return Ok(results);
    }
    let results = inferred(op, operands)?;
    let operands = operands.iter().map(|a| a.ty().clone()).collect();
    let known = Known { hash, op: op.clone(), operands, results: Arc::clone(&results) };
    KNOWN.with_borrow_mut(|table| {
        if table.len() >= KNOWN_MAX {
            table.clear();
        }
        table.insert_unique(hash, known, |known| known.hash);
    });
    Ok(results)
}

fn hash_of(op: &Op, operands: &[Array]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    op.hash(&mut hasher);
    operands.iter().for_each(|operand| operand.ty().hash(&mut hasher));
    hasher.finish()
}

fn inferred(op: &Op, operands: &[Array]) -> Result<Arc<[ArrayType]>> {
    let mut g = Graph::new();
    let mut given: SmallVec<[Value; 3]> = SmallVec::new();
    for (i, operand) in operands.iter().enumerate() {
        let node = g.input(&format!("x{i}"), operand.ty().stored());
        given.push(Value::stored(&mut g, operand.element(), node)?);
    }
    let results = op.build(&mut g, &given)?;
    let results: Arc<[ArrayType]> = results.iter().map(|result| result.ty(&g)).collect::<Result<_>>()?;
    let of_numbers = operands.iter().all(|operand| operand.shape().is_empty());
    results.iter().try_for_each(|ty| memory::check(op.name(), ty, of_numbers))?;
    Ok(results)
}

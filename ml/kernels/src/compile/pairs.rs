//! Two arithmetic instructions in one: what only the next instruction takes never leaves a register of the processor.

use gradframe_ml_core::DType;
use gradframe_ml_core::graph::Fn2;

use super::registers;
use crate::schedule::{Chain, Instr, Kernel, Level, Pair, Value, ValueId};

/// Pairs up the instructions of fused kernels.
pub fn fuse(kernels: &mut [Kernel]) {
    for kernel in kernels {
        match kernel {
            Kernel::Loop(k) => fuse_chain(&mut k.chain, k.stores.iter_mut().map(|s| &mut s.0).collect()),
            Kernel::Fold(k) => fuse_chain(&mut k.chain, vec![&mut k.value]),
            _ => {}
        }
    }
}

/// The chain, shorter; `kept` are the values that are needed outside it, which get their new names.
fn fuse_chain(chain: &mut Chain, kept: Vec<&mut ValueId>) {
    let mut uses = vec![0usize; chain.values.len()];
    chain.values.iter().flat_map(|v| v.instr.operands()).for_each(|v| uses[v.index()] += 1);
    kept.iter().for_each(|v| uses[v.index()] += 2); // has to be there by itself
    let mut gone = vec![false; chain.values.len()];
    for i in 0..chain.values.len() {
        if let Some((pair, inner)) = paired(chain, i, &uses) {
            chain.values[i].instr = Instr::Pair(pair);
            gone[inner.index()] = true;
        }
    }
    if gone.contains(&true) {
        close_up(chain, &gone, kept);
    }
}

/// The instruction at `i` with one that only it takes; the second operand's first, as results are often written over
/// what the first one reads.
fn paired(chain: &Chain, i: usize, uses: &[usize]) -> Option<(Pair, ValueId)> {
    let value = &chain.values[i];
    let Instr::Map2(outer, x, y) = value.instr else { return None };
    if !is_paired_type(value) || !matches!(outer, Fn2::Add | Fn2::Sub | Fn2::Mul | Fn2::Div) {
        return None;
    }
    [(y, x, true), (x, y, false)].into_iter().find_map(|(inner, other, is_second)| {
        let Value { instr: Instr::Map2(f, a, b), .. } = *chain.value(inner) else { return None };
        let fits = matches!(f, Fn2::Add | Fn2::Sub | Fn2::Mul)
            && uses[inner.index()] == 1
            && is_paired_type(chain.value(inner))
            && [a, b, other].iter().all(|&v| !matches!(chain.value(v).instr, Instr::Spread(_)));
        fits.then_some((Pair { inner: f, outer, operands: [a, b, other], is_second }, inner))
    })
}

fn is_paired_type(value: &Value) -> bool {
    value.level == Level::Element && matches!(value.dtype, DType::F32 | DType::F64)
}

/// Takes out the values that are gone.
fn close_up(chain: &mut Chain, gone: &[bool], kept: Vec<&mut ValueId>) {
    let mut names = Vec::with_capacity(gone.len());
    let mut values = Vec::with_capacity(gone.len());
    for (value, &gone) in chain.values.iter().zip(gone) {
        names.push(ValueId(values.len() as u32)); // of what is gone, nobody asks
        if !gone {
            values.push(Value { instr: value.instr.renamed(&names), ..*value });
        }
    }
    kept.into_iter().for_each(|v| *v = names[v.index()]);
    *chain = registers::assigned(Chain { values, registers: Vec::new() });
}

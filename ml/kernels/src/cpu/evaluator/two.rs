//! Two neighbouring functions of a run as one instruction: what only the next one takes stays in a register of the processor.

use rustc_hash::FxHashMap;
use smallvec::smallvec;

use super::super::unit::{Code, Inner, Outer};
use super::fused::{Operand, Plain};

/// The same functions, fewer. `escapes` says of a value whether others need it.
pub fn joined(functions: Vec<Plain>, escapes: &impl Fn(usize) -> bool) -> Vec<Plain> {
    let mut uses: FxHashMap<usize, usize> = FxHashMap::default();
    for operand in functions.iter().flat_map(|function| &function.operands) {
        if let Operand::Value(v) = operand {
            *uses.entry(v.index()).or_default() += 1;
        }
    }
    let is_alone = |before: &Plain| before.value.is_none_or(|v| !escapes(v) && uses.get(&v) == Some(&1));
    let mut joined: Vec<Plain> = Vec::with_capacity(functions.len());
    for function in functions {
        let both = joined.last().filter(|before| is_alone(before)).and_then(|before| both(before, &function));
        if both.is_some() {
            joined.pop();
        }
        joined.push(both.unwrap_or(function));
    }
    joined
}

/// Both as one; None where they are not such functions, or the second does not take the first.
fn both(before: &Plain, function: &Plain) -> Option<Plain> {
    let ([Operand::Value(a), Operand::Value(b)], [x, y]) = (&before.operands[..], &function.operands[..]) else { return None };
    let is_taken = |operand: &Operand| match operand {
        Operand::Before => true,
        Operand::Value(v) => before.value == Some(v.index()),
    };
    let (other, is_second) = match (is_taken(x), is_taken(y)) {
        (true, false) => (y, false),
        (false, true) => (x, true),
        _ => return None,
    };
    let code = Code::Two(inner(before.code)?, outer(function.code, is_second)?);
    Some(Plain { code, operands: smallvec![Operand::Value(*a), Operand::Value(*b), *other], value: function.value })
}

fn inner(code: Code) -> Option<Inner> {
    match code {
        Code::Add => Some(Inner::Add),
        Code::Sub => Some(Inner::Sub),
        Code::Mul => Some(Inner::Mul),
        _ => None,
    }
}

fn outer(code: Code, is_second: bool) -> Option<Outer> {
    match code {
        Code::Add => Some(Outer::Add),
        Code::Sub if is_second => Some(Outer::From),
        Code::Sub => Some(Outer::Sub),
        Code::Mul => Some(Outer::Mul),
        _ => None,
    }
}

//! Which register holds which value of a chain.

use crate::schedule::{Chain, Instr};

/// The chain with a register for each value. Values that are computed share registers once they are dead; what is
/// loaded keeps its own, so that a back end can leave it there from block to block.
pub fn assigned(mut chain: Chain) -> Chain {
    let last_uses = last_uses(&chain);
    let mut pools = [Pool::default(), Pool::default()];
    for i in 0..chain.values.len() {
        let level = chain.values[i].level;
        let own = matches!(chain.values[i].instr, Instr::Load(_) | Instr::Iota(_) | Instr::Scalar(_));
        let register = pools[level as usize].take(own);
        chain.registers.push(register);
        let mut dying: Vec<usize> = chain.values[i].instr.operands().map(|v| v.index()).filter(|&v| last_uses[v] == i).collect();
        dying.dedup();
        for v in dying {
            pools[chain.values[v].level as usize].give(chain.registers[v], &chain.values[v].instr);
        }
    }
    chain
}

/// For each value its last user; values that nothing uses are results, and live on.
fn last_uses(chain: &Chain) -> Vec<usize> {
    let mut last = vec![usize::MAX; chain.values.len()];
    for (i, value) in chain.values.iter().enumerate() {
        value.instr.operands().for_each(|v| last[v.index()] = i);
    }
    last
}

/// The registers of one [`Level`].
#[derive(Default)]
struct Pool {
    count: usize,
    free: Vec<usize>,
}

impl Pool {
    fn take(&mut self, own: bool) -> usize {
        if !own && let Some(register) = self.free.pop() {
            return register;
        }
        self.count += 1;
        self.count - 1
    }

    fn give(&mut self, register: usize, held: &Instr) {
        let own = matches!(held, Instr::Load(_) | Instr::Iota(_) | Instr::Scalar(_));
        if !own && !self.free.contains(&register) {
            self.free.push(register);
        }
    }
}

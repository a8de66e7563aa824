//! The order in which a chain's values are computed: alone, or several in a run; and the registers that hold them.

use std::mem::take;

use super::super::simd::{Level as Vectors, level};
use super::super::unit::Float;
use super::fused::{Around, Run, fusable};
use super::input::Input;
use super::place::Place;
use crate::schedule::{Chain, Instr, Level, ValueId};

/// One pass over a block.
pub enum Step {
    /// One value.
    One(usize),
    /// Several.
    Run(Run),
}

/// All passes, and for each value the register that holds it while it is needed. Registers of the two levels are numbered
/// apart.
pub struct Steps {
    pub steps: Vec<Step>,
    pub registers: Vec<usize>,
    /// Number of registers of elements and of rows.
    pub counts: [usize; 2],
}

/// What a value without a register has.
pub const NONE: usize = usize::MAX;

impl Steps {
    /// Of the values that have to be computed; an input that lies in an output may get its place there.
    pub fn of(chain: &Chain, inputs: &[Input], places: &mut [Place], stores: &[ValueId]) -> Self {
        let mut groups = groups(Around { chain, inputs, places });
        hold(&mut groups, chain, inputs, places, stores);
        let around = Around { chain, inputs, places };
        let step_of = step_of(around, &groups);
        let last_uses = last_uses(around, &groups);
        let escapes = |v: usize| match last_uses[v] {
            None => true, // a result
            Some(step) => step != step_of[v] || matches!(around.places[v], Place::Output(_) | Place::Streamed(_)),
        };
        let (registers, counts) = assigned(around, &groups, &last_uses, &escapes);
        let step = |members: Vec<usize>| match members[..] {
            [one] => Step::One(one),
            _ => Step::Run(Run::of(around, &members, escapes)),
        };
        Steps { steps: groups.into_iter().map(step).collect(), registers, counts }
    }
}

/// The values of each step. What a run does not need may be computed before it, so that runs are long; what is written to an
/// output keeps its place, as an input may lie there until then. A run is of one type.
fn groups(around: Around) -> Vec<Vec<usize>> {
    let (mut groups, mut open, mut of) = (Vec::new(), Vec::new(), None::<Float>);
    let has_runs = level() != Vectors::Portable;
    for i in (0..around.chain.values.len()).filter(|&i| around.places[i].is_computed()) {
        match fusable(around, i).filter(|_| has_runs) {
            Some(float) => {
                if of.zip(float).is_some_and(|(of, float)| of != float) {
                    groups.push(take(&mut open));
                    of = None;
                }
                of = of.or(float);
                open.push(i);
            }
            None => {
                let waits = operands(around, i).any(|v| open.contains(&v));
                if waits || matches!(around.places[i], Place::Output(_) | Place::Streamed(_)) {
                    groups.extend(Some(take(&mut open)).filter(|open| !open.is_empty()));
                    of = None;
                }
                groups.push(vec![i]);
            }
        }
    }
    groups.extend(Some(open).filter(|open| !open.is_empty()));
    groups
}

/// Leaves inputs in the outputs in which they lie, where a run takes them last and writes the output: it reads each element before it
/// writes it. Otherwise an instruction would have to read and write the same block.
fn hold(groups: &mut Vec<Vec<usize>>, chain: &Chain, inputs: &[Input], places: &mut [Place], stores: &[ValueId]) {
    for (i, input) in inputs.iter().enumerate() {
        let (Input::InPlace(n), Place::Register) = (input, places[i]) else { continue };
        let store = stores[*n].index();
        let is_last = chain.values.iter().skip(store + 1).all(|later| later.instr.operands().all(|v| v.index() != i));
        if is_last && groups.iter().any(|members| members.len() > 1 && members.contains(&store)) {
            places[i] = Place::Held(*n);
            groups.retain(|members| members[..] != [i]);
        }
    }
}

/// The values that a value is computed of, in place of those that lie nowhere what they repeat.
fn operands<'a>(around: Around<'a, 'a>, i: usize) -> impl Iterator<Item = usize> + 'a {
    around.chain.values[i].instr.operands().map(move |v| match around.chain.value(v).instr {
        Instr::Spread(rows) if around.places[v.index()] == Place::Lazy => rows.index(),
        _ => v.index(),
    })
}

fn step_of(around: Around, groups: &[Vec<usize>]) -> Vec<usize> {
    let mut step_of = vec![NONE; around.chain.values.len()];
    for (step, members) in groups.iter().enumerate() {
        members.iter().for_each(|&i| step_of[i] = step);
    }
    step_of
}

/// For each value the last step that takes it.
fn last_uses(around: Around, groups: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut last = vec![None; around.chain.values.len()];
    for (step, members) in groups.iter().enumerate() {
        members.iter().flat_map(|&i| operands(around, i)).for_each(|v| last[v] = Some(step));
    }
    last
}

/// A register for each value that needs one. Those of what is computed are used again once it is dead; what is loaded keeps
/// its own, so that it may stay there from block to block.
fn assigned(
    around: Around,
    groups: &[Vec<usize>],
    last_uses: &[Option<usize>],
    escapes: &impl Fn(usize) -> bool,
) -> (Vec<usize>, [usize; 2]) {
    let mut registers = vec![NONE; around.chain.values.len()];
    let mut pools = [Pool::default(), Pool::default()];
    let mut dying: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
    for (v, last) in last_uses.iter().enumerate() {
        if let Some(step) = last {
            dying[*step].push(v);
        }
    }
    for (step, members) in groups.iter().enumerate() {
        for &i in members {
            let stays_in_run = members.len() > 1 && (!escapes(i) || matches!(around.places[i], Place::Streamed(_)));
            if matches!(around.places[i], Place::Register | Place::Streamed(_)) && !stays_in_run {
                registers[i] = pools[pool(around.chain, i)].take(is_own(around.chain, i));
            }
        }
        for &v in &dying[step] {
            if registers[v] != NONE && !is_own(around.chain, v) {
                pools[pool(around.chain, v)].free.push(registers[v]);
            }
        }
    }
    (registers, pools.map(|pool| pool.count))
}

fn pool(chain: &Chain, i: usize) -> usize {
    usize::from(chain.values[i].level == Level::Row)
}

fn is_own(chain: &Chain, i: usize) -> bool {
    matches!(chain.values[i].instr, Instr::Load(_) | Instr::Iota(_) | Instr::Scalar(_))
}

/// The registers of one level.
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
}

//! A chain over packs of elements side by side: what a thread takes at once, loads before elements.

use gradframe_ml_core::Result;
use gradframe_ml_kernels::schedule::{AxisMap, Instr, ValueId};

use super::chain::ChainText;
use super::index;
use super::pack::{self, Reach};
use super::text::{Code, Entry, c_type};

/// Packs of a thread, at most.
const PACKS_MAX: usize = 4;
/// Machine instructions of a thread's elements, roughly, at most: beyond, computing takes longer than moving.
const WORK_MAX: usize = 1200;

/// How the elements of a chain go to threads. Text that is printed stands where `i` is the position of a pack's first
/// element, and where there are several packs, `u` the number of one.
pub struct Elements<'a> {
    /// The chain.
    pub text: ChainText<'a>,
    /// Elements side by side that a thread takes at once: a pack.
    pub lanes: usize,
    /// Packs whose loads a thread makes before it computes.
    pub packs: usize,
    /// The innermost axis, if each pack lies within one of its lines: its first element's position serves all.
    line: Option<usize>,
    /// How each value that is a load lies under a pack.
    reach: Vec<Option<Reach>>,
}

/// What limits packs, beside the chain.
pub struct Limits {
    /// Bytes of an element that is stored beside those that are loaded.
    pub stored_bytes: usize,
    /// Divides the position of every pack's first element.
    pub start_factor: u64,
    /// Bytes of loads that a thread has in flight, at least.
    pub in_flight_bytes: usize,
}

impl<'a> Elements<'a> {
    /// The widest packs of this chain.
    pub fn of(text: ChainText<'a>, limits: &Limits) -> Self {
        let (chain, dims) = (text.chain, text.outer.dims());
        let last = pack::innermost(dims);
        let varies = |v: &ValueId| matches!(&chain.value(*v).instr, Instr::Load(l) if l.axes.iter().any(|m| !m.terms.is_empty()));
        let loaded = chain.ids().filter(varies).map(|v| chain.value(v).dtype.size_bytes());
        let mut lanes = pack::shared(pack::lanes(loaded.max().unwrap_or(1).max(limits.stored_bytes)), limits.start_factor);
        if last.is_none() || pack::work(chain) * lanes > WORK_MAX {
            lanes = 1;
        }
        let in_line = pack::shared(lanes, last.map_or(1, |axis| pack::factor(&dims[axis])));
        let line = last.filter(|_| lanes > 1 && 2 * in_line >= lanes && in_line > 1);
        let lanes = if line.is_some() { in_line } else { lanes };
        let reach = chain.ids().map(|v| match &chain.value(v).instr {
            Instr::Load(load) if lanes == 1 => Some(if load.padded { Reach::Each } else { Reach::Same }),
            Instr::Load(load) if text.is_whole(load, chain.value(v).level) => Some(Reach::Pack),
            Instr::Load(load) => Some(line.map_or(Reach::Each, |axis| pack::reach(load, axis, lanes))),
            _ => None,
        });
        let reach = reach.collect();
        let mut elements = Elements { text, lanes, packs: 1, line, reach };
        elements.packs = elements.packs_in_flight(limits.in_flight_bytes);
        elements
    }

    fn packs_in_flight(&self, in_flight_bytes: usize) -> usize {
        let chain = self.text.chain;
        let at_once = |v: &ValueId| if self.reach_of(*v) == Some(Reach::Same) { 1 } else { self.lanes };
        let loads = chain.ids().filter(|v| matches!(chain.value(*v).instr, Instr::Load(_)));
        let bytes: usize = loads.map(|v| chain.value(v).dtype.size_bytes() * at_once(&v)).sum();
        let affordable = WORK_MAX / (pack::work(chain) * self.lanes).max(1);
        let packs = if bytes == 0 { 1 } else { in_flight_bytes.div_ceil(bytes) };
        packs.min(affordable).clamp(1, PACKS_MAX).next_power_of_two()
    }

    fn reach_of(&self, v: ValueId) -> Option<Reach> {
        self.reach[v.index()]
    }

    /// Loaded for a pack as a whole, before the elements are computed.
    fn is_held(&self, v: ValueId) -> bool {
        matches!(self.reach_of(v), Some(Reach::Pack | Reach::Same)) && !self.is_constant(v)
    }

    fn is_constant(&self, v: ValueId) -> bool {
        let value = self.text.chain.value(v);
        matches!(&value.instr, Instr::Load(load) if !load.padded
            && load.axes.iter().all(|map| map.terms.is_empty())
            && !self.text.is_whole(load, value.level))
    }

    /// What is the same for all elements, as variables.
    pub fn constants(&self, entry: &mut Entry) -> Result<()> {
        let mut constants = self.text.chain.ids().filter(|v| self.is_constant(*v));
        constants.try_for_each(|v| self.value(entry, v, &|v| v.to_string()))
    }

    /// All values of the element at `i`, each a variable of its name.
    pub fn single(&self, entry: &mut Entry) -> Result<()> {
        let used = self.text.used_axes();
        index::declare(entry, self.text.outer, 0, "i", |axis| used.contains(&axis));
        let mut own = self.text.chain.ids().filter(|v| !self.is_constant(*v));
        own.try_for_each(|v| self.value(entry, v, &|v| self.single_name(v)))
    }

    /// What a value of a single element is called.
    pub fn single_name(&self, v: ValueId) -> String {
        self.text.inlined(v).unwrap_or_else(|| v.to_string())
    }

    /// Variables for the loads of all packs.
    pub fn held(&self, entry: &mut Entry) {
        for v in self.text.chain.ids().filter(|v| self.is_held(*v)) {
            entry.code.line(format!("{} p{}[{}];", self.held_type(v), v.index(), self.packs));
        }
    }

    fn held_type(&self, v: ValueId) -> String {
        let dtype = c_type(self.text.chain.value(v).dtype);
        match self.reach_of(v) {
            Some(Reach::Pack) if self.lanes > 1 => format!("Pack<{dtype}, {}>", self.lanes),
            _ => dtype.into(),
        }
    }

    /// The loads of one pack; into variables declared here, or into those of [`Elements::held`].
    pub fn loads(&self, entry: &mut Entry, is_declared: bool) -> Result<()> {
        let mut used = self.axes_of(|v| self.is_held(v));
        if is_declared && self.line.is_some() {
            used.extend(self.axes_of(|v| !self.is_held(v)));
        }
        index::declare(entry, self.text.outer, 0, "i", |axis| used.contains(&axis));
        for v in self.text.chain.ids().filter(|v| self.is_held(*v)) {
            let mut expression = self.text.expression(entry, v, &|v| v.to_string())?;
            if self.reach_of(v) == Some(Reach::Pack) && self.lanes > 1 {
                expression = format!("packed<{}>(&{expression})", self.lanes);
            }
            let line = match is_declared {
                true => format!("const {} p{} = {expression};", self.held_type(v), v.index()),
                false => format!("p{}[u] = {expression};", v.index()),
            };
            entry.code.line(line);
        }
        Ok(())
    }

    /// The walk over the elements of one pack, `k` the number of one, and in it all values; `end` uses them.
    pub fn each(
        &self,
        entry: &mut Entry,
        is_declared: bool,
        end: impl FnOnce(&mut Entry, &dyn Fn(ValueId) -> String),
    ) -> Result<()> {
        let each = self.axes_of(|v| !self.is_held(v));
        match self.line {
            Some(line) => {
                index::declare(entry, self.text.outer, 0, "i", |axis| !is_declared && each.contains(&axis));
                if each.contains(&line) {
                    entry.code.line(format!("const at_t start{line} = i{line};"));
                }
            }
            None if !each.is_empty() => entry.code.line("const at_t start = i;"),
            None => {}
        }
        unrolled(&mut entry.code, "k", self.lanes);
        match self.line {
            Some(line) if each.contains(&line) => entry.code.line(format!("const at_t i{line} = start{line} + k;")),
            None if !each.is_empty() => {
                entry.code.line("const at_t i = start + k;");
                index::declare(entry, self.text.outer, 0, "i", |axis| each.contains(&axis));
            }
            _ => {}
        }
        let index = if is_declared { "" } else { "[u]" };
        let name = |v: ValueId| self.name(v, index);
        let mut own = self.text.chain.ids().filter(|v| !self.is_constant(*v) && !self.is_held(*v));
        own.try_for_each(|v| self.value(entry, v, &name))?;
        end(entry, &name);
        entry.code.close();
        Ok(())
    }

    /// What a value of the pack's k-th element is called.
    fn name(&self, v: ValueId, index: &str) -> String {
        match self.reach_of(v) {
            _ if self.is_constant(v) => v.to_string(),
            Some(Reach::Pack) if self.lanes > 1 => format!("p{}{index}.at[k]", v.index()),
            Some(Reach::Pack | Reach::Same) => format!("p{}{index}", v.index()),
            _ => match &self.text.chain.value(v).instr {
                Instr::Spread(x) => self.name(*x, index),
                _ => self.single_name(v),
            },
        }
    }

    /// The axes whose positions these values need.
    fn axes_of(&self, is_asked: impl Fn(ValueId) -> bool) -> Vec<usize> {
        let mut maps: Vec<&AxisMap> = Vec::new();
        for v in self.text.chain.ids().filter(|v| is_asked(*v)) {
            let value = self.text.chain.value(v);
            match &value.instr {
                Instr::Load(load) if !self.text.is_whole(load, value.level) => maps.extend(&load.axes),
                Instr::Iota(map) => maps.push(map),
                _ => {}
            }
        }
        maps.into_iter().flat_map(|map| map.terms.iter().map(|term| term.0)).collect()
    }

    /// A value as a variable of its name, if it needs one.
    fn value(&self, entry: &mut Entry, v: ValueId, name: &dyn Fn(ValueId) -> String) -> Result<()> {
        if self.text.inlined(v).is_some() {
            return Ok(());
        }
        let expression = self.text.expression(entry, v, name)?;
        let dtype = c_type(self.text.chain.value(v).dtype);
        entry.code.line(format!("const {dtype} {v} = {expression};"));
        Ok(())
    }
}

/// Opens a loop that is written out.
pub fn unrolled(code: &mut Code, variable: &str, count: usize) {
    code.line("#pragma unroll");
    code.open(format!("for (int {variable} = 0; {variable} < {count}; ++{variable})"));
}

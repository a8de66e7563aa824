//! Fused kernels without rows: a thread takes several elements side by side, a few times, all loads before the first use.

use gradframe_ml_core::{Result, Shape};
use gradframe_ml_kernels::schedule::{AxisMap, Chain, Instr, Load, Loop, Schedule, ValueId};

use super::chain::ChainText;
use super::index;
use super::pack::{self, Reach};
use super::text::{Code, Entry, c_type};
use crate::launch::{Count, CudaKernel};

/// Threads of a block of kernels in which each thread works for itself.
pub const THREADS: u32 = 256;
/// Bytes of loads that a thread has in flight, at least.
const IN_FLIGHT_BYTES: usize = 32;
/// Packs of a thread, at most.
const PACKS_MAX: usize = 4;
/// Machine instructions of a thread's elements, roughly, at most: beyond, computing takes longer than moving.
const WORK_MAX: usize = 1200;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Loop) -> Result<CudaKernel> {
    let row = Shape::scalar();
    let text = ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &row, at: "i", at_row: "i" };
    let entry = Entry::new(schedule, name.into(), THREADS);
    let plan = Plan::of(&entry, kernel, &text);
    let per_block = THREADS * (plan.lanes * plan.packs) as u32;
    let mut printer = Printer { entry, kernel, text, plan };
    printer.print()?;
    let (source, launch) = printer.entry.finish(Count::of(&kernel.outer), per_block, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// How a kernel's elements go to threads.
struct Plan {
    /// Elements side by side that a thread takes at once: a pack.
    lanes: usize,
    /// Packs of a thread, a block's width apart.
    packs: usize,
    /// The innermost axis, if each pack lies within one of its lines: its first element's position serves all.
    line: Option<usize>,
    /// How each value that is a load lies under a pack.
    reach: Vec<Option<Reach>>,
}

impl Plan {
    fn of(entry: &Entry, kernel: &Loop, text: &ChainText) -> Self {
        let (chain, dims) = (&kernel.chain, kernel.outer.dims());
        let last = pack::innermost(dims);
        let is_whole = |v: ValueId| matches!(&chain.value(v).instr, Instr::Load(l) if text.is_whole(l, chain.value(v).level));
        let varies = |v: &ValueId| matches!(&chain.value(*v).instr, Instr::Load(l) if l.axes.iter().any(|m| !m.terms.is_empty()));
        let moved = chain.ids().filter(varies).map(|v| chain.value(v).dtype.size_bytes());
        let stored = kernel.stores.iter().map(|s| entry.dtype(s.1).size_bytes());
        let mut lanes = pack::lanes(moved.chain(stored).max().unwrap_or(1));
        if last.is_none() || pack::work(chain) * lanes > WORK_MAX {
            lanes = 1;
        }
        let in_line = pack::shared(lanes, last.map_or(1, |axis| pack::factor(&dims[axis])));
        let line = last.filter(|_| lanes > 1 && 2 * in_line >= lanes && in_line > 1);
        let lanes = if line.is_some() { in_line } else { lanes };
        let reach = chain.ids().map(|v| match &chain.value(v).instr {
            Instr::Load(_) if is_whole(v) => Some(Reach::Pack),
            Instr::Load(load) => Some(line.map_or(Reach::Each, |axis| pack::reach(load, axis, lanes))),
            _ => None,
        });
        let mut plan = Plan { lanes, packs: 1, line, reach: reach.collect() };
        plan.packs = plan.packs_in_flight(chain);
        plan
    }

    fn packs_in_flight(&self, chain: &Chain) -> usize {
        let at_once = |v: &ValueId| if self.reach_of(*v) == Some(Reach::Same) { 1 } else { self.lanes };
        let loads = chain.ids().filter(|v| matches!(chain.value(*v).instr, Instr::Load(_)));
        let bytes: usize = loads.map(|v| chain.value(v).dtype.size_bytes() * at_once(&v)).sum();
        let affordable = WORK_MAX / (pack::work(chain) * self.lanes).max(1);
        let packs = if self.lanes == 1 || bytes == 0 { 1 } else { IN_FLIGHT_BYTES.div_ceil(bytes) };
        packs.min(affordable).clamp(1, PACKS_MAX).next_power_of_two()
    }

    fn reach_of(&self, v: ValueId) -> Option<Reach> {
        self.reach[v.index()]
    }

    /// Loaded for a pack as a whole, before the elements are computed.
    fn is_held(&self, v: ValueId) -> bool {
        matches!(self.reach_of(v), Some(Reach::Pack | Reach::Same))
    }
}

struct Printer<'a> {
    entry: Entry<'a>,
    kernel: &'a Loop,
    text: ChainText<'a>,
    plan: Plan,
}

impl Printer<'_> {
    fn print(&mut self) -> Result<()> {
        let dims = self.kernel.outer.dims();
        let count = self.entry.count(dims);
        self.entry.code.line(format!("const at_t count = {count};"));
        self.constants()?;
        let lanes = self.plan.lanes;
        if lanes == 1 {
            return self.single_elements("0");
        }
        let has_tail = pack::shared(lanes, pack::factor_of_count(dims)) < lanes;
        let whole = if has_tail { format!("count / {lanes} * {lanes}") } else { "count".into() };
        self.entry.code.line(format!("const at_t whole = {whole};"));
        self.packs()?;
        if has_tail { self.single_elements("whole") } else { Ok(()) }
    }

    /// What is the same for all elements.
    fn constants(&mut self) -> Result<()> {
        let constants: Vec<ValueId> = self.kernel.chain.ids().filter(|v| self.is_constant(*v)).collect();
        for v in constants {
            value(&mut self.entry, &self.text, v, &|v| v.to_string())?;
        }
        Ok(())
    }

    fn is_constant(&self, v: ValueId) -> bool {
        let value = self.kernel.chain.value(v);
        let is_fixed = |load: &Load| !load.padded && load.axes.iter().all(|map| map.terms.is_empty());
        matches!(&value.instr, Instr::Load(load) if is_fixed(load) && !self.text.is_whole(load, value.level))
    }

    /// A walk over elements from a place on, one at a time.
    fn single_elements(&mut self, from: &str) -> Result<()> {
        let from = if from == "0" { "first_thread()".into() } else { format!("{from} + first_thread()") };
        self.entry.code.open(format!("for (at_t i = {from}; i < count; i += all_threads())"));
        let used = self.text.used_axes();
        index::declare(&mut self.entry, &self.kernel.outer, 0, "i", |axis| used.contains(&axis));
        let own: Vec<ValueId> = self.kernel.chain.ids().filter(|v| !self.is_constant(*v)).collect();
        for v in own {
            let text = &self.text;
            value(&mut self.entry, text, v, &|v| text.inlined(v).unwrap_or_else(|| v.to_string()))?;
        }
        for (value, buffer) in &self.kernel.stores {
            let buffer = self.entry.write(*buffer);
            let value = self.text.inlined(*value).unwrap_or_else(|| value.to_string());
            self.entry.code.line(format!("{buffer}[i] = {value};"));
        }
        self.entry.code.close();
        Ok(())
    }

    /// The walk over packs.
    fn packs(&mut self) -> Result<()> {
        let (lanes, packs) = (self.plan.lanes, self.plan.packs);
        let tile = THREADS as usize * lanes * packs;
        if packs == 1 {
            self.entry.code.open(format!("for (at_t i = first_thread() * {lanes}; i < whole; i += all_threads() * {lanes})"));
            self.held_loads(true)?;
            self.elements()?;
            self.entry.code.close();
            return Ok(());
        }
        let code = &mut self.entry.code;
        code.open(format!("for (at_t tile = (at_t)blockIdx.x * {tile}; tile < whole; tile += (at_t)gridDim.x * {tile})"));
        for v in self.held() {
            let declared = self.held_type(v);
            self.entry.code.line(format!("{declared} p{}[{packs}];", v.index()));
        }
        self.open_packs();
        self.held_loads(false)?;
        self.entry.code.close();
        self.open_packs();
        self.elements()?;
        self.entry.code.close();
        self.entry.code.close();
        Ok(())
    }

    fn open_packs(&mut self) {
        let (lanes, packs) = (self.plan.lanes, self.plan.packs);
        unrolled(&mut self.entry.code, "u", packs);
        self.entry.code.line(format!("const at_t i = tile + (u * {THREADS} + (at_t)threadIdx.x) * {lanes};"));
        self.entry.code.line("if (i >= whole) continue;");
    }

    fn held(&self) -> Vec<ValueId> {
        self.kernel.chain.ids().filter(|v| self.plan.is_held(*v) && !self.is_constant(*v)).collect()
    }

    fn held_type(&self, v: ValueId) -> String {
        let dtype = c_type(self.kernel.chain.value(v).dtype);
        match self.plan.reach_of(v) {
            Some(Reach::Pack) => format!("Pack<{dtype}, {}>", self.plan.lanes),
            _ => dtype.into(),
        }
    }

    /// The loads of one pack; into variables declared here, or into those of all packs.
    fn held_loads(&mut self, is_declared: bool) -> Result<()> {
        let mut used = self.axes_of(|v| self.plan.is_held(v));
        if is_declared && self.plan.line.is_some() {
            used.extend(self.axes_of(|v| !self.plan.is_held(v)));
        }
        index::declare(&mut self.entry, &self.kernel.outer, 0, "i", |axis| used.contains(&axis));
        for v in self.held() {
            let mut expression = self.text.expression(&mut self.entry, v, &|v| v.to_string())?;
            if self.plan.reach_of(v) == Some(Reach::Pack) {
                expression = format!("packed<{}>(&{expression})", self.plan.lanes);
            }
            let line = match is_declared {
                true => format!("const {} p{} = {expression};", self.held_type(v), v.index()),
                false => format!("p{}[u] = {expression};", v.index()),
            };
            self.entry.code.line(line);
        }
        Ok(())
    }

    /// The elements of one pack, and their stores.
    fn elements(&mut self) -> Result<()> {
        let (lanes, each) = (self.plan.lanes, self.axes_of(|v| !self.plan.is_held(v)));
        for (_, buffer) in &self.kernel.stores {
            let dtype = c_type(self.entry.dtype(*buffer));
            self.entry.code.line(format!("Pack<{dtype}, {lanes}> out_{buffer};"));
        }
        self.positions_of_pack(&each);
        unrolled(&mut self.entry.code, "k", lanes);
        self.positions_of_element(&each);
        self.element()?;
        self.entry.code.close();
        for (_, buffer) in &self.kernel.stores {
            let buffer = self.entry.write(*buffer);
            self.entry.code.line(format!("unpacked(&{buffer}[i], out_{buffer});"));
        }
        Ok(())
    }

    /// From where the elements of a pack count on.
    fn positions_of_pack(&mut self, each: &[usize]) {
        let Some(line) = self.plan.line else {
            if !each.is_empty() {
                self.entry.code.line("const at_t start = i;");
            }
            return;
        };
        if self.plan.packs > 1 {
            index::declare(&mut self.entry, &self.kernel.outer, 0, "i", |axis| each.contains(&axis));
        }
        if each.contains(&line) {
            self.entry.code.line(format!("const at_t start{line} = i{line};"));
        }
    }

    /// Within a line only its axis counts on; else each element's position is taken apart.
    fn positions_of_element(&mut self, each: &[usize]) {
        match self.plan.line {
            Some(line) if each.contains(&line) => self.entry.code.line(format!("const at_t i{line} = start{line} + k;")),
            None if !each.is_empty() => {
                self.entry.code.line("const at_t i = start + k;");
                index::declare(&mut self.entry, &self.kernel.outer, 0, "i", |axis| each.contains(&axis));
            }
            _ => {}
        }
    }

    fn element(&mut self) -> Result<()> {
        let index = if self.plan.packs > 1 { "[u]" } else { "" };
        let names: Vec<String> = self.kernel.chain.ids().map(|v| self.name(v, index)).collect();
        let is_own = |v: &ValueId| !self.is_constant(*v) && !self.plan.is_held(*v);
        let own: Vec<ValueId> = self.kernel.chain.ids().filter(is_own).collect();
        for v in own {
            value(&mut self.entry, &self.text, v, &|v| names[v.index()].clone())?;
        }
        for (value, buffer) in &self.kernel.stores {
            self.entry.code.line(format!("out_{buffer}.at[k] = {};", names[value.index()]));
        }
        Ok(())
    }

    /// What a value of the pack's k-th element is called.
    fn name(&self, v: ValueId, index: &str) -> String {
        match self.plan.reach_of(v) {
            _ if self.is_constant(v) => v.to_string(),
            Some(Reach::Pack) => format!("p{}{index}.at[k]", v.index()),
            Some(Reach::Same) => format!("p{}{index}", v.index()),
            _ => match &self.kernel.chain.value(v).instr {
                Instr::Spread(x) => self.name(*x, index),
                _ => self.text.inlined(v).unwrap_or_else(|| v.to_string()),
            },
        }
    }

    /// The axes whose positions these values need.
    fn axes_of(&self, is_asked: impl Fn(ValueId) -> bool) -> Vec<usize> {
        let chain = &self.kernel.chain;
        let mut maps: Vec<&AxisMap> = Vec::new();
        for v in chain.ids().filter(|v| is_asked(*v)) {
            match &chain.value(v).instr {
                Instr::Load(load) if !self.text.is_whole(load, chain.value(v).level) => maps.extend(&load.axes),
                Instr::Iota(map) => maps.push(map),
                _ => {}
            }
        }
        maps.into_iter().flat_map(|map| map.terms.iter().map(|term| term.0)).collect()
    }
}

fn unrolled(code: &mut Code, variable: &str, count: usize) {
    code.line("#pragma unroll");
    code.open(format!("for (int {variable} = 0; {variable} < {count}; ++{variable})"));
}

/// A value as a variable of its name, if it needs one.
fn value(entry: &mut Entry, text: &ChainText, v: ValueId, name: &dyn Fn(ValueId) -> String) -> Result<()> {
    if text.inlined(v).is_some() {
        return Ok(());
    }
    let expression = text.expression(entry, v, name)?;
    let dtype = c_type(text.chain.value(v).dtype);
    entry.code.line(format!("const {dtype} {v} = {expression};"));
    Ok(())
}

/// All values of one element, each a variable of its name.
pub fn values(entry: &mut Entry, text: &ChainText) -> Result<()> {
    text.chain.ids().try_for_each(|v| value(entry, text, v, &|v| text.inlined(v).unwrap_or_else(|| v.to_string())))
}

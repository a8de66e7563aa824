//! Computing what was recorded: the recipe of what is asked for, its program, and the results put where they belong.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock};

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};
use hashbrown::HashTable;
use parking_lot::Mutex;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::array::{Array, Cell};
use crate::held::Held;
use crate::memory;
use crate::recipe::{Class, Place, Recipe, Walk};

/// Programs that are kept, at most.
const PROGRAMS_MAX: usize = 1024;
/// Bytes of memory that a thread keeps for the next program, at most.
const SCRATCH_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Values whose memory is kept: shorter ones cost nothing to make anew, and longer ones would be missed elsewhere.
const RECYCLED_BYTES: std::ops::RangeInclusive<usize> = 16 * 1024..=32 * 1024 * 1024;

/// Computes all of these arrays at once, and what others still hold of what they are made of.
/// Errors: `Plan` for a stand-in of a traced function; `Resources` if memory is short.
pub fn realise_all(arrays: &[Array]) -> Result<()> {
    let classify = |array: &Array| classify(array);
    let mut walk = Walk::new(&classify);
    let mut cells: Vec<Arc<Cell>> = Vec::new();
    for array in arrays.iter().filter(|a| !a.is_realised()) {
        let place = walk.place(array)?;
        demand(&mut walk, &mut cells, &array.0, place);
    }
    if cells.is_empty() {
        return Ok(());
    }
    add_held(&mut walk, &mut cells);
    memory::check_all("array", cells.iter().map(|cell| &cell.ty))?;
    let Walk { recipe, given, .. } = walk;
    let inputs: Vec<Tensor> = given.iter().map(Array::tensor).collect::<Result<_>>()?;
    let program = programs().find(recipe)?;
    let results = with_scratch(|scratch| program.run_with(&inputs, scratch, Threads::Pool))?;
    for (cell, result) in cells.into_iter().zip(results) {
        let mut state = cell.state.lock();
        state.value = Held::of(result);
        let forgotten = (state.shortcut.take(), if cell.role.tracked { None } else { state.source.take() });
        drop(state);
        drop(forgotten); // may free a long chain: not under the lock
    }
    Ok(())
}

fn classify(array: &Array) -> Result<Class> {
    if array.is_traced() {
        return Err(traced());
    }
    let state = array.0.state.lock();
    match (&*state.value, state.way()) {
        (Some(_), _) => Ok(Class::Leaf),
        (None, Some(way)) => Ok(Class::Step(way.clone())),
        (None, None) => Err(traced()),
    }
}

fn traced() -> Error {
    Error::plan("array", "the value of an array is not known while its function is traced (by grad, vmap, jit ...)").hint(
        "choose with `where`, not with `if`; return what is to be looked at; give what decides the shape as a static argument",
    )
}

fn demand(walk: &mut Walk, cells: &mut Vec<Arc<Cell>>, cell: &Arc<Cell>, place: Place) {
    if !cells.iter().any(|known| Arc::ptr_eq(known, cell)) {
        walk.recipe.outputs.push(place);
        cells.push(Arc::clone(cell));
    }
}

/// Adds what somebody holds who is not part of the expression: it would be computed again.
fn add_held(walk: &mut Walk, cells: &mut Vec<Arc<Cell>>) {
    if walk.nodes.len() == 1 && walk.nodes[0].results.lock().len() < 2 {
        return;
    }
    let nodes = std::mem::take(&mut walk.nodes);
    let mut uses: FxHashMap<*const Cell, usize> = FxHashMap::default();
    for operand in nodes.iter().flat_map(|node| &node.operands) {
        *uses.entry(Arc::as_ptr(&operand.0)).or_default() += 1;
    }
    let mut wanted: Vec<(Arc<Cell>, Place)> = Vec::new();
    for operand in nodes.iter().flat_map(|node| &node.operands) {
        let inside = uses.remove(&Arc::as_ptr(&operand.0));
        let held = inside.is_some_and(|inside| Arc::strong_count(&operand.0) > inside);
        let state = operand.0.state.lock();
        if let (true, None, Some(source)) = (held, &*state.value, state.way())
            && let Some(step) = walk.step_of(&source.node)
        {
            wanted.push((Arc::clone(&operand.0), Place::Step(step, source.output)));
        }
    }
    for (step, node) in nodes.iter().enumerate() {
        for (output, result) in node.results.lock().iter().enumerate() {
            if let Some(cell) = result.upgrade().filter(|cell| cell.state.lock().value.is_none()) {
                wanted.push((cell, Place::Step(step as u32, output as u32)));
            }
        }
    }
    let mut known: rustc_hash::FxHashSet<*const Cell> = cells.iter().map(Arc::as_ptr).collect();
    for (cell, place) in wanted {
        if known.insert(Arc::as_ptr(&cell)) {
            walk.recipe.outputs.push(place);
            cells.push(cell);
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(scratch());
}

/// Keeps the memory of a value that nobody needs any more for the thread's next results.
pub(crate) fn recycle(value: Tensor) {
    let bytes = value.buffer().len();
    if !RECYCLED_BYTES.contains(&bytes) {
        return;
    }
    // Not where a thread ends, nor from inside a run.
    let _ = SCRATCH.try_with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) if scratch.bytes() + bytes <= SCRATCH_BYTES_MAX => scratch.recycle(value),
        _ => {}
    });
}

fn scratch() -> Scratch {
    Scratch::with_budget(memory::limit_bytes())
}

/// Runs something with the thread's memory for programs.
pub(crate) fn with_scratch<R>(run: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        let result = run(scratch);
        if scratch.bytes() > SCRATCH_BYTES_MAX {
            *scratch = self::scratch();
        }
        result
    })
}

/// The programs that were compiled, by recipe; the least used go when there are too many.
#[derive(Default)]
pub struct Programs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    table: HashTable<Entry>,
    /// Rises with each use.
    clock: u64,
    compiled: u64,
}

struct Entry {
    hash: u64,
    recipe: Recipe,
    program: Arc<Program>,
    used: u64,
}

/// The programs of this process.
pub fn programs() -> &'static Programs {
    static PROGRAMS: LazyLock<Programs> = LazyLock::new(Programs::default);
    &PROGRAMS
}

impl Programs {
    /// The number of programs that were compiled since the process began.
    pub fn compiled(&self) -> u64 {
        self.0.lock().compiled
    }

    /// The number of programs that are kept.
    pub fn kept(&self) -> usize {
        self.0.lock().table.len()
    }

    fn find(&self, recipe: Recipe) -> Result<Arc<Program>> {
        let hash = FxBuildHasher.hash_one(&recipe);
        let known = self.0.lock().used(hash, &recipe);
        if let Some(program) = known {
            return Ok(program);
        }
        let program = Arc::new(compile(&recipe.function()?)?);
        self.0.lock().keep(Entry { hash, recipe, program: Arc::clone(&program), used: 0 });
        Ok(program)
    }
}

impl Kept {
    fn used(&mut self, hash: u64, recipe: &Recipe) -> Option<Arc<Program>> {
        self.clock += 1;
        let entry = self.table.find_mut(hash, |entry| entry.hash == hash && entry.recipe == *recipe)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.program))
    }

    fn keep(&mut self, entry: Entry) {
        self.compiled += 1;
        if self.table.len() >= PROGRAMS_MAX {
            let mut uses: Vec<u64> = self.table.iter().map(|entry| entry.used).collect();
            uses.sort_unstable();
            let oldest = uses[uses.len() / 4];
            self.table.retain(|entry| entry.used > oldest);
        }
        let used = self.clock;
        self.table.insert_unique(entry.hash, Entry { used, ..entry }, |entry| entry.hash);
    }
}

//! Fused kernels that read an array across its lines: a block takes squares of it by way of shared memory, so that what it
//! reads lies side by side, as what it writes does.

use gradframe_ml_core::{Dim, Result, Shape};
use gradframe_ml_kernels::schedule::{AxisMap, Instr, Level, Load, Loop, Schedule, ValueId};

use super::chain::ChainText;
use super::index;
use super::text::{Entry, c_type, product};
use crate::launch::{Count, CudaKernel};

/// Elements of a square's side.
const SIDE: usize = 32;
/// Rows of a square that a block takes at once.
const ROWS: usize = 8;
/// Arrays that go by way of shared memory, at most: they share 48 KB.
const LOADS_MAX: usize = 4;
/// A shorter axis is not worth a square.
const SIZE_MIN: usize = 16;

/// What is read across its lines.
struct Turned {
    loads: Vec<ValueId>,
    /// The domain's axis along which they lie in memory.
    along: usize,
    /// The domain's innermost axis.
    last: usize,
}

impl Turned {
    fn of(kernel: &Loop) -> Option<Self> {
        let dims = kernel.outer.dims();
        let last = dims.iter().rposition(|dim| !dim.is_one())?;
        let chain = &kernel.chain;
        let lying = |v: ValueId| match &chain.value(v).instr {
            Instr::Load(load) if chain.value(v).level == Level::Element => lies_along(load).map(|axis| (v, axis)),
            _ => None,
        };
        let is_long = |axis: usize| dims[axis].as_fixed().is_none_or(|size| size >= SIZE_MIN);
        let across: Vec<(ValueId, usize)> =
            chain.ids().filter_map(lying).filter(|&(_, axis)| axis != last && is_long(axis)).collect();
        let along = across.first()?.1;
        let loads: Vec<ValueId> =
            across.into_iter().filter(|found| found.1 == along).map(|found| found.0).take(LOADS_MAX).collect();
        is_long(last).then_some(Turned { loads, along, last })
    }
}

/// The axis of the domain along which a load's neighbours in memory lie; None where there is none, or zeros are read.
fn lies_along(load: &Load) -> Option<usize> {
    let inner = load.shape.dims().iter().rposition(|dim| !dim.is_one())?;
    match load.axes[inner].terms[..] {
        [(axis, 1)] if !load.padded => Some(axis),
        _ => None,
    }
}

/// Prints the kernel under this name; None if it reads nothing across its lines.
pub fn print(schedule: &Schedule, name: &str, kernel: &Loop) -> Result<Option<CudaKernel>> {
    let Some(turned) = Turned::of(kernel) else { return Ok(None) };
    let mut entry = Entry::new(schedule, name.into(), (SIDE * ROWS) as u32);
    let row = Shape::scalar();
    let text = ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &row, at: "i", at_row: "i" };
    open_squares(&mut entry, kernel, &turned);
    read_squares(&mut entry, &text, &turned)?;
    write_elements(&mut entry, kernel, &text, &turned)?;
    let (source, launch) = entry.finish(Count::of(&kernel.outer), (SIDE * SIDE) as u32, None);
    Ok(Some(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] }))
}

/// A walk over squares: where each begins, and its place on all other axes.
fn open_squares(entry: &mut Entry, kernel: &Loop, turned: &Turned) {
    let dims = kernel.outer.dims();
    for &v in &turned.loads {
        let dtype = c_type(kernel.chain.value(v).dtype);
        entry.code.line(format!("__shared__ {dtype} square{}[{SIDE}][{}];", v.index(), SIDE + 1));
    }
    let others: Vec<usize> = (0..dims.len()).filter(|axis| ![turned.along, turned.last].contains(axis)).collect();
    let (along, last) = (entry.dim(&dims[turned.along]), entry.dim(&dims[turned.last]));
    let count = entry.count(others.iter().map(|&axis| &dims[axis]));
    entry.code.line(format!("const at_t along = {along}, last = {last};"));
    entry.code.line(format!("const at_t down = pieces(along, {SIDE}), across = pieces(last, {SIDE});"));
    entry.code.line(format!("const int x = threadIdx.x % {SIDE}, y = threadIdx.x / {SIDE};"));
    let squares = product(&[&count, "down", "across"]);
    entry.code.open(format!("for (at_t square = blockIdx.x; square < {squares}; square += gridDim.x)"));
    entry.code.line("const at_t other = square / across / down;");
    entry.code.line(format!("const at_t start_along = square / across % down * {SIDE}, start_last = square % across * {SIDE};"));
    let mut after: Vec<&Dim> = Vec::new();
    for &axis in others.iter().rev() {
        let inner = entry.count(after.iter().copied());
        let size = entry.dim(&dims[axis]);
        entry.code.line(format!("const at_t i{axis} = other / {inner} % {size};"));
        after.push(&dims[axis]);
    }
}

/// A walk over one square; `along` and `last` are where a thread stands in it.
fn open_square(entry: &mut Entry, turned: &Turned, along: &str, last: &str) {
    entry.code.line("#pragma unroll");
    entry.code.open(format!("for (int r = y; r < {SIDE}; r += {ROWS})"));
    entry.code.line(format!("const at_t i{} = start_along + {along}, i{} = start_last + {last};", turned.along, turned.last));
    entry.code.open(format!("if (i{} < along && i{} < last)", turned.along, turned.last));
}

/// Neighbouring threads read neighbours in memory.
fn read_squares(entry: &mut Entry, text: &ChainText, turned: &Turned) -> Result<()> {
    open_square(entry, turned, "x", "r");
    for &v in &turned.loads {
        let expression = text.expression(entry, v, &|v| v.to_string())?;
        entry.code.line(format!("square{}[r][x] = {expression};", v.index()));
    }
    entry.code.close();
    entry.code.close();
    entry.code.line("__syncthreads();");
    Ok(())
}

/// Neighbouring threads compute and write neighbours of the result.
fn write_elements(entry: &mut Entry, kernel: &Loop, text: &ChainText, turned: &Turned) -> Result<()> {
    open_square(entry, turned, "r", "x");
    let own: Vec<AxisMap> = (0..kernel.outer.rank()).map(AxisMap::identity).collect();
    let position = index::position(entry, &own, &kernel.outer);
    entry.code.line(format!("const at_t i = {position};"));
    let name = |v: ValueId| text.inlined(v).unwrap_or_else(|| v.to_string());
    for v in kernel.chain.ids().filter(|v| text.inlined(*v).is_none()) {
        let expression = match turned.loads.contains(&v) {
            true => format!("square{}[x][r]", v.index()),
            false => text.expression(entry, v, &name)?,
        };
        entry.code.line(format!("const {} {v} = {expression};", c_type(kernel.chain.value(v).dtype)));
    }
    for (value, buffer) in &kernel.stores {
        let buffer = entry.write(*buffer);
        entry.code.line(format!("{buffer}[i] = {};", name(*value)));
    }
    entry.code.close();
    entry.code.close();
    entry.code.line("__syncthreads();");
    entry.code.close();
    Ok(())
}

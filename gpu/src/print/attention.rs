//! Attention by heads: entries that call what `attention/*.cuh` have, with where each operand's rows lie.

use gradframe_ml_core::graph::Heads;
use gradframe_ml_core::{DType, Error, Result, Shape};
use gradframe_ml_kernels::schedule::{Attention, AttentionCotangents, AxisMap, Load, Schedule};

use super::text::{Entry, c_type, literal, product};
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// Threads of a block.
const THREADS: u32 = 128;
/// Rows of a tile, but of the value's where heads are narrow.
const ROWS: usize = 64;
/// Blocks of the queries' cotangents on one multiprocessor, for narrow heads: 128 registers a thread do.
const CROWD: usize = 4;
/// The widest heads of which the value takes two tiles at once.
const NARROW: usize = 64;

/// Prints the value's kernel under this name.
pub fn value(schedule: &Schedule, name: &str, kernel: &Attention) -> Result<CudaKernel> {
    let mut call = Call::new(schedule, name.into(), kernel.heads, &kernel.operands)?;
    let views = call.views(["q", "k", "v"], &kernel.operands);
    let entry = &mut call.entry;
    let (output, divisors) = (entry.write(kernel.output), entry.write(kernel.divisors));
    entry.code.line(format!("attention::value<{}>({views}, n, scale, {output}, {divisors});", call.parameters));
    let rows = if call.width <= NARROW { 2 * ROWS } else { ROWS };
    let (source, launch) = call.finish(Tiled::Queries, rows);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// Prints the cotangents' kernels: of the queries, then of keys and values.
pub fn cotangents(schedule: &Schedule, name: &str, kernel: &AttentionCotangents) -> Result<CudaKernel> {
    let (first, second) = (of_queries(schedule, name, kernel)?, of_keys(schedule, name, kernel)?);
    let products = Temporary { dtype: DType::F32, count: Count::of(&kernel.operands[0].1.without(&[3])) };
    let source = [first.0, second.0].join("\n");
    Ok(CudaKernel { source, temporaries: vec![products], launches: vec![first.1, second.1] })
}

fn of_queries(schedule: &Schedule, name: &str, kernel: &AttentionCotangents) -> Result<(String, Launch)> {
    let mut call = Call::new(schedule, format!("{name}_queries"), kernel.heads, &kernel.operands)?;
    let views = call.views(["q", "k", "v"], &kernel.operands);
    let shape = kernel.cotangent.1.clone();
    let value = Load { buffer: kernel.value, axes: (0..4).map(AxisMap::identity).collect(), shape: shape.clone(), padded: false };
    let (value, cotangent) = (call.turned_view("out", &(value, shape)), call.turned_view("c", &kernel.cotangent));
    let entry = &mut call.entry;
    let (divisors, output) = (entry.read(kernel.divisors), entry.write(kernel.outputs[0]));
    entry.named("float* __restrict__ products", Argument::Array(Place::Temporary(0)));
    let rest = format!("n, scale, {divisors}, {output}, products");
    entry.code.line(format!("attention::of_queries<{}>({views}, {value}, {cotangent}, {rest});", call.parameters));
    Ok(call.finish_crowded(Tiled::Queries, ROWS))
}

fn of_keys(schedule: &Schedule, name: &str, kernel: &AttentionCotangents) -> Result<(String, Launch)> {
    let mut call = Call::new(schedule, format!("{name}_keys"), kernel.heads, &kernel.operands)?;
    let views = call.views(["q", "k", "v"], &kernel.operands);
    let cotangent = call.turned_view("c", &kernel.cotangent);
    let entry = &mut call.entry;
    let divisors = entry.read(kernel.divisors);
    entry.named("const float* __restrict__ products", Argument::Array(Place::Temporary(0)));
    let outputs = [entry.write(kernel.outputs[1]), entry.write(kernel.outputs[2])].join(", ");
    let rest = format!("n, scale, {divisors}, products, {outputs}");
    entry.code.line(format!("attention::of_keys<{}>({views}, {cotangent}, {rest});", call.parameters));
    Ok(call.finish(Tiled::Keys, ROWS))
}

/// Whose rows blocks share.
#[derive(Clone, Copy)]
enum Tiled {
    Queries,
    Keys,
}

/// An entry that calls one function for all heads.
struct Call<'a> {
    entry: Entry<'a>,
    dtype: DType,
    width: usize,
    /// Of the function's template.
    parameters: String,
    /// [B, H, T, D] and [B, H, S, D].
    shapes: [&'a Shape; 2],
}

impl<'a> Call<'a> {
    fn new(schedule: &'a Schedule, name: String, heads: Heads, operands: &'a [(Load, Shape); 3]) -> Result<Self> {
        let mut entry = Entry::new(schedule, name, THREADS);
        let shapes = [&operands[0].1, &operands[1].1];
        let dtype = entry.dtype(operands[0].0.buffer);
        let no_width = || Error::internal("cuda", format!("heads of no fixed width: {}", shapes[0]));
        let width = shapes[0].dims()[3].as_fixed().ok_or_else(no_width)?;
        let [batches, count, queries] = [0, 1, 2].map(|axis| entry.dim(&shapes[0].dims()[axis]));
        let keys = entry.dim(&shapes[1].dims()[2]);
        let scale = heads.scale();
        entry.code.line(format!("const attention::Sizes n = {{{batches}, {count}, {queries}, {keys}}};"));
        let of_scale = |factor: f64| literal(DType::F32, ((scale * factor) as f32).to_bits().into());
        let (number, of_two) = (of_scale(1.0), of_scale(std::f64::consts::LOG2_E));
        entry.code.line(format!("const attention::Scale scale = {{{number}, {of_two}}};"));
        let parameters = format!("{}, {width}, {}", c_type(dtype), heads.causal);
        Ok(Call { entry, dtype, width, parameters, shapes })
    }

    /// The operands [B, H, rows, D] by these names.
    fn views(&mut self, names: [&str; 3], operands: &[(Load, Shape); 3]) -> String {
        let each = names.iter().zip(operands).map(|(name, operand)| self.view(name, operand, [0, 1, 2]));
        each.collect::<Vec<_>>().join(", ")
    }

    /// An operand [B, rows, H, D].
    fn turned_view(&mut self, name: &str, operand: &(Load, Shape)) -> String {
        self.view(name, operand, [0, 2, 1])
    }

    /// Declares where rows lie; `axes` are those of batches, heads and rows.
    fn view(&mut self, name: &str, (load, _): &(Load, Shape), axes: [usize; 3]) -> String {
        let buffer = self.entry.read(load.buffer);
        let [batch, head, row] = axes.map(|axis| self.step(load, axis));
        let start = self.start(load);
        let ty = format!("attention::View<{}>", c_type(self.dtype));
        self.entry.code.line(format!("const {ty} {name} = {{{buffer} + {start}, {batch}, {head}, {row}}};"));
        name.into()
    }

    /// How far apart neighbours along an axis are, in elements.
    fn step(&mut self, load: &Load, axis: usize) -> String {
        let dims = load.shape.dims();
        let mut steps = Vec::new();
        for (place, map) in load.axes.iter().enumerate() {
            for (_, step) in map.terms.iter().filter(|term| term.0 == axis) {
                let after = self.entry.count(&dims[place + 1..]);
                steps.push(product(&[&step.to_string(), &after]));
            }
        }
        if steps.is_empty() { "0".into() } else { steps.join(" + ") }
    }

    fn start(&mut self, load: &Load) -> String {
        let dims = load.shape.dims();
        let mut starts = Vec::new();
        for (place, map) in load.axes.iter().enumerate().filter(|(_, map)| map.start.as_fixed() != Some(0)) {
            let (start, after) = (self.entry.dim(&map.start), self.entry.count(&dims[place + 1..]));
            starts.push(product(&[&start, &after]));
        }
        if starts.is_empty() { "0".into() } else { starts.join(" + ") }
    }

    /// The entry; a block takes so many of the queries' or the keys' rows.
    fn finish(self, tiled: Tiled, rows: usize) -> (String, Launch) {
        let heads = self.shapes[0].without(&[2, 3]);
        let tiled = Shape::new([self.shapes[tiled as usize].dims()[2].clone()]);
        self.entry.finish(Count::with_pieces(&heads, &tiled, rows), 1, None)
    }

    /// As [`Call::finish`]; where heads are narrow, registers are held down so that as many blocks run on a multiprocessor at once.
    fn finish_crowded(self, tiled: Tiled, rows: usize) -> (String, Launch) {
        let is_narrow = self.width <= NARROW;
        let (source, launch) = self.finish(tiled, rows);
        let crowded = format!("__launch_bounds__({THREADS}, {CROWD})");
        (if is_narrow { source.replacen(&format!("__launch_bounds__({THREADS})"), &crowded, 1) } else { source }, launch)
    }
}

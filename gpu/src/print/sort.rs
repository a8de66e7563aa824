//! The places that put lines in order. One line goes by the digits of its keys (`radix`), many by merging: each pass doubles the length of sorted runs. An element finds its
//! place in the merged run by its own place plus the number of the other run's elements before it; so equal ones keep
//! their order, and no thread waits for another.

use gradframe_ml_core::{DType, Result};
use gradframe_ml_kernels::schedule::{Schedule, Sort};

use super::moves::{compared, lines};
use super::pointwise::THREADS;
use super::radix::{Carried, Radix, joined};
use super::text::{Entry, c_type, product};
use crate::launch::{Argument, Count, CudaKernel, Doubling, Launch, Place, Temporary};

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Sort) -> Result<CudaKernel> {
    let is_line = kernel.shape.without(&[kernel.axis]).dims().iter().all(|dim| dim.is_one());
    if is_line { Ok(by_digits(schedule, name, kernel)) } else { by_merging(schedule, name, kernel) }
}

fn by_digits(schedule: &Schedule, name: &str, kernel: &Sort) -> CudaKernel {
    let dtype = schedule.buffers[kernel.values.index()].dtype;
    let bytes = dtype.size_bytes();
    let key = if bytes == 8 { DType::U64 } else { DType::U32 };
    let into = Some(Place::Buffer(kernel.output));
    let radix = Radix { schedule, name, rows: &kernel.shape, key, bytes, carried: Carried::Places, into };
    let mut start = Entry::new(schedule, format!("{name}_start"), THREADS);
    let rows = start.count(kernel.shape.dims());
    let values = start.read(kernel.values);
    let [keys, places] = Radix::first();
    start.named(format!("{}* __restrict__ keys", c_type(key)), Argument::Array(keys));
    start.named("at_t* __restrict__ places", Argument::Array(places));
    start.code.line(format!("radix::start<{}>({values}, {rows}, keys, places);", kernel.descending));
    let all = std::iter::once(start.finish(Count::of(&kernel.shape), THREADS, None)).chain(radix.passes());
    let (source, launches) = joined(all);
    CudaKernel { source, temporaries: radix.temporaries(), launches }
}

fn by_merging(schedule: &Schedule, name: &str, kernel: &Sort) -> Result<CudaKernel> {
    let doubling = Doubling {
        length: kernel.shape.dims()[kernel.axis].clone(),
        output: Place::Buffer(kernel.output),
        spare: 0,
        is_first: true,
    };
    let mut first = Entry::new(schedule, format!("{name}_start"), THREADS);
    let (around, _) = lines(&mut first, &kernel.shape, kernel.axis);
    let (source, launch) = start(first, &around, Count::of(&kernel.shape), &doubling);
    let mut pass = Entry::new(schedule, format!("{name}_merge"), THREADS);
    let (around, _) = lines(&mut pass, &kernel.shape, kernel.axis);
    let (values, dtype) = compared(&mut pass, kernel.values);
    let key = format!("convert<{dtype}>({values}[line + element * inner])");
    let (merging, merge) = merge(pass, &around, dtype, &key, kernel.descending, Count::of(&kernel.shape), &doubling);
    let temporaries = vec![Temporary { dtype: DType::I64, count: Count::of(&kernel.shape) }];
    Ok(CudaKernel { source: format!("{source}\n{merging}"), temporaries, launches: vec![launch, merge] })
}

/// Every element at its own place.
pub fn start(mut entry: Entry, [outer, size, inner]: &[String; 3], count: Count, doubling: &Doubling) -> (String, Launch) {
    entry.named("i64* __restrict__ into", Argument::Into);
    let code = &mut entry.code;
    code.open(format!("for (at_t i = first_thread(); i < {}; i += all_threads())", product(&[outer, size, inner])));
    let along = if inner == "1" { "i".into() } else { format!("i / {inner}") };
    code.line(format!("into[i] = {along} % {size};"));
    code.close();
    entry.finish(count, THREADS, Some(doubling.clone()))
}

/// One pass over sorted runs of `width`; `key` is an element's key, of type `dtype`.
pub fn merge(
    mut entry: Entry,
    [outer, size, inner]: &[String; 3],
    dtype: &str,
    key: &str,
    descending: bool,
    count: Count,
    doubling: &Doubling,
) -> (String, Launch) {
    entry.named("const i64* __restrict__ from", Argument::From);
    entry.named("i64* __restrict__ into", Argument::Into);
    entry.named("const at_t width", Argument::Width);
    let less = |a: &str, b: &str| if descending { format!("is_less({b}, {a})") } else { format!("is_less({a}, {b})") };
    let code = &mut entry.code;
    code.line(format!("const at_t size = {size}, inner = {inner};"));
    code.open(format!("for (at_t i = first_thread(); i < {}; i += all_threads())", product(&[outer, "size", "inner"])));
    code.line("const at_t line = i / inner / size * size * inner + i % inner, place = i / inner % size;");
    code.line("at_t element = (at_t)from[i];");
    code.line(format!("const {dtype} own = {key};"));
    code.line("const bool is_left = place / width % 2 == 0;");
    code.line("const at_t run = place / width * width, pair = is_left ? run : run - width;");
    code.line("// How many of the other run come first: of equals, the left run's.");
    code.line("at_t low = is_left ? pair + width : pair, high = is_left ? pair + 2 * width : run;");
    code.line("low = low < size ? low : size;");
    code.line("high = high < size ? high : size;");
    code.line("const at_t other = low;");
    code.open("while (low < high)");
    code.line("const at_t middle = low + (high - low) / 2;");
    code.line("element = (at_t)from[line + middle * inner];");
    code.line(format!("const {dtype} found = {key};"));
    code.line(format!("const bool is_before = is_left ? {} : !{};", less("found", "own"), less("own", "found")));
    code.line("if (is_before) low = middle + 1;");
    code.line("else high = middle;");
    code.close();
    code.line("into[line + (pair + (place - run) + (low - other)) * inner] = from[i];");
    code.close();
    entry.finish(count, THREADS, Some(Doubling { is_first: false, ..doubling.clone() }))
}

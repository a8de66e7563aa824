//! Printed kernels run on the host: compiled by the system's C++ compiler, with CUDA's words from `shim.h`, they compute
//! what the interpreter of the scheduled form computes. That holds of the very text which NVRTC compiles for a device.

use std::collections::{BTreeSet, HashMap};
use std::ffi::c_void;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradframe_gpu::launch::{Argument, CudaKernel, Launch, Place};
use gradframe_gpu::print::{kernel_named, prelude};
use gradframe_ml_core::{DType, Sizes, Tensor};
use gradframe_ml_kernels::Program;
use gradframe_ml_kernels::schedule::{BufferId, Source};

use rayon::prelude::*;

use crate::cases::{Cases, Which, cases};
use crate::given::floats;

/// Kernels of a library: the compiler runs once for all of them.
const KERNELS_PER_LIBRARY: usize = 300;
/// Elements of a program's buffers together, beyond which threads that are fibers take too long.
const ELEMENTS_MAX: usize = 60_000;
/// Blocks of a launch, at most: fewer than there is work for, so that blocks walk over it.
const BLOCKS_MAX: usize = 5;

/// Compiled kernels. Positions have 32 bits in every other library, 64 in the rest.
struct Libraries {
    loaded: Vec<(libloading::Library, bool)>,
}

impl Libraries {
    /// None, said on the terminal, where there is no C++ compiler.
    fn build(kernels: &[CudaKernel]) -> Option<Self> {
        if Command::new("c++").arg("--version").output().is_err() {
            println!("skipped: no C++ compiler (`c++`) to run printed kernels on the host");
            return None;
        }
        // A library of the same path would be the one that is loaded already.
        static BUILT: AtomicUsize = AtomicUsize::new(0);
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("host-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let parts: Vec<(usize, &[CudaKernel])> = kernels.chunks(KERNELS_PER_LIBRARY).enumerate().collect();
        let build = |(n, part): &(usize, &[CudaKernel])| {
            let source = folder.join(format!("part{n}.cpp"));
            let library = folder.join(format!("part{n}.so"));
            std::fs::write(&source, text_of(part)).unwrap();
            let mut compiler = Command::new("c++");
            let at = if n % 2 == 0 { "-DGF_AT=int" } else { "-DGF_AT=i64" };
            compiler
                .args(["-std=c++17", "-O0", "-w", "-U_FORTIFY_SOURCE", "-ffp-contract=off", "-shared", "-fPIC", at, "-o"])
                .arg(&library);
            let output = compiler.arg(&source).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            // SAFETY: the library is what was compiled just now, and has no initialisers.
            (unsafe { libloading::Library::new(&library) }.unwrap(), n % 2 == 0)
        };
        let loaded = parts.par_iter().map(build).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        Some(Libraries { loaded })
    }

    fn launch(&self, kernel: usize, launch: &Launch, arguments: &[Held], blocks: u32) {
        let (library, is_narrow) = &self.loaded[kernel / KERNELS_PER_LIBRARY];
        let held: Vec<Held> = arguments.iter().map(|a| a.of_width(*is_narrow)).collect();
        let mut pointers: Vec<*const c_void> = held.iter().map(Held::pointer).collect();
        type Entry = unsafe extern "C" fn(*mut *const c_void, u32, u32);
        // SAFETY: each entry has such a way in; what it is called with is what it was printed to take.
        unsafe {
            let entry = library.get::<Entry>(format!("host_{}", launch.entry).as_bytes()).unwrap();
            entry(pointers.as_mut_ptr(), blocks, launch.threads);
        }
    }
}

fn text_of(kernels: &[CudaKernel]) -> String {
    let shim = include_str!("shim.h");
    let entries: String = kernels.iter().map(|k| format!("{}\n", k.source)).collect();
    let names: BTreeSet<&str> = kernels.iter().flat_map(|k| &k.launches).map(|l| l.entry.as_str()).collect();
    let ways_in: String = names.iter().map(|name| format!("GF_HOST_ENTRY({name})\n")).collect();
    format!("{shim}\n{}\n{entries}\n{ways_in}", prelude(&entries))
}

/// An argument's value.
#[derive(Clone, Copy)]
enum Held {
    Address(*mut u8),
    Narrow(i32),
    Wide(i64),
}

impl Held {
    fn of_width(self, is_narrow: bool) -> Self {
        match self {
            Held::Wide(n) if is_narrow => Held::Narrow(n as i32),
            other => other,
        }
    }

    fn pointer(&self) -> *const c_void {
        match self {
            Held::Address(address) => (address as *const *mut u8).cast(),
            Held::Narrow(number) => (number as *const i32).cast(),
            Held::Wide(number) => (number as *const i64).cast(),
        }
    }
}

/// A program on the host.
struct Run<'a> {
    program: &'a Program,
    sizes: Sizes,
    buffers: Vec<Vec<Word>>,
}

impl<'a> Run<'a> {
    fn new(program: &'a Program, inputs: &[Tensor]) -> Self {
        let sizes = program.bind(inputs).unwrap();
        let filled = |tensor: &Tensor| {
            let bytes = tensor.buffer().as_slice();
            let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, &b| word << 8 | b as Word);
            bytes.chunks(size_of::<Word>()).map(word).chain([FENCE]).collect()
        };
        let schedule = program.schedule();
        let buffers = schedule.buffers.iter().map(|b| match &b.source {
            Source::Input(n) => filled(&inputs[*n]),
            Source::Const(value) => filled(value),
            // Anything may stand in new memory.
            _ => fenced(b.shape.count(&sizes).unwrap() * b.dtype.size_bytes(), 0x5555_5555_5555_5555_5555_5555_5555_5555),
        });
        Run { program, buffers: buffers.collect(), sizes }
    }

    /// Runs a kernel; what is in its temporaries afterwards.
    fn kernel(&mut self, libraries: &Libraries, number: usize, kernel: &CudaKernel) -> Vec<Vec<Word>> {
        let bytes = |t: &gradframe_gpu::launch::Temporary| t.count.eval(&self.sizes).unwrap() * t.dtype.size_bytes();
        let mut temporaries: Vec<Vec<Word>> = kernel.temporaries.iter().map(|t| fenced(bytes(t), !0)).collect();
        for launch in &kernel.launches {
            let tasks = launch.tasks.eval(&self.sizes).unwrap();
            let blocks = tasks.div_ceil(launch.tasks_per_block as usize).min(BLOCKS_MAX) as u32;
            if blocks == 0 {
                continue;
            }
            let Some(doubling) = &launch.doubling else {
                let arguments: Vec<Held> = launch.arguments.iter().map(|a| self.held(a, &mut temporaries, None)).collect();
                libraries.launch(number, launch, &arguments, blocks);
                continue;
            };
            let widths = doubling.widths(&self.sizes).unwrap();
            let passes = if doubling.is_first { 1 } else { widths.len() };
            for pass in 0..passes {
                let from = doubling.place(pass, widths.len());
                let into = doubling.place(if doubling.is_first { 0 } else { pass + 1 }, widths.len());
                let width = widths.get(pass).copied().unwrap_or(1);
                let places = Some((from, into, width));
                let arguments: Vec<Held> = launch.arguments.iter().map(|a| self.held(a, &mut temporaries, places)).collect();
                libraries.launch(number, launch, &arguments, blocks);
            }
        }
        temporaries
    }

    fn held(&mut self, argument: &Argument, temporaries: &mut [Vec<Word>], pass: Option<(Place, Place, usize)>) -> Held {
        let mut address = |place| match place {
            Place::Buffer(id) => Held::Address(self.buffers[BufferId::index(id)].as_mut_ptr().cast()),
            Place::Temporary(n) => Held::Address(temporaries[n].as_mut_ptr().cast()),
        };
        match (argument, pass) {
            (Argument::Array(place), _) => address(*place),
            (Argument::From, Some((from, ..))) => address(from),
            (Argument::Into, Some((_, into, _))) => address(into),
            (Argument::Width, Some((.., width))) => Held::Wide(width as i64),
            (Argument::Number(number), _) => Held::Wide(*number as i64),
            (Argument::Size(symbol), _) => Held::Wide(self.sizes.get(symbol).unwrap() as i64),
            _ => panic!("a pass's argument outside a pass"),
        }
    }

    fn results(&self) -> Vec<Tensor> {
        let schedule = self.program.schedule();
        let result = |(id, shape): &(BufferId, gradframe_ml_core::Shape)| {
            let (buffer, shape) = (&schedule.buffers[id.index()], shape.eval(&self.sizes).unwrap());
            let length = shape.iter().product::<usize>() * buffer.dtype.size_bytes();
            let bytes: Vec<u8> = self.buffers[id.index()].iter().flat_map(|w| w.to_le_bytes()).take(length).collect();
            Tensor::try_new(buffer.dtype, &shape, arrow_buffer::Buffer::from_slice_ref(&bytes)).unwrap()
        };
        schedule.outputs.iter().map(result).collect()
    }

    fn elements(&self) -> usize {
        2 * self.buffers.iter().map(Vec::len).sum::<usize>()
    }
}

/// Memory as aligned as the widest access of a kernel asks for.
type Word = u128;
/// Stands behind every array: whoever writes beyond its end writes here.
const FENCE: Word = 0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0;

fn fenced(bytes: usize, filling: Word) -> Vec<Word> {
    let mut words = vec![filling; bytes.div_ceil(size_of::<Word>())];
    words.push(FENCE);
    words
}

fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-11,
        DType::F32 => 2e-5,
        DType::F16 => 4e-3,
        DType::BF16 => 3e-2,
        _ => 0.0,
    }
}

/// Where two results differ by more than rounding.
pub fn difference(ours: &Tensor, theirs: &Tensor) -> Option<String> {
    if (ours.dtype(), ours.shape()) != (theirs.dtype(), theirs.shape()) {
        return Some(format!("{} {:?}, expected {} {:?}", ours.dtype(), ours.shape(), theirs.dtype(), theirs.shape()));
    }
    let tolerance = tolerance(ours.dtype());
    let pairs = floats(ours).into_iter().zip(floats(theirs));
    let differs = |a: f64, b: f64| match a.is_finite() && b.is_finite() {
        true => (a - b).abs() > tolerance * (1.0 + a.abs().max(b.abs())),
        false => a != b && !(a.is_nan() && b.is_nan()),
    };
    let found = pairs.enumerate().find(|(_, (a, b))| differs(*a, *b));
    found.map(|(i, (a, b))| format!("element {i} of {:?}: {a:e}, expected {b:e}", ours.shape()))
}

/// What a program's printed kernels give on the host; None where there is no compiler.
pub fn run(program: &Program, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
    let schedule = program.schedule();
    let print = |(number, kernel)| kernel_named(schedule, &format!("g{number}"), kernel).unwrap();
    let kernels: Vec<CudaKernel> = schedule.kernels.iter().enumerate().map(print).collect();
    let libraries = Libraries::build(&kernels)?;
    let mut run = Run::new(program, inputs);
    for (number, kernel) in kernels.iter().enumerate() {
        run.kernel(&libraries, number, kernel);
    }
    assert!(run.buffers.iter().all(|b| b.last() == Some(&FENCE)), "written beyond an array's end:\n{program}");
    Some(run.results())
}

/// Compiles kernels for the host, if there is a compiler; what does not compile stops the test.
pub fn builds(kernels: &[CudaKernel]) {
    Libraries::build(kernels);
}

/// What a kernel leaves in its temporaries on the host, as words of 64 bits; None where there is no compiler.
pub fn temporaries_of(program: &Program, kernel: &CudaKernel, inputs: &[Tensor]) -> Option<Vec<Vec<u64>>> {
    let libraries = Libraries::build(std::slice::from_ref(kernel))?;
    let mut run = Run::new(program, inputs);
    let temporaries = run.kernel(&libraries, 0, kernel);
    assert!(temporaries.iter().all(|own| own.last() == Some(&FENCE)), "written beyond a temporary's end");
    Some(temporaries.iter().map(|own| own.iter().flat_map(|&word| [word as u64, (word >> 64) as u64]).collect()).collect())
}

#[test]
fn kernels_on_the_host_compute_what_the_interpreter_does() {
    let Cases { cases, kernels } = cases(Which::All);
    let Some(libraries) = Libraries::build(&kernels.all) else { return };
    let (mut compared, mut large, mut failures) = (0, 0, HashMap::new());
    for (case, numbers) in &cases {
        let mut run = Run::new(&case.program, &case.inputs);
        if run.elements() > ELEMENTS_MAX {
            large += 1;
            continue;
        }
        for &number in numbers {
            run.kernel(&libraries, number, &kernels.all[number]);
        }
        assert!(run.buffers.iter().all(|b| b.last() == Some(&FENCE)), "written beyond an array's end:\n{}", case.program);
        let expected = case.program.interpret(&case.inputs).unwrap();
        compared += 1;
        for (ours, theirs) in run.results().iter().zip(&expected) {
            if let Some(difference) = difference(ours, theirs) {
                let sources: Vec<&str> = numbers.iter().map(|&n| kernels.all[n].source.as_str()).collect();
                failures.entry(numbers.clone()).or_insert(format!("{difference}\n{}\n{}", case.program, sources.join("\n")));
            }
        }
    }
    println!("{} kernels on the host: {compared} runs agree, {large} too large to run here", kernels.all.len());
    let shown: Vec<&String> = failures.values().take(5).collect();
    assert!(
        failures.is_empty(),
        "{} programs differ:\n{}",
        failures.len(),
        shown.iter().map(|s| format!("{s}\n")).collect::<String>()
    );
}

//! C as text: types, literals, sizes, and entries in the making.

use std::collections::BTreeSet;
use std::num::FpCategory;

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Dim, Shape, Symbol};
use gradframe_ml_kernels::schedule::{BufferId, Schedule};

use crate::launch::{Argument, Count, Doubling, Launch, Place};

/// The C type of elements.
pub fn c_type(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float",
        DType::F64 => "double",
        other => other.name(), // typedefs and structs of the prelude, and bool
    }
}

/// The type in which a fold of elements of this type is computed: sums of floats in f64, a search in its own type.
pub fn accumulator(op: ReduceOp, dtype: DType) -> DType {
    let is_search = matches!(op, ReduceOp::Max | ReduceOp::Min);
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 if is_search => DType::F32,
        float if float.is_float() => DType::F64,
        DType::Bool | DType::U64 => DType::U64,
        _ => DType::I64,
    }
}

/// The number that these bits are, as an operand.
pub fn literal(dtype: DType, bits: u64) -> String {
    let number = number(dtype, bits);
    if number.starts_with('-') { format!("({number})") } else { number }
}

fn number(dtype: DType, bits: u64) -> String {
    match dtype {
        DType::F32 if has_literal(f32::from_bits(bits as u32).classify()) => format!("{:?}f", f32::from_bits(bits as u32)),
        DType::F32 => format!("bits_as<float>({:#x}u)", bits as u32),
        DType::F64 if has_literal(f64::from_bits(bits).classify()) => format!("{:?}", f64::from_bits(bits)),
        DType::F64 => format!("bits_as<double>({bits:#x}ull)"),
        DType::F16 | DType::BF16 => format!("{}{{{:#x}}}", dtype.name(), bits as u16),
        DType::Bool => (bits as u8 != 0).to_string(),
        DType::U64 => format!("{bits}ull"),
        DType::I64 if bits as i64 == i64::MIN => "Limits<i64>::low".into(),
        DType::I64 => format!("{}ll", bits as i64),
        DType::I8 => format!("(i8){}", bits as i8),
        DType::I16 => format!("(i16){}", bits as i16),
        DType::I32 if bits as i32 == i32::MIN => "Limits<i32>::low".into(),
        DType::I32 => (bits as i32).to_string(),
        DType::U8 => format!("(u8){}", bits as u8),
        DType::U16 => format!("(u16){}", bits as u16),
        DType::U32 => format!("{}u", bits as u32),
    }
}

/// Of others there is no literal, or compilers warn of it.
fn has_literal(of: FpCategory) -> bool {
    matches!(of, FpCategory::Zero | FpCategory::Normal)
}

/// The fold's name in the prelude.
pub fn fold_name(op: ReduceOp) -> &'static str {
    match op {
        ReduceOp::Sum => "Sum",
        ReduceOp::Prod => "Prod",
        ReduceOp::Max | ReduceOp::Any => "Max",
        ReduceOp::Min | ReduceOp::All => "Min",
    }
}

/// What a fold over nothing gives, for results of this type, in the accumulator's type.
pub fn neutral(op: ReduceOp, dtype: DType) -> String {
    let acc = c_type(accumulator(op, dtype));
    match op {
        ReduceOp::Sum | ReduceOp::Any => format!("({acc})0"),
        ReduceOp::Prod | ReduceOp::All => format!("({acc})1"),
        ReduceOp::Max if dtype.is_float() => format!("-infinity<{acc}>()"),
        ReduceOp::Min if dtype.is_float() => format!("infinity<{acc}>()"),
        ReduceOp::Max if dtype == DType::Bool => format!("({acc})0"),
        ReduceOp::Min if dtype == DType::Bool => format!("({acc})1"),
        ReduceOp::Max => format!("({acc})Limits<{}>::low", c_type(dtype)),
        ReduceOp::Min => format!("({acc})Limits<{}>::high", c_type(dtype)),
    }
}

/// A product as an expression; factors of 1 go.
pub fn product(factors: &[&str]) -> String {
    let factors: Vec<&str> = factors.iter().copied().filter(|f| *f != "1").collect();
    if factors.is_empty() { "1".into() } else { factors.join(" * ") }
}

/// Lines with indentation.
#[derive(Default)]
pub struct Code {
    text: String,
    depth: usize,
}

impl Code {
    /// One line.
    pub fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        self.text.push_str(&"  ".repeat(if line.starts_with('#') { 0 } else { self.depth + 1 }));
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line that opens a block.
    pub fn open(&mut self, line: impl AsRef<str>) {
        self.line(format!("{} {{", line.as_ref()));
        self.depth += 1;
    }

    /// The end of the innermost block.
    pub fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }
}

/// An entry in the making: a `__global__` function and what it is called with.
pub struct Entry<'a> {
    schedule: &'a Schedule,
    name: String,
    threads: u32,
    /// Blocks that a processor of the device runs at once at least, if the compiler is to see to that; else 0.
    pub blocks: u32,
    parameters: Vec<(String, Argument)>,
    symbols: BTreeSet<Symbol>,
    /// Its body.
    pub code: Code,
}

impl<'a> Entry<'a> {
    /// An entry without parameters for blocks of so many threads.
    pub fn new(schedule: &'a Schedule, name: String, threads: u32) -> Self {
        Entry { schedule, name, threads, blocks: 0, parameters: Vec::new(), symbols: BTreeSet::new(), code: Code::default() }
    }

    /// Element type of a buffer.
    pub fn dtype(&self, buffer: BufferId) -> DType {
        self.schedule.buffers[buffer.index()].dtype
    }

    /// Shape of a buffer.
    pub fn shape(&self, buffer: BufferId) -> &'a Shape {
        &self.schedule.buffers[buffer.index()].shape
    }

    /// A parameter for a buffer that is read, once; its name.
    pub fn read(&mut self, buffer: BufferId) -> String {
        let c = format!("const {}* __restrict__ {buffer}", c_type(self.dtype(buffer)));
        self.parameter(c, Argument::Array(Place::Buffer(buffer)));
        buffer.to_string()
    }

    /// A parameter for a buffer that is written; its name.
    pub fn write(&mut self, buffer: BufferId) -> String {
        let c = format!("{}* __restrict__ {buffer}", c_type(self.dtype(buffer)));
        self.parameter(c, Argument::Array(Place::Buffer(buffer)));
        buffer.to_string()
    }

    /// A parameter under a name of its own.
    pub fn named(&mut self, c: impl Into<String>, argument: Argument) {
        self.parameter(c.into(), argument);
    }

    fn parameter(&mut self, c: String, argument: Argument) {
        if !self.parameters.iter().any(|p| p.1 == argument) {
            self.parameters.push((c, argument));
        }
    }

    /// A size, or a place that may be negative, as an expression; its symbols become parameters.
    pub fn dim(&mut self, dim: &Dim) -> String {
        if dim.symbols().is_empty() {
            return dim.constant().to_string();
        }
        self.symbols.extend(dim.symbols().iter().cloned());
        let mut product: Vec<String> = dim.symbols().iter().map(size_name).collect();
        if dim.coefficient() != 1 {
            product.insert(0, dim.coefficient().to_string());
        }
        let product = product.join(" * ");
        match dim.constant() {
            0 if dim.symbols().len() == 1 && dim.coefficient() == 1 => product,
            0 => format!("({product})"),
            n if n > 0 => format!("({product} + {n})"),
            n => format!("({product} - {})", -n),
        }
    }

    /// The number of elements of these dimensions, as an expression.
    pub fn count<'d>(&mut self, dims: impl IntoIterator<Item = &'d Dim>) -> String {
        let dims: Vec<&Dim> = dims.into_iter().filter(|d| !d.is_one()).collect();
        let fixed: i64 = dims.iter().filter_map(|d| d.as_fixed()).map(|n| n as i64).product();
        let mut factors: Vec<String> = dims.iter().filter(|d| d.as_fixed().is_none()).map(|d| self.dim(d)).collect();
        if fixed != 1 || factors.is_empty() {
            factors.push(fixed.to_string());
        }
        if factors.len() == 1 { factors.remove(0) } else { format!("({})", factors.join(" * ")) }
    }

    /// The function, and how it is launched for these tasks.
    pub fn finish(self, tasks: Count, tasks_per_block: u32, doubling: Option<Doubling>) -> (String, Launch) {
        let mut parameters = self.parameters;
        parameters.extend(
            self.symbols.into_iter().map(|symbol| (format!("const at_t {}", size_name(&symbol)), Argument::Size(symbol))),
        );
        let list: Vec<&str> = parameters.iter().map(|p| p.0.as_str()).collect();
        let (name, threads) = (self.name, self.threads);
        let bounds = if self.blocks == 0 { threads.to_string() } else { format!("{threads}, {}", self.blocks) };
        let head = format!("extern \"C\" __global__ void __launch_bounds__({bounds}) {name}(");
        let list = if head.len() + list.iter().map(|p| p.len() + 2).sum::<usize>() < 120 {
            list.join(", ")
        } else {
            format!("\n    {}", list.join(",\n    "))
        };
        let source = format!("{head}{list}) {{\n{}}}\n", self.code.text);
        let arguments = parameters.into_iter().map(|p| p.1).collect();
        (source, Launch { entry: name, threads, tasks, tasks_per_block, arguments, doubling })
    }
}

/// The C name of a symbol's size: letters, digits and underscores stay, anything else becomes its code.
fn size_name(symbol: &Symbol) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_string() } else { format!("_{:x}_", c as u32) };
    format!("size_{}", symbol.name().chars().map(safe).collect::<String>())
}

//! A compiled function.

use std::fmt;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{Error, Function, Result, Sizes, Tensor};

use crate::cpu;
use crate::kernel::{Buffer, BufferId, Home, Kernel, Op, Rows};

/// A compiled function: kernels in order over planned buffers. Runs at any sizes, from many threads at once.
#[derive(Debug, Clone)]
pub struct Program {
    arguments: Vec<(String, Type)>,
    kernels: Vec<Kernel>,
    buffers: Vec<Buffer>,
    outputs: Vec<BufferId>,
    slots: usize,
}

impl Program {
    pub(crate) fn new(
        function: Function,
        kernels: Vec<Kernel>,
        buffers: Vec<Buffer>,
        outputs: Vec<BufferId>,
        slots: usize,
    ) -> Self {
        let graph = &function.graph;
        let arguments = graph.arguments().iter().map(|a| (a.name.clone(), graph.ty(a.node).clone())).collect();
        Program { arguments, kernels, buffers, outputs, slots }
    }

    /// The function's results for these arguments; symbols take their sizes from the arguments' shapes.
    /// The bits do not depend on the number of threads. Uses rayon's current pool.
    /// Errors: `Shape` or `DType` if an argument does not fit its declaration.
    pub fn run(&self, arguments: &[Tensor]) -> Result<Vec<Tensor>> {
        let sizes = self.bind(arguments)?;
        cpu::run(self, arguments, &sizes)
    }

    /// The sizes of the symbols in these arguments. Errors: as for [`Program::run`].
    pub fn bind(&self, arguments: &[Tensor]) -> Result<Sizes> {
        if arguments.len() != self.arguments.len() {
            return Err(Error::shape("program", format!("expected {} arguments, got {}", self.arguments.len(), arguments.len())));
        }
        let mut sizes = Sizes::new();
        for ((name, ty), given) in self.arguments.iter().zip(arguments) {
            if ty.dtype != given.dtype() {
                return Err(Error::dtype("program", format!("argument `{name}`: expected {}, got {}", ty.dtype, given.dtype())));
            }
            sizes.bind_shape(&ty.shape, given.shape())?;
        }
        for ((name, ty), given) in self.arguments.iter().zip(arguments) {
            if ty.shape.eval(&sizes)? != given.shape() {
                return Err(Error::shape(
                    "program",
                    format!("argument `{name}`: expected {}, got {:?}", ty.shape, given.shape()),
                ));
            }
        }
        Ok(sizes)
    }

    /// The kernels, in order.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// The buffers that kernels read and write.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The results' buffers.
    pub fn outputs(&self) -> &[BufferId] {
        &self.outputs
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Floating-point operations of one run: two for each multiply-add of a contraction, one for each function of an
    /// element. Errors: `Shape` if a symbol is not bound.
    pub fn flops(&self, sizes: &Sizes) -> Result<u64> {
        self.kernels.iter().map(|kernel| self.kernel_flops(kernel, sizes)).sum()
    }

    fn kernel_flops(&self, kernel: &Kernel, sizes: &Sizes) -> Result<u64> {
        Ok(match kernel {
            Kernel::Rows(rows) => rows_flops(rows, sizes)?,
            Kernel::Dot(dot) => {
                let left = dot.left_shape.eval(sizes)?;
                let contracted: usize = dot.contract.iter().map(|&(l, _)| left[l]).product();
                2 * (contracted * elements(self.shape_of(dot.out, sizes)?)) as u64
            }
            Kernel::Scatter(scatter) => elements(scatter.updates_shape.eval(sizes)?) as u64,
            Kernel::Plain(plain) => elements(self.shape_of(plain.out, sizes)?) as u64,
        })
    }

    fn shape_of(&self, id: BufferId, sizes: &Sizes) -> Result<Vec<usize>> {
        self.buffers[id.0 as usize].ty.shape.eval(sizes)
    }

    /// Bytes of working memory and results that one run takes. Errors: `Shape` if a symbol is not bound.
    pub fn peak_bytes(&self, sizes: &Sizes) -> Result<usize> {
        let mut slots = vec![0; self.slots];
        for buffer in &self.buffers {
            if let Home::Made { slot } = buffer.home {
                let bytes = elements(buffer.ty.shape.eval(sizes)?) * buffer.ty.dtype.size_bytes();
                slots[slot] = slots[slot].max(bytes);
            }
        }
        Ok(slots.iter().sum())
    }
}

fn rows_flops(rows: &Rows, sizes: &Sizes) -> Result<u64> {
    let work = rows.body.iter().filter(|i| !matches!(i.op, Op::Load(_) | Op::Constant(_) | Op::Index(_))).count();
    let space = elements(rows.outer.eval(sizes)?) * elements(rows.row.eval(sizes)?);
    Ok((work * space) as u64)
}

fn elements(shape: Vec<usize>) -> usize {
    shape.iter().product()
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, ty)) in self.arguments.iter().enumerate() {
            writeln!(f, "argument {position} {name}: {}{}", ty.dtype, ty.shape)?;
        }
        for (position, kernel) in self.kernels.iter().enumerate() {
            writeln!(f, "{position}: {kernel}")?;
        }
        let outputs: Vec<String> = self.outputs.iter().map(|o| format!("b{}", o.0)).collect();
        write!(f, "results {}", outputs.join(", "))
    }
}

//! A network in the making: a graph whose parameters are a checkpoint's tensors, asked for by name and shape.

mod activations;
mod laid;

use std::sync::Arc;

use gradframe_ml_core::graph::{DotDims, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::cpu::OnKernel;
use gradframe_ml_kernels::{CompileOptions, Program, Scratch, Threads, compile_with};
use rustc_hash::FxHashMap;

use crate::Weights;
use crate::files::Mapped;
use crate::precision::Precision;
use crate::weights::{as_bf16, as_f32};
use laid::turned;

/// A graph, and the tensors that its parameters stand for.
pub struct Net<'w> {
    /// The graph so far.
    pub g: Graph,
    weights: &'w Weights,
    values: Vec<Tensor>,
    nodes: FxHashMap<String, NodeId>,
    precision: Precision,
    /// True if f32 matrices are laid for products with many rows, once, so that no run has to.
    for_many_rows: bool,
    /// The files that parameters and constants lie in.
    files: Vec<Arc<Mapped>>,
}

/// A network compiled with its parameters.
#[derive(Debug)]
pub struct Compiled {
    program: Program,
    parameters: Vec<Tensor>,
    /// The files that parameters lie in.
    files: Vec<Arc<Mapped>>,
}

impl<'w> Net<'w> {
    /// An empty network over these weights.
    pub fn new(weights: &'w Weights, precision: Precision) -> Self {
        let (nodes, files) = (FxHashMap::default(), weights.files().to_vec());
        Net { g: Graph::new(), weights, values: Vec::new(), nodes, precision, for_many_rows: false, files }
    }

    /// As [`Net::new`], for runs over many tokens at once: its f32 matrices are copies, laid as products read them.
    pub fn for_many_rows(weights: &'w Weights, precision: Precision) -> Self {
        Net { for_many_rows: true, ..Net::new(weights, precision) }
    }

    /// Declares what a run is given. All of these come before the first parameter.
    pub fn input(&mut self, name: &str, dtype: DType, dims: &[Dim]) -> NodeId {
        self.g.input(name, Type::new(dtype, Shape::new(dims.iter().cloned())))
    }

    /// What products are computed in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Says that constants of the graph lie in files of other weights.
    pub fn takes_from(&mut self, others: &Weights) {
        self.files.extend(others.files().iter().cloned());
    }

    /// True if the checkpoint has this tensor.
    pub fn has(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// The first of these prefixes under which the checkpoint has `name`; the last if none does.
    pub fn prefix<'p>(&self, prefixes: &[&'p str], name: &str) -> &'p str {
        let found = prefixes.iter().find(|prefix| self.has(&format!("{prefix}{name}")));
        found.or(prefixes.last()).copied().unwrap_or_default()
    }

    /// The parameter of this name and shape, in f32.
    /// Errors: `Execution` if it is missing; `Shape` with both shapes if it has another.
    pub fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<NodeId> {
        self.argument(name.to_owned(), DType::F32, shape, |weights| as_f32(&weights.tensor(name, shape)?))
    }

    /// A matrix of products or a table of rows, in the network's precision.
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<NodeId> {
        match self.precision {
            Precision::F32 => self.parameter(name, &shape),
            Precision::Bf16 => {
                let key = format!("{name} in bf16");
                self.argument(key, DType::BF16, &shape, |weights| as_bf16(&weights.tensor(name, &shape)?))
            }
        }
    }

    /// The argument of this key, made once.
    fn argument(
        &mut self,
        key: String,
        dtype: DType,
        shape: &[usize],
        make: impl FnOnce(&Weights) -> Result<Tensor>,
    ) -> Result<NodeId> {
        if let Some(&node) = self.nodes.get(&key) {
            return Ok(node);
        }
        let tensor = make(self.weights)?;
        let node = self.g.input(&key, Type::new(dtype, Shape::fixed(shape)));
        self.values.push(tensor);
        self.nodes.insert(key, node);
        Ok(node)
    }

    /// `x W' + b`: x [.., I] -> [.., O], with `name.weight` [O, I] and, if there is one, `name.bias` [O].
    pub fn linear(&mut self, name: &str, x: NodeId, [inputs, outputs]: [usize; 2], bias: bool) -> Result<NodeId> {
        let weight = format!("{name}.weight");
        let product = match self.for_many_rows && self.precision == Precision::F32 {
            true => self.times_laid(x, &weight, [outputs, inputs])?,
            false => self.times_rows(x, &weight, [outputs, inputs])?,
        };
        if bias { self.add_bias(name, product, outputs) } else { Ok(product) }
    }

    /// As [`Net::linear`] with a bias, of a checkpoint that has its matrix the other way round: `name.weight` [I, O].
    pub fn linear_turned(&mut self, name: &str, x: NodeId, [inputs, outputs]: [usize; 2]) -> Result<NodeId> {
        let weight = format!("{name}.weight");
        let product = match self.precision {
            Precision::F32 => {
                let matrix = self.parameter(&weight, &[inputs, outputs])?;
                self.g.matmul(x, matrix)?
            }
            Precision::Bf16 => {
                let matrix = self.argument(format!("{weight} turned in bf16"), DType::BF16, &[outputs, inputs], |weights| {
                    let tensor = as_f32(&weights.tensor(&weight, &[inputs, outputs])?)?;
                    as_bf16(&Tensor::from_vec(&[outputs, inputs], turned(tensor.values()?, [inputs, outputs]))?)
                })?;
                self.product(x, matrix)?
            }
        };
        self.add_bias(name, product, outputs)
    }

    fn add_bias(&mut self, name: &str, x: NodeId, width: usize) -> Result<NodeId> {
        let bias = self.parameter(&format!("{name}.bias"), &[width])?;
        self.g.add(x, bias)
    }

    /// Products of the last axis of x [.., I] with each row of the matrix `name` [O, I]: [.., O].
    pub fn times_rows(&mut self, x: NodeId, name: &str, shape: [usize; 2]) -> Result<NodeId> {
        let matrix = self.matrix(name, shape)?;
        self.product(x, matrix)
    }

    /// x [.., I] and a matrix [O, I] in the network's precision -> f32 [.., O].
    fn product(&mut self, x: NodeId, matrix: NodeId) -> Result<NodeId> {
        let last = self.g.ty(x).shape.rank().saturating_sub(1);
        let dims = DotDims { batch: Default::default(), contract: [(last, 1)].into_iter().collect() };
        if self.precision == Precision::F32 {
            return self.g.dot(x, matrix, dims);
        }
        // Both sides as bf16 that are read as f32: exact products, sums in f32. The compiler reads them where they lie.
        let rounded = self.g.cast(x, DType::BF16)?;
        let (x, matrix) = (self.g.cast(rounded, DType::F32)?, self.g.cast(matrix, DType::F32)?);
        self.g.dot(x, matrix, dims)
    }

    /// Rows of `name.weight` [N, C] by index: [..] -> f32 [.., C].
    pub fn embedding(&mut self, name: &str, indices: NodeId, shape: [usize; 2]) -> Result<NodeId> {
        let table = self.matrix(&format!("{name}.weight"), shape)?;
        let rows = self.g.gather(table, indices, 0)?;
        self.g.cast(rows, DType::F32)
    }

    /// Layer normalisation of the last axis. Old checkpoints say `gamma` and `beta`.
    pub fn layer_norm(&mut self, name: &str, x: NodeId, width: usize, epsilon: f64) -> Result<NodeId> {
        let old = self.has(&format!("{name}.gamma"));
        let [scale, shift] = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        let scale = self.parameter(&format!("{name}.{scale}"), &[width])?;
        let shift = self.parameter(&format!("{name}.{shift}"), &[width])?;
        self.g.layer_norm(x, 1, Some(scale), Some(shift), epsilon)
    }

    /// Root-mean-square normalisation of the last axis.
    pub fn rms_norm(&mut self, name: &str, x: NodeId, width: usize, epsilon: f64) -> Result<NodeId> {
        let scale = self.parameter(&format!("{name}.weight"), &[width])?;
        self.g.rms_norm(x, 1, Some(scale), epsilon)
    }

    /// The activation that a configuration names. Errors: `NotImplemented` listing those known.
    pub fn activation(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        activations::by_name(&mut self.g, name, x)
    }

    /// [B, T, H D] -> [B, T, H, D].
    pub fn by_heads(&mut self, x: NodeId, heads: usize, width: usize) -> Result<NodeId> {
        let dims = self.g.ty(x).shape.dims();
        let split = Shape::new([dims[0].clone(), dims[1].clone(), heads.into(), width.into()]);
        self.g.reshape(x, &split)
    }

    /// The first token of each row: [B, T, C] -> [B, C].
    pub fn first_token(&mut self, x: NodeId) -> Result<NodeId> {
        let dims = self.g.ty(x).shape.dims().to_vec();
        let first = self.g.slice_axis(x, 1, 0, Dim::fixed(1))?;
        self.g.reshape(first, &Shape::new([dims[0].clone(), dims[2].clone()]))
    }

    /// Compiles what has been built, with these results.
    pub fn compile(self, outputs: Vec<NodeId>) -> Result<Compiled> {
        let function = Function::new(self.g, outputs)?;
        let options = CompileOptions { short_symbols: true, ..CompileOptions::default() };
        Ok(Compiled { program: compile_with(&function, options)?, parameters: self.values, files: self.files })
    }
}

impl Compiled {
    /// Runs it on these inputs, in the order of their declaration. What is given away may be written over.
    /// Errors: `External` naming a file of weights that was cut short since it was opened.
    pub fn run(&self, inputs: Vec<Tensor>, scratch: &mut Scratch, threads: Threads) -> Result<Vec<Tensor>> {
        self.files.iter().try_for_each(|file| file.check())?;
        let mut arguments = inputs;
        arguments.extend(self.parameters.iter().cloned());
        self.program.run_owned(arguments, scratch, threads)
    }

    /// As [`Compiled::run`] on one thread, with the time of each kernel.
    pub fn run_timed(&self, inputs: Vec<Tensor>, scratch: &mut Scratch, on_kernel: &mut OnKernel) -> Result<()> {
        self.files.iter().try_for_each(|file| file.check())?;
        let arguments = inputs.into_iter().chain(self.parameters.iter().cloned()).collect();
        self.program.run_timed(arguments, scratch, Threads::One, on_kernel).map(|_| ())
    }

    /// The compiled form.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Bytes of parameters that one run reads.
    pub fn parameter_bytes(&self) -> usize {
        self.parameters.iter().map(|p| p.buffer().len()).sum()
    }
}

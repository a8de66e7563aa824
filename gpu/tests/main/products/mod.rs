//! Contractions as products of matrices: what cuBLASLt is told computes what the interpreter computes, by a loop over what it
//! is told here, and by the library itself on a machine with a device.

mod device;
mod programs;
mod random;
mod views;

use gradframe_gpu::blas::{self, Matrix, Precision, Product};
use gradframe_ml_core::{Sizes, Tensor};
use gradframe_ml_kernels::Program;
use gradframe_ml_kernels::interpret::interpret;
use gradframe_ml_kernels::schedule::{Dot, Kernel, Schedule, Source};

use crate::given::{floats, numbers, tensor};
use crate::host::difference;

/// A contraction alone: a schedule of one kernel whose inputs are its operands.
pub struct Alone {
    pub schedule: Schedule,
    pub kernel: Dot,
    pub sizes: Sizes,
}

impl Alone {
    /// A kernel of a schedule.
    pub fn new(schedule: &Schedule, kernel: &Dot, sizes: &Sizes) -> Self {
        let mut buffers = schedule.buffers.clone();
        buffers.iter_mut().for_each(|buffer| buffer.source = Source::Slot(0));
        buffers[kernel.output.index()].source = Source::Output;
        buffers[kernel.right.buffer.index()].source = Source::Input(1);
        buffers[kernel.left.buffer.index()].source = Source::Input(0);
        let outputs = vec![(kernel.output, buffers[kernel.output.index()].shape.clone())];
        let kernels = vec![Kernel::Dot(Box::new(kernel.clone()))];
        let schedule = Schedule { buffers, kernels, outputs, slots: 1, donations: Vec::new() };
        Alone { schedule, kernel: kernel.clone(), sizes: sizes.clone() }
    }

    /// All contractions of a program.
    pub fn all(program: &Program, inputs: &[Tensor]) -> Vec<Self> {
        let (schedule, sizes) = (program.schedule(), program.bind(inputs).unwrap());
        let dots = schedule.kernels.iter().filter_map(|kernel| match kernel {
            Kernel::Dot(dot) => Some(Alone::new(schedule, dot, &sizes)),
            _ => None,
        });
        dots.collect()
    }

    /// What it is as a product.
    pub fn product(&self) -> Option<Product> {
        Product::of(&self.schedule, &self.kernel, &self.sizes).unwrap()
    }

    /// Operands: left, right. One array where both read the same. Eighths, so that no order of summing rounds.
    pub fn operands(&self) -> [Tensor; 2] {
        let operand = |buffer: gradframe_ml_kernels::schedule::BufferId, seed| {
            let def = &self.schedule.buffers[buffer.index()];
            let shape = def.shape.eval(&self.sizes).unwrap();
            let eighths = numbers(shape.iter().product(), seed).into_iter().map(|number| (number * 8.0).round() / 8.0);
            tensor(def.dtype, &shape, eighths.collect())
        };
        let (left, right) = (self.kernel.left.buffer, self.kernel.right.buffer);
        [operand(left, 1), operand(right, if left == right { 1 } else { 2 })]
    }

    /// Multiplications that an interpreter does.
    pub fn multiplications(&self) -> usize {
        let free = self.kernel.dims.free_right(self.kernel.right_shape.rank());
        let right = self.kernel.right_shape.eval(&self.sizes).unwrap();
        self.kernel.left_shape.count(&self.sizes).unwrap() * free.iter().map(|&axis| right[axis]).product::<usize>()
    }

    /// Where a loop over the product differs from the interpreter.
    pub fn difference(&self, product: &Product) -> Option<String> {
        let operands = self.operands();
        let expected = interpret(&self.schedule, &operands, &self.sizes).unwrap().remove(0);
        let computed = computed(product, &floats(&operands[0]), &floats(&operands[1]), expected.shape().iter().product());
        difference(&tensor(expected.dtype(), expected.shape(), computed), &expected)
    }
}

/// What BLAS says that a product is. Every element is written once.
pub fn computed(product: &Product, left: &[f64], right: &[f64], count: usize) -> Vec<f64> {
    let mut result = vec![None; count];
    for [first, second, to] in product.places() {
        for i in 0..product.batch {
            let at = |matrix: &Matrix, place: usize, row: usize, column: usize| {
                let (row, column) = if matrix.is_transposed { (column, row) } else { (row, column) };
                assert!(row < matrix.rows && column < matrix.columns && matrix.leading >= matrix.rows, "{product:?}");
                place + i * matrix.distance + row + column * matrix.leading
            };
            for row in 0..product.m {
                for column in 0..product.n {
                    let term = |k| right[at(&product.first, first, row, k)] * left[at(&product.second, second, k, column)];
                    let sum = (0..product.k).map(term).sum::<f64>();
                    let place = &mut result[at(&product.result, to, row, column)];
                    assert_eq!(place.replace(sum), None, "written twice: {product:?}");
                }
            }
        }
    }
    result.into_iter().map(|sum| sum.unwrap_or_else(|| panic!("not all is written: {product:?}"))).collect()
}

/// The library takes the product's description, where it is there.
pub fn is_described(product: &Product) -> bool {
    blas::is_found() && {
        [Precision::Full, Precision::Tf32].iter().for_each(|&p| blas::describe(product, p).unwrap());
        true
    }
}

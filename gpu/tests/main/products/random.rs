//! Contractions of random views: axes in any order in memory, cut out of larger ones, with steps, repeated, merged.

use gradframe_ml_core::graph::{DotDims, Type};
use gradframe_ml_core::{DType, Dim, Shape, Sizes};
use gradframe_ml_kernels::compile;
use gradframe_ml_kernels::schedule::{AxisMap, BufferId, Dot, Kernel, Load, Schedule};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use smallvec::SmallVec;

use super::Alone;
use crate::given::function;

/// A stream of choices.
struct Choices {
    left: Vec<u32>,
}

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.left.pop().unwrap_or(0) as usize % n
    }

    /// True once in so many times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..n).collect();
        (1..n).for_each(|i| places.swap(i, self.below(i + 1)));
        places
    }
}

/// An operand's axes as memory has them.
fn load(choices: &mut Choices, buffer: BufferId, sizes: &[usize]) -> Load {
    let (mut axes, mut dims) = (Vec::new(), Vec::new());
    // Mostly in order, so that neighbours can be walked as one.
    let order = if choices.once_in(2) { choices.shuffled(sizes.len()) } else { (0..sizes.len()).collect() };
    let mut order = order.into_iter().peekable();
    while let Some(axis) = order.next() {
        if choices.once_in(8) {
            continue; // repeated
        }
        let (mut terms, mut size) = (SmallVec::<[(usize, i64); 1]>::from_slice(&[(axis, 1)]), sizes[axis]);
        if let Some(inner) = order.next_if(|_| choices.once_in(6)) {
            terms = SmallVec::from_slice(&[(axis, sizes[inner] as i64), (inner, 1)]);
            terms.sort_unstable();
            size *= sizes[inner];
        }
        let step = if choices.once_in(10) { 2 } else { 1 };
        terms.iter_mut().for_each(|term| term.1 *= step as i64);
        let (before, after) = if choices.once_in(4) { (choices.below(3), choices.below(3)) } else { (0, 0) };
        axes.push(AxisMap { start: Dim::fixed(before), terms });
        dims.push(before + size * step + after);
    }
    Load { buffer, shape: Shape::fixed(&dims), axes, padded: false }
}

const DTYPES: [[DType; 3]; 6] = [
    [DType::F32, DType::F32, DType::F32],
    [DType::F64, DType::F64, DType::F64],
    [DType::F16, DType::F16, DType::F16],
    [DType::BF16, DType::BF16, DType::BF16],
    [DType::BF16, DType::BF16, DType::F32],
    [DType::F32, DType::F32, DType::F32],
];

/// The schedule of a plain product, in which another takes its place.
fn plain() -> (Schedule, Dot) {
    let types = [Type::new(DType::F32, Shape::fixed(&[2, 2])), Type::new(DType::F32, Shape::fixed(&[2, 2]))];
    let program = compile(&function(&types, |g, x| Ok(vec![g.matmul(x[0], x[1])?]))).unwrap();
    let [Kernel::Dot(dot)] = program.kernels() else { panic!("{program}") };
    (program.schedule().clone(), Dot::clone(dot))
}

/// The same contraction of other element types: left, right, result.
pub fn with_types(mut alone: Alone, dtypes: [DType; 3]) -> Alone {
    let buffers = [alone.kernel.left.buffer, alone.kernel.right.buffer, alone.kernel.output];
    buffers.iter().zip(dtypes).for_each(|(buffer, dtype)| alone.schedule.buffers[buffer.index()].dtype = dtype);
    alone
}

/// So many random contractions, the same each time.
pub fn sample(count: usize) -> Vec<Alone> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let choices = proptest::collection::vec(any::<u32>(), 80);
    (0..count).map(|_| random(&mut Choices { left: choices.new_tree(&mut runner).unwrap().current() })).collect()
}

fn random(choices: &mut Choices) -> Alone {
    let (mut schedule, mut kernel) = plain();
    let [batch, contract, rows, columns] = [3, 3, 3, 3].map(|n| choices.below(n));
    let mut size = |_| [1, 2, 3, 5, 4][choices.below(5)];
    let paired: Vec<usize> = (0..batch + contract).map(&mut size).collect();
    let (free_left, free_right): (Vec<usize>, Vec<usize>) =
        ((0..rows).map(&mut size).collect(), (0..columns).map(&mut size).collect());
    // Which of an operand's axes each of the pairs and the free ones is.
    let places = [choices.shuffled(paired.len() + rows), choices.shuffled(paired.len() + columns)];
    let operand = |free: &[usize], places: &[usize]| {
        let mut sizes = vec![0; places.len()];
        paired.iter().chain(free).zip(places).for_each(|(&size, &place)| sizes[place] = size);
        sizes
    };
    let (left, right) = (operand(&free_left, &places[0]), operand(&free_right, &places[1]));
    let pair = |i: usize| (places[0][i], places[1][i]);
    kernel.dims = DotDims { batch: (0..batch).map(pair).collect(), contract: (batch..paired.len()).map(pair).collect() };
    kernel.left = load(choices, kernel.left.buffer, &left);
    kernel.right = load(choices, kernel.right.buffer, &right);
    (kernel.left_shape, kernel.right_shape) = (Shape::fixed(&left), Shape::fixed(&right));
    let (free_left, free_right) = (kernel.dims.free_left(left.len()), kernel.dims.free_right(right.len()));
    let shared = kernel.dims.batch.iter().map(|pair| left[pair.0]);
    let free = free_left.iter().map(|&axis| left[axis]).chain(free_right.iter().map(|&axis| right[axis]));
    let result: Vec<usize> = shared.chain(free).collect();
    let shapes = [kernel.left.shape.clone(), kernel.right.shape.clone(), Shape::fixed(&result)];
    for (buffer, shape) in [kernel.left.buffer, kernel.right.buffer, kernel.output].into_iter().zip(shapes) {
        schedule.buffers[buffer.index()].shape = shape;
    }
    with_types(Alone::new(&schedule, &kernel, &Sizes::new()), DTYPES[choices.below(DTYPES.len())])
}

#[test]
fn random_views_are_products_or_printed() {
    let (mut mapped, mut printed) = (0, 0);
    for alone in sample(3000) {
        match alone.product() {
            None => printed += 1,
            Some(product) => {
                mapped += 1;
                if let Some(difference) = alone.difference(&product) {
                    panic!("{difference}\n{product:#?}\n{:#?}", alone.kernel);
                }
            }
        }
    }
    println!("of random contractions {mapped} are products, {printed} are printed");
    assert!(mapped > 1500, "{mapped} of {}", mapped + printed);
}

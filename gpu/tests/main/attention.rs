//! Attention's kernels on the host where tiles end: infinite numbers in last rows, queries that see nothing, scales of all kinds.

use gradframe_gpu::launch::CudaKernel;
use gradframe_gpu::nvrtc::{Nvrtc, Width};
use gradframe_gpu::print::{kernel_named, prelude};
use gradframe_ml_core::graph::{Attention, Heads, Type};
use gradframe_ml_core::{DType, Shape, Tensor};
use gradframe_ml_kernels::schedule::Kernel;
use gradframe_ml_kernels::{CompileOptions, Program, compile_with};

use crate::given::{floats, function, numbers, tensor};
use crate::host::{builds, difference, run};
use crate::nvrtc::candidates;

const CAUSAL: Attention = Attention { causal: true, scale: None };
const FULL: Attention = Attention { causal: false, scale: None };

/// Arguments q, k, v and the value's cotangent; results: the value, and the cotangents of q, k and v.
fn with_gradients(dtype: DType, [queries, keys, width]: [usize; 3], how: Attention) -> Program {
    let types = [queries, keys, keys, queries].map(|rows| Type::new(dtype, Shape::fixed(&[1, 1, rows, width])));
    let function = function(&types, |g, x| {
        let value = g.attention(x[0], x[1], x[2], None, how)?;
        let product = g.mul(value, x[3])?;
        let sum = g.sum_all(product)?;
        let (_, gradients) = g.value_and_gradients(sum, &x[..3])?;
        Ok([value].into_iter().chain(gradients).collect())
    });
    compile_with(&function, CompileOptions { on_device: true, ..CompileOptions::default() }).unwrap()
}

/// Numbers between 0 and 1, and one other at this place of the last row.
fn with_last(dtype: DType, [rows, width]: [usize; 2], seed: u64, last: Option<(usize, f64)>, sign: f64) -> Tensor {
    let mut values: Vec<f64> = numbers(rows * width, seed).iter().map(|x| sign * (x.abs() / 8.0 + 0.01)).collect();
    if let Some((column, number)) = last {
        values[(rows - 1) * width + column] = number;
    }
    tensor(dtype, &[1, 1, rows, width], values)
}

/// What the kernels give, which is what the interpreter does; None where there is no compiler.
fn agreed(program: &Program, inputs: &[Tensor], what: &str) -> Option<Vec<Tensor>> {
    assert!(program.kernels().iter().any(|kernel| matches!(kernel, Kernel::AttentionCotangents(_))), "{program}");
    let ours = run(program, inputs)?;
    for (number, (ours, theirs)) in ours.iter().zip(&program.interpret(inputs).unwrap()).enumerate() {
        assert_eq!(difference(ours, theirs), None, "{what}, result {number}");
    }
    Some(ours)
}

#[test]
fn an_infinite_number_in_a_last_row_stays_there() {
    for (dtype, [queries, keys, width]) in [(DType::BF16, [17, 80, 32]), (DType::F16, [70, 41, 64]), (DType::BF16, [33, 70, 128])]
    {
        let program = with_gradients(dtype, [queries, keys, width], FULL);
        // Of k, v and the value's cotangent; queries are negative, so that such a key has the weight 0.
        for place in 1..4 {
            let last = |own: usize| (own == place).then_some((5, f64::INFINITY));
            let operand = |own: usize, rows, sign| with_last(dtype, [rows, width], own as u64 + 3, last(own), sign);
            let inputs = [operand(0, queries, -1.0), operand(1, keys, 1.0), operand(2, keys, 1.0), operand(3, queries, 1.0)];
            let Some(results) = agreed(&program, &inputs, &format!("{dtype} {queries} x {keys}, operand {place}")) else {
                return;
            };
            let (value, of_v) = (floats(&results[0]), floats(&results[3]));
            let is_own = |place: usize| place % width == 5;
            let finite =
                |numbers: &[f64]| numbers.iter().enumerate().all(|(i, x)| x.is_finite() || is_own(i) && *x == f64::INFINITY);
            assert!(finite(&value) && (place == 2 || finite(&of_v)), "{dtype} {queries} x {keys}, operand {place}");
        }
    }
}

#[test]
fn queries_that_see_nothing_give_zeros_and_move_nothing() {
    for (dtype, [queries, keys, width]) in
        [(DType::BF16, [70, 40, 32]), (DType::F16, [150, 9, 64]), (DType::BF16, [130, 65, 128])]
    {
        let program = with_gradients(dtype, [queries, keys, width], CAUSAL);
        let operand = |seed, rows| with_last(dtype, [rows, width], seed, None, 1.0);
        let inputs = [operand(3, queries), operand(4, keys), operand(5, keys), operand(6, queries)];
        let Some(results) = agreed(&program, &inputs, &format!("{dtype} {queries} x {keys}")) else { return };
        let seen = (queries - keys) * width;
        let value = floats(&results[0]);
        assert!(value[..seen].iter().all(|x| *x == 0.0) && value[seen..].iter().all(|x| x.is_finite()));
        assert!(floats(&results[1])[..seen].iter().all(|x| *x == 0.0));
        assert!(results[1..].iter().all(|cotangent| floats(cotangent).iter().all(|x| x.is_finite())));
    }
}

/// The program's kernels of attention, with another scale.
fn scaled(program: &Program, scale: f64) -> Vec<CudaKernel> {
    let other = |heads: Heads| Heads { scale_bits: scale.to_bits(), ..heads };
    let kernels = program.kernels().iter().enumerate();
    let scaled = kernels.filter_map(|(number, kernel)| {
        let kernel = match kernel.clone() {
            Kernel::Attention(mut own) => {
                own.heads = other(own.heads);
                Kernel::Attention(own)
            }
            Kernel::AttentionCotangents(mut own) => {
                own.heads = other(own.heads);
                Kernel::AttentionCotangents(own)
            }
            _ => return None,
        };
        Some(kernel_named(program.schedule(), &format!("s{:x}_{number}", scale.to_bits()), &kernel).unwrap())
    });
    scaled.collect()
}

#[test]
fn kernels_of_any_scale_compile() {
    let program = with_gradients(DType::BF16, [9, 9, 32], CAUSAL);
    let scales = [0.125, -2.0, 1e39, 3e38, 1e-40, 1e-46, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let kernels: Vec<CudaKernel> = scales.iter().flat_map(|scale| scaled(&program, *scale)).collect();
    assert_eq!(kernels.len(), 2 * scales.len());
    builds(&kernels);
    let Ok(nvrtc) = Nvrtc::find(&candidates()) else { return println!("skipped: no NVRTC") };
    let entries: String = kernels.iter().map(|kernel| format!("{}\n", kernel.source)).collect();
    assert!(!nvrtc.compile(&format!("{}\n{entries}", prelude(&entries)), "sm_90", Width::Narrow).unwrap().is_empty());
}

#[test]
fn a_scale_that_no_float_has_is_that_of_the_parts() {
    for scale in [1e39, 1e-40] {
        let program = with_gradients(DType::BF16, [9, 9, 32], Attention { causal: false, scale: Some(scale) });
        assert!(!program.kernels().iter().any(|kernel| matches!(kernel, Kernel::Attention(_))), "{program}");
    }
}

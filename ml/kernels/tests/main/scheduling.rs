//! What the compiler makes of graphs: kernels, buffers, costs and errors.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Dim, Error, Graph, Shape, Sizes, Symbol, Tensor};
use gradframe_ml_kernels::schedule::Kernel;
use gradframe_ml_kernels::{Scratch, Threads, compile};

use crate::check::function;

fn rows(k: usize) -> Type {
    Type::new(DType::F64, Shape::new([Dim::symbol("N"), k.into()]))
}

fn sizes(n: usize) -> Sizes {
    let mut sizes = Sizes::new();
    sizes.bind(&Symbol::new("N"), n).unwrap();
    sizes
}

#[test]
fn a_chain_of_pointwise_functions_is_one_kernel() {
    let f = function(&[rows(3), rows(3)], |g, x| {
        let sum = g.add(x[0], x[1])?;
        let e = g.exp(sum)?;
        Ok(vec![g.mul(e, x[1])?])
    });
    let program = compile(&f).unwrap();
    assert_eq!(program.kernels().len(), 1, "{program}");
    assert_eq!(program.flops(&sizes(10)).unwrap(), 3 * 30);
    assert!(program.to_string().contains("pointwise over [N, 3]"), "{program}");
}

#[test]
fn a_chain_ends_in_the_fold_that_uses_it() {
    let f = function(&[rows(3)], |g, x| {
        let e = g.exp(x[0])?;
        Ok(vec![g.sum_all(e)?])
    });
    let program = compile(&f).unwrap();
    assert!(matches!(program.kernels(), [Kernel::Fold(_)]), "{program}");
    assert_eq!(program.peak_bytes(&sizes(1000)).unwrap(), 8);
}

#[test]
fn dead_intermediate_results_give_their_memory_back() {
    let f = function(&[Type::new(DType::F64, Shape::fixed(&[64, 64]))], |g, x| {
        let mut y = x[0];
        for _ in 0..8 {
            y = g.matmul(y, x[0])?;
        }
        Ok(vec![y])
    });
    let program = compile(&f).unwrap();
    assert_eq!(program.kernels().len(), 8);
    assert_eq!(program.peak_bytes(&Sizes::new()).unwrap(), 3 * 64 * 64 * 8, "two slots and the result");
}

/// Its derivative is made beside its value: no kernel of the way back reads the argument or the error function.
#[test]
fn a_smooth_activation_keeps_one_array_for_the_way_back() {
    let f32s = |shape: &[usize]| Type::new(DType::F32, Shape::fixed(shape));
    let (rows, width) = (512, 256);
    for activation in [Graph::gelu, Graph::gelu_tanh, Graph::silu] {
        let loss = function(&[f32s(&[64, width]), f32s(&[width, 8]), f32s(&[rows, 64])], |g, x| {
            let hidden = g.matmul(x[2], x[0])?;
            let active = activation(g, hidden)?;
            let last = g.matmul(active, x[1])?;
            let square = g.mul(last, last)?;
            Ok(vec![g.sum_all(square)?])
        });
        let program = compile(&value_and_grad(&loss, &[0, 1]).unwrap()).unwrap();
        let arrays = program.peak_bytes(&Sizes::new()).unwrap() as f64 / (rows * width * 4) as f64;
        assert!(arrays < 3.5, "{arrays}: {program}"); // product, value and derivative; then the cotangent in the product's place
    }
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    let program = compile(&function(&[rows(3), rows(3)], |g, x| Ok(vec![g.add(x[0], x[1])?]))).unwrap();
    let good = Tensor::from_vec(&[2, 3], vec![0.0; 6]).unwrap();
    let too_wide = Tensor::from_vec(&[2, 4], vec![0.0; 8]).unwrap();
    let longer = Tensor::from_vec(&[3, 3], vec![0.0; 9]).unwrap();
    let singles = Tensor::from_vec(&[2, 3], vec![0f32; 6]).unwrap();
    for wrong in [too_wide, longer] {
        let error = program.run(&[good.clone(), wrong]).unwrap_err();
        assert!(matches!(error, Error::Shape(_)) && error.to_string().contains("`x1`"), "{error}");
    }
    let error = program.run(&[good.clone(), singles]).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), ("DType", "run: argument `x1`: expected f64, got f32"));
    assert_eq!(program.run(&[good]).unwrap_err().to_string(), "run: expected 2 arguments, got 1");
}

/// Such results are written past the caches, a line at a time; their ends are no whole lines.
#[test]
fn results_larger_than_the_caches_are_right_to_the_last_element() {
    let f = function(&[Type::new(DType::F32, Shape::new([Dim::symbol("N"), 3.into()]))], |g, x| {
        let (two, one) = (g.scalar_like(x[0], 2.0)?, g.scalar_like(x[0], 1.0)?);
        let twice = g.mul(x[0], two)?;
        let (most, row) = (g.max_over(x[0], &[1])?, g.add(twice, one)?);
        Ok(vec![row, most])
    });
    let program = compile(&f).unwrap();
    let rows = 2_345_677;
    let values: Vec<f32> = (0..3 * rows).map(|i| (i % 1009) as f32 - 500.0).collect();
    let x = Tensor::from_vec(&[rows, 3], values.clone()).unwrap();
    for threads in [Threads::One, Threads::Pool] {
        let results = program.run_with(std::slice::from_ref(&x), &mut Scratch::new(), threads).unwrap();
        assert!(results[0].values::<f32>().unwrap().iter().zip(&values).all(|(y, x)| *y == 2.0 * x + 1.0));
        let most = |row: &[f32]| row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert!(results[1].values::<f32>().unwrap().iter().zip(values.chunks(3)).all(|(y, row)| *y == most(row)));
    }
}

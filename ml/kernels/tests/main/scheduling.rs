//! What the compiler makes of graphs: kernels, buffers, costs and errors.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Error, Shape, Sizes, Symbol, Tensor};
use gradframe_ml_kernels::compile;
use gradframe_ml_kernels::schedule::Kernel;

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

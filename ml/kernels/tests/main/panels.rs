//! Matrices that are kept as products of many rows read them.

use gradframe_ml_core::graph::{DotDims, Type};
use gradframe_ml_core::{DType, Dim, Shape};
use gradframe_ml_kernels::compile;
use gradframe_ml_kernels::cpu::panel_columns;

use crate::check::{check_program, function, numbers, tensor};

#[test]
fn columns_in_panels_give_the_products_of_their_matrix_whatever_the_rows() {
    let width = panel_columns().unwrap_or(32);
    for (panels, depth) in [(1, 1), (5, 33), (2, 384), (1, 1100)] {
        let rows = Type::new(DType::F32, Shape::new([2.into(), Dim::symbol("N"), depth.into()]));
        let f = function(&[rows, Type::new(DType::F32, Shape::fixed(&[panels, depth, width]))], |g, x| {
            let by_middle = DotDims { batch: Default::default(), contract: [(2, 1)].into_iter().collect() };
            let product = g.dot(x[0], x[1], by_middle)?;
            let product = g.reshape(product, &Shape::new([2.into(), Dim::symbol("N"), (panels * width).into()]))?;
            let bias = g.scalar_like(product, 0.5)?;
            Ok(vec![g.add(product, bias)?])
        });
        let program = compile(&f).unwrap();
        for count in [1, 7, 64, 130] {
            let small = |shape: &[usize], seed| {
                let values = numbers(shape.iter().product(), seed).iter().map(|x| x / 64.0).collect();
                tensor(DType::F32, shape, values)
            };
            check_program(&program, &f, &[small(&[2, count, depth], 1), small(&[panels, depth, width], 2)]);
        }
    }
}

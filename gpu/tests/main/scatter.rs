//! Groups of rows whose number is no single size of symbols: what is shared between launches stays small.

use gradframe_gpu::print::kernel_named;
use gradframe_ml_core::graph::{ScatterOp, Type};
use gradframe_ml_core::{DType, Dim, Shape};
use gradframe_ml_kernels::compile;

use crate::given::{function, numbers, tensor};
use crate::host::{difference, run};

#[test]
fn groups_of_rows_along_two_symbols() {
    let shape = Shape::new([Dim::symbol("N").plus(1), Dim::symbol("M")]);
    let (rows, columns) = (131, 37);
    let count = rows * columns;
    for groups in [300, 5_000, 2_000_000] {
        let types = [Type::new(DType::F32, shape.clone()), Type::new(DType::I32, shape.clone())];
        let f = function(&types, |g, x| Ok(vec![g.scatter(ScatterOp::Sum, x[0], x[1], 0, &Dim::fixed(groups))?]));
        let program = compile(&f).unwrap();
        let of_group = |n: f64| (n * 500.0).abs() % (groups as f64 + 2.0) - 1.0; // some are outside
        let indices = tensor(DType::I32, &[rows, columns], numbers(count, 4).into_iter().map(of_group).collect());
        let inputs = [tensor(DType::F32, &[rows, columns], numbers(count, 3)), indices];
        let sizes = program.bind(&inputs).unwrap();
        for (number, kernel) in program.kernels().iter().enumerate() {
            let printed = kernel_named(program.schedule(), &format!("k{number}"), kernel).unwrap();
            let bytes = |t: &gradframe_gpu::launch::Temporary| t.count.eval(&sizes).unwrap() * t.dtype.size_bytes();
            assert!(printed.temporaries.iter().map(bytes).sum::<usize>() < 64 << 20, "{groups} groups");
        }
        let Some(ours) = run(&program, &inputs) else { return };
        assert_eq!(difference(&ours[0], &program.interpret(&inputs).unwrap()[0]), None, "{groups} groups");
    }
}

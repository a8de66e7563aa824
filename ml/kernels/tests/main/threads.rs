//! The same bits whatever the number of threads.

use gradframe_ml_core::DType;
use gradframe_ml_core::graph::DotDims;
use gradframe_ml_kernels::compile;

use crate::{arguments, function};

#[test]
fn one_thread_and_many_give_the_same_bits() {
    let n = None;
    let case = function(&[(DType::F64, &[n, Some(7)]), (DType::F64, &[n]), (DType::F64, &[Some(7), Some(9)])], |g, x| {
        let product = g.matmul(x[0], x[2]).unwrap();
        let soft = g.softmax(product, 1).unwrap();
        let transposed = DotDims { batch: Default::default(), contract: [(0, 0)].into_iter().collect() };
        let exp = g.exp(x[1]).unwrap();
        vec![
            soft,
            g.dot(x[0], x[1], transposed).unwrap(),
            g.sum_all(soft).unwrap(),
            g.mean_all(exp).unwrap(),
            g.sum(x[0], &[0]).unwrap(),
        ]
    });
    let program = compile(&case).unwrap();
    let arguments = arguments(&case, 200_003);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| program.run(&arguments).unwrap())
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads differ");
    }
}

#[test]
fn one_program_runs_from_many_threads_at_once() {
    let case = function(&[(DType::F64, &[None])], |g, x| vec![g.sum(x[0], &[0]).unwrap()]);
    let program = compile(&case).unwrap();
    std::thread::scope(|scope| {
        for n in 1..8 {
            let (program, case) = (&program, &case);
            scope.spawn(move || {
                let arguments = arguments(case, n * 1000);
                let expected: f64 = arguments[0].to_f64().iter().sum();
                for _ in 0..20 {
                    let got = program.run(&arguments).unwrap()[0].to_f64()[0];
                    assert!((got - expected).abs() < 1e-9);
                }
            });
        }
    });
}

//! Lines longer than what a block of threads, or a task, takes at once.

use gradframe_ml_core::graph::{ScanOp, ScatterOp, Type};
use gradframe_ml_core::{DType, Dim, Shape};

use crate::check::{check, function, numbers, tensor};

#[test]
fn scans_over_many_tiles() {
    let cases: [(DType, &[usize], usize); 8] = [
        (DType::F32, &[50_000], 0),
        (DType::F64, &[3, 7_001], 1),
        (DType::I8, &[2, 90_000], 1),
        (DType::F32, &[6_001, 7], 1),
        (DType::U16, &[50_000], 0),
        (DType::BF16, &[5, 9_000], 1),
        (DType::I64, &[25_000], 0),
        (DType::F64, &[2, 4_000, 2], 1),
    ];
    for (dtype, sizes, axis) in cases {
        for op in [ScanOp::Sum, ScanOp::Max] {
            let ty = Type::new(dtype, Shape::fixed(sizes));
            let f = function(&[ty], |g, x| Ok(vec![g.scan(op, x[0], axis)?]));
            check(&f, &[tensor(dtype, sizes, numbers(sizes.iter().product(), 5))]);
        }
    }
}

#[test]
fn a_scan_of_lines_of_any_length() {
    let ty = Type::new(DType::F32, Shape::new([Dim::symbol("N"), Dim::symbol("M")]));
    let f = function(&[ty], |g, x| Ok(vec![g.scan(ScanOp::Sum, x[0], 1)?]));
    for sizes in [[1, 40_000], [1, 0], [3, 8_192], [40_000, 1], [300, 128], [9, 4_097]] {
        check(&f, &[tensor(DType::F32, &sizes, numbers(sizes[0] * sizes[1], 6))]);
    }
}

/// Numbers of which some are equal, some not numbers, some zeros of either sign.
fn mixed(count: usize) -> Vec<f64> {
    let mut values = numbers(count, 8);
    values.iter_mut().step_by(11).for_each(|v| *v = f64::NAN);
    values.iter_mut().step_by(7).for_each(|v| *v = -0.0);
    values.iter_mut().step_by(5).for_each(|v| *v = 0.0);
    values
}

#[test]
fn orders_of_long_lines() {
    let types = [DType::F32, DType::F64, DType::BF16, DType::I8, DType::I64];
    for dtype in types {
        let ty = Type::new(dtype, Shape::new([Dim::symbol("N")]));
        let f = function(&[ty], |g, x| Ok(vec![g.argsort(x[0], 0, false)?, g.argsort(x[0], 0, true)?]));
        for count in [0, 1, 257, 4_096, 9_001] {
            check(&f, &[tensor(dtype, &[count], mixed(count))]);
        }
    }
}

#[test]
fn groups_of_many_rows_and_many_groups() {
    for (dtype, op) in
        [(DType::F32, ScatterOp::Sum), (DType::F64, ScatterOp::Max), (DType::I16, ScatterOp::Min), (DType::I64, ScatterOp::Sum)]
    {
        for (groups, indices) in [(1, DType::I32), (7, DType::I64), (300, DType::I32), (70_000, DType::I64)] {
            let types = [Type::new(dtype, Shape::new([Dim::symbol("N")])), Type::new(indices, Shape::new([Dim::symbol("N")]))];
            let f = function(&types, |g, x| Ok(vec![g.scatter(op, x[0], x[1], 0, &Dim::fixed(groups))?]));
            for rows in [0, 5, 8_000] {
                let of_group = |n: f64| (n * 500.0).abs() % (groups as f64 + 2.0) - 1.0; // some are outside
                let indices = tensor(indices, &[rows], numbers(rows, 4).into_iter().map(of_group).collect());
                check(&f, &[tensor(dtype, &[rows], numbers(rows, 3)), indices]);
            }
        }
    }
}

#[test]
fn groups_of_rows_that_are_sorted_or_all_in_one_group() {
    for (groups, op) in [(9, ScatterOp::Sum), (1_000, ScatterOp::Max), (3_000, ScatterOp::Sum), (70_000, ScatterOp::Sum)] {
        let types = [DType::F32, DType::I32].map(|dtype| Type::new(dtype, Shape::new([Dim::symbol("N")])));
        let f = function(&types, |g, x| Ok(vec![g.scatter(op, x[0], x[1], 0, &Dim::fixed(groups))?]));
        let rows = 20_000;
        let of: [&dyn Fn(usize) -> usize; 4] =
            [&|row| row * groups / rows, &|_| groups - 1, &|row| row / 40 * 7 % groups, &|row| {
                if row % 3 == 0 { row % groups } else { 5 }
            }];
        for group in of {
            let indices = tensor(DType::I32, &[rows], (0..rows).map(|row| group(row) as f64).collect());
            check(&f, &[tensor(DType::F32, &[rows], numbers(rows, 3)), indices]);
        }
    }
}

#[test]
fn groups_of_rows_of_several_numbers() {
    let n = || Dim::symbol("N");
    let types = [Type::new(DType::F32, Shape::new([2.into(), n(), 3.into()])), Type::new(DType::I32, Shape::new([n()]))];
    let f = function(&types, |g, x| Ok(vec![g.scatter(ScatterOp::Sum, x[0], x[1], 1, &Dim::fixed(19))?]));
    let indices = tensor(DType::I32, &[5_000], numbers(5_000, 4).into_iter().map(|n| (n * 500.0).abs() % 20.0).collect());
    check(&f, &[tensor(DType::F32, &[2, 5_000, 3], numbers(30_000, 3)), indices]);
}

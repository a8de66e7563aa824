//! Node kinds that go by places: extremes, scans, orders, joining, picking and folding by index.

use gradframe_ml_core::graph::{ScanOp, ScatterOp, Type};
use gradframe_ml_core::{DType, Graph, NodeId, Shape, Tensor};

use super::kinds::{ROWS, check_on_rows, f64s, filled, n};
use crate::check::{check, function, numbers, tensor};

#[test]
fn index_of_the_extreme() {
    check_on_rows(9, &[1, 2, 400], |g, x| {
        let whole = g.cast(x, DType::I32)?;
        Ok(vec![g.argmax(x, 1)?, g.argmin(x, 0)?, g.argmax(whole, 1)?])
    });
}

#[test]
fn scans_of_every_type_along_each_axis() {
    for dtype in DType::ALL {
        for op in [ScanOp::Sum, ScanOp::Prod, ScanOp::Max] {
            let ty = Type::new(dtype, Shape::new([n(), 5.into(), 3.into()]));
            let mut probe = Graph::new();
            let x = probe.input("x", ty.clone());
            if probe.scan(op, x, 0).is_err() {
                continue;
            }
            for axis in 0..3 {
                let f = function(std::slice::from_ref(&ty), |g, x| Ok(vec![g.scan(op, x[0], axis)?]));
                for rows in [0, 1, 4, 40] {
                    let near_one = numbers(rows * 15, 3).iter().map(|v| v.signum() * (1.0 + v / 400.0)).collect();
                    check(&f, &[tensor(dtype, &[rows, 5, 3], near_one)]);
                }
            }
        }
    }
}

#[test]
fn places_in_order_of_every_type_along_each_axis() {
    for dtype in DType::ALL {
        let ty = Type::new(dtype, Shape::new([n(), 4.into()]));
        for (axis, descending) in [(0, false), (0, true), (1, false)] {
            let f = function(std::slice::from_ref(&ty), |g, x| Ok(vec![g.argsort(x[0], axis, descending)?]));
            for rows in [0, 1, 30, 3000] {
                let mut values: Vec<f64> = numbers(rows * 4, 8).iter().map(|v| v * 20.0).collect();
                values.iter_mut().step_by(7).for_each(|v| *v = f64::NAN);
                values.iter_mut().step_by(5).for_each(|v| *v = -0.0);
                values.iter_mut().step_by(11).for_each(|v| *v = f64::NEG_INFINITY);
                check(&f, &[tensor(dtype, &[rows, 4], values)]);
            }
        }
    }
}

#[test]
fn sorted_values_and_the_largest_with_their_gradient() {
    let f = function(&[f64s(&[n(), 9.into()])], |g, x| {
        let (largest, places) = g.top_k(x[0], 1, 3, true)?;
        Ok(vec![g.sort(x[0], 0, false)?, largest, places])
    });
    for rows in [1, 70] {
        check(&f, &[filled(&[rows, 9], 2)]);
    }
}

#[test]
fn joining_along_each_axis() {
    check_on_rows(3, &ROWS, |g, x| {
        let e = g.exp(x)?;
        let wide = g.concat(&[x, e, x], 1)?;
        let long = g.concat(&[e, x], 0)?;
        Ok(vec![g.neg(wide)?, long])
    });
}

#[test]
fn picking_and_folding_rows_by_index() {
    let codes = Type::new(DType::I32, Shape::new([n()]));
    let f = function(&[f64s(&[6.into(), 3.into()]), codes, f64s(&[n(), 3.into()])], |g, x| {
        let picked = g.gather(x[0], x[1], 0)?;
        let by_column = g.transpose(x[0])?;
        let picked_columns = g.gather(by_column, x[1], 1)?;
        let product = g.mul(picked, x[2])?;
        let sums = g.scatter(ScatterOp::Sum, product, x[1], 0, &6.into())?;
        let largest = g.scatter(ScatterOp::Max, x[2], x[1], 0, &6.into())?;
        let turned = g.transpose(x[2])?;
        let smallest = g.scatter(ScatterOp::Min, turned, x[1], 1, &9.into())?;
        Ok(vec![picked, picked_columns, sums, largest, smallest])
    });
    for rows in [0, 1, 100, 50_001] {
        let codes: Vec<i32> = numbers(rows, 9).iter().map(|v| *v as i32 + 3).collect(); // some outside 0..6
        check(&f, &[filled(&[6, 3], 1), Tensor::from_vec(&[rows], codes).unwrap(), filled(&[rows, 3], 2)]);
    }
}

#[test]
fn scattering_every_type() {
    for dtype in DType::ALL {
        for op in [ScatterOp::Sum, ScatterOp::Max, ScatterOp::Min] {
            let types = [Type::new(dtype, Shape::new([n()])), Type::new(DType::I64, Shape::new([n()]))];
            let mut probe = Graph::new();
            let inputs: Vec<NodeId> = types.iter().map(|ty| probe.input("x", ty.clone())).collect();
            if probe.scatter(op, inputs[0], inputs[1], 0, &5.into()).is_err() {
                continue;
            }
            let f = function(&types, |g, x| Ok(vec![g.scatter(op, x[0], x[1], 0, &5.into())?]));
            let index = numbers(50, 4).iter().map(|v| v.abs()).collect();
            check(&f, &[tensor(dtype, &[50], numbers(50, 3)), tensor(DType::I64, &[50], index)]);
        }
    }
}

#[test]
fn one_hot_rows_and_selection() {
    let f = function(&[Type::new(DType::I32, Shape::new([n()])), f64s(&[n(), 4.into()])], |g, x| {
        let hot = g.one_hot(x[0], &4.into(), DType::F64)?;
        let zero = g.scalar_like(x[1], 0.0)?;
        let positive = g.gt(x[1], zero)?;
        let chosen = g.select(positive, hot, x[1])?;
        Ok(vec![hot, chosen])
    });
    for rows in [0, 1, 2000] {
        let codes: Vec<i32> = numbers(rows, 9).iter().map(|v| *v as i32).collect();
        check(&f, &[Tensor::from_vec(&[rows], codes).unwrap(), filled(&[rows, 4], 2)]);
    }
}

#[test]
fn parts_at_a_place_known_at_run_time() {
    for dtype in [DType::F64, DType::F32, DType::I16, DType::Bool] {
        for (axis, size) in [(0, 3), (1, 2), (2, 1)] {
            let mut part = [n(), 4.into(), 2.into()];
            part[axis] = size.into();
            let types = [
                Type::new(dtype, Shape::new([n(), 4.into(), 2.into()])),
                Type::new(dtype, Shape::new(part.clone())),
                Type::new(DType::I64, Shape::scalar()),
            ];
            let f = function(&types, |g, x| {
                let cut = g.dyn_slice(x[0], x[2], axis, &size.into())?;
                Ok(vec![cut, g.dyn_update(x[0], x[1], x[2], axis)?, g.dyn_update(x[0], cut, x[2], axis)?])
            });
            for (rows, start) in [(5, 1), (5, -2), (5, 4), (5, 40), (1, 0), (0, 0), (30_000, 17), (5, i64::MAX), (5, i64::MIN)] {
                let sizes: Vec<usize> = part.iter().map(|d| d.as_fixed().unwrap_or(rows)).collect();
                let whole = tensor(dtype, &[rows, 4, 2], numbers(rows * 8, 1));
                let part = tensor(dtype, &sizes, numbers(sizes.iter().product(), 2));
                check(&f, &[whole, part, Tensor::scalar(start)]);
            }
        }
    }
}

//! Every scalar function, conversion and fold, in every element type that takes it.

use gradframe_ml_core::graph::{Fn1, Fn2, ReduceOp, Type};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};

use crate::check::{check, function, numbers, tensor};

/// Odd sizes: nothing, one, less than a vector, around a block.
const SIZES: [usize; 5] = [0, 1, 7, 2049, 4097];

fn vector(dtype: DType) -> Type {
    Type::new(dtype, Shape::new([Dim::symbol("N")]))
}

/// Checks `build` on vectors of each size if its types fit; whether they do is for the shape rules to say.
fn check_if_typed(dtypes: &[DType], scale: f64, build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>) {
    let types: Vec<Type> = dtypes.iter().map(|&d| vector(d)).collect();
    let mut probe = Graph::new();
    let inputs: Vec<NodeId> = types.iter().map(|ty| probe.input("x", ty.clone())).collect();
    if build(&mut probe, &inputs).is_err() {
        return;
    }
    let f = function(&types, |g, x| Ok(vec![build(g, x)?]));
    for n in SIZES {
        let argument =
            |(i, &dtype): (usize, &DType)| tensor(dtype, &[n], numbers(n, i as u64 + 1).iter().map(|v| v * scale).collect());
        check(&f, &dtypes.iter().enumerate().map(argument).collect::<Vec<_>>());
    }
}

#[test]
fn functions_of_one_operand_agree_in_every_type() {
    for &f in Fn1::ALL {
        for dtype in DType::ALL {
            check_if_typed(&[dtype], 1.0, |g, x| g.map1(f, x[0]));
        }
    }
}

#[test]
fn functions_of_two_operands_agree_in_every_type() {
    for &f in Fn2::ALL {
        for dtype in DType::ALL {
            check_if_typed(&[dtype, dtype], 1.0, |g, x| g.map2(f, x[0], x[1]));
        }
    }
}

#[test]
fn integers_wrap_and_shift_as_in_the_reference() {
    for f in [Fn2::Add, Fn2::Sub, Fn2::Mul, Fn2::Div, Fn2::Rem, Fn2::Pow, Fn2::Shl, Fn2::Shr] {
        for dtype in DType::ALL.into_iter().filter(|d| d.is_integer()) {
            check_if_typed(&[dtype, dtype], 23.0, |g, x| g.map2(f, x[0], x[1]));
        }
    }
}

#[test]
fn conversions_agree_between_all_types() {
    for from in DType::ALL {
        for to in DType::ALL {
            check_if_typed(&[from], 1e3, |g, x| g.cast(x[0], to));
        }
    }
}

#[test]
fn folds_agree_in_every_type_over_long_and_short_axes() {
    for op in [ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min, ReduceOp::All, ReduceOp::Any] {
        for dtype in DType::ALL {
            let shape = Shape::new([Dim::symbol("N"), 7.into(), 3.into()]);
            let ty = Type::new(dtype, shape);
            let mut probe = Graph::new();
            let x = probe.input("x", ty.clone());
            if probe.reduce(op, x, &[0]).is_err() {
                continue;
            }
            for axes in [&[0][..], &[1], &[2], &[1, 2], &[0, 2], &[0, 1], &[0, 1, 2]] {
                let f = function(std::slice::from_ref(&ty), |g, x| Ok(vec![g.reduce(op, x[0], axes)?]));
                for n in [0, 1, 5, 300] {
                    // Near 1 in size, so that products stay in range.
                    let near_one = numbers(n * 21, 3).iter().map(|v| v.signum() * (1.0 + v / 400.0)).collect();
                    check(&f, &[tensor(dtype, &[n, 7, 3], near_one)]);
                }
            }
        }
    }
}

#[test]
fn nan_and_infinity_pass_through_folds_and_extremes() {
    let values = vec![1.0, f64::NAN, -2.0, f64::INFINITY, 0.0, f64::NEG_INFINITY];
    let f = function(&[vector(DType::F64), vector(DType::F64)], |g, x| {
        Ok(vec![g.max(x[0], x[1])?, g.min(x[0], x[1])?, g.sum(x[0], &[0])?, g.reduce(ReduceOp::Max, x[0], &[0])?])
    });
    let reversed = values.iter().rev().copied().collect();
    check(&f, &[tensor(DType::F64, &[6], values), tensor(DType::F64, &[6], reversed)]);
}

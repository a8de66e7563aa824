//! Lengths around those at which a back end moves several elements at once: whole packs, odd ends, lines between packs.

use gradframe_ml_core::graph::{Span, Type};
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape};
use gradframe_ml_kernels::compile;

use crate::check::{check, check_program, function, numbers, tensor};

/// Compiles and compares over arguments of these types and shapes.
fn checked(arguments: &[(DType, &[usize])], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>) {
    let types: Vec<Type> = arguments.iter().map(|(dtype, shape)| Type::new(*dtype, Shape::fixed(shape))).collect();
    let inputs: Vec<_> =
        arguments.iter().zip(1..).map(|((d, s), seed)| tensor(*d, s, numbers(s.iter().product(), seed))).collect();
    check(&function(&types, build), &inputs);
}

#[test]
fn any_number_of_elements_of_any_type() {
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I32, DType::I8, DType::Bool] {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(dtype, Shape::new([Dim::symbol("N")])));
        let y = if dtype == DType::Bool { g.not(x) } else { g.mul(x, x) }.unwrap();
        let f = Function::new(g, vec![y]).unwrap();
        let program = compile(&f).unwrap();
        for n in [0, 1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 1027, 4096, 9001] {
            check_program(&program, &f, &[tensor(dtype, &[n], numbers(n, n as u64))]);
        }
    }
}

#[test]
fn types_of_several_widths_in_one_kernel() {
    for n in [24, 1001] {
        checked(&[(DType::F16, &[n]), (DType::F32, &[n]), (DType::Bool, &[n]), (DType::F64, &[1])], |g, x| {
            let wide = g.cast(x[0], DType::F32)?;
            let chosen = g.select(x[2], wide, x[1])?;
            let factor = g.cast(x[3], DType::F32)?;
            let product = g.mul(chosen, factor)?;
            Ok(vec![product, g.cast(product, DType::BF16)?, g.cast(product, DType::F64)?])
        });
    }
}

#[test]
fn numbers_of_columns_and_of_rows_on_lines_of_any_length() {
    for columns in [1, 2, 3, 4, 6, 7, 8, 12, 16, 20, 33] {
        for dtype in [DType::F32, DType::F16] {
            let arguments: [(DType, &[usize]); 4] =
                [(dtype, &[5, 3, columns]), (dtype, &[columns]), (dtype, &[3, 1]), (dtype, &[5, 1, columns])];
            checked(&arguments, |g, x| {
                let shifted = g.add(x[0], x[1])?;
                let scaled = g.mul(shifted, x[2])?;
                Ok(vec![g.sub(scaled, x[3])?])
            });
        }
    }
}

#[test]
fn parts_turned_and_numbered_lines() {
    for columns in [8, 9, 12] {
        let shape: &[usize] = &[6, columns];
        checked(&[(DType::F32, shape), (DType::F32, &[columns, 6]), (DType::F32, &[6, columns + 8])], |g, x| {
            let turned = g.transpose(x[1])?;
            let mirrored = g.flip(x[0], &[1])?;
            let span = |start: usize| [Span::all(&6.into()), Span { start, stop: (start + columns).into(), step: 1 }];
            let (aligned, other) = (g.slice(x[2], &span(4))?, g.slice(x[2], &span(3))?);
            let padded = g.slice_axis(x[0], 1, 4, columns.into())?;
            let padded = g.pad(padded, &[0, 4], &[0, 0])?;
            let places = g.iota(DType::F32, &Shape::fixed(shape), 1)?;
            let sum = [turned, mirrored, aligned, other, padded, places].into_iter().try_fold(x[0], |a, b| {
                let half = g.scalar_like(a, 0.5)?;
                let a = g.mul(a, half)?;
                g.add(a, b)
            })?;
            Ok(vec![sum])
        });
    }
}

#[test]
fn rows_and_their_gradients_at_any_length() {
    for columns in [1usize, 2, 3, 4, 6, 8, 10, 16, 31, 64, 100, 127, 128, 300, 512, 1000, 1024] {
        for dtype in [DType::F32, DType::F16, DType::F64] {
            if dtype != DType::F32 && !columns.is_multiple_of(4) {
                continue;
            }
            normalised(dtype, 5, columns);
        }
    }
}

#[test]
fn rows_of_blocks() {
    for columns in [1025, 2048, 3000, 4100, 8192] {
        normalised(DType::F32, 2, columns);
    }
    normalised(DType::BF16, 2, 4096);
    normalised(DType::F64, 2, 2050);
}

/// A layer norm with weights, its softmax, and the slopes of both.
fn normalised(dtype: DType, rows: usize, columns: usize) {
    let types = [Type::new(dtype, Shape::fixed(&[rows, columns])), Type::new(dtype, Shape::fixed(&[columns]))];
    let f = function(&types, |g, x| {
        let mean = g.mean_keep(x[0], &[1])?;
        let centred = g.sub(x[0], mean)?;
        let squares = g.mul(centred, centred)?;
        let spread = g.mean_keep(squares, &[1])?;
        let one = g.scalar_like(spread, 1.0)?;
        let spread = g.add(spread, one)?;
        let scale = g.rsqrt(spread)?;
        let norm = g.mul(centred, scale)?;
        let weighted = g.mul(norm, x[1])?;
        let shares = g.softmax(weighted, 1)?;
        let product = g.mul(shares, x[0])?;
        Ok(vec![g.sum_all(product)?])
    });
    let inputs = [tensor(dtype, &[rows, columns], numbers(rows * columns, 1)), tensor(dtype, &[columns], numbers(columns, 2))];
    check(&value_and_grad(&f, &[0, 1]).unwrap(), &inputs);
    check(&function(&types[..1], |g, x| Ok(vec![g.softmax(x[0], 1)?])), &inputs[..1]);
}

#[test]
fn sums_over_each_axis_at_any_length() {
    for shape in [[1, 1, 1], [3, 5, 7], [2, 70, 8], [2, 130, 12], [1, 300, 33], [70, 3, 64], [3, 2, 700], [1, 9, 1030]] {
        for dtype in [DType::F32, DType::F16, DType::I32] {
            for axes in [&[0usize] as &[usize], &[1], &[2], &[0, 1], &[0, 2], &[0, 1, 2]] {
                checked(&[(dtype, &shape)], |g, x| {
                    let twice = g.add(x[0], x[0])?;
                    Ok(vec![g.sum(twice, axes)?, g.max_over(x[0], axes)?])
                });
            }
        }
    }
}

#[test]
fn sums_of_symbolic_sizes() {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F32, Shape::new([Dim::symbol("N"), Dim::symbol("C")])));
    let sums = [&[0usize] as &[usize], &[1], &[0, 1]].map(|axes| g.sum(x, axes).unwrap());
    let f = Function::new(g, sums.to_vec()).unwrap();
    let program = compile(&f).unwrap();
    for [n, c] in [[0, 3], [1, 1], [3, 5], [100, 4], [9, 1000], [700, 12], [2, 20_000]] {
        check_program(&program, &f, &[tensor(DType::F32, &[n, c], numbers(n * c, 3))]);
    }
}

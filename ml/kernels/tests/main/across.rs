//! Arrays that are read across their lines: permuted beside others that are not.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use crate::check::{check, function, numbers, tensor};

/// Compares over arguments of these types and sizes.
fn compared(
    dtype: DType,
    symbols: &[&[Dim]],
    shapes: &[&[usize]],
    build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>,
) {
    let types: Vec<Type> = symbols.iter().map(|dims| Type::new(dtype, Shape::new(dims.iter().cloned()))).collect();
    let argument = |(i, shape): (usize, &&[usize])| tensor(dtype, shape, numbers(shape.iter().product(), i as u64));
    check(&function(&types, build), &shapes.iter().enumerate().map(argument).collect::<Vec<Tensor>>());
}

#[test]
fn matrices_are_turned_and_added_to_others() {
    let n = || Dim::symbol("N");
    for dtype in [DType::F32, DType::F64, DType::BF16, DType::I64, DType::U8] {
        for rows in [1, 31, 32, 70] {
            let dims: [&[Dim]; 2] = [&[n(), 37.into()], &[37.into(), n()]];
            compared(dtype, &dims, &[&[rows, 37], &[37, rows]], |g, x| {
                let turned = g.transpose(x[0])?;
                Ok(vec![g.add(turned, x[1])?])
            });
        }
    }
}

#[test]
fn axes_change_places_within_stacks() {
    let dims: [Dim; 3] = [5.into(), 40.into(), 19.into()];
    for perm in [[0, 2, 1], [2, 1, 0], [2, 0, 1], [1, 2, 0]] {
        let turned: Vec<usize> = perm.iter().map(|&axis| [5, 40, 19][axis]).collect();
        compared(DType::F32, &[&dims, &[dims[perm[2]].clone()]], &[&[5, 40, 19], &turned[2..]], |g, x| {
            let permuted = g.permute(x[0], &perm)?;
            let sum = g.add(permuted, x[1])?;
            Ok(vec![g.tanh(sum)?, sum])
        });
    }
}

#[test]
fn several_arrays_are_turned_at_once() {
    let square: &[Dim] = &[33.into(), 64.into()];
    let shapes: [&[usize]; 6] = [&[33, 64]; 6];
    compared(DType::F32, &[square; 6], &shapes, |g, x| {
        let mut sum = g.transpose(x[0])?;
        for &next in &x[1..] {
            let turned = g.transpose(next)?;
            let half = g.scaled_by(sum, 0.5)?;
            sum = g.add(half, turned)?;
        }
        Ok(vec![sum])
    });
}

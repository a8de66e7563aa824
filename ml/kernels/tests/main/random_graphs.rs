//! Random graphs of pointwise functions, views and folds.
//!
//! Every step keeps its values near one and changes little where its input changes little: what the compiled program and the
//! reference round differently must not grow on the way, or the comparison would say more of the graph than of the program.

use gradframe_ml_core::graph::{ReduceOp, Span, Type};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};
use proptest::prelude::*;

use crate::check::{check, function, numbers};

/// One step on the value made last; the byte picks the function and the operand.
fn grown(g: &mut Graph, made: &[NodeId], step: (u8, u8)) -> Result<NodeId> {
    let x = made[made.len() - 1];
    let other = made[step.1 as usize % made.len()];
    let shape = g.ty(x).shape.clone();
    match step.0 % 14 {
        0 => g.tanh(x),
        1 => g.sin(x),
        2 => g.abs(x),
        3 | 4 if g.ty(other).shape == shape => {
            let sum = g.add(x, other)?;
            g.scaled_by(sum, 0.5)
        }
        5 if g.ty(other).shape == shape => {
            let (left, right) = (g.tanh(x)?, g.sin(other)?);
            g.mul(left, right)
        }
        6 if g.ty(other).shape == shape => g.max(x, other),
        7 => {
            let axis = step.1 as usize % 2;
            let t = g.tanh(x)?;
            let total = g.reduce_keep(if step.1.is_multiple_of(3) { ReduceOp::Max } else { ReduceOp::Sum }, t, &[axis])?;
            let total = g.scaled_by(total, 0.02)?;
            g.sub(x, total)
        }
        8 => g.flip(x, &[step.1 as usize % 2]),
        9 => g.softmax(x, step.1 as usize % 2),
        10 => {
            let turned = g.transpose(x)?;
            let moved = g.exp(turned)?;
            let log = g.log1p(moved)?;
            g.transpose(log)
        }
        11 => {
            let padded = g.pad(x, &[1, 2], &[0, 1])?;
            g.slice(padded, &[Span::all(&shape.dims()[0]), Span { start: 1, stop: shape.dims()[1].plus(1), step: 1 }])
        }
        12 => {
            let columns = shape.dims()[1].as_fixed().unwrap_or(1);
            let order: Vec<i64> = (0..columns as i64).map(|i| (i * 3 + step.1 as i64) % columns as i64).collect();
            let order = g.constant(Tensor::from_vec(&[columns], order)?);
            g.gather(x, order, 1)
        }
        _ => g.neg(x),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn agree_with_the_reference(steps in prop::collection::vec(any::<(u8, u8)>(), 1..14), rows in 0usize..90, columns in 1usize..40) {
        let ty = Type::new(DType::F64, Shape::new([Dim::symbol("N"), columns.into()]));
        let f = function(&[ty.clone(), ty], |g, x| {
            let mut made = x.to_vec();
            for &step in &steps {
                made.push(grown(g, &made, step)?);
            }
            let last = made[made.len() - 1];
            let middle = made[made.len() / 2];
            Ok(vec![last, middle, g.sum(last, &[0])?])
        });
        let argument = |seed| Tensor::from_vec(&[rows, columns], numbers(rows * columns, seed)).unwrap();
        check(&f, &[argument(1), argument(2)]);
    }
}

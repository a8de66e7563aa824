//! Transforms of transforms, of random graphs: each must be what another way to the same derivative gives.

use gradframe_ml_core::graph::{Span, Type};
use gradframe_ml_core::transform::{evaluate, grad, jvp, vmap};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use proptest::prelude::*;

const ROWS: usize = 2;
const COLUMNS: usize = 3;

/// One step on the value made last, [2, 3], all of whose derivatives are everywhere; the bytes pick it and its operand.
fn grown(g: &mut Graph, made: &[NodeId], (pick, other): (u8, u8)) -> Result<NodeId> {
    let (x, y) = (made[made.len() - 1], made[other as usize % made.len()]);
    match pick % 20 {
        0 => g.sin(x),
        1 => g.tanh(x),
        2 => g.mul(x, y),
        3 => g.sub(x, y),
        4 => g.softmax(x, other as usize % 2),
        5 => {
            let mean = g.mean_keep(x, &[other as usize % 2])?;
            g.sub(x, mean)
        }
        6 => {
            let turned = g.transpose(y)?;
            let product = g.matmul(x, turned)?; // [2, 2]
            let small = g.tanh(product)?;
            g.matmul(small, x)
        }
        7 => {
            let padded = g.pad(x, &[1, 0], &[0, 2])?;
            g.slice(padded, &[Span { start: 1, stop: 3.into(), step: 1 }, Span { start: 1, stop: 4.into(), step: 1 }])
        }
        8 => g.cumsum(x, 1),
        9 => {
            let order = g.constant(Tensor::from_vec(&[COLUMNS], vec![2i64, i64::from(other % 4), 0])?);
            g.gather(x, order, 1)
        }
        10 => {
            let shape = Shape::fixed(&[COLUMNS, ROWS]);
            let other = g.reshape(x, &shape)?;
            g.transpose(other)
        }
        11 => g.layer_norm(x, 1, None, None, 0.1),
        12 => {
            let steps = 1 + other as usize % 3;
            Ok(g.repeat(steps, &[x], &[y], |g, n, carried, given| {
                let (sine, time) = (g.sin(carried[0])?, g.cast(n, DType::F64)?);
                let mixed = g.mul(sine, given[0])?;
                Ok(vec![g.add(mixed, time)?])
            })?[0])
        }
        13 => Ok(g.checkpoint(&[x, y], |g, x| {
            let sine = g.sin(x[0])?;
            Ok(vec![g.mul(sine, x[1])?])
        })?[0]),
        14 => {
            // Not the sum: of a layer norm that is zero, where the choice jumps.
            let square = g.mul(y, y)?;
            let (total, bound) = (g.sum_all(square)?, g.scalar(DType::F64, 1.53)?);
            let positive = g.gt(total, bound)?;
            let product = |g: &mut Graph, x: &[NodeId]| Ok(vec![g.mul(x[0], x[1])?]);
            Ok(g.cond(positive, &[x, y], product, |g, x| Ok(vec![g.cos(x[0])?]))?[0])
        }
        15 => {
            let joined = g.concat(&[x, y], 0)?;
            let start = g.constant(Tensor::scalar(i64::from(other % 3)));
            g.dyn_slice(joined, start, 0, &ROWS.into())
        }
        16 => {
            let row = g.slice_axis(y, 0, 0, 1.into())?;
            let start = g.constant(Tensor::scalar(i64::from(other % 2)));
            g.dyn_update(x, row, start, 0)
        }
        17 => g.erf(x),
        18 => {
            let square = g.mul(x, x)?;
            let above = g.plus_number(square, 1.0)?;
            g.log(above)
        }
        _ => g.sigmoid(x),
    }
}

/// A loss of two arrays.
fn loss(steps: &[(u8, u8)]) -> Result<Function> {
    let ty = Type::new(DType::F64, Shape::fixed(&[ROWS, COLUMNS]));
    let mut g = Graph::new();
    let mut made = vec![g.input("a", ty.clone()), g.input("b", ty)];
    for &step in steps {
        let next = grown(&mut g, &made, step)?;
        made.push(next);
    }
    let (last, middle) = (made[made.len() - 1], made[made.len() / 2]);
    let sine = g.sin(last)?;
    let product = g.mul(sine, middle)?;
    let total = g.sum_all(product)?;
    Function::new(g, vec![total])
}

fn array(seed: f64) -> Tensor {
    let values = (0..ROWS * COLUMNS).map(|i| (seed + 1.3 * i as f64).sin()).collect();
    Tensor::from_vec(&[ROWS, COLUMNS], values).unwrap()
}

fn floats(function: &Function, arguments: &[Tensor]) -> Result<Vec<f64>> {
    Ok(evaluate(function, arguments)?.iter().flat_map(Tensor::to_f64).collect())
}

fn close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs())), "{what}: {got:?}, expected {expected:?}");
    }
}

/// `<gradient, t>`, a loss again.
fn along(gradient: &Function, t: &[Tensor]) -> Result<Function> {
    let mut g = gradient.graph.clone();
    let mut total = g.scalar(DType::F64, 0.0)?;
    for (&output, t) in gradient.outputs.iter().zip(t) {
        let t = g.constant(t.clone());
        let product = g.mul(output, t)?;
        let part = g.sum_all(product)?;
        total = g.add(total, part)?;
    }
    Function::new(g, vec![total])
}

fn check(steps: &[(u8, u8)]) -> Result<()> {
    const STEP: f64 = 1e-5;
    let f = loss(steps)?;
    let (x, t) = ([array(0.1), array(0.7)], [array(1.9), array(2.3)]);
    let slope = grad(&f, &[0, 1])?;
    // The gradient of the gradient along t, forward and reverse.
    let twice = floats(&jvp(&slope, &[0, 1])?, &[&x[..], &t].concat())?.split_off(2 * ROWS * COLUMNS);
    close("grad of grad", &floats(&grad(&along(&slope, &t)?, &[0, 1])?, &x)?, &twice);
    let moved = |by: f64| -> Result<Vec<f64>> {
        let step = |(x, t): (&Tensor, &Tensor)| {
            Tensor::from_vec(x.shape(), x.to_f64().iter().zip(t.to_f64()).map(|(x, t)| x + by * t).collect())
        };
        floats(&slope, &x.iter().zip(&t).map(step).collect::<Result<Vec<_>>>()?)
    };
    for ((above, below), slope) in moved(STEP)?.iter().zip(moved(-STEP)?).zip(&twice) {
        let difference = (above - below) / (2.0 * STEP);
        assert!((difference - slope).abs() < 1e-4 * (1.0 + slope.abs()), "jvp of grad: {slope}, expected {difference}");
    }
    // Batches of gradients, and the gradient of a batch.
    let entries = [array(0.4), array(0.9), array(1.6)];
    let batch: Vec<f64> = entries.iter().flat_map(Tensor::to_f64).collect();
    let batch = [Tensor::from_vec(&[3, ROWS, COLUMNS], batch)?, x[1].clone()];
    let axes = [Some(0), None];
    let at_once = evaluate(&vmap(&slope, &axes, &Dim::fixed(3))?, &batch)?;
    let each: Vec<Vec<Tensor>> = entries.iter().map(|e| evaluate(&slope, &[e.clone(), x[1].clone()])).collect::<Result<_>>()?;
    for (i, all) in at_once.iter().enumerate() {
        let expected: Vec<f64> = each.iter().flat_map(|e| e[i].to_f64()).collect();
        close("vmap of grad", &all.to_f64(), &expected);
    }
    let mut total = vmap(&f, &axes, &Dim::fixed(3))?;
    total.outputs = vec![total.graph.sum_all(total.outputs[0])?];
    close("grad of vmap", &floats(&grad(&total, &[0])?, &batch)?, &at_once[0].to_f64());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn transforms_compose(steps in prop::collection::vec(any::<(u8, u8)>(), 1..7)) {
        check(&steps).unwrap();
    }
}

#[test]
fn transforms_of_each_step_compose() {
    for pick in 0..20 {
        check(&[(0, 0), (pick, 1), (1, 0)]).unwrap();
    }
}

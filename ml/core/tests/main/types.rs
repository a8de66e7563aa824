//! What the thirteen element types do at their borders.

use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{DType, Graph, NodeId, Result, Tensor};

use crate::{value, vector};

fn cast(x: Tensor, dtype: DType) -> Vec<f64> {
    x.cast(dtype).unwrap().to_f64()
}

fn of<T: gradframe_ml_core::tensor::Element>(values: &[T]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn folded(build: impl FnOnce(&mut Graph) -> Result<NodeId>) -> Tensor {
    let mut g = Graph::new();
    let node = build(&mut g).unwrap();
    value(g, node)
}

#[test]
fn casts_from_float_truncate_and_saturate() {
    let x = || vector(&[1.9, -1.9, 300.0, -300.0, f64::NAN, f64::INFINITY]);
    assert_eq!(cast(x(), DType::I8), [1.0, -1.0, 127.0, -128.0, 0.0, 127.0]);
    assert_eq!(cast(x(), DType::U8), [1.0, 0.0, 255.0, 0.0, 0.0, 255.0]);
    assert_eq!(cast(x(), DType::Bool), [1.0; 6]);
    assert_eq!(x().cast(DType::U64).unwrap().values::<u64>().unwrap()[5], u64::MAX);
    assert_eq!(x().cast(DType::I64).unwrap().values::<i64>().unwrap()[5], i64::MAX);
}

#[test]
fn casts_from_integers_wrap_and_round_once() {
    assert_eq!(cast(of(&[257i64, -1]), DType::U8), [1.0, 255.0]);
    assert_eq!(cast(of(&[(1i64 << 24) + 1]), DType::F32), [16_777_216.0]);
    assert_eq!(cast(of(&[2i64, 0]), DType::Bool), [1.0, 0.0]);
}

#[test]
fn every_type_goes_to_every_other_and_back() {
    for from in DType::ALL {
        for to in DType::ALL {
            let x = of(&[0u8, 1]).cast(from).unwrap();
            assert_eq!(x.cast(to).unwrap().cast(from).unwrap(), x, "{from} to {to}");
        }
    }
}

#[test]
fn arithmetic_works_in_every_number_type() {
    for dtype in DType::ALL.into_iter().filter(|&d| d != DType::Bool) {
        let result = folded(|g| {
            let (a, b) = (g.scalar(dtype, 7.0)?, g.scalar(dtype, 2.0)?);
            let (product, rest) = (g.mul(a, b)?, g.rem(a, b)?);
            g.sub(product, rest)
        });
        assert_eq!((result.dtype(), result.to_f64()), (dtype, vec![13.0]));
    }
}

#[test]
fn integers_wrap_and_division_by_zero_gives_zero() {
    let pair = |f: Fn2, a: i8, b: i8| {
        folded(|g| {
            let (a, b) = (g.constant(Tensor::scalar(a)), g.constant(Tensor::scalar(b)));
            g.map2(f, a, b)
        })
        .values::<i8>()
        .unwrap()[0]
    };
    assert_eq!(pair(Fn2::Add, 127, 1), -128);
    assert_eq!(pair(Fn2::Mul, 100, 3), 44);
    assert_eq!(pair(Fn2::Div, -128, -1), -128);
    assert_eq!(pair(Fn2::Div, 5, 0), 0);
    assert_eq!(pair(Fn2::Rem, 5, 0), 0);
    assert_eq!(pair(Fn2::Pow, 3, 5), -13);
    assert_eq!(pair(Fn2::Pow, 2, -1), 0);
    assert_eq!(pair(Fn2::Shl, 1, 9), 0);
    assert_eq!(pair(Fn2::Shr, -8, 1), -4);
    assert_eq!(pair(Fn2::Shr, -8, 100), -1);
}

#[test]
fn folds_over_nothing_give_the_neutral_element() {
    let empty = || Tensor::from_vec::<i16>(&[0], vec![]).unwrap();
    let fold = |f: fn(&mut Graph, NodeId, &[usize]) -> Result<NodeId>| {
        folded(|g| {
            let x = g.constant(empty());
            f(g, x, &[0])
        })
        .to_f64()
    };
    assert_eq!([fold(Graph::sum), fold(Graph::prod)].concat(), [0.0, 1.0]);
    assert_eq!([fold(Graph::max_over), fold(Graph::min_over)].concat(), [-32768.0, 32767.0]);
}

#[test]
fn extremes_propagate_nan() {
    let most = folded(|g| {
        let x = g.constant(vector(&[1.0, f64::NAN, 3.0]));
        g.max_over(x, &[0])
    });
    assert!(most.to_f64()[0].is_nan());
}

//! Wrong graphs are refused with the operation, what was expected and what was got.

use gradframe_ml_core::graph::{DotDims, Span, Type, Window};
use gradframe_ml_core::transform::{evaluate, grad, vmap};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use crate::{f64s, function, vector};

/// The kind and text of the error of building over `f64[2, 3]`, `f64[N]`, `i64[2]`.
fn refusal(build: impl FnOnce(&mut Graph, [NodeId; 3]) -> Result<NodeId>) -> String {
    let mut g = Graph::new();
    let x = g.input("x", f64s([2.into(), 3.into()]));
    let y = g.input("y", f64s([Dim::symbol("N")]));
    let i = g.input("i", Type::new(DType::I64, Shape::fixed(&[2])));
    let error = build(&mut g, [x, y, i]).unwrap_err();
    format!("{}: {error}", error.kind())
}

macro_rules! refused {
    ($($name:ident: |$g:ident, $x:ident| $body:expr => $message:literal;)*) => { $(
        #[test]
        fn $name() {
            assert_eq!(refusal(|$g, $x| $body), $message);
        }
    )* };
}

refused! {
    operands_that_do_not_broadcast: |g, x| g.add(x[0], x[1])
        => "Shape: add: operands [2, 3] and [N] do not broadcast: axis 1 is 3 and N";
    operands_of_two_types: |g, x| { let n = g.scalar(DType::F32, 1.0)?; g.mul(x[0], n) }
        => "DType: mul: expected operands of one type, got f64 and f32; hint: cast one of them";
    functions_of_the_wrong_type: |g, x| g.exp(x[2])
        => "DType: exp: expected a float, got i64; hint: cast it";
    reshapes_of_other_size: |g, x| g.reshape(x[0], &Shape::fixed(&[4]))
        => "Shape: reshape: expected 6 elements, as in [2, 3], got [4]";
    axes_beyond_the_rank: |g, x| g.sum(x[0], &[2])
        => "Shape: sum: expected an axis below 2, got 2 of [2, 3]";
    axes_named_twice: |g, x| g.sum(x[0], &[1, 1])
        => "Shape: sum: expected distinct axes, got 1 and 1";
    permutations_that_are_none: |g, x| g.permute(x[0], &[0, 0])
        => "Shape: permute: expected a permutation of the axes of [2, 3], got [0, 0]";
    slices_out_of_bounds: |g, x| g.slice_axis(x[0], 1, 1, Dim::fixed(4))
        => "Shape: slice: range 1:4 leaves an axis of size 3";
    slices_without_a_step: |g, x| {
        let all = Span::all(&Dim::fixed(2));
        g.slice(x[0], &[all, Span { start: 0, stop: 3.into(), step: 0 }])
    } => "Shape: slice: expected a step of 1 or more, got 0";
    contractions_of_different_sizes: |g, x| g.dot(x[0], x[0], DotDims { batch: Default::default(), contract: [(0, 1)].into_iter().collect() })
        => "Shape: dot: axis 0 of [2, 3] and axis 1 of [2, 3] are paired but differ";
    indices_that_are_no_integers: |g, x| g.gather(x[0], x[1], 0)
        => "DType: gather: expected indices of i32 or i64, got f64";
    conditions_that_are_no_booleans: |g, x| g.select(x[0], x[0], x[0])
        => "DType: select: expected a condition of bool, got f64";
    joins_that_differ_elsewhere: |g, x| { let t = g.transpose(x[0])?; g.concat(&[x[0], t], 0) }
        => "Shape: concat: operands [2, 3] and [3, 2] differ beside axis 0";
    windows_beyond_an_axis: |g, x| g.unfold(x[0], 1, Window { dilation: 2, ..Window::of(3) })
        => "Shape: unfold: kernel_size 3 with dilation 2 is larger than axis 1 of the input [2, 3], of size 3";
    windows_without_a_stride: |g, x| g.unfold(x[0], 1, Window { stride: 0, ..Window::of(2) })
        => "Shape: unfold: kernel_size 2, stride 0, dilation 1: expected 1 or more of each";
    windows_over_a_symbol: |g, x| g.unfold(x[1], 0, Window::of(2))
        => "Shape: unfold: axis 0 of the input [N] has no fixed size";
    windows_that_cannot_be_counted: |g, x| g.unfold(x[0], 1, Window { padding: 1 << 63, ..Window::of(2) })
        => "Shape: unfold: kernel_size 2 is larger than axis 1 of the input [2, 3], of size 3 with padding 9223372036854775808 on both sides";
    joins_of_nothing: |g, _x| g.concat(&[], 0)
        => "Shape: concat: expected at least one operand";
}

#[test]
fn gradients_of_arrays_and_of_integers_are_refused() {
    let array = function(&[f64s([2.into()])], |g, x| g.sin(x[0]));
    let error = grad(&array, &[0]).unwrap_err();
    assert_eq!(error.to_string(), "grad: expected a single number, got [2]; hint: sum it, or use vjp");
    let count = function(&[Type::new(DType::I64, Shape::scalar())], |g, x| g.cast(x[0], DType::F64));
    let error = grad(&count, &[0]).unwrap_err();
    assert_eq!(error.to_string(), "grad: argument `x0`: expected a float, got i64");
    assert_eq!(grad(&count, &[3]).unwrap_err().kind(), "Plan");
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let f = function(&[f64s([Dim::symbol("N")]), f64s([Dim::symbol("N")])], |g, x| g.add(x[0], x[1]));
    let error = evaluate(&f, &[vector(&[1.0]), vector(&[1.0, 2.0])]).unwrap_err();
    assert_eq!(error.to_string(), "shape: dimension `N` is 1 in one input and 2 in another");
    let error = evaluate(&f, &[Tensor::scalar(1.0), vector(&[1.0])]).unwrap_err();
    assert_eq!(error.to_string(), "shape: expected [N], got []");
    let error = evaluate(&f, &[vector(&[1.0]), Tensor::from_vec(&[1], vec![1.0f32]).unwrap()]).unwrap_err();
    assert_eq!(error.to_string(), "evaluate: argument `x1`: expected f64, got f32");
    assert_eq!(evaluate(&f, &[]).unwrap_err().to_string(), "evaluate: expected 2 arguments, got 0");
    assert_eq!(vmap(&f, &[Some(0)], &Dim::fixed(2)).unwrap_err().to_string(), "vmap: expected 2 axes, got 1");
}

#[test]
fn an_empty_tensor_is_no_special_case() {
    let f = function(&[f64s([Dim::symbol("N"), 2.into()])], |g, x| g.sum(x[0], &[0]));
    let none = Tensor::from_vec::<f64>(&[0, 2], vec![]).unwrap();
    assert_eq!(evaluate(&f, &[none]).unwrap()[0], vector(&[0.0, 0.0]));
}

//! Every node kind, alone and with something fused around it, at odd sizes. Those that go by places are in `places`.

use gradframe_ml_core::graph::{Attention, DotDims, ReduceOp, Span, Type, Window};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};
use smallvec::smallvec;

use crate::check::{check, check_program, function, numbers, tensor};

/// The size that is not known.
pub fn n() -> Dim {
    Dim::symbol("N")
}

/// Arrays of float64.
pub fn f64s(dims: &[Dim]) -> Type {
    Type::new(DType::F64, Shape::new(dims.iter().cloned()))
}

/// Such an array of [`numbers`].
pub fn filled(shape: &[usize], seed: u64) -> Tensor {
    Tensor::from_vec(shape, numbers(shape.iter().product(), seed)).unwrap()
}

/// One program at several sizes of N, on an argument [N, k].
pub fn check_on_rows(k: usize, sizes: &[usize], build: impl Fn(&mut Graph, NodeId) -> Result<Vec<NodeId>>) {
    let f = function(&[f64s(&[n(), k.into()])], |g, x| build(g, x[0]));
    let program = gradframe_ml_kernels::compile(&f).unwrap();
    for &rows in sizes {
        check_program(&program, &f, &[filled(&[rows, k], 5)]);
    }
}

/// Sizes of N.
pub const ROWS: [usize; 6] = [0, 1, 2, 7, 33, 1025];

#[test]
fn views_and_chains_of_views() {
    check_on_rows(6, &ROWS, |g, x| {
        let t = g.transpose(x)?;
        let flipped = g.flip(t, &[0])?;
        let cut = g.slice(flipped, &[Span { start: 1, stop: 6.into(), step: 2 }, Span::all(&n())])?;
        let padded = g.pad(cut, &[2, 0], &[1, 3])?;
        let e = g.exp(padded)?;
        let both_ways = g.flip(x, &[0, 1])?;
        let sum = g.add(x, both_ways)?;
        let reshaped = g.reshape(sum, &Shape::new([n(), 2.into(), 3.into()]))?;
        let moved = g.permute(reshaped, &[2, 0, 1])?;
        Ok(vec![t, flipped, cut, padded, e, sum, moved])
    });
}

#[test]
fn a_slice_of_a_pad_of_something_computed() {
    check_on_rows(5, &ROWS, |g, x| {
        let e = g.exp(x)?;
        let padded = g.pad(e, &[1, 2], &[0, 1])?;
        let cut = g.slice(padded, &[Span::all(&n().plus(1)), Span { start: 1, stop: 8.into(), step: 1 }])?;
        Ok(vec![g.sin(cut)?])
    });
}

#[test]
fn iota_and_random_bits() {
    check_on_rows(4, &ROWS, |g, x| {
        let shape = g.ty(x).shape.clone();
        let (rows, columns) = (g.iota(DType::U64, &shape, 0)?, g.iota(DType::U64, &shape, 1)?);
        let bits = g.threefry(rows, columns)?;
        let half = g.iota(DType::F32, &shape, 1)?;
        Ok(vec![bits, g.exp(half)?])
    });
}

#[test]
fn softmax_and_its_relatives_are_one_row_kernel_each() {
    for k in [1, 3, 20, 5000] {
        check_on_rows(k, &[0, 1, 5, 67], |g, x| Ok(vec![g.softmax(x, 1)?, g.log_softmax(x, 1)?, g.logsumexp(x, 1)?]));
    }
}

#[test]
fn softmax_over_the_first_axis() {
    check_on_rows(5, &[1, 2, 300], |g, x| Ok(vec![g.softmax(x, 0)?]));
}

#[test]
fn normalised_rows_with_a_weight_and_a_bias() {
    let f = function(&[f64s(&[n(), 8.into()]), f64s(&[8.into()])], |g, x| {
        let mean = g.mean_keep(x[0], &[1])?;
        let centred = g.sub(x[0], mean)?;
        let squares = g.mul(centred, centred)?;
        let variance = g.mean_keep(squares, &[1])?;
        let scale = g.rsqrt(variance)?;
        let normal = g.mul(centred, scale)?;
        Ok(vec![g.mul(normal, x[1])?])
    });
    let program = check(&f, &[filled(&[129, 8], 1), filled(&[8], 2)]);
    assert_eq!(program.kernels().len(), 1, "{program}");
}

#[test]
fn bits_read_as_another_type() {
    for (from, to) in [(DType::F64, DType::U64), (DType::I32, DType::F32), (DType::F16, DType::BF16), (DType::I8, DType::U8)] {
        let f = function(&[Type::new(from, Shape::new([n()]))], |g, x| {
            let other = g.bitcast(x[0], to)?;
            Ok(vec![g.bitcast(other, from)?, other])
        });
        check(&f, &[tensor(from, &[5000], numbers(5000, 3))]);
    }
}

/// Contractions of every form and type.
#[test]
fn products_of_matrices_and_vectors() {
    let shapes: [(&[usize], &[usize], DotDims); 7] = [
        (&[70, 33], &[33, 20], DotDims { batch: smallvec![], contract: smallvec![(1, 0)] }),
        (&[33, 70], &[20, 33], DotDims { batch: smallvec![], contract: smallvec![(0, 1)] }),
        (&[300, 20], &[20], DotDims { batch: smallvec![], contract: smallvec![(1, 0)] }),
        (&[300, 20], &[300], DotDims { batch: smallvec![], contract: smallvec![(0, 0)] }),
        (&[4, 5, 6], &[6, 4, 3], DotDims { batch: smallvec![(0, 1)], contract: smallvec![(2, 0)] }),
        (&[4, 5, 6], &[5, 3, 6], DotDims { batch: smallvec![], contract: smallvec![(2, 2), (1, 0)] }),
        (&[3], &[4], DotDims::default()),
    ];
    for (left, right, dims) in shapes {
        for dtype in DType::ALL.into_iter().filter(|&d| d != DType::Bool) {
            let types = [Type::new(dtype, Shape::fixed(left)), Type::new(dtype, Shape::fixed(right))];
            let f = function(&types, |g, x| Ok(vec![g.dot(x[0], x[1], dims.clone())?]));
            let [a, b] = [left, right].map(|s| tensor(dtype, s, numbers(s.iter().product(), 7)));
            check(&f, &[a, b]);
        }
    }
}

#[test]
fn long_contractions_have_the_same_bits_on_any_number_of_threads() {
    let f = function(&[f64s(&[n(), 5.into()]), f64s(&[n()]), f64s(&[5.into()])], |g, x| {
        let turned = g.transpose(x[0])?;
        let gram = g.matmul(turned, x[0])?;
        let column = g.matmul(turned, x[1])?;
        let row = g.matmul(x[0], x[2])?;
        Ok(vec![gram, column, row])
    });
    check(&f, &[filled(&[100_003, 5], 1), filled(&[100_003], 2), filled(&[5], 3)]);
}

#[test]
fn products_of_many_tiles_have_the_same_bits_on_any_number_of_threads() {
    for ([rows, inner, columns], turned) in [([130, 700, 300], false), ([9, 1200, 1500], false), ([600, 128, 250], true)] {
        let right = if turned { [columns, inner] } else { [inner, columns] };
        let types = [f64s(&[rows.into(), inner.into()]), f64s(&right.map(Dim::fixed))];
        let f = function(&types, |g, x| {
            let right = if turned { g.transpose(x[1])? } else { x[1] };
            Ok(vec![g.matmul(x[0], right)?])
        });
        check(&f, &[filled(&[rows, inner], 1), filled(&right, 2)]);
    }
}

#[test]
fn products_through_views() {
    check_on_rows(6, &[1, 2, 65], |g, x| {
        let flipped = g.flip(x, &[1])?;
        let turned = g.transpose(x)?;
        let cut = g.slice_axis(flipped, 1, 2, 5.into())?;
        let e = g.exp(turned)?;
        Ok(vec![g.matmul(turned, flipped)?, g.matmul(e, cut)?])
    });
}

#[test]
fn full_and_partial_folds_of_long_arrays() {
    for rows in [4095, 4097, 100_003] {
        check_on_rows(3, &[rows], |g, x| {
            let e = g.exp(x)?;
            Ok(vec![g.sum(e, &[0, 1])?, g.sum(e, &[0])?, g.reduce(ReduceOp::Max, x, &[0, 1])?, g.sum(x, &[1])?])
        });
    }
}

#[test]
fn folds_with_long_inner_axes() {
    let f = function(&[f64s(&[3.into(), n(), 5000.into()])], |g, x| Ok(vec![g.sum(x[0], &[1])?, g.sum(x[0], &[0, 1])?]));
    check(&f, &[filled(&[3, 70, 5000], 1)]);
}

#[test]
fn results_that_are_arguments_constants_and_each_other() {
    check_on_rows(2, &ROWS, |g, x| {
        let constant = g.constant(Tensor::from_vec(&[2], vec![1.0, 2.0])?);
        let number = g.scalar(DType::F64, 3.0)?;
        let reshaped = g.reshape(x, &Shape::new([n(), 1.into(), 2.into()]))?;
        let e = g.exp(x)?;
        let barrier = g.barrier(e)?;
        Ok(vec![x, constant, number, reshaped, e, barrier, e])
    });
}

/// Value and gradient of composites as back ends run them.
#[test]
fn composites_and_their_gradients() {
    type Build = fn(&mut Graph, &[NodeId]) -> Result<NodeId>;
    let cases: [(&str, Vec<Vec<usize>>, Build); 8] = [
        ("layer norm", vec![vec![9, 70], vec![70], vec![70]], |g, x| g.layer_norm(x[0], 1, Some(x[1]), Some(x[2]), 1e-5)),
        ("rms norm", vec![vec![9, 70], vec![70]], |g, x| g.rms_norm(x[0], 1, Some(x[1]), 1e-5)),
        ("batch norm", vec![vec![6, 3, 5], vec![3]], |g, x| g.batch_norm(x[0], 1, Some(x[1]), None, 1e-5)),
        ("gelu", vec![vec![300]], |g, x| g.gelu(x[0])),
        ("attention", vec![vec![2, 4, 5, 3], vec![2, 2, 7, 3], vec![2, 2, 7, 6]], |g, x| {
            g.attention(x[0], x[1], x[2], None, Attention { causal: true, scale: None })
        }),
        ("conv", vec![vec![2, 3, 8, 7], vec![4, 3, 3, 2]], |g, x| {
            g.conv(x[0], x[1], &[Window { padding: 1, stride: 2, ..Window::of(3) }, Window::of(2)], 1)
        }),
        ("max pool", vec![vec![2, 3, 8, 6]], |g, x| g.max_pool(x[0], &[Window::apart(2), Window::of(3)])),
        ("cumulative product", vec![vec![4, 6]], |g, x| g.cumprod(x[0], 1)),
    ];
    for (name, shapes, build) in cases {
        let types: Vec<Type> = shapes.iter().map(|s| Type::new(DType::F64, Shape::fixed(s))).collect();
        let value = function(&types, |g, x| {
            let y = build(g, x)?;
            let weights = g.sin(y)?; // so that every element's slope differs
            let product = g.mul(y, weights)?;
            Ok(vec![g.sum_all(product)?])
        });
        let wrt: Vec<usize> = (0..shapes.len()).collect();
        let both = gradframe_ml_core::transform::value_and_grad(&value, &wrt).unwrap();
        let scaled = |s: &Vec<usize>, seed| {
            Tensor::from_vec(s, numbers(s.iter().product(), seed).iter().map(|v| v / 3.0).collect::<Vec<f64>>()).unwrap()
        };
        let arguments: Vec<Tensor> = shapes.iter().zip(1..).map(|(s, seed)| scaled(s, seed)).collect();
        let program = check(&both, &arguments);
        assert!(program.kernels().len() < 60, "{name}: {program}");
    }
}

/// Every pair of arithmetic functions, either one first, of arrays and of single numbers.
#[test]
fn neighbouring_arithmetic_in_one_pass() {
    type Binary = fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>;
    let inner: [Binary; 3] = [Graph::add, Graph::sub, Graph::mul];
    let outer: [Binary; 4] = [Graph::add, Graph::sub, Graph::mul, Graph::div];
    for dtype in [DType::F32, DType::F64] {
        let array = || Type::new(dtype, Shape::new([n(), 3.into()]));
        let number = || Type::new(dtype, Shape::scalar());
        for (places, types) in
            [(1000, [array(), array(), array()]), (7, [array(), number(), array()]), (50, [number(), array(), number()])]
        {
            let f = function(&types, |g, x| {
                let mut outputs = Vec::new();
                for inner in inner {
                    for outer in outer {
                        let first = inner(g, x[0], x[1])?;
                        let second = inner(g, x[1], x[0])?;
                        outputs.push(outer(g, first, x[2])?);
                        outputs.push(outer(g, x[2], second)?);
                    }
                }
                Ok(outputs)
            });
            let arguments: Vec<Tensor> = types
                .iter()
                .zip(1..)
                .map(|(ty, seed)| {
                    let shape: &[usize] = if ty.shape.rank() == 0 { &[] } else { &[places, 3] };
                    tensor(dtype, shape, numbers(shape.iter().product(), seed).iter().map(|v| v + 9.0).collect())
                })
                .collect();
            check(&f, &arguments);
        }
    }
}

//! Attention by heads: what the processor computes from its parts, and devices as one kernel; and of texts, where it is the other way round.

use gradframe_ml_core::graph::{Attention, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::compile;

use crate::check::{check, check_program, floats, function, numbers, tensor};

/// Small numbers: of large ones the largest weight is all there is.
fn small(dtype: DType, shape: &[usize], seed: u64) -> Tensor {
    let values = numbers(shape.iter().product(), seed).iter().map(|x| x / 8.0).collect();
    tensor(dtype, shape, values)
}

fn ty(dtype: DType, shape: &[usize]) -> Type {
    Type::new(dtype, Shape::fixed(shape))
}

/// The value, and the cotangents of q, k and v where the value's is `x[3]`.
fn with_gradients(g: &mut Graph, x: &[NodeId], how: Attention) -> Result<Vec<NodeId>> {
    let value = g.attention(x[0], x[1], x[2], None, how)?;
    let product = g.mul(value, x[3])?;
    let sum = g.sum_all(product)?;
    let (_, gradients) = g.value_and_gradients(sum, &x[..3])?;
    Ok([value].into_iter().chain(gradients).collect())
}

/// [B, H, T, D] with S keys.
fn of_heads(dtype: DType, [batches, heads, queries, width]: [usize; 4], keys: usize, how: Attention) {
    let (q, k) = ([batches, heads, queries, width], [batches, heads, keys, width]);
    let shapes = [&q, &k, &k, &q];
    let types: Vec<Type> = shapes.iter().map(|shape| ty(dtype, *shape)).collect();
    let inputs: Vec<Tensor> = shapes.iter().enumerate().map(|(n, shape)| small(dtype, *shape, n as u64 + 3)).collect();
    let f = function(&types, |g, x| with_gradients(g, x, how));
    check(&f, &inputs);
    let outputs = compile(&f).unwrap().run(&inputs).unwrap();
    assert!(outputs[1..].iter().flat_map(floats).all(f64::is_finite), "gradients of {queries} queries, {keys} keys");
}

const CAUSAL: Attention = Attention { causal: true, scale: None };
const FULL: Attention = Attention { causal: false, scale: None };

#[test]
fn attention_of_short_floats_and_its_gradients() {
    for dtype in [DType::BF16, DType::F16] {
        of_heads(dtype, [1, 2, 70, 32], 70, CAUSAL);
        of_heads(dtype, [1, 1, 66, 64], 66, CAUSAL);
        of_heads(dtype, [2, 1, 17, 32], 80, FULL);
        of_heads(dtype, [1, 1, 33, 128], 40, FULL);
    }
}

#[test]
fn queries_stand_beside_the_last_keys() {
    of_heads(DType::BF16, [1, 2, 9, 32], 75, CAUSAL);
    of_heads(DType::BF16, [1, 1, 64, 32], 128, Attention { causal: true, scale: Some(0.4) });
}

/// Queries that see nothing have zeros, and gradients as if they were not there.
#[test]
fn there_may_be_more_queries_than_keys() {
    for (dtype, width) in [(DType::F64, 5), (DType::F32, 32), (DType::BF16, 32), (DType::F16, 12)] {
        of_heads(dtype, [1, 2, 9, width], 6, CAUSAL);
        of_heads(dtype, [2, 1, 70, width], 3, CAUSAL);
    }
}

#[test]
fn there_may_be_more_queries_than_keys_of_sizes_that_are_known_at_run_time() {
    let sized = |rows: &str| Type::new(DType::F32, Shape::new([1.into(), 2.into(), Dim::symbol(rows), 4.into()]));
    let types = ["queries", "keys", "keys", "queries"].map(sized);
    let f = function(&types, |g, x| with_gradients(g, x, CAUSAL));
    let program = compile(&f).unwrap();
    for (queries, keys) in [(7, 3), (4, 4), (3, 7)] {
        let inputs = [queries, keys, keys, queries].map(|rows| small(DType::F32, &[1, 2, rows, 4], rows as u64));
        check_program(&program, &f, &inputs);
        let outputs = program.run(&inputs).unwrap();
        assert!(outputs[1..].iter().flat_map(floats).all(f64::is_finite), "gradients of {queries} queries, {keys} keys");
    }
}

/// Two key heads serve four, and a mask leaves the second query nothing.
#[test]
fn a_mask_may_leave_a_query_nothing() {
    let shapes: [&[usize]; 4] = [&[1, 4, 3, 8], &[1, 2, 5, 8], &[1, 2, 5, 8], &[1, 4, 3, 8]];
    for dtype in [DType::F64, DType::F32, DType::BF16] {
        let types = shapes.map(|shape| ty(dtype, shape));
        let f = function(&types, |g, x| {
            let seen = [true, false, true, true, false].into_iter().chain([false; 5]).chain([true; 5]).collect::<Vec<_>>();
            let mask = g.constant(Tensor::from_bools(&[3, 5], &seen)?);
            let value = g.attention(x[0], x[1], x[2], Some(mask), FULL)?;
            let product = g.mul(value, x[3])?;
            let sum = g.sum_all(product)?;
            let (_, gradients) = g.value_and_gradients(sum, &x[..3])?;
            Ok([value].into_iter().chain(gradients).collect())
        });
        let inputs = shapes.map(|shape| small(dtype, shape, shape[1] as u64));
        check(&f, &inputs);
        let outputs = compile(&f).unwrap().run(&inputs).unwrap();
        assert!(outputs[1..].iter().flat_map(floats).all(f64::is_finite));
        let is_zero: Vec<bool> = floats(&outputs[0]).iter().map(|x| *x == 0.0).collect();
        assert_eq!(is_zero, [[false; 8], [true; 8], [false; 8]].concat().repeat(4));
    }
}

#[test]
fn attention_of_long_floats_and_odd_widths_is_that_of_its_parts() {
    of_heads(DType::F32, [1, 2, 9, 32], 9, CAUSAL);
    of_heads(DType::F64, [2, 1, 5, 7], 6, FULL);
    of_heads(DType::BF16, [1, 2, 6, 12], 6, CAUSAL);
}

/// q, k and v lie side by side in one array, as a product leaves them.
#[test]
fn heads_are_read_where_they_lie() {
    let (texts, length, heads, width) = (2, 20, 2, 32);
    let shape = [texts, length, 3 * heads * width];
    let rows = |g: &mut Graph, x: NodeId, part: usize| {
        let own = g.slice_axis(x, 2, part * heads * width, ((part + 1) * heads * width).into())?;
        let split = g.reshape(own, &Shape::fixed(&[texts, length, heads, width]))?;
        g.permute(split, &[0, 2, 1, 3])
    };
    let build = |g: &mut Graph, x: &[NodeId]| {
        let parts = [rows(g, x[0], 0)?, rows(g, x[0], 1)?, rows(g, x[0], 2)?];
        let value = g.attention(parts[0], parts[1], parts[2], None, CAUSAL)?;
        let joined = g.permute(value, &[0, 2, 1, 3])?;
        let squares = g.mul(joined, joined)?;
        let sum = g.sum_all(squares)?;
        let (_, gradients) = g.value_and_gradients(sum, x)?;
        Ok(vec![joined, gradients[0]])
    };
    let all: Function = function(&[ty(DType::BF16, &shape)], build);
    check(&all, &[small(DType::BF16, &shape, 5)]);
}

/// [B, T, H, D] with so many tokens of each text; with gradients of q, k and v where the value's is `x[3]`.
fn of_texts(dtype: DType, shape: [usize; 4], lengths: &[i64], gradients: bool) {
    let count = Type::new(DType::I64, Shape::fixed(&shape[..1]));
    let types: Vec<Type> = (0..4).map(|_| ty(dtype, &shape)).chain([count]).collect();
    let mut inputs: Vec<Tensor> = (0..4).map(|n| small(dtype, &shape, n + 3)).collect();
    inputs.push(Tensor::from_vec(&shape[..1], lengths.to_vec()).unwrap());
    let f = function(&types, |g, x| {
        let value = g.attention_of_texts([x[0], x[1], x[2]], x[4], 0.3)?;
        if !gradients {
            return Ok(vec![value]);
        }
        let product = g.mul(value, x[3])?;
        let sum = g.sum_all(product)?;
        let (_, gradients) = g.value_and_gradients(sum, &x[..3])?;
        Ok([value].into_iter().chain(gradients).collect())
    });
    check(&f, &inputs);
}

#[test]
fn attention_of_texts_looks_at_each_ones_own_tokens() {
    for (shape, lengths) in [
        ([3, 48, 2, 32], [48, 1, 37]),
        ([3, 70, 3, 12], [70, 64, 65]),
        ([3, 5, 1, 1], [1, 2, 5]),
        ([3, 1, 2, 64], [1, 1, 1]),
        ([3, 130, 1, 40], [17, 130, 16]),
    ] {
        of_texts(DType::F32, shape, &lengths, false);
    }
    of_texts(DType::F64, [2, 9, 2, 5], &[9, 4], false);
    of_texts(DType::F32, [2, 9, 2, 5], &[9, 4], true);
    of_texts(DType::F32, [0, 9, 2, 5], &[], false);
}

#[test]
fn a_text_that_has_no_number_spoils_no_other() {
    let shape = [2, 20, 2, 32];
    let mut q = vec![0.5f32; shape.iter().product()];
    q[3] = f32::NAN; // of the first token's first head
    let inputs = [q, vec![0.25; 2560], vec![0.125; 2560]].map(|values| Tensor::from_vec(&shape, values).unwrap());
    let types: Vec<Type> = (0..3).map(|_| ty(DType::F32, &shape)).collect();
    let lengths = Tensor::from_vec(&[2], vec![20i64, 7]).unwrap();
    let f = function(&types, |g, x| {
        let lengths = g.constant(lengths.clone());
        Ok(vec![g.attention_of_texts([x[0], x[1], x[2]], lengths, 1.0)?])
    });
    let value = &compile(&f).unwrap().run(&inputs).unwrap()[0];
    let values = value.values::<f32>().unwrap();
    assert!(values[..32].iter().all(|x| x.is_nan()));
    assert!(values[32..].iter().all(|x| (x - 0.125).abs() < 1e-6));
}

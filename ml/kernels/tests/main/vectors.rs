//! Floats, which the CPU computes by kernels of its own: runs of instructions in registers, of f32 and f64; products and convolutions
//! without windows, of f32.

use gradframe_ml_core::graph::{DotDims, Type, Window};
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};

use crate::check::{check, function, numbers, tensor};

type Build = fn(&mut Graph, &[NodeId]) -> Result<NodeId>;

const FLOATS: [DType; 2] = [DType::F32, DType::F64];

fn single(shape: &[usize]) -> Type {
    Type::new(DType::F32, Shape::fixed(shape))
}

fn arguments(dtype: DType, shapes: &[Vec<usize>]) -> Vec<Tensor> {
    let scaled = |n: usize, seed| numbers(n, seed).iter().map(|v| v / 4.0).collect();
    shapes.iter().zip(1..).map(|(s, seed)| tensor(dtype, s, scaled(s.iter().product(), seed))).collect()
}

/// The sum of `build`'s result times numbers that differ, and its slopes.
fn with_slopes(dtype: DType, shapes: &[Vec<usize>], build: Build) -> Function {
    let types: Vec<Type> = shapes.iter().map(|s| Type::new(dtype, Shape::fixed(s))).collect();
    let value = function(&types, |g, x| {
        let y = build(g, x)?;
        let weights = g.sin(y)?;
        let product = g.mul(y, weights)?;
        Ok(vec![g.mean_all(product)?])
    });
    value_and_grad(&value, &(0..shapes.len()).collect::<Vec<_>>()).unwrap()
}

/// The contraction of two matrices, of which each is turned or not.
fn pair(left: bool, right: bool) -> DotDims {
    DotDims { batch: Default::default(), contract: [(usize::from(!left), usize::from(!right))].into_iter().collect() }
}

#[test]
fn products_of_all_small_shapes_and_layouts() {
    for (rows, columns, depth) in [
        (1, 40, 3),
        (2, 33, 17),
        (3, 1, 40),
        (5, 16, 16),
        (8, 32, 31),
        (9, 70, 5),
        (17, 31, 64),
        (40, 96, 48),
        (128, 40, 96),
        (256, 33, 9),
    ] {
        for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
            let shapes = [
                if left { vec![depth, rows] } else { vec![rows, depth] },
                if right { vec![depth, columns] } else { vec![columns, depth] },
            ];
            let types: Vec<Type> = shapes.iter().map(|s| single(s)).collect();
            check(&function(&types, |g, x| Ok(vec![g.dot(x[0], x[1], pair(left, right))?])), &arguments(DType::F32, &shapes));
        }
    }
}

/// Operands that are laid once for all threads, where vectors have 256 bits: tiles of unequal rows, a panel that is not full, parts of the depth.
#[test]
fn large_products_of_all_layouts() {
    for (rows, columns, depth) in [(128, 70, 520), (128, 33, 1300)] {
        for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
            let shapes = [
                if left { vec![depth, rows] } else { vec![rows, depth] },
                if right { vec![depth, columns] } else { vec![columns, depth] },
            ];
            let types: Vec<Type> = shapes.iter().map(|s| single(s)).collect();
            let arguments = [0, 1].map(|side| {
                // Of a size with which sums are as large as those of the other tests: what is rounded grows with them.
                let values = numbers(shapes[side].iter().product(), 1 + side as u64).iter().map(|v| v / 16.0).collect();
                tensor(DType::F32, &shapes[side], values)
            });
            check(&function(&types, |g, x| Ok(vec![g.dot(x[0], x[1], pair(left, right))?])), &arguments);
        }
    }
}

#[test]
fn few_rows_of_each_matrix_of_a_batch() {
    let dims = || DotDims { batch: [(0, 0)].into_iter().collect(), contract: [(2, 2)].into_iter().collect() };
    for (rows, columns, depth) in [(1, 5, 8), (3, 7, 33), (8, 2, 70), (5, 1, 3), (4, 64, 16)] {
        let shapes = [vec![3, rows, depth], vec![3, columns, depth]];
        let types: Vec<Type> = shapes.iter().map(|s| single(s)).collect();
        check(&function(&types, |g, x| Ok(vec![g.dot(x[0], x[1], dims())?])), &arguments(DType::F32, &shapes));
    }
}

#[test]
fn a_long_contraction_is_added_in_parts() {
    let shapes = [vec![20, 2500], vec![2500, 50]];
    let types: Vec<Type> = shapes.iter().map(|s| single(s)).collect();
    let [left, right] = [(0, 1), (1, 2)].map(|(side, seed)| {
        // Sums of so many products as large as those of the other tests: what is rounded grows with them.
        let values = numbers(shapes[side].iter().product(), seed).iter().map(|v| v / 16.0).collect();
        tensor(DType::F32, &shapes[side], values)
    });
    check(&function(&types, |g, x| Ok(vec![g.matmul(x[0], x[1])?])), &[left, right]);
}

#[test]
fn convolutions_and_their_gradients() {
    let cases: [(Vec<Vec<usize>>, Build); 5] = [
        (vec![vec![3, 2, 5, 14], vec![9, 2, 3, 3]], |g, x| g.conv(x[0], x[1], &[Window { padding: 1, ..Window::of(3) }; 2], 1)),
        (vec![vec![2, 4, 6, 30], vec![6, 2, 3, 2]], |g, x| {
            g.conv(x[0], x[1], &[Window { padding: 1, ..Window::of(3) }, Window::of(2)], 2)
        }),
        (vec![vec![2, 3, 9, 16], vec![40, 3, 2, 3]], |g, x| {
            g.conv(x[0], x[1], &[Window::of(2), Window { padding: 2, dilation: 2, ..Window::of(3) }], 1)
        }),
        (vec![vec![2, 3, 5, 7], vec![4, 3, 3, 3]], |g, x| g.conv(x[0], x[1], &[Window { padding: 1, ..Window::of(3) }; 2], 1)),
        (vec![vec![2, 3, 8, 15], vec![4, 3, 1, 1]], |g, x| g.conv(x[0], x[1], &[Window::of(1); 2], 1)),
    ];
    for (shapes, build) in cases {
        check(&with_slopes(DType::F32, &shapes, build), &arguments(DType::F32, &shapes));
    }
}

#[test]
fn composites_and_their_gradients_over_rows_of_any_length() {
    let cases: [Build; 5] = [
        |g, x| g.softmax(x[0], 1),
        |g, x| g.layer_norm(x[0], 1, None, None, 1e-5),
        |g, x| g.gelu(x[0]),
        |g, x| {
            let y = g.relu(x[0])?;
            g.leaky_relu(y, 0.1)
        },
        |g, x| g.log_softmax(x[0], 1),
    ];
    for (build, dtype) in cases.into_iter().flat_map(|build| FLOATS.map(|dtype| (build, dtype))) {
        for row in [1, 7, 16, 64, 65, 128, 300, 1000] {
            let shapes = [vec![5, row]];
            check(&with_slopes(dtype, &shapes, build), &arguments(dtype, &shapes));
        }
    }
}

#[test]
fn pools_and_their_gradients() {
    for (size, dtype) in [[4, 6], [14, 14], [28, 28], [6, 34]].into_iter().flat_map(|size| FLOATS.map(|dtype| (size, dtype))) {
        let shapes = [vec![2, 3, size[0], size[1]]];
        let pooled = with_slopes(dtype, &shapes, |g, x| g.max_pool(x[0], &[Window::apart(2); 2]));
        check(&pooled, &arguments(dtype, &shapes));
    }
}

/// Comparisons, choices and numbers of bools that others read too, with infinities and NaN among the elements.
#[test]
fn bools_inside_and_outside_of_a_run() {
    for (count, dtype) in [1, 7, 15, 16, 17, 130, 5000].into_iter().flat_map(|count| FLOATS.map(|dtype| (count, dtype))) {
        let ty = || Type::new(dtype, Shape::fixed(&[count]));
        let f = function(&[ty(), ty()], |g, x| {
            let (above, equal, differs) = (g.gt(x[0], x[1])?, g.eq(x[0], x[1])?, g.ne(x[0], x[1])?);
            let at_least = g.or(above, equal)?;
            let odd = g.xor(at_least, differs)?;
            let not = g.not(odd)?;
            let chosen = g.select(not, x[0], x[1])?;
            let number = g.cast(above, dtype)?;
            let sum = g.add(chosen, number)?;
            let (larger, smaller) = (g.max(sum, x[0])?, g.min(x[1], sum)?);
            Ok(vec![above, not, larger, smaller, g.mul(larger, smaller)?])
        });
        let [a, b] = specials(count);
        check(&f, &[tensor(dtype, &[count], a), tensor(dtype, &[count], b)]);
    }
}

/// Numbers of which some are equal, and some infinite or NaN.
fn specials(count: usize) -> [Vec<f64>; 2] {
    let mut a = numbers(count, 1);
    let b = numbers(count, 2).iter().zip(&a).enumerate().map(|(i, (b, a))| if i % 3 == 0 { *a } else { *b }).collect();
    for (i, special) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0].into_iter().enumerate() {
        let at = i * 5 % count;
        a[at] = special;
    }
    [a, b]
}

/// A chain in which f32, f64 and bools take turns: each run is of one type.
#[test]
fn both_types_in_one_chain() {
    for count in [1, 9, 130, 5000] {
        let f = function(&[single(&[count]), single(&[count])], |g, x| {
            let product = g.mul(x[0], x[1])?;
            let shifted = g.add(product, x[0])?;
            let (wide, other) = (g.cast(shifted, DType::F64)?, g.cast(x[1], DType::F64)?);
            let (above, squared) = (g.gt(wide, other)?, g.mul(wide, wide)?);
            let chosen = g.select(above, squared, other)?;
            let grown = g.exp(other)?;
            let narrow = g.cast(chosen, DType::F32)?;
            let back = g.sub(narrow, x[0])?;
            Ok(vec![g.select(above, back, x[1])?, g.add(grown, chosen)?])
        });
        check(&f, &[tensor(DType::F32, &[count], numbers(count, 1)), tensor(DType::F32, &[count], numbers(count, 2))]);
    }
}

#[test]
fn folds_of_rows_columns_and_long_axes() {
    for shape in [vec![7, 1000], vec![70, 33], vec![9, 5000], vec![3, 70, 40], vec![1, 200_000]] {
        for axis in 0..shape.len() {
            let f = function(&[single(&shape)], |g, x| {
                Ok(vec![g.sum(x[0], &[axis])?, g.max_over(x[0], &[axis])?, g.min_over(x[0], &[axis])?])
            });
            let mut values = numbers(shape.iter().product(), 3);
            check(&f, &[tensor(DType::F32, &shape, values.clone())]);
            let middle = values.len() / 2;
            values[middle] = f64::NAN;
            check(&f, &[tensor(DType::F32, &shape, values)]);
        }
    }
}

/// The largest of twelve values, each a function of a function: in both orders, of what nobody else takes.
#[test]
fn two_functions_in_one_instruction_are_what_both_are() {
    for dtype in FLOATS {
        for length in [1, 7, 8, 40, 130, 333] {
            let shapes = vec![vec![length]; 2];
            let types: Vec<Type> = shapes.iter().map(|s| Type::new(dtype, Shape::fixed(s))).collect();
            let f = function(&types, |g, x| {
                let mut total = x[1];
                for n in 0..12 {
                    let number = g.scalar_like(x[0], 0.5 + f64::from(n))?;
                    let inner = [Graph::add, Graph::sub, Graph::mul][n as usize % 3](g, x[0], number)?;
                    let value = match n / 3 {
                        0 => g.add(inner, x[1])?,
                        1 => g.sub(inner, x[1])?,
                        2 => g.sub(x[1], inner)?,
                        _ => g.mul(inner, x[1])?,
                    };
                    total = g.max(total, value)?;
                }
                Ok(vec![total])
            });
            check(&f, &arguments(dtype, &shapes));
        }
    }
}

/// Each function rounds its own result: with one rounding for both, what is left of these would not be what is.
#[test]
fn two_functions_in_one_instruction_round_twice() {
    let (length, small) = (40, 2f64.powi(-12));
    let one_more = 1.0 + small;
    let shapes = vec![vec![length]; 2];
    let f = function(&[single(&shapes[0]), single(&shapes[1])], |g, x| {
        let product = g.mul(x[0], x[0])?;
        Ok(vec![g.sub(product, x[1])?, g.add(product, x[1])?, g.sub(x[1], product)?])
    });
    let inputs = [tensor(DType::F32, &shapes[0], vec![one_more; length]), tensor(DType::F32, &shapes[1], vec![1.0; length])];
    let square = (one_more as f32) * (one_more as f32);
    let results = check(&f, &inputs).run(&inputs).unwrap();
    for (found, expected) in results.iter().zip([square - 1.0, square + 1.0, 1.0 - square]) {
        assert!(
            found.values::<f32>().unwrap().iter().all(|x| x.to_bits() == expected.to_bits()),
            "{found:?}, expected {expected}"
        );
    }
    assert_ne!((one_more as f32).mul_add(one_more as f32, -1.0), square - 1.0);
}

//! Sums of products by named axes, against the same written out.

use gradframe_ml_core::{DType, Graph, NodeId, Result, Shape, Tensor};

fn filled(g: &mut Graph, shape: &[usize], start: f64) -> NodeId {
    let count: usize = shape.iter().product();
    g.constant(Tensor::from_vec(shape, (0..count).map(|i| (start + i as f64).sin()).collect()).unwrap())
}

/// The einsum of constants of these shapes, and what `other` makes of them.
fn check(equation: &str, shapes: &[&[usize]], other: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>) {
    let mut g = Graph::new();
    let x: Vec<NodeId> = shapes.iter().zip(1..).map(|(shape, seed)| filled(&mut g, shape, f64::from(seed))).collect();
    let (ours, theirs) = (g.einsum(equation, &x).unwrap(), other(&mut g, &x).unwrap());
    let (ours, theirs) = (crate::value(g.clone(), ours), crate::value(g, theirs));
    assert_eq!(ours.shape(), theirs.shape(), "{equation}");
    for (a, b) in ours.to_f64().iter().zip(theirs.to_f64()) {
        assert!((a - b).abs() < 1e-12, "{equation}: {a}, expected {b}");
    }
}

#[test]
fn equations_mean_what_they_say() {
    check("ij,jk", &[&[2, 3], &[3, 4]], |g, x| g.matmul(x[0], x[1]));
    check("ij,jk->ki", &[&[2, 3], &[3, 4]], |g, x| {
        let product = g.matmul(x[0], x[1])?;
        g.transpose(product)
    });
    check(" b i j , b j k -> b i k ", &[&[5, 2, 3], &[5, 3, 4]], |g, x| g.matmul(x[0], x[1]));
    check("i,j->ij", &[&[2], &[3]], |g, x| g.dot(x[0], x[1], Default::default()));
    check("ij->", &[&[2, 3]], |g, x| g.sum_all(x[0]));
    check("ba", &[&[2, 3]], |g, x| g.transpose(x[0]));
    check("ii->i", &[&[3, 3]], |g, x| g.diagonal(x[0], 0));
    check("ii", &[&[3, 3]], |g, x| g.trace(x[0]));
    check("iji->j", &[&[3, 2, 3]], |g, x| {
        let moved = g.move_axis(x[0], 1, 0)?;
        g.trace(moved)
    });
    check("ij,ij->ij", &[&[2, 3], &[2, 3]], |g, x| g.mul(x[0], x[1]));
    check("i,i,i->i", &[&[3], &[3], &[3]], |g, x| {
        let product = g.mul(x[0], x[1])?;
        g.mul(product, x[2])
    });
    check("ij,jk,kl->il", &[&[2, 3], &[3, 4], &[4, 2]], |g, x| {
        let product = g.matmul(x[0], x[1])?;
        g.matmul(product, x[2])
    });
    check("...ij,...jk->...ik", &[&[4, 2, 3], &[3, 2]], |g, x| g.matmul(x[0], x[1]));
    check("...,...->...", &[&[4, 1, 3], &[2, 1]], |g, x| g.mul(x[0], x[1]));
    check("i...->...", &[&[2, 3, 4]], |g, x| g.sum(x[0], &[0]));
    check("bhqd,bhkd->bhqk", &[&[2, 2, 3, 4], &[2, 2, 5, 4]], |g, x| {
        let turned = g.transpose(x[1])?;
        g.matmul(x[0], turned)
    });
}

#[test]
fn wrong_equations_are_refused_by_name() {
    let mut g = Graph::new();
    let x = filled(&mut g, &[2, 3], 0.0);
    let y = filled(&mut g, &[4, 3], 0.0);
    let mut refused = |equation: &str, expected: &str| {
        let operands = if equation.contains(',') { vec![x, y] } else { vec![x] };
        let error = g.einsum(equation, &operands).unwrap_err().to_string();
        assert!(error.contains(expected), "{equation}: {error}");
    };
    refused("ij,jk->ik", "axis `j` is of size 3 and of size 4");
    refused("ijk", "`ijk` of `ijk`: expected 3 axes, got [2, 3]");
    refused("ij->ii", "the result has axis `i` twice");
    refused("ij->ik", "no operand has axis `k` of the result");
    refused("i2", "`2` is no letter");
    refused("ij,kl,mn", "it names 3 operands, got 2");
    refused("ii", "axis `i` has two sizes");
    refused("a...bc", "expected 3 axes or more, got [2, 3]");
}

#[test]
fn integers_are_summed_too() {
    let mut g = Graph::new();
    let x = g.constant(Tensor::from_vec(&[2, 2], vec![1i64, 2, 3, 4]).unwrap());
    let square = g.einsum("ij,jk->ik", &[x, x]).unwrap();
    assert_eq!((g.ty(square).dtype, g.ty(square).shape.clone()), (DType::I64, Shape::fixed(&[2, 2])));
    assert_eq!(crate::value(g, square).values::<i64>().unwrap(), [7, 10, 15, 22]);
}

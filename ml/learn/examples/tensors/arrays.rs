//! Chains, rows, reductions and orders over large arrays of float32.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::grad;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Scratch, Threads, compile};

use crate::Options;
use crate::numbers::floats;
use crate::timing::{median_seconds, say};

const CHAIN: usize = 16 << 20;
const ROWS: usize = 8192;
const COLUMNS: usize = 1024;
const SORTED: usize = 10_000_000;

/// Ten operations over 16 M elements, and a copy of as many.
pub fn chain(_: &Options) -> Result<()> {
    let x = floats(&[CHAIN], 3)?;
    let source = x.values::<f32>()?;
    let mut target = source.to_vec();
    let half = CHAIN / 2;
    let seconds = median_seconds(|| {
        let (first, second) = target.split_at_mut(half);
        rayon::join(|| first.copy_from_slice(&source[..half]), || second.copy_from_slice(&source[half..]));
        std::hint::black_box(&mut target);
        Ok(())
    })?;
    say("copy of 16 M", 1e3 * seconds, "ms");
    let chain = function(&[CHAIN], |g, x| {
        let mut y = x;
        for i in 0..5 {
            let (factor, shift) = (g.scalar_like(x, 0.9 + 0.01 * f64::from(i))?, g.scalar_like(x, 0.1)?);
            y = g.mul(y, factor)?;
            y = if i % 2 == 0 { g.add(y, shift)? } else { g.sub(y, x)? };
        }
        Ok(y)
    })?;
    time("chain of ten", &chain, &[x])
}

type Build = fn(&mut Graph, NodeId) -> Result<NodeId>;

/// Softmax and layer norm of rows, and their gradients.
pub fn rows(_: &Options) -> Result<()> {
    let cases: [(&str, Build); 2] =
        [("softmax", |g, x| g.softmax(x, 1)), ("layer norm", |g, x| g.layer_norm(x, 1, None, None, 1e-5))];
    let (x, w) = (floats(&[ROWS, COLUMNS], 1)?, floats(&[ROWS, COLUMNS], 2)?);
    for (name, build) in cases {
        time(name, &function(&[ROWS, COLUMNS], build)?, std::slice::from_ref(&x))?;
        time(&format!("{name} gradient"), &gradient(build)?, &[x.clone(), w.clone()])?;
    }
    Ok(())
}

/// Sums and largest elements along each axis, two and three axes.
pub fn reductions(_: &Options) -> Result<()> {
    let matrix = floats(&[ROWS, COLUMNS], 1)?;
    let cube = matrix.reshaped(&[64, 128, 1024])?;
    for (of, x, axes) in [
        ("rows", &matrix, &[1][..]),
        ("columns", &matrix, &[0]),
        ("all", &matrix, &[0, 1]),
        ("a first axis", &cube, &[0]),
        ("a middle axis", &cube, &[1]),
        ("a last axis", &cube, &[2]),
    ] {
        time(&format!("sum of {of}"), &function(x.shape(), |g, x| g.sum(x, axes))?, std::slice::from_ref(x))?;
        time(&format!("max of {of}"), &function(x.shape(), |g, x| g.max_over(x, axes))?, std::slice::from_ref(x))?;
    }
    Ok(())
}

/// Sort and argsort of 10 M floats.
pub fn sorts(_: &Options) -> Result<()> {
    let x = floats(&[SORTED], 4)?;
    time("sort of 10 M", &function(&[SORTED], |g, x| g.sort(x, 0, false))?, std::slice::from_ref(&x))?;
    time("argsort of 10 M", &function(&[SORTED], |g, x| g.argsort(x, 0, false))?, &[x])
}

fn time(task: &str, function: &Function, arguments: &[Tensor]) -> Result<()> {
    let program = compile(function)?;
    let mut scratch = Scratch::new();
    let seconds = median_seconds(|| {
        let results = std::hint::black_box(program.run_with(arguments, &mut scratch, Threads::Pool)?);
        results.into_iter().for_each(|result| scratch.recycle(result));
        Ok(())
    })?;
    say(task, 1e3 * seconds, "ms");
    Ok(())
}

fn function(shape: &[usize], build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> Result<Function> {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F32, Shape::fixed(shape)));
    let y = build(&mut g, x)?;
    Function::new(g, vec![y])
}

/// The gradient of `sum(f(x) * w)` in x.
fn gradient(build: Build) -> Result<Function> {
    let mut g = Graph::new();
    let ty = Type::new(DType::F32, Shape::fixed(&[ROWS, COLUMNS]));
    let (x, w) = (g.input("x", ty.clone()), g.input("w", ty));
    let y = build(&mut g, x)?;
    let product = g.mul(y, w)?;
    let total = g.sum_all(product)?;
    grad(&Function::new(g, vec![total])?, &[0])
}

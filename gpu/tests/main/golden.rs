//! A few printed kernels, as they are read by whoever looks for a fault: `tests/golden/*.cu`.
//! `GRADFRAME_GOLDEN=update` rewrites them.

use std::path::Path;

use gradframe_gpu::print::kernel_named;
use gradframe_ml_core::graph::{ScatterOp, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape};
use gradframe_ml_kernels::compile;

fn n() -> Dim {
    Dim::symbol("N")
}

fn f32s(dims: &[Dim]) -> Type {
    Type::new(DType::F32, Shape::new(dims.iter().cloned()))
}

/// The function's schedule and its kernels in CUDA C are what the file holds.
fn is_golden(name: &str, types: &[Type], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>) {
    let mut g = Graph::new();
    let inputs: Vec<NodeId> = types.iter().enumerate().map(|(i, ty)| g.input(&format!("x{i}"), ty.clone())).collect();
    let outputs = build(&mut g, &inputs).unwrap();
    let program = compile(&Function::new(g, outputs).unwrap()).unwrap();
    let mut text: String = program.to_string().lines().map(|line| format!("// {}\n", line.trim_end())).collect();
    for (number, kernel) in program.kernels().iter().enumerate() {
        text += &format!("\n{}", kernel_named(program.schedule(), &format!("k{number}"), kernel).unwrap().source);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.cu"));
    if std::env::var("GRADFRAME_GOLDEN").is_ok_and(|v| v == "update") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}: GRADFRAME_GOLDEN=update rewrites it", path.display());
}

#[test]
fn a_chain_with_views() {
    is_golden("pointwise", &[f32s(&[n(), 6.into()]), f32s(&[6.into()])], |g, x| {
        let turned = g.flip(x[0], &[1])?;
        let weight = g.reshape(x[1], &Shape::fixed(&[1, 6]))?;
        let weight = g.expand(weight, &Shape::new([n(), 6.into()]))?;
        let product = g.mul(turned, weight)?;
        let e = g.exp(product)?;
        Ok(vec![g.max(e, x[0])?])
    });
}

#[test]
fn softmax_of_halves() {
    let halves = Type::new(DType::F16, Shape::new([n(), 1000.into()]));
    is_golden("softmax", &[halves], |g, x| Ok(vec![g.softmax(x[0], 1)?]));
}

#[test]
fn sums_of_all_and_of_columns() {
    is_golden("sums", &[f32s(&[n(), 100.into()])], |g, x| {
        let squares = g.mul(x[0], x[0])?;
        Ok(vec![g.sum_all(squares)?, g.sum(x[0], &[0])?])
    });
}

#[test]
fn rows_by_index_and_back() {
    let codes = Type::new(DType::I32, Shape::new([n()]));
    is_golden("rows_by_index", &[f32s(&[50.into(), 8.into()]), codes], |g, x| {
        let picked = g.gather(x[0], x[1], 0)?;
        Ok(vec![picked, g.scatter(ScatterOp::Sum, picked, x[1], 0, &50.into())?])
    });
}

#[test]
fn random_numbers() {
    let key = Type::new(DType::U64, Shape::scalar());
    is_golden("uniform", &[key, f32s(&[n()])], |g, x| {
        let shape = g.ty(x[1]).shape.clone();
        Ok(vec![gradframe_ml_core::random::uniform(g, x[0], DType::F32, &shape)?])
    });
}

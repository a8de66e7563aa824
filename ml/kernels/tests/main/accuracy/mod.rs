//! NumPy's accuracy sets: arguments, correctly rounded values, and by how many units in the last place (ulp) a value may
//! be off. They lie outside the repository (`GRADFRAME_DATA`, else `../shared/data`); without them the test says so.

use std::path::{Path, PathBuf};

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::compile;

type Build = fn(&mut Graph, NodeId) -> Result<NodeId>;

const FUNCTIONS: &[(&str, Build)] = &[
    ("exp", Graph::exp),
    ("exp2", Graph::exp2),
    ("log1p", Graph::log1p),
    ("log2", Graph::log2),
    ("log10", Graph::log10),
    ("sin", Graph::sin),
    ("tan", Graph::tan),
    ("tanh", Graph::tanh),
    ("arcsinh", Graph::asinh),
    ("arccosh", Graph::acosh),
    ("arctanh", Graph::atanh),
];

/// Where a function, made of others, may be off by so much more than NumPy asks of its own.
const LOOSER: &[(&str, DType, u64)] =
    &[("arcsinh", DType::F64, 2), ("arccosh", DType::F64, 2), ("log10", DType::F64, 1), ("log1p", DType::F64, 1)];

/// One line of a set: bits of the argument and of the value, and the ulp by which a result may differ.
struct Point {
    argument: u64,
    value: u64,
    tolerance_ulp: u64,
}

#[test]
fn functions_are_as_exact_as_numpy_asks() {
    let Some(folder) = sets() else {
        eprintln!("skipped: no accuracy sets of NumPy (GRADFRAME_DATA)");
        return;
    };
    let mut failures = Vec::new();
    for &(name, build) in FUNCTIONS {
        let text = std::fs::read_to_string(folder.join(format!("umath-validation-set-{name}.csv"))).unwrap();
        for dtype in [DType::F32, DType::F64] {
            failures.extend(compared(name, build, dtype, &points(&text, dtype)));
        }
    }
    assert!(failures.is_empty(), "{} functions are off:\n{}", failures.len(), failures.join("\n"));
}

fn sets() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("GRADFRAME_DATA").map_or_else(beside, PathBuf::from);
    Some(data.join("ml/numpy/numpy/_core/tests/data")).filter(|folder| folder.is_dir())
}

fn points(text: &str, dtype: DType) -> Vec<Point> {
    let code = if dtype == DType::F32 { "np.float32" } else { "np.float64" };
    let point = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [kind, argument, value, tolerance] = fields[..] else { return None };
        let bits = |hex: &str| u64::from_str_radix(hex.trim().trim_start_matches("0x"), 16).ok();
        let tolerance_ulp = tolerance.trim().parse().ok()?;
        (kind == code).then_some(Point { argument: bits(argument)?, value: bits(value)?, tolerance_ulp })
    };
    text.lines().filter_map(point).collect()
}

/// The worst point of a function in a type, if any is off by more than it may be.
fn compared(name: &str, build: Build, dtype: DType, points: &[Point]) -> Option<String> {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(dtype, Shape::new([Dim::symbol("N")])));
    let y = build(&mut g, x).unwrap();
    let program = compile(&Function::new(g, vec![y]).unwrap()).unwrap();
    let result = program.run(&[arguments(dtype, points)]).unwrap().remove(0);
    let got = ordered(&result);
    let looser = LOOSER.iter().find(|(f, of, _)| *f == name && *of == dtype).map_or(0, |l| l.2);
    let mut worst: Option<(u64, &Point)> = None;
    let mut count = 0;
    for (&got, point) in got.iter().zip(points) {
        let off = distance(dtype, got, point.value);
        if off > point.tolerance_ulp + looser {
            count += 1;
            worst = worst.filter(|(most, _)| *most >= off).or(Some((off, point)));
        }
    }
    let (off, point) = worst?;
    let (argument, value) = (shown(dtype, point.argument), shown(dtype, point.value));
    let allowed = point.tolerance_ulp;
    Some(format!("{name} of {dtype}: {count} of {}; {off} ulp at {argument} ({value}), at most {allowed}", points.len()))
}

fn arguments(dtype: DType, points: &[Point]) -> Tensor {
    let n = [points.len()];
    match dtype {
        DType::F32 => Tensor::from_vec(&n, points.iter().map(|p| f32::from_bits(p.argument as u32)).collect()).unwrap(),
        _ => Tensor::from_vec(&n, points.iter().map(|p| f64::from_bits(p.argument)).collect()).unwrap(),
    }
}

/// The bits of each result.
fn ordered(x: &Tensor) -> Vec<u64> {
    match x.dtype() {
        DType::F32 => x.values::<f32>().unwrap().iter().map(|v| u64::from(v.to_bits())).collect(),
        _ => x.values::<f64>().unwrap().iter().map(|v| v.to_bits()).collect(),
    }
}

/// Floats between two values; 0 for two NaNs.
fn distance(dtype: DType, a: u64, b: u64) -> u64 {
    let (x, y) = (float(dtype, a), float(dtype, b));
    if x.is_nan() || y.is_nan() {
        return if x.is_nan() && y.is_nan() { 0 } else { u64::MAX };
    }
    let place = |bits: u64| {
        let sign = if dtype == DType::F32 { 1 << 31 } else { 1 << 63 };
        if bits & sign == 0 { bits as i128 } else { -((bits & !sign) as i128) }
    };
    (place(a) - place(b)).unsigned_abs().min(u64::MAX.into()) as u64
}

fn float(dtype: DType, bits: u64) -> f64 {
    if dtype == DType::F32 { f64::from(f32::from_bits(bits as u32)) } else { f64::from_bits(bits) }
}

fn shown(dtype: DType, bits: u64) -> String {
    format!("{:e}", float(dtype, bits))
}

//! Queries 1 and 6 of TPC-H over the columns of scale 100, on the device: filter, expressions and aggregates in one pass.
//!
//! Decimals are hundredths in i64, dates are days in i32, flags are codes of a dictionary in u8.

use gradframe_gpu::device::{Device, DeviceTensor};
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::{Fn2, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Sizes, Symbol, Tensor, random};
use gradframe_ml_kernels::compile;
use gradframe_ml_kernels::grouped::{Folded, GroupFold, GroupOp, Grouped};

use crate::{median, shape};

/// Rows of `lineitem` at scale 100.
const ROWS: usize = 600_037_902;
/// Rows that are compared with the processor's, their number odd.
const CHECKED: usize = 1_000_003;

/// A column: its type, and integers from `low` up to `high`.
struct Made {
    name: &'static str,
    dtype: DType,
    low: i64,
    high: i64,
}

const fn made(name: &'static str, dtype: DType, low: i64, high: i64) -> Made {
    Made { name, dtype, low, high }
}

const COLUMNS: [Made; 7] = [
    made("l_quantity", DType::I64, 100, 5_001),
    made("l_extendedprice", DType::I64, 90_000, 10_500_000),
    made("l_discount", DType::I64, 0, 11),
    made("l_tax", DType::I64, 0, 9),
    made("l_shipdate", DType::I32, 8_036, 10_562),
    made("l_returnflag", DType::U8, 0, 3),
    made("l_linestatus", DType::U8, 0, 2),
];

struct Query {
    name: &'static str,
    columns: &'static [usize],
    build: fn(&mut Graph, &[NodeId]) -> Result<Parts>,
}

/// What is made of a row, and how that is folded.
struct Parts {
    results: Vec<NodeId>,
    folds: Vec<GroupFold>,
    groups: usize,
}

const QUERIES: [Query; 3] = [
    Query { name: "TPC-H Q6", columns: &[0, 1, 2, 4], build: q6 },
    Query { name: "TPC-H Q1", columns: &[0, 1, 2, 3, 4, 5, 6], build: q1 },
    Query { name: "Q6 in float64", columns: &[0, 1, 2, 4], build: q6_of_floats },
];

/// Compares each query with the processor's answer, times it, and prints a line.
pub fn run(device: &Device, bandwidth: f64) -> Result<bool> {
    let columns = COLUMNS.iter().zip(1..).map(|(made, seed)| column(device, made, seed, ROWS)).collect::<Result<Vec<_>>>()?;
    let mut is_right = true;
    for query in &QUERIES {
        match time(device, query, &columns, bandwidth) {
            Ok(right) => is_right &= right,
            Err(error) => {
                println!("{} | {error}", query.name);
                is_right = false;
            }
        }
    }
    Ok(is_right)
}

fn time(device: &Device, query: &Query, columns: &[DeviceTensor], bandwidth: f64) -> Result<bool> {
    let grouped = query.grouped()?;
    let loaded = device.load_grouped(&grouped)?;
    let few = query.columns.iter().map(|&n| column(device, &COLUMNS[n], 7 + n as u64, CHECKED)).collect::<Result<Vec<_>>>()?;
    let on_host = few.iter().map(|column| device.get(column)).collect::<Result<Vec<Tensor>>>()?;
    let (ours, expected) = (loaded.run_there(&few)?, grouped.run(&on_host)?);
    let right = ours.iter().zip(&expected).all(|(ours, expected)| is_near(ours, expected));
    let all: Vec<DeviceTensor> = query.columns.iter().map(|&n| columns[n].clone()).collect();
    let mut sizes = Sizes::new();
    sizes.bind(&Symbol::new("N"), ROWS)?;
    let seconds = median(device, || loaded.totals(&all, &sizes))?;
    let again = loaded.run_there(&all)? == loaded.run_there(&all)?;
    let bytes: usize = all.iter().map(DeviceTensor::size_bytes).sum();
    let verdict = if !right {
        " WRONG"
    } else if !again {
        " NOT THE SAME TWICE"
    } else {
        ""
    };
    println!(
        "{} | {}{verdict} | {:.4} ms | {:.0} % | {:.1} GB, {:.0} GB/s",
        query.name,
        if right { "exact" } else { "-" },
        1e3 * seconds,
        100.0 * bytes as f64 / seconds / bandwidth,
        1e-9 * bytes as f64,
        1e-9 * bytes as f64 / seconds
    );
    Ok(right && again)
}

fn is_near(ours: &Folded, expected: &Folded) -> bool {
    match (ours, expected) {
        (Folded::Floats(a), Folded::Floats(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs()),
        (a, b) => a == b,
    }
}

/// A column of random integers, made on the device.
fn column(device: &Device, made: &Made, seed: u64, rows: usize) -> Result<DeviceTensor> {
    let mut g = Graph::new();
    let key = random::key(&mut g, seed);
    let numbers = random::integers(&mut g, key, made.low, made.high, &shape(&[Dim::fixed(rows)]))?;
    let numbers = g.cast(numbers, made.dtype)?;
    let program = compile(&Function::new(g, vec![numbers])?)?;
    Ok(device.load(&program, Width::Wide)?.run_there(&[])?.remove(0))
}

impl Query {
    fn grouped(&self) -> Result<Grouped> {
        let mut g = Graph::new();
        let rows = shape(&[Dim::symbol("N")]);
        let inputs: Vec<NodeId> =
            self.columns.iter().map(|&n| g.input(COLUMNS[n].name, Type::new(COLUMNS[n].dtype, rows.clone()))).collect();
        let parts = (self.build)(&mut g, &inputs)?;
        Grouped::new(&Function::new(g, parts.results)?, parts.folds, Some(0), parts.groups)
    }
}

fn sum(value: usize) -> GroupFold {
    GroupFold { op: GroupOp::Sum, value: Some(value), rows: None }
}

const COUNT: GroupFold = GroupFold { op: GroupOp::Count, value: None, rows: None };

/// `a f number`, for an integer of any width.
fn with(g: &mut Graph, f: Fn2, a: NodeId, number: i64) -> Result<NodeId> {
    let a = g.cast(a, DType::I64)?;
    let number = g.constant(Tensor::scalar(number));
    g.map2(f, a, number)
}

/// SELECT sum(l_extendedprice * l_discount) WHERE l_shipdate >= '1994-01-01' AND l_shipdate < '1995-01-01'
/// AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24
fn q6(g: &mut Graph, x: &[NodeId]) -> Result<Parts> {
    let group = q6_rows(g, x)?;
    let product = g.mul(x[1], x[2])?;
    Ok(Parts { results: vec![group, product], folds: vec![sum(1), COUNT], groups: 1 })
}

fn q6_of_floats(g: &mut Graph, x: &[NodeId]) -> Result<Parts> {
    let group = q6_rows(g, x)?;
    let (price, discount) = (g.cast(x[1], DType::F64)?, g.cast(x[2], DType::F64)?);
    let product = g.mul(price, discount)?;
    Ok(Parts { results: vec![group, product], folds: vec![sum(1), COUNT], groups: 1 })
}

fn q6_rows(g: &mut Graph, x: &[NodeId]) -> Result<NodeId> {
    let tests = [(3, Fn2::Ge, 8_766), (3, Fn2::Lt, 9_131), (2, Fn2::Ge, 5), (2, Fn2::Le, 7), (0, Fn2::Lt, 2_400)];
    let mut all = None;
    for (column, f, number) in tests {
        let holds = with(g, f, x[column], number)?;
        all = Some(match all {
            Some(all) => g.map2(Fn2::And, all, holds)?,
            None => holds,
        });
    }
    let (zero, none) = (g.constant(Tensor::scalar(0i64)), g.constant(Tensor::scalar(-1i64)));
    all.map_or(Ok(zero), |all| g.select(all, zero, none))
}

/// SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), sum(l_extendedprice * (1 - l_discount)),
/// sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), avg of quantity, price and discount, count(*)
/// WHERE l_shipdate <= '1998-09-02' GROUP BY l_returnflag, l_linestatus
fn q1(g: &mut Graph, x: &[NodeId]) -> Result<Parts> {
    let hundred = g.constant(Tensor::scalar(100i64));
    let rest = g.sub(hundred, x[2])?;
    let discounted = g.mul(x[1], rest)?;
    let taxed = with(g, Fn2::Add, x[3], 100)?;
    let charge = g.mul(discounted, taxed)?;
    let flag = with(g, Fn2::Mul, x[5], 2)?;
    let status = g.cast(x[6], DType::I64)?;
    let code = g.add(flag, status)?;
    let holds = with(g, Fn2::Le, x[4], 10_471)?;
    let none = g.constant(Tensor::scalar(-1i64));
    let group = g.select(holds, code, none)?;
    let folds = vec![sum(1), sum(2), sum(3), sum(4), sum(5), COUNT];
    Ok(Parts { results: vec![group, x[0], x[1], discounted, charge, x[2]], folds, groups: 6 })
}

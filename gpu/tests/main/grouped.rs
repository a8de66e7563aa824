//! Rows folded into groups: the printed kernels compile, on the host they give what the processor's way gives, and on a device
//! too.

use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::{Nvrtc, Width};
use gradframe_gpu::print;
use gradframe_ml_core::graph::{Fn2, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::grouped::{Folded, GroupFold, GroupOp, Grouped};

use crate::host::temporaries_of;
use crate::nvrtc::candidates;

const COUNT: GroupFold = GroupFold { op: GroupOp::Count, value: None, rows: None };

fn fold(op: GroupOp, value: usize, rows: Option<usize>) -> GroupFold {
    GroupFold { op, value: Some(value), rows }
}

/// Folds of every kind over columns of four types: x f64, n i64, k u8, valid bool. Rows with k = 3 belong to no group.
fn grouped(groups: usize) -> Grouped {
    let mut g = Graph::new();
    let rows = Shape::new([Dim::symbol("N")]);
    let types = [DType::F64, DType::I64, DType::U8, DType::Bool];
    let x: Vec<NodeId> = types.iter().map(|dtype| g.input(dtype.name(), Type::new(*dtype, rows.clone()))).collect();
    let mut build = || -> Result<Vec<NodeId>> {
        let square = g.mul(x[0], x[0])?;
        let twice = g.add(x[1], x[1])?;
        let code = g.cast(x[2], DType::I64)?;
        let three = g.constant(Tensor::scalar(3i64));
        let is_three = g.map2(Fn2::Eq, code, three)?;
        let (none, modulus) = (g.constant(Tensor::scalar(-1i64)), g.constant(Tensor::scalar(groups as i64)));
        let code = g.map2(Fn2::Rem, code, modulus)?;
        Ok(vec![g.select(is_three, none, code)?, square, twice, x[1], x[0], x[3]])
    };
    let results = build().unwrap();
    let folds = vec![
        COUNT,
        fold(GroupOp::Sum, 1, None),
        fold(GroupOp::Sum, 2, Some(5)),
        fold(GroupOp::Min, 3, Some(5)),
        fold(GroupOp::Max, 2, None),
        fold(GroupOp::Sum, 4, Some(5)),
        GroupFold { rows: Some(5), ..COUNT },
    ];
    Grouped::new(&Function::new(g, results).unwrap(), folds, Some(0), groups).unwrap()
}

fn columns(rows: usize) -> Vec<Tensor> {
    let mixed = |row: usize, salt: u64| {
        let mixed = (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ salt);
        mixed ^ mixed >> 29
    };
    let terms = |row| (mixed(row, 7) as i64) >> 22; // of 42 bits
    vec![
        Tensor::from_vec(&[rows], (0..rows).map(|row| mixed(row, 3) as f64 / 1e18 - 9.0).collect()).unwrap(),
        Tensor::from_vec(&[rows], (0..rows).map(terms).collect()).unwrap(),
        Tensor::from_vec(&[rows], (0..rows).map(|row| (mixed(row, 11) >> 40) as u8 % 50).collect()).unwrap(),
        Tensor::from_bools(&[rows], &(0..rows).map(|row| mixed(row, 5) >> 50 & 3 != 0).collect::<Vec<_>>()).unwrap(),
    ]
}

fn assert_near(ours: &[Folded], expected: &[Folded], what: &str) {
    for (fold, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        let same = match (ours, expected) {
            (Folded::Floats(a), Folded::Floats(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-10 * (1.0 + b.abs())),
            (a, b) => a == b,
        };
        assert!(same, "{what}, fold {fold}: {ours:?}, expected {expected:?}");
    }
}

#[test]
fn folds_on_the_host_are_those_of_the_processor() {
    for groups in [1, 2, 7, 40] {
        let grouped = grouped(groups);
        let kernel = print::grouped::print(&grouped, "grouped").unwrap();
        for rows in [1, 31, 9_001, 40_000] {
            let inputs = columns(rows);
            let Some(words) = temporaries_of(grouped.program(), &kernel, &inputs) else { return };
            let ours = print::grouped::folded(&grouped, &words[1]).unwrap();
            assert_near(&ours, &grouped.run(&inputs).unwrap(), &format!("{groups} groups, {rows} rows"));
        }
    }
}

#[test]
fn folds_compile() {
    let Ok(nvrtc) = Nvrtc::find(&candidates()) else { return println!("skipped: no NVRTC") };
    for groups in [1, 6, 300] {
        let kernel = print::grouped::print(&grouped(groups), "grouped").unwrap();
        let source = format!("{}\n{}", print::prelude(&kernel.source), kernel.source);
        for (architecture, width) in [("sm_80", Width::Narrow), ("sm_90", Width::Wide)] {
            assert!(!nvrtc.compile(&source, architecture, width).unwrap().is_empty());
        }
    }
}

#[test]
fn too_many_groups_are_refused() {
    let error = print::grouped::print(&grouped(1000), "grouped").unwrap_err();
    assert_eq!(error.kind(), "NotImplemented");
    assert!(error.to_string().contains("1000 groups of 7 folds"), "{error}");
}

#[test]
fn folds_on_a_device_are_those_of_the_processor() {
    let Ok(device) = Device::open(0) else { return println!("skipped: no device") };
    for groups in [1, 2, 7, 40, 500] {
        let grouped = grouped(groups);
        let loaded = device.load_grouped(&grouped).unwrap();
        for rows in [0, 1, 9_001, 3_000_001] {
            let inputs = columns(rows);
            let there: Vec<_> = inputs.iter().map(|input| device.put(input).unwrap()).collect();
            let ours = loaded.run_there(&there).unwrap();
            assert_eq!(ours, loaded.run_there(&there).unwrap(), "the same bits again");
            assert_near(&ours, &grouped.run(&inputs).unwrap(), &format!("{groups} groups, {rows} rows"));
        }
    }
}

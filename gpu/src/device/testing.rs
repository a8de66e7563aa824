//! What tests of the device's modules make their programs of.

use gradframe_ml_core::{Dim, Function, Graph, NodeId, Shape, Sizes};
use gradframe_ml_kernels::{CompileOptions, Program, compile_with};

/// A function scheduled for a device.
pub fn on_device(g: Graph, results: Vec<NodeId>) -> Program {
    let options = CompileOptions { on_device: true, ..CompileOptions::default() };
    compile_with(&Function::new(g, results).unwrap(), options).unwrap()
}

/// N rows.
pub fn of_rows(rows: usize) -> Sizes {
    let mut sizes = Sizes::new();
    sizes.bind_shape(&Shape::new([Dim::symbol("N")]), &[rows]).unwrap();
    sizes
}

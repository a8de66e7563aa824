//! The compiler: from a graph to a `Program` of kernels over buffers, and the CPU that runs it.
//!
//! - [`compile()`]: inlines composites, decides what is materialised, fuses pointwise chains and reductions into row
//!   kernels, and plans buffers. Its result is plain data ([`kernel`]) that knows no back end.
//! - [`Program`]: runs at any sizes of the symbolic dimensions, from any number of threads at once, and gives the same
//!   bits whatever the number of threads: every reduction folds fixed pieces in a fixed order.
//!
//! ```
//! use gradframe_ml_core::{DType, Dim, Function, Graph, Shape, Tensor, graph::Type};
//! use gradframe_ml_kernels::compile;
//!
//! let mut g = Graph::new();
//! let x = g.input("x", Type::new(DType::F64, Shape::new([Dim::symbol("N")])));
//! let square = g.mul(x, x)?;
//! let total = g.sum(square, &[0])?;
//! let program = compile(&Function::new(g, vec![total])?)?;
//! let answer = program.run(&[Tensor::from_vec(&[3], vec![1.0, 2.0, 3.0])?])?;
//! assert_eq!(answer[0].values::<f64>()?, [14.0]);
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

mod compile;
mod cpu;
pub mod kernel;
mod program;

pub use compile::compile;
pub use program::Program;

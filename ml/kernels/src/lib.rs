//! The compiler from graphs to kernels, and the kernels of the CPU.
//!
//! [`compile`](fn@compile) makes a [`Program`] of a [`gradframe_ml_core::Function`]: it decides what goes to memory,
//! fuses what lies between, keeps rows in cache across several reductions, and plans the buffers once. The scheduled
//! form ([`schedule`]) is plain data that knows no back end; [`cpu`] executes it,
//! and [`interpret`](fn@interpret::interpret) says by the plainest of means what it should have computed.
//!
//! **The bits of a result do not depend on the number of threads:** every fold goes over fixed chunks, in order.
//!
//! ```
//! use gradframe_ml_core::graph::Type;
//! use gradframe_ml_core::{DType, Dim, Function, Graph, Shape, Tensor};
//! use gradframe_ml_kernels::compile;
//!
//! let mut g = Graph::new();
//! let x = g.input("x", Type::new(DType::F64, Shape::new([Dim::symbol("N"), 3.into()])));
//! let y = g.softmax(x, 1)?;
//! let program = compile(&Function::new(g, vec![y])?)?;
//! assert_eq!(program.kernels().len(), 1); // one row kernel
//!
//! let x = Tensor::from_vec(&[2, 3], vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
//! assert_eq!(program.run(&[x])?[0].shape(), [2, 3]);
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

pub mod compile;
pub mod cpu;
pub mod grouped;
pub mod interpret;
mod program;
pub mod schedule;
mod steps;

pub use compile::{CompileOptions, compile, compile_with};
pub use cpu::{Scratch, Threads};
pub use program::Program;
pub use steps::{Backend, Steps};

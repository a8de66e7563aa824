//! The CUDA back end: prints the scheduled kernels of `gradframe-ml-kernels` as CUDA C.
//!
//! ```
//! use gradframe_ml_core::graph::Type;
//! use gradframe_ml_core::{DType, Dim, Function, Graph, Shape};
//! use gradframe_ml_kernels::compile;
//!
//! let mut g = Graph::new();
//! let x = g.input("x", Type::new(DType::F32, Shape::new([Dim::symbol("N"), 1000.into()])));
//! let y = g.softmax(x, 1)?;
//! let program = compile(&Function::new(g, vec![y])?)?;
//! let printed = gradframe_gpu::print::program(program.schedule())?;
//! assert_eq!(printed.launches().count(), 1); // one row kernel
//! assert!(printed.source.contains("__global__"));
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

pub mod blas;
pub mod device;
mod kept;
pub mod launch;
pub mod libraries;
pub mod nvrtc;
pub mod print;

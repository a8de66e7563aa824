//! Tensors and automatic differentiation: the graph, its node kinds, and the transforms over it.
//!
//! - [`graph`]: a hash-consed arena of typed nodes, built by short methods on [`Graph`];
//! - [`ops`]: the meaning of each node kind, one file each: shape rule, reference evaluation, derivative, batching;
//! - [`transform`]: functions from [`Function`] to [`Function`]: `jvp`, `vjp`, `grad`, `vmap`; and the reference evaluator;
//! - [`complex`]: complex numbers as pairs of real arrays, and Fourier transforms;
//! - [`random`]: splittable, counter-based random numbers;
//! - [`memory_size`]: sizes of memory as users write them.
//!
//! The sum of squares and its gradient:
//!
//! ```
//! use gradframe_ml_core::graph::Type;
//! use gradframe_ml_core::transform::{evaluate, grad};
//! use gradframe_ml_core::{DType, Dim, Function, Graph, Shape, Tensor};
//!
//! let mut g = Graph::new();
//! let x = g.input("x", Type::new(DType::F64, Shape::new([Dim::symbol("N")])));
//! let squares = g.mul(x, x)?;
//! let total = g.sum(squares, &[0])?;
//! let loss = Function::new(g, vec![total])?;
//!
//! let gradient = grad(&loss, &[0])?; // again a function, compiled or differentiated like any other
//! let at = Tensor::from_vec(&[3], vec![1.0, 2.0, 3.0])?;
//! assert_eq!(evaluate(&gradient, &[at])?[0].values::<f64>()?, [2.0, 4.0, 6.0]);
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

/// `docs/autodiff_from_scratch.md`, whose code is run as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/autodiff_from_scratch.md")]
pub struct AutodiffFromScratch;

pub mod complex;
pub mod dtype;
pub mod error;
pub mod graph;
pub mod memory_size;
pub mod ops;
pub mod random;
pub mod shape;
pub mod tensor;
pub mod transform;

pub use dtype::DType;
pub use error::{Error, Result};
pub use graph::{Function, Graph, NodeId};
pub use memory_size::MemorySize;
pub use shape::{Dim, Shape, Sizes, Symbol};
pub use tensor::Tensor;

//! Arrays that feel eager and are recorded: [`Array`] checks each operation at once and computes when it is looked at.
//!
//! An [`Array`] is a value, or an operation on other arrays that has not been computed yet. Looking at it
//! ([`Array::tensor`]) makes of everything recorded below it one program, or finds the one that an expression of the
//! same structure was compiled to before: numbers are inputs of programs, so a loop compiles once.
//!
//! Functions of arrays are differentiated, mapped and compiled by tracing them: [`trace`](fn@trace) calls one with stand-ins
//! and closes what it recorded to a [`gradframe_ml_core::Function`], on which the transforms of that crate work.
//!
//! ```
//! use gradframe_ml_array::{Array, grad};
//!
//! let x = Array::from_vec(&[3], vec![1.0f32, 2.0, 3.0])?;
//! let squares = x.multiply(&x)?; // recorded
//! assert_eq!(squares.add(1.0)?.to_vec::<f32>()?, [2.0, 5.0, 10.0]); // computed
//!
//! let slope = grad(|x| x[0].multiply(&x[0])?.sum(None, false), &[x])?;
//! assert_eq!(slope[0].to_vec::<f32>()?, [2.0, 4.0, 6.0]);
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```
//!
//! - [`Array`]: values, operations, and [`Array::call`] for every operation by name;
//! - [`ops`]: what the operations mean, one row each, as graphs;
//! - [`promote`]: the table of element types;
//! - `recipe`, `realise`: from recorded operations to programs, and their cache;
//! - `places`: places and classes that are known, looked at before they are used; `memory`: sizes that no machine holds;
//! - `rows`: functions for any number of rows, for plans;
//! - `history`: whether it is kept;
//! - `trace`, `transform`, `backward`: derivatives, batching; [`Gradients`]: what backward mode finds; `compiled`: traced functions that run when they are called.

mod array;
mod backward;
mod compiled;
mod custom;
mod element;
mod gradients;
mod handle;
mod held;
mod history;
mod host;
mod index;
mod infer;
mod memory;
mod methods;
mod node;
mod number;
pub mod ops;
mod optim;
mod places;
pub mod promote;
mod realise;
mod recipe;
mod rows;
mod trace;
mod transform;
mod weak;

pub use array::Array;
pub use backward::{backward, backward_to};
pub use compiled::Compiled;
pub use element::{ArrayType, Element, Sizes};
/// The rules of optimisers: what [`Optimizer`] takes.
pub use gradframe_ml_learn::optim as rules;
pub use gradients::Gradients;
pub use handle::WeakArray;
pub use history::{keep_history, keeps_history, no_grad};
pub use index::Index;
pub use memory::limit_memory;
pub use node::{Arg, Args, Operand};
pub use number::Number;
pub use optim::{Optimizer, Update, When, numbers_of_step};
pub use realise::{Programs, programs, realise_all};
pub use rows::{ROWS, RowFunction, RowProgram, RowType};
pub use trace::{Closed, Traced, Tracing, trace};
pub use transform::grad;

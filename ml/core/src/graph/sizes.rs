//! The sizes and bodies that a kind carries, for whoever rewrites them.

use std::sync::Arc;

use super::{Function, Kind};
use crate::shape::Dim;

impl Kind {
    /// Every size that the kind carries, in a fixed order; those inside of bodies are theirs.
    pub fn sizes_mut(&mut self) -> Vec<&mut Dim> {
        match self {
            Kind::Iota { shape, .. } | Kind::Reshape(shape) | Kind::Expand(shape) => shape.0.iter_mut().collect(),
            Kind::Slice(spans) => spans.iter_mut().map(|span| &mut span.stop).collect(),
            Kind::DynSlice { size, .. } | Kind::ScatterReduce { size, .. } => vec![size],
            Kind::Conv(own) => vec![&mut Arc::make_mut(own).groups],
            _ => vec![],
        }
    }

    /// Every function that the kind carries, in a fixed order.
    pub fn bodies_mut(&mut self) -> Vec<&mut Function> {
        match self {
            Kind::Call(own) => {
                let own = Arc::make_mut(own);
                std::iter::once(&mut own.body).chain(&mut own.tangent).collect()
            }
            Kind::Loop(own) => vec![&mut Arc::make_mut(own).body],
            Kind::While(own) => {
                let own = Arc::make_mut(own);
                vec![&mut own.condition, &mut own.body]
            }
            Kind::Cond(own) => Arc::make_mut(own).branches.iter_mut().collect(),
            _ => vec![],
        }
    }
}

//! Smart constructors: what a new node is replaced by before it is made.
//!
//! A rule may only change what cannot be seen: floats keep their NaNs, infinities and signs of zero, so that `x * 0`
//! and `x + 0.0` stay (the latter turns -0 to 0), while `x * 1` and `x - 0` go. No rule touches a `Barrier`.

mod algebra;
mod constants;
mod views;

use super::{Graph, Kind, Node, NodeId};
use crate::error::Result;

impl Graph {
    /// A simpler node of the same value; None if this is the simplest we know.
    pub(super) fn simplified(&mut self, node: &Node) -> Result<Option<NodeId>> {
        if let Some(folded) = self.folded(node)? {
            return Ok(Some(folded));
        }
        match &node.kind {
            Kind::Map1(f) => self.simpler_map1(*f, node),
            Kind::Map2(f) => self.simpler_map2(*f, node),
            Kind::Select => Ok(self.simpler_select(node)),
            Kind::Cast(_) | Kind::StopGradient => Ok(self.simpler_identity(node)),
            Kind::Reduce { .. } => self.simpler_reduce(node),
            _ => self.simpler_view(node),
        }
    }
}

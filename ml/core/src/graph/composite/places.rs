//! Places to pick by, marked in the graph: who runs a function asks [`crate::transform::picks`] for those that there are not.

use crate::error::Result;
use crate::graph::{Graph, Kind, NodeId};
use crate::tensor::Tensor;

macro_rules! picking {
    ($($variant:ident => $name:literal),* $(,)?) => {
        /// What picks by places, or by classes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Picking { $($variant),* }

        impl Picking {
            /// Every one.
            pub const ALL: &'static [Picking] = &[$(Picking::$variant),*];

            /// Its name in errors.
            pub const fn name(self) -> &'static str {
                match self { $(Picking::$variant => $name),* }
            }

            /// What its composites are called.
            const fn mark(self) -> &'static str {
                match self { $(Picking::$variant => concat!("places of ", $name)),* }
            }
        }
    };
}

picking! {
    Index => "index",
    Take => "take",
    TakeAlongAxis => "take_along_axis",
    Embedding => "embedding",
    CrossEntropy => "cross_entropy",
    NllLoss => "nll_loss",
    OneHot => "one_hot",
}

impl Picking {
    /// Of the composite of this name; None if it marks no places.
    pub(crate) fn of_mark(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|picking| picking.mark() == name)
    }
}

/// Which places there are: from `low` on, below `size`, and the number that stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceRange {
    /// The first: 0, or where they may count from the end, that of the first element.
    pub low: i64,
    /// The number of places from 0 on.
    pub size: usize,
    /// What stands for no place.
    pub none: Option<i64>,
}

impl Graph {
    /// The places as they are, integers of any shape, with a mark: what picks by them means those in the range. Compiled, it is gone. A
    /// constant has none: who made it has looked.
    pub fn places(&mut self, picking: Picking, places: NodeId, range: PlaceRange) -> Result<NodeId> {
        if matches!(self.node(places).kind, Kind::Const(_)) {
            return Ok(places);
        }
        let bounds = [range.low, i64::try_from(range.size).unwrap_or(i64::MAX)];
        let numbers = bounds.into_iter().chain(range.none).map(|number| self.constant(Tensor::scalar(number)));
        let operands: Vec<NodeId> = std::iter::once(places).chain(numbers).collect();
        self.call(picking.mark(), &operands, |_, x| Ok(x[0]))
    }
}

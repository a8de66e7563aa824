//! Kernels that each back end has a library for: there is nothing in them to fuse or to print.

use std::sync::Arc;

use gradframe_ml_core::Shape;
use gradframe_ml_core::graph::{Call, Conv, Kind, Linalg, Whole};

use super::BufferId;

/// A routine over whole arrays.
#[derive(Debug, Clone)]
pub struct Library {
    /// Which.
    pub routine: Routine,
    /// What it takes, and the shapes under which it is read.
    pub operands: Vec<(BufferId, Shape)>,
    /// Result.
    pub output: BufferId,
}

/// A routine of a library; its meaning is that of the node kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routine {
    /// A factorization or a solver.
    Linalg(Linalg),
    /// A Fourier transform of lines of pairs: see [`Kind::Fft`].
    Fft {
        /// The inverse one, not scaled.
        inverse: bool,
    },
    /// A convolution, or a sum over its products: see [`Kind::Conv`].
    Conv(Arc<Conv>),
    /// Attention of texts: see [`Whole::AttentionOfTexts`].
    Attention {
        /// Bits of the factor of the scores, in float64.
        scale_bits: u64,
        /// Its meaning.
        call: Arc<Call>,
    },
}

impl Routine {
    /// The routine of a node kind; None if it is none.
    pub fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Linalg(op) => Some(Routine::Linalg(*op)),
            Kind::Fft { inverse } => Some(Routine::Fft { inverse: *inverse }),
            Kind::Conv(own) => Some(Routine::Conv(Arc::clone(own))),
            Kind::Call(call) => match call.whole {
                Some(Whole::AttentionOfTexts { scale_bits }) => Some(Routine::Attention { scale_bits, call: Arc::clone(call) }),
                _ => None,
            },
            _ => None,
        }
    }

    /// The node kind.
    pub fn kind(&self) -> Kind {
        match self {
            Routine::Linalg(op) => Kind::Linalg(*op),
            Routine::Fft { inverse } => Kind::Fft { inverse: *inverse },
            Routine::Conv(own) => Kind::Conv(Arc::clone(own)),
            Routine::Attention { call, .. } => Kind::Call(Arc::clone(call)),
        }
    }

    /// Its name in printed programs.
    pub fn name(&self) -> &'static str {
        match self {
            Routine::Linalg(op) => op.name(),
            Routine::Fft { .. } => "fft",
            Routine::Conv(_) => "conv",
            Routine::Attention { .. } => "attention",
        }
    }
}

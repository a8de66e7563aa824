//! What products with weights are computed in.

use std::str::FromStr;

use gradframe_ml_core::{Error, Result};

use crate::weights::Weights;

/// What the weights of products are read as. Everything else (norms, attention, sums) is computed in f32 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// f32; shorter weights are widened into a copy.
    #[default]
    F32,
    /// bf16, where they lie if the file has them so; what is multiplied by them is rounded to bf16 before, sums are f32.
    Bf16,
}

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DtypeChoice {
    /// bf16 for a checkpoint most of which is bf16, else f32.
    #[default]
    Auto,
    /// This one.
    Only(Precision),
}

impl DtypeChoice {
    /// What it means for these weights.
    pub fn for_weights(self, weights: &Weights) -> Precision {
        match self {
            DtypeChoice::Only(precision) => precision,
            DtypeChoice::Auto if weights.main_dtype() == "bf16" => Precision::Bf16,
            DtypeChoice::Auto => Precision::F32,
        }
    }

    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            DtypeChoice::Auto => "auto",
            DtypeChoice::Only(precision) => precision.name(),
        }
    }
}

impl FromStr for DtypeChoice {
    type Err = Error;

    /// Errors: `Plan` listing what is known.
    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "auto" => Ok(DtypeChoice::Auto),
            "f32" | "float32" => Ok(DtypeChoice::Only(Precision::F32)),
            "bf16" | "bfloat16" => Ok(DtypeChoice::Only(Precision::Bf16)),
            _ => Err(Error::plan("model", format!("dtype: expected auto, f32 or bf16, got `{name}`"))),
        }
    }
}

impl Precision {
    /// `f32` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }
}

//! Settings of a session that SQL can change: `SET gradframe.seed = 7`, `SHOW gradframe.seed`.

use std::any::Any;

use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};
use gradframe_plan::names::suggest;

/// The options under `gradframe.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradframeOptions {
    /// Seed of trainings that name none.
    pub seed: u64,
}

/// The names without `gradframe.`.
const NAMES: [&str; 1] = ["seed"];

impl ConfigExtension for GradframeOptions {
    const PREFIX: &'static str = "gradframe";
}

impl ExtensionOptions for GradframeOptions {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "seed" => {
                self.seed = value.parse().map_err(|_| refused(format!("seed: expected a whole number from 0, got `{value}`")))?
            }
            _ => return Err(refused(format!("unknown option `gradframe.{key}`; hint: {}", suggest(key, NAMES)))),
        }
        Ok(())
    }

    /// With the prefix: DataFusion lists extensions' names as they are given here.
    fn entries(&self) -> Vec<ConfigEntry> {
        vec![ConfigEntry {
            key: format!("{}.seed", Self::PREFIX),
            value: Some(self.seed.to_string()),
            description: "Seed of trainings that name none",
        }]
    }
}

fn refused(what: String) -> DataFusionError {
    DataFusionError::Configuration(what)
}

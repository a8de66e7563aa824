//! Settings of a session that SQL can change: `SET gradframe.seed = 7`, `SHOW gradframe.seed`.

use std::any::Any;

use crate::names::suggest;
use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

/// The options under `gradframe.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradframeOptions {
    /// Seed of trainings that name none.
    pub seed: u64,
    /// Whether float expressions may leave DataFusion for the numeric core, where that pays.
    pub numeric_stages: bool,
}

impl Default for GradframeOptions {
    fn default() -> Self {
        GradframeOptions { seed: 0, numeric_stages: true }
    }
}

/// The names without `gradframe.`.
const NAMES: [&str; 2] = ["numeric_stages", "seed"];

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
            "numeric_stages" => {
                let what = || refused(format!("numeric_stages: expected true or false, got `{value}`"));
                self.numeric_stages = value.parse().map_err(|_| what())?
            }
            _ => return Err(refused(format!("unknown option `gradframe.{key}`; hint: {}", suggest(key, NAMES)))),
        }
        Ok(())
    }

    /// With the prefix: DataFusion lists extensions' names as they are given here.
    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |name: &str, value: String, description| ConfigEntry {
            key: format!("{}.{name}", Self::PREFIX),
            value: Some(value),
            description,
        };
        vec![
            entry("numeric_stages", self.numeric_stages.to_string(), "Whether float expressions are compiled where that pays"),
            entry("seed", self.seed.to_string(), "Seed of trainings that name none"),
        ]
    }
}

fn refused(what: String) -> DataFusionError {
    DataFusionError::Configuration(what)
}

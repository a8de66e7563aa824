//! Settings of a session that SQL can change: `SET gradframe.seed = 7`, `SHOW gradframe.seed`.

use std::any::Any;
use std::fmt;
use std::str::FromStr;

use datafusion::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};
use gradframe_ml_core::MemorySize;
use gradframe_ml_core::memory_size::EXPECTED;

use crate::names::suggest;

/// The options under `gradframe.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradframeOptions {
    /// Seed of trainings that name none.
    pub seed: u64,
    /// Whether float expressions may leave DataFusion for the numeric core, where that pays.
    pub numeric_stages: bool,
    /// Where numeric stages and predictions are computed.
    pub device: DeviceChoice,
    /// Whether what cannot run on the device that was asked for is an error; otherwise the CPU computes it, and EXPLAIN says so.
    pub device_strict: bool,
    /// What may be in use of the device's memory, by all sessions of the process; None is what it is when the device is opened.
    pub device_memory_limit: Option<MemorySize>,
}

impl Default for GradframeOptions {
    fn default() -> Self {
        let (device, device_strict, device_memory_limit) = (DeviceChoice::Auto, false, None);
        GradframeOptions { seed: 0, numeric_stages: true, device, device_strict, device_memory_limit }
    }
}

/// Where numeric programs are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// On the CPU, but for what is estimated to be faster on a CUDA device, bus included.
    #[default]
    Auto,
    /// On the CPU. No device is looked for.
    Cpu,
    /// On the first CUDA device.
    Cuda,
}

impl DeviceChoice {
    const ALL: [DeviceChoice; 3] = [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda];

    /// As SQL writes it.
    pub fn name(self) -> &'static str {
        match self {
            DeviceChoice::Auto => "auto",
            DeviceChoice::Cpu => "cpu",
            DeviceChoice::Cuda => "cuda",
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceChoice {
    type Err = ();

    /// The choice of this name, in any case of letters.
    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        Self::ALL.into_iter().find(|choice| choice.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// The value of a setting that is left to us.
const AUTO: &str = "auto";

/// The names without `gradframe.`.
const NAMES: [&str; 5] = ["device", "device_memory_limit", "device_strict", "numeric_stages", "seed"];

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
            "seed" => self.seed = parsed(key, value, "a whole number from 0")?,
            "numeric_stages" => self.numeric_stages = parsed(key, value, "true or false")?,
            "device" => self.device = parsed(key, value, "auto, cpu or cuda")?,
            "device_memory_limit" => self.device_memory_limit = memory_limit(key, value)?,
            "device_strict" => self.device_strict = parsed(key, value, "true or false")?,
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
        let strict = "Whether what cannot run on the device that was asked for is an error";
        let limit = self.device_memory_limit.as_ref().map_or(AUTO.to_owned(), MemorySize::to_string);
        let of_limit = "What may be in use of the device's memory: bytes, a size, a share of what is free, or auto";
        vec![
            entry("device", self.device.to_string(), "Where numeric stages and predictions are computed: auto, cpu or cuda"),
            entry("device_memory_limit", limit, of_limit),
            entry("device_strict", self.device_strict.to_string(), strict),
            entry("numeric_stages", self.numeric_stages.to_string(), "Whether float expressions are compiled where that pays"),
            entry("seed", self.seed.to_string(), "Seed of trainings that name none"),
        ]
    }
}

/// A size, or None for `auto`.
fn memory_limit(key: &str, value: &str) -> Result<Option<MemorySize>> {
    match value.trim().eq_ignore_ascii_case(AUTO) {
        true => Ok(None),
        false => parsed(key, value, &format!("{EXPECTED}, or {AUTO}")).map(Some),
    }
}

fn parsed<T: FromStr>(key: &str, value: &str, expected: &str) -> Result<T> {
    value.parse().map_err(|_| refused(format!("{key}: expected {expected}, got `{value}`")))
}

fn refused(what: String) -> DataFusionError {
    DataFusionError::Configuration(what)
}

//! The options of modules: those of networks that do not say what the network is.

use std::sync::LazyLock;

use gradframe_ml_core::Result;

use super::super::epochs::Course;
use super::super::network::NETWORK_OPTIONS;
use crate::estimator::{Allowed, Layout, OptionDef, OptionValue, Options};
use crate::registry::{flag, option};

/// The options of networks that modules take too.
const SHARED: &[&str] = &[
    "learning_rate",
    "learn_rate_schedule",
    "warmup_steps",
    "decay_epochs",
    "decay_factor",
    "batch_size",
    "max_iterations",
    "early_stop",
    "patience",
    "min_rel_progress",
    "clip_norm",
];

/// What is only told: it stands among the options of the model and the parameters of the run.
const TOLD: &[(&str, &str)] = &[
    ("module", "the module, as it prints"),
    ("loss", "the loss that it was trained with"),
    ("optimizer", "how its parameters followed their gradients"),
    ("precision", "the short float that products were taken of, if not of the module's own"),
];

/// The options of every module. All epochs are trained, unless early_stop is asked for.
pub(super) fn definitions() -> &'static [OptionDef] {
    static OPTIONS: LazyLock<Vec<OptionDef>> = LazyLock::new(|| {
        let shared = NETWORK_OPTIONS.iter().filter(|def| SHARED.contains(&def.name)).cloned();
        let shared = shared.map(|def| match def.name {
            "early_stop" => OptionDef { default: OptionValue::Bool(false), ..def },
            _ => def,
        });
        let told = TOLD.iter().map(|(name, help)| OptionDef {
            name,
            default: OptionValue::Text(""),
            allowed: Allowed::Any,
            only_with: None,
            help,
        });
        shared.chain(told).collect()
    });
    &OPTIONS
}

/// How long a training goes on. Errors: `Plan` for an option that is missing.
pub(super) fn course(layout: &Layout, options: &Options, seed: u64) -> Result<Course> {
    Ok(Course {
        batch_rows: option(options, "batch_size")? as usize,
        epochs_max: option(options, "max_iterations")? as u64,
        early_stop: flag(options, "early_stop")?,
        patience: option(options, "patience")? as u64,
        min_rel_progress: option(options, "min_rel_progress")?,
        seed,
        evaluates: layout.eval_rows > 0,
    })
}

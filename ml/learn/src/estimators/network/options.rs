//! The options of networks, and what is made of them.

use gradframe_ml_core::{Error, Result};

use crate::estimator::{Allowed, Layout, OptionDef, OptionValue, Options, With};
use crate::minibatch::Cut;
use crate::nn::{Activation, Network};
use crate::optim::{Adagrad, Adam, AdamW, Decay, RmsProp, Schedule, Setting, Sgd, UpdateRule};
use crate::registry::{flag, integers, option, word};

const OPTIMIZERS: &[&str] = &["adam", "adamw", "sgd", "rmsprop", "adagrad"];
const SCHEDULES: &[&str] = &["constant", "step", "exponential", "linear", "cosine"];

/// The options of every network.
pub(crate) const NETWORK_OPTIONS: &[OptionDef] = &[
    OptionDef {
        name: "hidden_units",
        default: OptionValue::Ints(&[64, 32]),
        allowed: Allowed::AtLeast(1.0),
        only_with: None,
        help: "units of each hidden layer, from the input on: [64, 32]",
    },
    OptionDef {
        name: "activation_fn",
        default: OptionValue::Text("relu"),
        allowed: Allowed::OneOf(Activation::NAMES),
        only_with: None,
        help: "the function after each hidden layer",
    },
    OptionDef {
        name: "dropout",
        default: OptionValue::Float(0.0),
        allowed: Allowed::Within(0.0, 1.0),
        only_with: None,
        help: "the part of hidden units that is silent in each step of training",
    },
    OptionDef {
        name: "batch_norm",
        default: OptionValue::Bool(false),
        allowed: Allowed::Any,
        only_with: None,
        help: "normalises each hidden layer over the batch; prediction uses running statistics",
    },
    OptionDef {
        name: "optimizer",
        default: OptionValue::Text("adam"),
        allowed: Allowed::OneOf(OPTIMIZERS),
        only_with: None,
        help: "how parameters follow their gradients",
    },
    OptionDef {
        name: "learning_rate",
        default: OptionValue::Float(0.001),
        allowed: Allowed::MoreThan(0.0),
        only_with: None,
        help: "the highest learning rate",
    },
    OptionDef {
        name: "learn_rate_schedule",
        default: OptionValue::Text("constant"),
        allowed: Allowed::OneOf(SCHEDULES),
        only_with: None,
        help: "how the learning rate falls: times decay_factor each decay_epochs at once (step) or evenly (exponential), \
               or to 0 by the last of max_iterations (linear, cosine)",
    },
    OptionDef {
        name: "warmup_steps",
        default: OptionValue::Int(0),
        allowed: Allowed::AtLeast(0.0),
        only_with: None,
        help: "updates over which the learning rate rises from near 0 before it falls",
    },
    OptionDef {
        name: "decay_epochs",
        default: OptionValue::Float(10.0),
        allowed: Allowed::MoreThan(0.0),
        only_with: Some(With { option: "learn_rate_schedule", is: &["step", "exponential"] }),
        help: "epochs after which the step and exponential schedules have multiplied the rate by decay_factor",
    },
    OptionDef {
        name: "decay_factor",
        default: OptionValue::Float(0.1),
        allowed: Allowed::MoreThan(0.0),
        only_with: Some(With { option: "learn_rate_schedule", is: &["step", "exponential"] }),
        help: "what the step and exponential schedules multiply the learning rate by",
    },
    OptionDef {
        name: "momentum",
        default: OptionValue::Float(0.0),
        allowed: Allowed::Within(0.0, 1.0),
        only_with: Some(With { option: "optimizer", is: &["sgd", "rmsprop"] }),
        help: "of sgd and rmsprop: the part of the last step that goes on",
    },
    OptionDef {
        name: "nesterov",
        default: OptionValue::Bool(false),
        allowed: Allowed::Any,
        only_with: Some(With { option: "optimizer", is: &["sgd"] }),
        help: "of sgd: momentum that looks ahead",
    },
    OptionDef {
        name: "batch_size",
        default: OptionValue::Int(256),
        allowed: Allowed::AtLeast(1.0),
        only_with: None,
        help: "rows of a mini-batch",
    },
    OptionDef {
        name: "max_iterations",
        default: OptionValue::Int(20),
        allowed: Allowed::AtLeast(1.0),
        only_with: None,
        help: "epochs at most: passes over the training rows",
    },
    OptionDef {
        name: "early_stop",
        default: OptionValue::Bool(true),
        allowed: Allowed::Any,
        only_with: None,
        help: "stops when the evaluation loss (without evaluation rows the training loss) has not improved for \
               `patience` epochs, and keeps the weights of the epoch with the least evaluation loss",
    },
    OptionDef {
        name: "patience",
        default: OptionValue::Int(3),
        allowed: Allowed::AtLeast(1.0),
        only_with: Some(With { option: "early_stop", is: &["true"] }),
        help: "epochs without progress after which early_stop stops",
    },
    OptionDef {
        name: "min_rel_progress",
        default: OptionValue::Float(0.001),
        allowed: Allowed::Within(0.0, 1.0),
        only_with: Some(With { option: "early_stop", is: &["true"] }),
        help: "the part by which a loss must fall below the least so far to count as progress",
    },
    OptionDef {
        name: "l1_reg",
        default: OptionValue::Float(0.0),
        allowed: Allowed::AtLeast(0.0),
        only_with: None,
        help: "adds l1_reg * sum of |weight| to the mean loss (biases excepted)",
    },
    OptionDef {
        name: "l2_reg",
        default: OptionValue::Float(0.0),
        allowed: Allowed::AtLeast(0.0),
        only_with: None,
        help: "adds l2_reg / 2 * sum of squared weights to the mean loss (biases excepted); of adamw, its weight decay",
    },
    OptionDef {
        name: "clip_norm",
        default: OptionValue::Float(0.0),
        allowed: Allowed::AtLeast(0.0),
        only_with: None,
        help: "scales gradients down to this Euclidean norm; 0 leaves them as they are",
    },
];

/// The options of a training, read.
#[derive(Debug)]
pub(super) struct Settings {
    pub rule: Box<dyn UpdateRule>,
    pub schedule: Schedule,
    pub batch_rows: usize,
    pub epochs_max: u64,
    pub early_stop: bool,
    pub patience: u64,
    pub min_rel_progress: f64,
    pub l1_reg: f64,
    /// 0 where the rule decays weights itself.
    pub l2_reg: f64,
    pub clip_norm: f64,
}

impl Settings {
    /// Errors: `Plan` for an option that is missing, and for batch normalisation of batches of one row.
    pub fn of(layout: &Layout, options: &Options) -> Result<Self> {
        let batch_rows = option(options, "batch_size")? as usize;
        if batch_rows == 1 && flag(options, "batch_norm")? {
            let error = Error::plan("train", "`batch_norm` with `batch_size = 1`: one row has no variance");
            return Err(error.hint("take a larger batch_size, or leave batch_norm away"));
        }
        let batches = Cut { rows: layout.rows as usize, batch_rows }.batches() as f64;
        let decoupled = word(options, "optimizer")?.eq_ignore_ascii_case("adamw");
        Ok(Settings {
            rule: rule(options)?,
            schedule: schedule(options, batches)?,
            batch_rows,
            epochs_max: option(options, "max_iterations")? as u64,
            early_stop: flag(options, "early_stop")?,
            patience: option(options, "patience")? as u64,
            min_rel_progress: option(options, "min_rel_progress")?,
            l1_reg: option(options, "l1_reg")?,
            l2_reg: if decoupled { 0.0 } else { option(options, "l2_reg")? },
            clip_norm: option(options, "clip_norm")?,
        })
    }
}

/// The network of these options. Errors: `Plan` for an option that is missing.
pub(super) fn network(options: &Options, dense: usize, categories: Vec<usize>, outputs: Option<usize>) -> Result<Network> {
    let name = word(options, "activation_fn")?;
    let activation = Activation::named(name).ok_or_else(|| Error::plan("train", format!("unknown activation `{name}`")))?;
    let hidden = integers(options, "hidden_units")?.into_iter().map(|units| units as usize).collect();
    let (dropout, batch_norm) = (option(options, "dropout")?, flag(options, "batch_norm")?);
    Ok(Network { dense, categories, hidden, activation, dropout, batch_norm, outputs })
}

fn rule(options: &Options) -> Result<Box<dyn UpdateRule>> {
    let momentum = option(options, "momentum")?.into();
    let epsilon = Setting::Known(1e-8);
    let adam = Adam::PUBLISHED;
    Ok(match word(options, "optimizer")?.to_ascii_lowercase().as_str() {
        "adam" => Box::new(adam),
        "adamw" => Box::new(AdamW { adam, weight_decay: option(options, "l2_reg")?.into() }),
        "sgd" => Box::new(Sgd { momentum, nesterov: flag(options, "nesterov")?, ..Sgd::PLAIN }),
        "rmsprop" => Box::new(RmsProp { decay: 0.99.into(), momentum, epsilon, centered: false }),
        "adagrad" => Box::new(Adagrad { rate_decay: Setting::NONE, epsilon: 1e-10.into() }),
        other => return Err(Error::plan("train", format!("unknown optimizer `{other}`"))),
    })
}

/// The learning rate of these options, where an epoch has so many batches. Errors: `Plan` for an option that is missing.
pub(crate) fn schedule(options: &Options, batches: f64) -> Result<Schedule> {
    let warmup_steps = option(options, "warmup_steps")?;
    let (every, factor) = (option(options, "decay_epochs")? * batches, option(options, "decay_factor")?);
    let steps = option(options, "max_iterations")? * batches - warmup_steps;
    let decay = match word(options, "learn_rate_schedule")?.to_ascii_lowercase().as_str() {
        "constant" => Decay::Constant,
        "step" => Decay::Step { every, factor },
        "exponential" => Decay::Exponential { every, factor },
        "linear" => Decay::Linear { steps },
        "cosine" => Decay::Cosine { steps },
        other => return Err(Error::plan("train", format!("unknown schedule `{other}`"))),
    };
    Ok(Schedule { rate: option(options, "learning_rate")?, warmup_steps, decay })
}

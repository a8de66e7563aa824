//! One vector of a text from those of its tokens: sentence-transformers' modules after the network. Source: Reimers and Gurevych 2019.

use std::path::{Component, Path};

use gradframe_ml_core::graph::DotDims;
use gradframe_ml_core::{DType, Error, NodeId, Result};
use serde_json::Value;

use crate::config::Config;
use crate::files::Directory;
use crate::net::Net;
use crate::rows::Rows;
use crate::weights::{Weights, as_f32};

const OP: &str = "modules.json";
/// A vector shorter than this is not stretched to length 1.
const LENGTH_MIN: f64 = 1e-12;

/// The modules after the network, in order.
#[derive(Debug)]
pub struct Pooling {
    modes: Vec<Mode>,
    after: Vec<Step>,
    /// Numbers of a token.
    width: usize,
    /// Whether the tokens of a prompt count as the text's own do.
    includes_prompt: bool,
}

/// How tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    First,
    Last,
    Max,
    Mean,
    MeanByRoot,
    MeanByPlace,
}

#[derive(Debug)]
enum Step {
    /// To length 1.
    Normalize,
    /// A layer of its own, with its activation.
    Dense { weights: Weights, sizes: [usize; 2], bias: bool, activation: &'static str },
}

/// By the names of `1_Pooling/config.json`, in the order in which several are joined.
const MODES: &[(&str, &str, Mode)] = &[
    ("pooling_mode_cls_token", "cls", Mode::First),
    ("pooling_mode_max_tokens", "max", Mode::Max),
    ("pooling_mode_mean_tokens", "mean", Mode::Mean),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Mode::MeanByRoot),
    ("pooling_mode_weightedmean_tokens", "weightedmean", Mode::MeanByPlace),
    ("pooling_mode_lasttoken", "lasttoken", Mode::Last),
];

impl Pooling {
    /// As `modules.json` says; without one, the mean.
    pub fn read(root: &Directory, width: usize) -> Result<Self> {
        let mut pooling = Pooling { modes: vec![Mode::Mean], after: Vec::new(), width, includes_prompt: true };
        let modules = root.json("modules.json")?;
        let modules = modules.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for module in modules {
            let text = |name: &str| module.get(name).and_then(Value::as_str).unwrap_or_default();
            let kind = text("type").rsplit('.').next().unwrap_or_default();
            match kind {
                "Transformer" => {}
                "Pooling" => (pooling.modes, pooling.includes_prompt) = modes(root, text("path"))?,
                "Normalize" => pooling.after.push(Step::Normalize),
                "Dense" => pooling.after.push(dense(root, text("path"))?),
                "Dropout" => {} // does nothing but in training
                other => {
                    let known = "Transformer, Pooling, Normalize, Dense, Dropout";
                    return Err(Error::not_implemented(OP, format!("unknown module `{other}`, expected one of {known}")));
                }
            }
        }
        Ok(pooling)
    }

    /// Numbers of the vector.
    pub fn width(&self) -> usize {
        let dense = self.after.iter().rev().find_map(|step| match step {
            Step::Dense { sizes, .. } => Some(sizes[1]),
            Step::Normalize => None,
        });
        dense.unwrap_or(self.modes.len() * self.width)
    }

    /// True if vectors have length 1.
    pub fn normalizes(&self) -> bool {
        matches!(self.after.last(), Some(Step::Normalize))
    }

    /// Whether the tokens of a prompt count as the text's own do.
    pub fn includes_prompt(&self) -> bool {
        self.includes_prompt
    }

    /// [B, T, C] -> [B, D]; the first `skipped` tokens are left out, and `normalize` adds that step if it is not the last one.
    pub fn apply(&self, net: &mut Net, rows: &Rows, hidden: NodeId, (skipped, normalize): (usize, bool)) -> Result<NodeId> {
        let counts = counting(net, rows, skipped)?;
        let pooled = self.modes.iter().map(|mode| mode.apply(net, rows, hidden, counts)).collect::<Result<Vec<_>>>()?;
        let mut x = if let [one] = pooled[..] { one } else { net.g.concat(&pooled, 1)? };
        for step in &self.after {
            x = step.apply(net, x)?;
        }
        if normalize && !self.normalizes() { Step::Normalize.apply(net, x) } else { Ok(x) }
    }
}

/// Which tokens count, [B, T, 1]: those of the text, without the first `skipped`.
fn counting(net: &mut Net, rows: &Rows, skipped: usize) -> Result<NodeId> {
    let g = &mut net.g;
    let mut counts = rows.counts(g)?;
    if skipped > 0 {
        let first = g.scalar_like(rows.positions, skipped as f64)?;
        let behind = g.ge(rows.positions, first)?;
        counts = g.and(counts, behind)?;
    }
    g.insert_axis(counts, 2)
}

impl Mode {
    /// `counts` [B, T, 1] is true where a token counts.
    fn apply(self, net: &mut Net, rows: &Rows, x: NodeId, counts: NodeId) -> Result<NodeId> {
        let g = &mut net.g;
        match self {
            Mode::First => net.first_token(x),
            Mode::Last => rows.last_token(g, x),
            Mode::Max => {
                let lowest = g.scalar_like(x, f64::NEG_INFINITY)?;
                let only = g.select(counts, x, lowest)?;
                g.max_over(only, &[1])
            }
            Mode::Mean | Mode::MeanByRoot | Mode::MeanByPlace => {
                let weights = self.weights(net, rows, counts)?;
                let g = &mut net.g;
                let zero = g.scalar_like(x, 0.0)?;
                let only = g.select(counts, x, zero)?;
                let weighed = g.mul(only, weights)?;
                let (sum, total) = (g.sum(weighed, &[1])?, g.sum(weights, &[1])?);
                let total = if self == Mode::MeanByRoot { g.sqrt(total)? } else { total };
                let least = g.scalar_like(total, 1e-9)?;
                let total = g.max(total, least)?;
                g.div(sum, total)
            }
        }
    }

    /// What each token counts: [B, T, 1], 0 behind the end.
    fn weights(self, net: &mut Net, rows: &Rows, counts: NodeId) -> Result<NodeId> {
        let g = &mut net.g;
        let ones = g.cast(counts, DType::F32)?;
        if self != Mode::MeanByPlace {
            return Ok(ones);
        }
        let places = g.cast(rows.positions, DType::F32)?;
        let one = g.scalar_like(places, 1.0)?;
        let from_one = g.add(places, one)?;
        let from_one = g.insert_axis(from_one, 2)?;
        g.mul(from_one, ones)
    }
}

impl Step {
    /// [B, D] -> [B, E].
    fn apply(&self, net: &mut Net, x: NodeId) -> Result<NodeId> {
        match self {
            Step::Normalize => {
                let g = &mut net.g;
                let squares = g.mul(x, x)?;
                let sum = g.sum_keep(squares, &[1])?;
                let length = g.sqrt(sum)?;
                let least = g.scalar_like(length, LENGTH_MIN)?;
                let length = g.max(length, least)?;
                g.div(x, length)
            }
            Step::Dense { weights, sizes: [inputs, outputs], bias, activation } => {
                net.takes_from(weights);
                let matrix = net.g.constant(as_f32(&weights.tensor("linear.weight", &[*outputs, *inputs])?)?);
                let dims = DotDims { batch: Default::default(), contract: [(1, 1)].into_iter().collect() };
                let mut y = net.g.dot(x, matrix, dims)?;
                if *bias {
                    let bias = net.g.constant(as_f32(&weights.tensor("linear.bias", &[*outputs])?)?);
                    y = net.g.add(y, bias)?;
                }
                if *activation == "identity" { Ok(y) } else { net.activation(activation, y) }
            }
        }
    }
}

/// The modes of a pooling, and whether the tokens of a prompt count.
fn modes(root: &Directory, path: &str) -> Result<(Vec<Mode>, bool)> {
    let config = Config::read(root, &format!("{}/config.json", folder(path)?))?;
    let includes_prompt = config.flag_or("include_prompt", true)?;
    if let Some(named) = config.get("pooling_mode") {
        return Ok((named_modes(&config, named)?, includes_prompt));
    }
    let mut found = Vec::new();
    for (name, _, mode) in MODES {
        if config.flag_or(name, false)? {
            found.push(*mode);
        }
    }
    match found.is_empty() {
        true => Err(config.wrong("pooling_mode_mean_tokens", "some mode to be true", None)),
        false => Ok((found, includes_prompt)),
    }
}

/// One name, or a list of them, in the order in which sentence-transformers joins them.
fn named_modes(config: &Config, named: &Value) -> Result<Vec<Mode>> {
    let wrong = || config.wrong("pooling_mode", "cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken", Some(named));
    let names = named.as_array().map_or(std::slice::from_ref(named), Vec::as_slice);
    let mode = |name: &Value| MODES.iter().find(|(_, short, _)| Some(*short) == name.as_str()).map(|(_, _, mode)| *mode);
    let found = names.iter().map(mode).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}

fn dense(root: &Directory, path: &str) -> Result<Step> {
    let path = folder(path)?;
    let config = Config::read(root, &format!("{path}/config.json"))?;
    let weights = Weights::open(&Directory::open(&root.path().join(&path))?)?;
    let name = config.text_or("activation_function", "torch.nn.modules.activation.Tanh")?;
    let activation = match name.rsplit('.').next().unwrap_or_default() {
        "Identity" => "identity",
        "Tanh" => "tanh",
        "ReLU" => "relu",
        "GELU" => "gelu",
        "SiLU" => "silu",
        other => return Err(Error::not_implemented(OP, format!("a dense module with activation `{other}`"))),
    };
    let sizes = [config.count("in_features")?, config.count("out_features")?];
    Ok(Step::Dense { weights, sizes, bias: config.flag_or("bias", true)?, activation })
}

/// A plain folder name: a module does not lead out of its directory.
pub fn folder(path: &str) -> Result<String> {
    let mut parts = Path::new(path).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Ok(path.to_owned()),
        _ => Err(Error::execution(OP, format!("expected the name of a folder, got `{path}`"))),
    }
}

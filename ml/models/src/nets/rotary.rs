//! Rotary positions: each pair of numbers of a head is turned by an angle that grows with the token's place. Pairs are one half
//! beside the other. Source: Su et al. 2021; scaled for longer texts as Llama 3.1 does (Grattafiori et al. 2024), or by YaRN (Peng et al. 2023).

use std::f64::consts::TAU;

use gradframe_ml_core::{DType, Dim, Error, NodeId, Result, Shape, Tensor};

use crate::config::Config;
use crate::net::Net;

/// How fast each pair turns.
#[derive(Debug, Clone)]
pub struct Rotary {
    /// Radians a token, of each pair.
    speeds: Vec<f32>,
    /// What turned pairs are multiplied by.
    strength: f32,
}

impl Rotary {
    /// For heads of `width` numbers. Errors: `Execution` if that is odd; `NotImplemented` naming a scaling that is not known.
    pub fn read(config: &Config, width: usize) -> Result<Self> {
        if width == 0 || !width.is_multiple_of(2) {
            return Err(Error::execution("model", format!("rotary positions: expected heads of an even width, got {width}")));
        }
        // transformers 5 keeps all of it in `rope_parameters`.
        let parameters = config.nested("rope_parameters");
        let base = match &parameters {
            Some(own) if own.get("rope_theta").is_some() => own.number_or("rope_theta", 10_000.0)?,
            _ => config.number_or("rope_theta", 10_000.0)?,
        };
        let plain = (0..width / 2).map(|i| 1.0 / (base as f32).powf(2.0 * i as f32 / width as f32));
        let speeds: Vec<f32> = plain.collect();
        let scaling = parameters.or_else(|| config.nested("rope_scaling"));
        let plain = Rotary { speeds, strength: 1.0 };
        match scaling {
            Some(scaling) if kind(&scaling)? == "yarn" => plain.by_yarn(&scaling, base, config),
            Some(scaling) => Ok(Rotary { speeds: scaled(plain.speeds, &scaling)?, ..plain }),
            None => Ok(plain),
        }
    }

    /// Pairs that turn often within the context keep their speed, those that do not get around go slower by `factor`, and what lies
    /// between is between; the longer the context, the stronger the scores.
    fn by_yarn(self, scaling: &Config, base: f64, config: &Config) -> Result<Self> {
        let whole = config.number_or("max_position_embeddings", 2048.0)?;
        let context = scaling.number_or("original_max_position_embeddings", whole)?;
        let factor = scaling.number_or("factor", whole / context)?;
        let of_log = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
        let strength = match (scaling.number_or("mscale", 0.0)?, scaling.number_or("mscale_all_dim", 0.0)?) {
            _ if scaling.get("attention_factor").is_some() => scaling.number_or("attention_factor", 1.0)?,
            (own, all) if own != 0.0 && all != 0.0 => of_log(own) / of_log(all),
            _ => of_log(1.0),
        };
        let width = 2.0 * self.speeds.len() as f64;
        let pair_of = |turns: f64| width * (context / (turns * TAU)).ln() / (2.0 * base.ln());
        let (fast, slow) = (pair_of(scaling.number_or("beta_fast", 32.0)?), pair_of(scaling.number_or("beta_slow", 1.0)?));
        let whole_pairs = scaling.flag_or("truncate", true)?;
        let (fast, slow) = if whole_pairs { (fast.floor(), slow.ceil()) } else { (fast, slow) };
        let (fast, slow) = (fast.max(0.0), slow.min(width - 1.0));
        let span = if fast == slow { 0.001 } else { slow - fast };
        let slower = |(i, speed): (usize, f32)| {
            let share = ((i as f64 - fast) / span).clamp(0.0, 1.0);
            (f64::from(speed) * (share / factor + 1.0 - share)) as f32
        };
        let speeds = self.speeds.into_iter().enumerate().map(slower).collect();
        Ok(Rotary { speeds, strength: strength as f32 })
    }

    /// Turns x [B, T, H, D] by the places [B, T] of its tokens.
    pub fn turn(&self, net: &mut Net, x: NodeId, positions: NodeId) -> Result<NodeId> {
        let g = &mut net.g;
        let (own, half) = (g.ty(x).shape.clone(), self.speeds.len());
        let pairs = Shape::new(own.dims()[..3].iter().cloned().chain([Dim::fixed(2), Dim::fixed(half)]));
        let places = Shape::new(g.ty(positions).shape.dims().iter().cloned().chain([1, 1, 1].map(Dim::fixed)));
        let places = g.reshape(positions, &places)?;
        let places = g.cast(places, DType::F32)?;
        let speeds = g.constant(Tensor::from_vec(&[half], self.speeds.clone())?);
        let angles = g.mul(places, speeds)?; // [B, T, 1, 1, D / 2]
        let (mut cos, mut sin) = (g.cos(angles)?, g.sin(angles)?);
        if self.strength != 1.0 {
            let strength = g.scalar_like(cos, f64::from(self.strength))?;
            (cos, sin) = (g.mul(cos, strength)?, g.mul(sin, strength)?);
        }
        let signs = g.constant(Tensor::from_vec(&[2, 1], vec![-1.0f32, 1.0])?);
        let x = g.reshape(x, &pairs)?;
        let turned = g.flip(x, &[3])?;
        let turned = g.mul(turned, signs)?;
        let (along, across) = (g.mul(x, cos)?, g.mul(turned, sin)?);
        let sum = g.add(along, across)?;
        g.reshape(sum, &own)
    }
}

fn kind(scaling: &Config) -> Result<&str> {
    scaling.text_or("rope_type", scaling.text_or("type", "default")?)
}

fn scaled(speeds: Vec<f32>, scaling: &Config) -> Result<Vec<f32>> {
    let name = kind(scaling)?;
    let factor = scaling.number_or("factor", 1.0)?;
    match name {
        "default" => Ok(speeds),
        "linear" => Ok(speeds.into_iter().map(|s| s / factor as f32).collect()),
        "llama3" => {
            let low = scaling.number_or("low_freq_factor", 1.0)?;
            let high = scaling.number_or("high_freq_factor", 4.0)?;
            let context = scaling.number_or("original_max_position_embeddings", 8192.0)?;
            Ok(speeds.into_iter().map(|s| by_wavelength(s, factor, [low, high], context)).collect())
        }
        other => {
            let what = format!("rotary positions scaled by `{other}`, expected default, linear, llama3 or yarn");
            Err(Error::not_implemented("model", what))
        }
    }
}

/// Slow pairs go slower by `factor`, fast ones as before, those between in between.
fn by_wavelength(speed: f32, factor: f64, [low, high]: [f64; 2], context: f64) -> f32 {
    let wavelength = TAU / f64::from(speed);
    if wavelength < context / high {
        return speed;
    }
    if wavelength > context / low {
        return (f64::from(speed) / factor) as f32;
    }
    let smooth = (context / wavelength - low) / (high - low);
    ((1.0 - smooth) * f64::from(speed) / factor + smooth * f64::from(speed)) as f32
}

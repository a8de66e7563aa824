//! Rotary positions: each pair of numbers of a head is turned by an angle that grows with the token's place. Pairs are one half
//! beside the other. Source: Su et al. 2021; scaled for longer texts as Llama 3.1 does (Grattafiori et al. 2024).

use std::f64::consts::TAU;

use gradframe_ml_core::{DType, Dim, Error, NodeId, Result, Shape, Tensor};

use crate::config::Config;
use crate::net::Net;

/// How fast each pair turns.
#[derive(Debug, Clone)]
pub struct Rotary {
    /// Radians a token, of each pair.
    speeds: Vec<f32>,
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
        match scaling {
            Some(scaling) => Ok(Rotary { speeds: scaled(speeds, &scaling)? }),
            None => Ok(Rotary { speeds }),
        }
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
        let (cos, sin) = (g.cos(angles)?, g.sin(angles)?);
        let signs = g.constant(Tensor::from_vec(&[2, 1], vec![-1.0f32, 1.0])?);
        let x = g.reshape(x, &pairs)?;
        let turned = g.flip(x, &[3])?;
        let turned = g.mul(turned, signs)?;
        let (along, across) = (g.mul(x, cos)?, g.mul(turned, sin)?);
        let sum = g.add(along, across)?;
        g.reshape(sum, &own)
    }
}

fn scaled(speeds: Vec<f32>, scaling: &Config) -> Result<Vec<f32>> {
    let name = scaling.text_or("rope_type", scaling.text_or("type", "default")?)?;
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
            let what = format!("rotary positions scaled by `{other}`, expected default, linear or llama3");
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

//! Fourier transforms of real numbers, and shifts of their results.

use gradframe_ml_core::complex::{Complex, FftNorm};
use gradframe_ml_core::{Dim, Graph, NodeId, Result};

use super::arguments::{Arguments, axis, unknown};

/// The counterpart of a transform.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let Some(name) = op.strip_prefix("fft.") else { return Err(unknown()) };
    let x = a.tensor(0, "")?;
    let value = match name {
        "fftshift" => shifted(g, a, x, |n| n.div_ceil(2))?,
        "ifftshift" => shifted(g, a, x, |n| n / 2)?,
        "hfft" | "hfft2" | "hfftn" => hermitian(g, a, x, false, name)?,
        "irfft" | "irfft2" | "irfftn" => hermitian(g, a, x, true, name)?,
        _ => return Err(unknown()),
    };
    Ok(vec![value])
}

fn axes(a: &Arguments, rank: usize) -> Result<Vec<usize>> {
    match a.named("dim").integers() {
        Some(list) => list.iter().map(|&d| axis(d, rank).ok_or_else(unknown)).collect(),
        None => Ok((0..rank).collect()),
    }
}

fn shifted(g: &mut Graph, a: &Arguments, x: NodeId, cut: fn(usize) -> usize) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    axes(a, own.len())?.into_iter().try_fold(x, |x, at| {
        let (n, cut) = (own[at], cut(own[at]));
        let (tail, head) = (g.slice_axis(x, at, cut, Dim::fixed(n))?, g.slice_axis(x, at, 0, Dim::fixed(cut))?);
        g.concat(&[tail, head], at)
    })
}

/// The transform of what is half of a Hermitian spectrum along the last of the axes, plain along the others.
fn hermitian(g: &mut Graph, a: &Arguments, x: NodeId, inverse: bool, name: &str) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    let norm = match a.text(9, "norm").as_deref() {
        Some("ortho") => FftNorm::Ortho,
        None | Some("backward") => FftNorm::Backward,
        Some(_) => FftNorm::Forward,
    };
    let (axes, sizes) = match (name.ends_with("2"), name.ends_with("n"), a.named("dim").integers()) {
        (false, false, dim) => {
            let at = axis(dim.map_or(-1, |d| d[0]), rank).ok_or_else(unknown)?;
            (vec![at], a.named("n").integer().map(|n| vec![n as usize]))
        }
        (two, _, None) => {
            let first = if two { rank - 2 } else { 0 };
            ((first..rank).collect(), a.named("s").integers().map(|s| s.iter().map(|&n| n as usize).collect()))
        }
        (_, _, Some(list)) => {
            let axes = list.iter().map(|&d| axis(d, rank).ok_or_else(unknown)).collect::<Result<Vec<_>>>()?;
            (axes, a.named("s").integers().map(|s| s.iter().map(|&n| n as usize).collect()))
        }
    };
    let mut z = Complex::from_real(g, x)?;
    let (last, rest) = axes.split_last().ok_or_else(unknown)?;
    for (i, &at) in rest.iter().enumerate() {
        let size = sizes.as_ref().map(|s: &Vec<usize>| s[i]);
        z = if inverse { z.ifft(g, at, size, norm)? } else { z.fft(g, at, size, norm)? };
    }
    let size = sizes.as_ref().and_then(|s| s.last().copied());
    if inverse { z.irfft(g, *last, size, norm) } else { z.hfft(g, *last, size, norm) }
}

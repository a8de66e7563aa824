//! Rows of the proof table: both parts in, both parts out.

use super::{Complex, FftNorm};
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::proof::{Row, floats, others};

type Of = fn(&mut Graph, Complex, Complex) -> Result<Complex>;

pub fn rows() -> Vec<Row> {
    let cases: Vec<(&'static str, Of)> = vec![
        ("product", |g, a, b| a.mul(g, b)),
        ("quotient", |g, a, b| a.div(g, b)),
        ("power", |g, a, b| a.pow(g, b)),
        ("exponential and root", |g, a, b| {
            let (exp, root) = (a.exp(g)?, b.sqrt(g)?);
            exp.sub(g, root)
        }),
        ("hyperbolic and circular", |g, a, b| {
            let (tanh, tan) = (a.tanh(g)?, b.tan(g)?);
            tanh.add(g, tan)
        }),
        ("sign of the product along an axis", |g, a, b| {
            let whole = Complex { re: g.concat(&[a.re, b.re], 0)?, im: g.concat(&[a.im, b.im], 0)? };
            whole.prod(g, 0)?.sign(g)
        }),
        ("transform", |g, a, _| a.fft(g, 0, Some(5), FftNorm::Ortho)),
        ("inverse transform", |g, a, _| a.ifft(g, 1, Some(2), FftNorm::Backward)),
        ("spectrum of real numbers", |g, a, _| {
            let half = Complex::rfft(g, a.re, 1, None, FftNorm::Forward)?;
            let back = half.irfft(g, 1, Some(3), FftNorm::Backward)?;
            Complex::new(g, back, a.im)
        }),
        ("matrices", |g, a, b| {
            let turned = b.adjoint(g)?;
            a.matmul(g, turned)?.inv(g)
        }),
        ("determinant and factor", |g, a, b| {
            let turned = b.adjoint(g)?;
            let square = a.matmul(g, turned)?;
            let adjoint = a.adjoint(g)?;
            let (det, factor) = (square.det(g)?, a.matmul(g, adjoint)?.cholesky(g)?);
            let det = det.each(g, |g, x| g.broadcast_to(x, &crate::Shape::fixed(&[2, 2])))?;
            det.mul(g, factor)
        }),
        ("least squares", |g, a, b| a.lstsq(g, b)),
    ];
    cases.into_iter().map(|(case, of)| row(case, of)).collect()
}

fn row(case: &'static str, of: Of) -> Row {
    let arguments = [floats(&[2, 3]), others(&[2, 3])];
    Row::new("call", case, arguments, move |g: &mut Graph, x: &[NodeId]| {
        // Parts that are no multiples of each other, well away from zero.
        let (re, im) = (g.plus_number(x[0], 1.4)?, g.plus_number(x[1], -0.3)?);
        let (a, b) = (Complex::new(g, re, im)?, Complex::new(g, im, re)?);
        let shifted = g.plus_number(b.re, 2.1)?;
        let b = Complex::new(g, shifted, b.im)?;
        of(g, a, b)?.pairs(g)
    })
    .wide()
}

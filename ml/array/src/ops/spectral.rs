//! Fourier transforms: the standard's `fft`.

use gradframe_ml_core::complex::{Complex, FftNorm};
use gradframe_ml_core::{DType, Error, Graph, Result};

use super::arguments::{axis_of, integers, text};
use super::value::{Value, operands};
use super::{Row, Values, one, row};
use crate::element::Element;
use crate::node::Args;

/// Their arguments are sizes (None: those of the axes), axes (None: all) and the norm.
pub const ROWS: &[Row] = &[
    row("fftn", |g, x, args| {
        let plan = Plan::of(g, "fftn", x, args)?;
        let mut z = complex(g, "fftn", x)?;
        for &(axis, size) in &plan.lines {
            z = z.fft(g, axis, size, plan.norm)?;
        }
        one(Value::Complex(z))
    }),
    row("ifftn", |g, x, args| {
        let plan = Plan::of(g, "ifftn", x, args)?;
        let mut z = complex(g, "ifftn", x)?;
        for &(axis, size) in &plan.lines {
            z = z.ifft(g, axis, size, plan.norm)?;
        }
        one(Value::Complex(z))
    }),
    row("rfftn", |g, x, args| {
        let plan = Plan::of(g, "rfftn", x, args)?;
        let Value::Real(node) = floats_of(g, "rfftn", x)? else {
            return Err(Error::dtype("rfftn", "expected real numbers").hint("fftn takes complex ones"));
        };
        let ((last, size), others) = plan.split("rfftn")?;
        let mut z = Complex::rfft(g, node, last, size, plan.norm)?;
        for &(axis, size) in others {
            z = z.fft(g, axis, size, plan.norm)?;
        }
        one(Value::Complex(z))
    }),
    row("irfftn", |g, x, args| {
        let plan = Plan::of(g, "irfftn", x, args)?;
        let ((last, size), others) = plan.split("irfftn")?;
        let mut z = complex(g, "irfftn", x)?;
        for &(axis, size) in others {
            z = z.ifft(g, axis, size, plan.norm)?;
        }
        one(Value::Real(z.irfft(g, last, size, plan.norm)?))
    }),
    row("hfft", |g, x, args| {
        let plan = Plan::of(g, "hfft", x, args)?;
        let ((axis, size), _) = plan.split("hfft")?;
        one(Value::Real(complex(g, "hfft", x)?.hfft(g, axis, size, plan.norm)?))
    }),
    row("ihfft", ihfft),
];

/// Which lines are transformed, and what they are divided by.
struct Plan {
    lines: Vec<(usize, Option<usize>)>,
    norm: FftNorm,
}

impl Plan {
    fn of(g: &Graph, op: &str, x: &[Value], args: &Args) -> Result<Self> {
        let [x] = operands(op, x)?;
        let (rank, sizes) = (x.rank(g), integers(op, args, 0)?);
        let axes: Vec<i64> = match (integers(op, args, 1)?, &sizes) {
            (Some(axes), _) => axes.to_vec(),
            (None, Some(sizes)) => (1..=sizes.len() as i64).rev().map(|i| -i).collect(),
            (None, None) => (0..rank as i64).collect(),
        };
        if sizes.as_ref().is_some_and(|sizes| sizes.len() != axes.len()) {
            return Err(Error::shape(op, format!("{} sizes for {} axes", sizes.map_or(0, |s| s.len()), axes.len())));
        }
        let norm = match text(op, args, 2)? {
            None | Some("backward") => FftNorm::Backward,
            Some("ortho") => FftNorm::Ortho,
            Some("forward") => FftNorm::Forward,
            Some(other) => return Err(Error::plan(op, format!("there is no norm `{other}`")).hint("backward, ortho, forward")),
        };
        let size = |i: usize| -> Result<Option<usize>> {
            let given = sizes.as_ref().map(|sizes| sizes[i]);
            let wrong = |n| Error::shape(op, format!("expected a size of 1 or more, got {n}"));
            given.map(|n| usize::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| wrong(n))).transpose()
        };
        let line = |(i, &axis): (usize, &i64)| Ok((axis_of(op, axis, rank)?, size(i)?));
        Ok(Plan { lines: axes.iter().enumerate().map(line).collect::<Result<_>>()?, norm })
    }

    /// The last line, and the others.
    #[allow(clippy::type_complexity)]
    fn split(&self, op: &str) -> Result<((usize, Option<usize>), &[(usize, Option<usize>)])> {
        let last = self.lines.split_last();
        last.map(|(last, others)| (*last, others)).ok_or_else(|| Error::shape(op, "expected an axis"))
    }
}

fn floats_of(g: &mut Graph, op: &str, x: &[Value]) -> Result<Value> {
    let [x] = operands(op, x)?;
    let own = x.element(g);
    let to = match own {
        Element::Real(DType::F16 | DType::BF16) => Element::FLOAT,
        own if own.is_differentiable() => own,
        _ => Element::FLOAT,
    };
    x.cast(g, to)
}

fn complex(g: &mut Graph, op: &str, x: &[Value]) -> Result<Complex> {
    match floats_of(g, op, x)? {
        Value::Complex(z) => Ok(z),
        Value::Real(x) => Complex::from_real(g, x),
    }
}

/// The conjugate of `rfft`, divided the other way round.
fn ihfft(g: &mut Graph, x: &[Value], args: &Args) -> Result<Values> {
    let plan = Plan::of(g, "ihfft", x, args)?;
    let Value::Real(node) = floats_of(g, "ihfft", x)? else {
        return Err(Error::dtype("ihfft", "expected real numbers"));
    };
    let ((axis, size), _) = plan.split("ihfft")?;
    let other_way = match plan.norm {
        FftNorm::Backward => FftNorm::Forward,
        FftNorm::Forward => FftNorm::Backward,
        FftNorm::Ortho => FftNorm::Ortho,
    };
    one(Value::Complex(Complex::rfft(g, node, axis, size, other_way)?.conj(g)?))
}

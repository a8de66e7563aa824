//! Fourier transforms of lines of pairs.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Each line of `n` pairs (re, im) by its transform, not scaled.
pub fn fft(lines: &[f64], n: usize, inverse: bool) -> Vec<f64> {
    if n == 0 {
        return lines.to_vec();
    }
    let mut planner = FftPlanner::new();
    let plan = if inverse { planner.plan_fft_inverse(n) } else { planner.plan_fft_forward(n) };
    let mut values: Vec<Complex<f64>> = lines.chunks_exact(2).map(|p| Complex::new(p[0], p[1])).collect();
    plan.process(&mut values);
    values.iter().flat_map(|z| [z.re, z.im]).collect()
}

//! Special functions of float64, that the standard library and `libm` do not have.
//! Formulas: NIST Digital Library of Mathematical Functions (DLMF), by section.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

const EULER: f64 = 0.577_215_664_901_532_9;

/// `e^(x^2) erfc(x)`. DLMF 7.2.3, 7.12.1.
pub fn erfcx(x: f64) -> f64 {
    if x < -26.7 {
        return f64::INFINITY;
    }
    if x < 8.0 {
        // The square in two parts, so that its rounding is not magnified by the exponential.
        let high = f64::from_bits(x.to_bits() & !0x7ff_ffff);
        let rest = (x - high) * (x + high);
        return (high * high).exp() * rest.exp() * libm::erfc(x);
    }
    let square = 1.0 / (2.0 * x * x);
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 0..20 {
        term *= -(f64::from(2 * k + 1)) * square;
        sum += term;
    }
    FRAC_2_SQRT_PI / 2.0 * sum / x
}

/// `e^-|x| I_n(x)` for n = 0 or 1, the modified Bessel function of the first kind. DLMF 10.25.2, 10.40.1.
pub fn bessel_ie(n: u8, x: f64) -> f64 {
    let size = x.abs();
    let value = if size <= 25.0 { (-size).exp() * ie_series(n, size) } else { ie_asymptotic(n, size) };
    if n == 1 && x < 0.0 { -value } else { value }
}

fn ie_series(n: u8, x: f64) -> f64 {
    let square = x * x / 4.0;
    let order = f64::from(n);
    let mut term = if n == 0 { 1.0 } else { x / 2.0 };
    let mut sum = term;
    for k in 1..200 {
        let k = f64::from(k);
        term *= square / (k * (k + order));
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn ie_asymptotic(n: u8, x: f64) -> f64 {
    if x.is_infinite() {
        return 0.0;
    }
    let mu = 4.0 * f64::from(n) * f64::from(n);
    let (mut term, mut sum) = (1.0f64, 1.0);
    for k in 1..60 {
        let odd = f64::from(2 * k - 1);
        let next = -term * (mu - odd * odd) / (f64::from(k) * 8.0 * x);
        if next.abs() >= term.abs() || next.abs() < 1e-18 {
            break;
        }
        term = next;
        sum += term;
    }
    sum / (2.0 * PI * x).sqrt()
}

/// `e^x K_n(x)` for n = 0 or 1, the modified Bessel function of the second kind: NaN below 0, infinite at 0.
/// The trapezoidal rule over DLMF 10.32.9, whose error falls as e^(-pi^2 / step), and for large x, where the integrand is
/// a narrow bell, as e^(-2 pi^2 / (x step^2)).
pub fn bessel_ke(n: u8, x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::INFINITY;
    }
    if x < 1e-8 {
        return (1.0 + x) * if n == 0 { -(x / 2.0).ln() - EULER } else { 1.0 / x };
    }
    if x > 50.0 {
        return ke_asymptotic(n, x);
    }
    let (order, step) = (f64::from(n), (0.5 / x).sqrt().min(0.2));
    let mut sum = 0.5;
    for k in 1..400 {
        let t = step * f64::from(k);
        let half = (t / 2.0).sinh();
        let exponent = 2.0 * x * half * half; // x (cosh t - 1)
        if exponent > 750.0 {
            break;
        }
        sum += (-exponent).exp() * (order * t).cosh();
    }
    sum * step
}

fn ke_asymptotic(n: u8, x: f64) -> f64 {
    let mu = 4.0 * f64::from(n) * f64::from(n);
    let (mut term, mut sum) = (1.0f64, 1.0);
    for k in 1..60 {
        let odd = f64::from(2 * k - 1);
        let next = term * (mu - odd * odd) / (f64::from(k) * 8.0 * x);
        if next.abs() >= term.abs() || next.abs() < 1e-18 {
            break;
        }
        term = next;
        sum += term;
    }
    sum * (PI / (2.0 * x)).sqrt()
}

/// Hurwitz's zeta function `sum_k (q + k)^-s`, s > 1. NaN for s < 1, and for q <= 0 where s is no whole number; infinite
/// at s = 1 and at poles. By Euler and Maclaurin: DLMF 25.11.5.
pub fn zeta(s: f64, q: f64) -> f64 {
    const TERMS: u32 = 12;
    // B_2k / (2k)!
    const WEIGHTS: [f64; 10] = [
        1.0 / 12.0,
        -1.0 / 720.0,
        1.0 / 30_240.0,
        -1.0 / 1_209_600.0,
        1.0 / 47_900_160.0,
        -691.0 / 1_307_674_368_000.0,
        1.0 / 74_724_249_600.0,
        -3_617.0 / 10_670_622_842_880_000.0,
        43_867.0 / 5_109_094_217_170_944_000.0,
        -174_611.0 / 802_857_662_698_291_200_000.0,
    ];
    if s == 1.0 {
        return f64::INFINITY;
    }
    if s.is_nan() || q.is_nan() || s < 1.0 {
        return f64::NAN;
    }
    if q <= 0.0 {
        if q == q.floor() {
            return f64::INFINITY;
        }
        if s != s.floor() {
            return f64::NAN;
        }
    }
    let mut sum = 0.0;
    let mut at = q;
    let mut done = 0;
    while done < TERMS || at <= 9.0 {
        sum += at.powf(-s);
        at += 1.0;
        done += 1;
    }
    sum += at.powf(1.0 - s) / (s - 1.0) + at.powf(-s) / 2.0;
    let mut factor = s * at.powf(-s - 1.0);
    for (k, weight) in WEIGHTS.iter().enumerate() {
        sum += weight * factor;
        let next = s + 2.0 * k as f64;
        factor *= (next + 1.0) * (next + 2.0) / (at * at);
    }
    sum
}

/// The regularised lower incomplete gamma function P(a, x). NaN for a < 0 or x < 0. DLMF 8.2.4.
pub fn igamma(a: f64, x: f64) -> f64 {
    incomplete(a, x).map_or_else(|edge| edge, |(lower, _)| lower)
}

/// The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), exact where that is small.
pub fn igammac(a: f64, x: f64) -> f64 {
    incomplete(a, x).map_or_else(|edge| 1.0 - edge, |(_, upper)| upper)
}

/// P and Q; Err(P) at the edges of the domain.
fn incomplete(a: f64, x: f64) -> Result<(f64, f64), f64> {
    if a.is_nan() || x.is_nan() || a < 0.0 || x < 0.0 || (a == 0.0 && x == 0.0) || (a.is_infinite() && x.is_infinite()) {
        return Err(f64::NAN);
    }
    if a == 0.0 || x.is_infinite() {
        return Err(1.0);
    }
    if x == 0.0 || a.is_infinite() {
        return Err(0.0);
    }
    // x^a e^-x / gamma(a + 1)
    let scale = if a > 200.0 { scale_of_large(a, x) } else { (a * x.ln() - x - libm::lgamma(a + 1.0)).exp() };
    if x < a + 1.0 {
        let lower = scale * lower_series(a, x);
        return Ok((lower, 1.0 - lower));
    }
    let upper = scale * a * upper_fraction(a, x);
    Ok((1.0 - upper, upper))
}

/// By Stirling's series around the peak, where the plain logarithms would cancel.
fn scale_of_large(a: f64, x: f64) -> f64 {
    let d = (x - a) / a;
    let log = a * (d.ln_1p() - d) - 0.5 * (2.0 * PI * a).ln() - 1.0 / (12.0 * a) + 1.0 / (360.0 * a * a * a);
    log.exp()
}

/// `sum_k x^k / ((a + 1) .. (a + k))`. DLMF 8.11.4.
fn lower_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut at) = (1.0, 1.0, a);
    for _ in 0..10_000 {
        at += 1.0;
        term *= x / at;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

/// The continued fraction of DLMF 8.9.2, by Lentz's method.
fn upper_fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut value = d;
    for k in 1..10_000 {
        let k = f64::from(k);
        let factor = -k * (k - a);
        b += 2.0;
        let below = factor * d + b;
        d = 1.0 / if below.abs() < TINY { TINY } else { below };
        let above = b + factor / c;
        c = if above.abs() < TINY { TINY } else { above };
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// The greatest common divisor of two whole numbers; 0 for two zeros.
pub fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 4e-14 * expected.abs().max(1e-300), "got {got:e}, expected {expected:e}");
    }

    /// Values from Abramowitz and Stegun's tables and identities, to the digits that they give.
    #[test]
    fn known_values() {
        near(zeta(2.0, 1.0), PI * PI / 6.0);
        near(zeta(4.0, 1.0), PI.powi(4) / 90.0);
        near(zeta(3.0, 0.5), 7.0 * 1.202_056_903_159_594_2);
        near(bessel_ie(0, 1.0) * 1f64.exp(), 1.266_065_877_752_008_4);
        near(bessel_ie(1, 1.0) * 1f64.exp(), 0.565_159_103_992_485);
        near(bessel_ke(0, 1.0) * (-1f64).exp(), 0.421_024_438_240_708_34);
        near(bessel_ke(1, 1.0) * (-1f64).exp(), 0.601_907_230_197_234_6);
        near(igamma(1.0, 2.0), 1.0 - (-2f64).exp());
        near(igammac(1.0, 30.0), (-30f64).exp());
        near(erfcx(0.0), 1.0);
    }

    /// Bessel's integral `1 / (2 pi) int cos(n t - x sin t) dt`, which the trapezoidal rule gives exactly.
    #[test]
    fn bessel_functions_of_the_first_kind_equal_their_integral() {
        let integral = |n: f64, x: f64| {
            (0..400).map(|k| PI * f64::from(k) / 200.0).map(|t| (n * t - x * t.sin()).cos()).sum::<f64>() / 400.0
        };
        for x in [-8.478_373_527_526_855, -4.3, 0.3, 2.4, 3.6, 7.9] {
            assert!((libm::j0(x) - integral(0.0, x)).abs() < 1e-14, "j0({x})");
            assert!((libm::j1(x) - integral(1.0, x)).abs() < 1e-14, "j1({x})");
        }
    }

    /// I_0 K_1 + I_1 K_0 = 1 / x (DLMF 10.28.2), over all ranges.
    #[test]
    fn bessel_functions_satisfy_their_wronskian() {
        for x in [1e-9, 1e-4, 0.3, 1.0, 7.5, 24.9, 25.1, 49.0, 51.0, 900.0] {
            near(bessel_ie(0, x) * bessel_ke(1, x) + bessel_ie(1, x) * bessel_ke(0, x), 1.0 / x);
        }
    }

    #[test]
    fn both_sides_of_the_switch_agree() {
        let slope = |x: f64| 2.0 * x * erfcx(x) - FRAC_2_SQRT_PI;
        near(erfcx(8.0 - 1e-7), erfcx(8.0 + 1e-7) - 2e-7 * slope(8.0));
        near(igamma(5.0, 5.999) + igammac(5.0, 5.999), 1.0);
        near(igamma(250.0, 240.0) + igammac(250.0, 240.0), 1.0);
    }
}

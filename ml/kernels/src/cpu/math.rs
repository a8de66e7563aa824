//! Exponential and logarithmic functions without branches, so that loops over them become vector instructions.
//!
//! Ranges are reduced by Cody and Waite's method; what is left is a polynomial by Horner's rule: Taylor's for f64, for f32 one of
//! fewer terms through Chebyshev's points. Only plain multiplications and additions are used, so that every instruction set gives the same bits. Errors are within about
//! 2 units in the last place over the whole range.

use std::f64::consts::LOG2_E;

/// 1/k! for k = 2..=13.
const FACTORIALS: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5040.0,
    1.0 / 40320.0,
    1.0 / 362880.0,
    1.0 / 3628800.0,
    1.0 / 39916800.0,
    1.0 / 479001600.0,
    1.0 / 6227020800.0,
];

macro_rules! exponentials {
    ($float:ident, $int:ident, $series:expr, $mantissa:literal, $bias:literal, $magic:literal, $ln2:expr, $least:literal, $most:literal) => {
        /// ln 2 in two parts: the first has few enough bits that small multiples of it are exact.
        const LN2: [$float; 2] = $ln2;
        /// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, in powers of r.
        const SERIES: [$float; $series.len()] = $series;
        /// Added to a number, it leaves the nearest integer in the lowest bits.
        const MAGIC: $float = $magic;

        /// 2^n for an integer n in the normal range.
        #[inline(always)]
        fn power_of_two(n: $int) -> $float {
            $float::from_bits((n.wrapping_add($bias) << $mantissa) as _)
        }

        /// x = n ln 2 + r with |r| <= ln 2 / 2, for |x| below the square root of the range of integers.
        #[inline(always)]
        fn reduced(x: $float) -> ($int, $float) {
            let shifted = x * (LOG2_E as $float) + MAGIC;
            let n = shifted - MAGIC;
            ((shifted.to_bits() as $int).wrapping_sub(MAGIC.to_bits() as $int), (x - n * LN2[0]) - n * LN2[1])
        }

        /// e^r - 1 for |r| <= ln 2 / 2.
        #[inline(always)]
        fn expm1_polynomial(r: $float) -> $float {
            let mut sum = SERIES[SERIES.len() - 1];
            let mut k = SERIES.len() - 1;
            while k > 0 {
                k -= 1;
                sum = sum * r + SERIES[k];
            }
            r + r * r * sum
        }

        /// e^x.
        #[inline(always)]
        pub fn exp(x: $float) -> $float {
            let inside = if x > $most { $most } else { x };
            let inside = if inside < $least { $least } else { inside };
            let (n, r) = reduced(inside);
            let half = n >> 1; // in two steps, so that results below the normal range are rounded once
            let value = (1.0 + expm1_polynomial(r)) * power_of_two(half) * power_of_two(n.wrapping_sub(half));
            if x.is_nan() { x } else { value }
        }

        /// e^x - 1, accurate near 0.
        #[inline(always)]
        pub fn expm1(x: $float) -> $float {
            const SMALL: $float = 30.0;
            let inside = if x > SMALL { SMALL } else { x };
            let inside = if inside < -60.0 { -60.0 } else { inside };
            let (n, r) = reduced(inside);
            let scale = power_of_two(n);
            let value = scale * expm1_polynomial(r) + (scale - 1.0);
            let value = if x > SMALL { exp(x) - 1.0 } else { value };
            let value = if x == 0.0 { x } else { value };
            if x.is_nan() { x } else { value }
        }

        /// tanh x = (e^2|x| - 1) / (e^2|x| + 1), with the sign of x.
        #[inline(always)]
        pub fn tanh(x: $float) -> $float {
            const FLAT: $float = 22.0; // from here on the value rounds to 1
            let size = x.abs();
            let inside = if size > FLAT { FLAT } else { size };
            let (n, r) = reduced(2.0 * inside);
            let scale = power_of_two(n);
            let grown = scale * expm1_polynomial(r) + (scale - 1.0);
            let value = (grown / (grown + 2.0)).copysign(x);
            if x.is_nan() { x } else { value }
        }

        /// log x: with x = 2^n (1 + f) and s = f / (2 + f), log(1 + f) = 2 (s + s^3/3 + s^5/5 ...).
        #[inline(always)]
        pub fn log(x: $float) -> $float {
            const TINY: $float = $float::MIN_POSITIVE;
            const LIFT: $float = (1u64 << $mantissa) as $float;
            let small = x < TINY;
            let lifted = if small { x * LIFT } else { x };
            let bits = lifted.to_bits() as $int;
            let root = std::f64::consts::FRAC_1_SQRT_2 as $float;
            // The exponent that leaves the mantissa in [sqrt 1/2, sqrt 2).
            let n = bits.wrapping_sub(root.to_bits() as $int) >> $mantissa;
            let f = $float::from_bits(bits.wrapping_sub(n << $mantissa) as _) - 1.0;
            let exponent = n as $float - if small { $mantissa as $float } else { 0.0 };
            let value = log_of_sum(f, exponent);
            let value = if x == $float::INFINITY { x } else { value };
            let value = if x == 0.0 { $float::NEG_INFINITY } else { value };
            if x < 0.0 || x.is_nan() { $float::NAN } else { value }
        }

        /// log(1 + f) + n ln 2 for 1 + f in [sqrt 1/2, sqrt 2).
        #[inline(always)]
        fn log_of_sum(f: $float, n: $float) -> $float {
            let s = f / (2.0 + f);
            let z = s * s;
            let mut series = LOG_TERMS[LOG_TERMS.len() - 1];
            let mut k = LOG_TERMS.len() - 1;
            while k > 0 {
                k -= 1;
                series = series * z + LOG_TERMS[k];
            }
            let rest = z * series;
            let half_square = 0.5 * f * f; // 2 s = f - s f: exact where f is small
            let tail = s * (half_square + rest) + n * LN2[1];
            n * LN2[0] - ((half_square - tail) - f)
        }

        /// log(1 + x), accurate near 0. Source: Kahan's correction, in Goldberg 1991, theorem 4.
        #[inline(always)]
        pub fn log1p(x: $float) -> $float {
            let sum = 1.0 + x;
            let value = log(sum) * (x / (sum - 1.0));
            let value = if sum == 1.0 { x } else { value };
            let value = if sum == $float::INFINITY { sum } else { value };
            if x < -1.0 { $float::NAN } else { value }
        }
    };
}

/// For f32.
pub mod single {
    use super::LOG2_E;

    const LOG_TERMS: [f32; 5] = [2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0];
    /// Fitted at Chebyshev's points; within 1.1e-8 of e^r, a sixth of a unit in the last place.
    const FITTED: [f32; 5] = [0.5, 0.166_665_76, 0.041_666_463, 0.008_363_205, 0.001_393_368_8];
    exponentials!(f32, i32, FITTED, 23, 127, 12582912.0, [0.693_359_4, -2.121_944_4e-4], -104.0, 89.0);

    /// e^x for |x| < 80, where nothing leaves the normal range.
    #[inline(always)]
    pub fn exp_inside(x: f32) -> f32 {
        let (n, r) = reduced(x);
        (1.0 + expm1_polynomial(r)) * power_of_two(n)
    }
}

/// The error function of f32.
pub mod erf {
    use super::single::exp_inside;

    /// erf x / x - 1 for |x| <= 1 in powers of x^2, fitted at Chebyshev's points: within 1.5e-9.
    const NEAR: [f32; 7] =
        [0.128_379_17, -0.376_126_27, 0.112_835_95, -0.026_854_212, 0.005_189_087_4, -8.016_864e-4, 7.875_876e-5];
    /// -log(erfc x) for x in 1..4 in powers of x, fitted so that erf x is within 1.1e-9.
    const FAR: [f32; 7] =
        [3.537_100_7e-4, 1.127_040_1, 0.638_225_7, 0.103_037_38, -0.021_805_317, 0.002_939_605_1, -1.855_736_2e-4];

    /// erf x: up to 1 by a polynomial, from there on by 1 - erfc x. A NaN goes through both.
    #[inline(always)]
    pub fn erf(x: f32) -> f32 {
        let size = x.abs();
        let square = x * x;
        let near = x + x * horner(&NEAR, if square > 1.0 { 1.0 } else { square });
        let inside = if size > 4.0 { 4.0 } else { size }; // where it rounds to 1
        let far = (1.0 - exp_inside(-horner(&FAR, inside))).copysign(x);
        if size < 1.0 { near } else { far }
    }

    #[inline(always)]
    fn horner(terms: &[f32], x: f32) -> f32 {
        let mut k = terms.len() - 1;
        let mut sum = terms[k];
        while k > 0 {
            k -= 1;
            sum = sum * x + terms[k];
        }
        sum
    }
}

/// For f64.
pub mod double {
    use super::{FACTORIALS, LOG2_E};

    const LOG_TERMS: [f64; 10] =
        [2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0, 2.0 / 17.0, 2.0 / 19.0, 2.0 / 21.0];
    exponentials!(
        f64,
        i64,
        FACTORIALS,
        52,
        1023,
        6755399441055744.0,
        [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10],
        -746.0,
        710.0
    );
}

#[cfg(test)]
mod tests {
    use super::{double, single};

    /// Points over the whole range of a float, dense near 0.
    fn points() -> impl Iterator<Item = f64> {
        let dense = (-3000..3000).map(|i| i as f64 * 0.0117);
        let wide = (-300..300).map(|i| 10f64.powf(i as f64 * 0.99) * if i % 2 == 0 { 1.3 } else { -0.7 });
        let special = [0.0, -0.0, 1.0, -1.0, 709.7, -745.0, 1e308, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        dense.chain(wide).chain(special)
    }

    fn distance_f64(a: f64, b: f64) -> u64 {
        if a.is_nan() || b.is_nan() {
            if a.is_nan() == b.is_nan() { 0 } else { u64::MAX }
        } else {
            (a.to_bits() as i64).abs_diff(b.to_bits() as i64)
        }
    }

    fn distance_f32(a: f32, b: f32) -> u32 {
        if a.is_nan() || b.is_nan() {
            if a.is_nan() == b.is_nan() { 0 } else { u32::MAX }
        } else {
            (a.to_bits() as i32).abs_diff(b.to_bits() as i32)
        }
    }

    type Case64 = (&'static str, fn(f64) -> f64, fn(f64) -> f64);
    type Case32 = (&'static str, fn(f32) -> f32, fn(f64) -> f64);

    #[test]
    fn doubles_are_within_three_units_of_the_library() {
        let cases: [Case64; 5] = [
            ("exp", double::exp, f64::exp),
            ("expm1", double::expm1, f64::exp_m1),
            ("log", double::log, f64::ln),
            ("log1p", double::log1p, f64::ln_1p),
            ("tanh", double::tanh, f64::tanh),
        ];
        for (name, ours, library) in cases {
            for x in points() {
                let distance = distance_f64(ours(x), library(x));
                assert!(distance <= 3, "{name}({x:e}): {:e}, expected {:e}, {distance} units off", ours(x), library(x));
            }
        }
    }

    #[test]
    fn singles_are_within_three_units_of_the_library() {
        let cases: [Case32; 6] = [
            ("erf", super::erf::erf, libm::erf),
            ("exp", single::exp, f64::exp),
            ("expm1", single::expm1, f64::exp_m1),
            ("log", single::log, f64::ln),
            ("log1p", single::log1p, f64::ln_1p),
            ("tanh", single::tanh, f64::tanh),
        ];
        for (name, ours, library) in cases {
            for x in points().map(|x| x as f32) {
                let expected = library(x as f64) as f32;
                let distance = distance_f32(ours(x), expected);
                assert!(distance <= 3, "{name}({x:e}): {:e}, expected {expected:e}, {distance} units off", ours(x));
            }
        }
    }
}

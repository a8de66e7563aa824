//! Whole numbers of any length times a power of two, to the nearest float.

/// Bits of a limb.
pub(super) const LIMB_BITS: i32 = 64;

const MANTISSA_BITS: u32 = 52;
/// A float's lowest bit is not below 2 to this power.
const LOWEST_EXPONENT: i32 = -1074;

/// `x = mantissa * 2^exponent`, its sign aside; of a finite number.
#[inline]
pub(super) fn parts(x: f64) -> (u64, i32) {
    let bits = x.to_bits();
    let (biased, fraction) = ((bits >> MANTISSA_BITS & 0x7ff) as i32, bits & ((1 << MANTISSA_BITS) - 1));
    if biased == 0 { (fraction, LOWEST_EXPONENT) } else { (fraction | 1 << MANTISSA_BITS, biased - 1075) }
}

/// A number by its uppermost bits.
pub(super) struct Head {
    /// The uppermost bits, the highest of them set.
    pub bits: u128,
    /// The lowest of them is 2 to this power.
    pub exponent: i32,
    /// Whether something below them was cut off.
    pub cut: bool,
}

/// The head of `limbs * 2^(64 * low)`, from the lowest limb to the highest; None of 0. `cut` says that a little was cut off before.
pub(super) fn head(limbs: &[u64], low: i32, cut: bool) -> Option<Head> {
    let top = limbs.iter().rposition(|limb| *limb != 0)?;
    let limb = |below: usize| top.checked_sub(below).map_or(0, |at| limbs[at]);
    let unused = limbs[top].leading_zeros();
    let upper = u128::from(limb(0)) << LIMB_BITS | u128::from(limb(1));
    let (bits, rest) = match unused {
        0 => (upper, limb(2)),
        _ => (upper << unused | u128::from(limb(2) >> (LIMB_BITS as u32 - unused)), limb(2) << unused),
    };
    let cut = cut || rest != 0 || limbs[..top.saturating_sub(2)].iter().any(|limb| *limb != 0);
    Some(Head { bits, exponent: LIMB_BITS * (low + top as i32 - 1) - unused as i32, cut })
}

/// `limbs * 2^(64 * low)` to the nearest float, ties to even; `cut` says that a little more was cut off.
pub(super) fn rounded(limbs: &[u64], low: i32, cut: bool) -> f64 {
    head(limbs, low, cut).map_or(0.0, |head| head.rounded())
}

impl Head {
    /// The nearest float, ties to even; infinite beyond all floats.
    pub fn rounded(&self) -> f64 {
        // How many bits are too many: all but 53, or more where the float is subnormal.
        let exponent = (self.exponent + 128 - MANTISSA_BITS as i32 - 1).max(LOWEST_EXPONENT);
        let drop = (exponent - self.exponent) as u32;
        let (kept, half, rest) = match drop {
            ..128 => (self.bits >> drop, 1 << (drop - 1), self.bits & ((1 << drop) - 1)),
            128 => (0, 1 << 127, self.bits),
            _ => return 0.0,
        };
        let up = rest > half || rest == half && (self.cut || kept & 1 == 1);
        float(kept as u64 + u64::from(up), exponent)
    }

    /// The root of the number, to the nearest float.
    pub fn root(&self) -> f64 {
        let odd = self.exponent.rem_euclid(2);
        let (bits, lost) = (self.bits >> odd, self.bits & odd as u128 != 0);
        let root = bits.isqrt();
        let cut = self.cut || lost || root * root != bits;
        rounded_at(root as u64, (self.exponent + odd) / 2, cut)
    }
}

/// `bits * 2^exponent` to the nearest float.
fn rounded_at(bits: u64, exponent: i32, cut: bool) -> f64 {
    let unused = bits.leading_zeros();
    let head = Head { bits: u128::from(bits) << (64 + unused), exponent: exponent - 64 - unused as i32, cut };
    head.rounded()
}

/// `mantissa * 2^exponent`, of a mantissa of 53 bits, or of fewer at the lowest exponent, or of one more that is round.
fn float(mut mantissa: u64, mut exponent: i32) -> f64 {
    if mantissa >> (MANTISSA_BITS + 1) != 0 {
        (mantissa, exponent) = (mantissa >> 1, exponent + 1);
    }
    if mantissa >> MANTISSA_BITS == 0 {
        return f64::from_bits(mantissa);
    }
    match (exponent + 1075) as u64 {
        biased @ ..0x7ff => f64::from_bits(biased << MANTISSA_BITS | mantissa & ((1 << MANTISSA_BITS) - 1)),
        _ => f64::INFINITY,
    }
}

/// With its sign.
pub(super) fn signed(negative: bool, x: f64) -> f64 {
    if negative { -x } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_come_back_and_what_is_between_is_rounded_to_even() {
        for x in [1.0, 0.1, f64::MAX, f64::MIN_POSITIVE, 5e-324, 3e-310, 2f64.powi(64), 1.7e-300] {
            let (mantissa, exponent) = parts(x);
            assert_eq!(rounded_at(mantissa, exponent, false), x);
        }
        assert_eq!(rounded_at((1 << 54) + 2, 0, false), 2f64.powi(54));
        assert_eq!(rounded_at((1 << 54) + 2, 0, true), 2f64.powi(54) + 4.0);
        assert_eq!(rounded_at((1 << 54) + 6, 0, false), 2f64.powi(54) + 8.0);
    }

    #[test]
    fn subnormals_are_rounded_once() {
        assert_eq!(rounded_at(1, -1075, false), 0.0);
        assert_eq!(rounded_at(1, -1075, true), 5e-324);
        assert_eq!(rounded_at(3, -1075, false), 1e-323);
        assert_eq!(rounded_at(1, -1200, true), 0.0);
        // 2^-1073 + 2^-1075 - a little: to 53 bits first it would be a tie.
        assert_eq!(rounded_at((5 << 59) - 1, -1075 - 59, false), 1e-323);
    }

    #[test]
    fn beyond_all_floats_is_infinite() {
        assert_eq!(rounded_at(u64::MAX >> 11, 971, false), f64::MAX);
        assert_eq!(rounded_at(u64::MAX >> 10, 970, false), f64::INFINITY);
        assert_eq!(rounded_at(1, 1024, false), f64::INFINITY);
    }

    #[test]
    fn roots_are_those_of_the_machine() {
        for x in [2.0, 3.0, 4.0, 1e-310, 5e-324, 1e300, f64::MAX, 0.1, 7.0] {
            let (mantissa, exponent) = parts(x);
            let unused = mantissa.leading_zeros() as i32 + 64;
            let head = Head { bits: u128::from(mantissa) << unused, exponent: exponent - unused, cut: false };
            assert_eq!(head.root(), x.sqrt());
        }
    }
}

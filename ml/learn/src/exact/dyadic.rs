//! Whole numbers times a power of two, of any length: what is computed of exact sums before anything is rounded.

use smallvec::{SmallVec, smallvec};

use super::rounded::{Head, LIMB_BITS, head, rounded, signed};

/// Of sums near one another nothing is on the heap. More room for all of them costs more than the heap does for the few.
type Limbs = SmallVec<[u64; 8]>;

/// `limbs * 2^(64 * low)` with a sign; the lowest limb comes first.
#[derive(Debug, Clone)]
pub struct Dyadic {
    negative: bool,
    low: i32,
    limbs: Limbs,
}

impl Dyadic {
    pub(super) fn new(negative: bool, low: i32, limbs: &[u64]) -> Self {
        let from = limbs.iter().position(|limb| *limb != 0).unwrap_or(limbs.len());
        let to = limbs.iter().rposition(|limb| *limb != 0).map_or(from, |top| top + 1);
        Dyadic { negative: negative && from < to, low: low + from as i32, limbs: Limbs::from_slice(&limbs[from..to]) }
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Without its sign.
    pub fn magnitude(&self) -> Self {
        Dyadic { negative: false, ..self.clone() }
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Self {
        let product = multiply(&self.limbs, &other.limbs);
        Dyadic::new(self.negative != other.negative, self.low + other.low, &product)
    }

    /// So many times this.
    pub fn repeated(&self, count: u64) -> Self {
        Dyadic::new(self.negative, self.low, &multiply(&self.limbs, &[count]))
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Self {
        let low = self.low.min(other.low);
        let (a, b) = (self.from(low), other.from(low));
        if self.negative != other.negative {
            return Dyadic::new(self.negative, low, &add(a, &b));
        }
        match is_less(&a, &b) {
            false => Dyadic::new(self.negative, low, &subtract(a, &b)),
            true => Dyadic::new(!self.negative, low, &subtract(b, &a)),
        }
    }

    /// The nearest float, ties to even; infinite beyond all floats.
    pub fn to_float(&self) -> f64 {
        signed(self.negative, rounded(&self.limbs, self.low, false))
    }

    /// This over another that is not 0, to the nearest float.
    pub fn over(&self, other: &Self) -> f64 {
        let quotient = self.quotient(other).map_or(0.0, |head| head.rounded());
        signed(self.negative != other.negative, quotient)
    }

    /// The root of this over another that is not 0, to the nearest float; of their signs only that of the result is this one's.
    pub fn root_over(&self, other: &Self) -> f64 {
        signed(self.negative, self.quotient(other).map_or(0.0, |head| head.root()))
    }

    /// The limbs from a place on that is not above its lowest one.
    fn from(&self, low: i32) -> Limbs {
        let zeros = if self.limbs.is_empty() { 0 } else { (self.low - low) as usize };
        let mut limbs: Limbs = smallvec![0; zeros];
        limbs.extend_from_slice(&self.limbs);
        limbs
    }

    /// The head of the quotient, signs aside; None of 0.
    fn quotient(&self, other: &Self) -> Option<Head> {
        // Of more limbs than a head has.
        const LIMBS: usize = 3;
        let zeros = (other.limbs.len() + LIMBS).saturating_sub(self.limbs.len());
        let (quotient, cut) = divide(&self.from(self.low - zeros as i32), &other.limbs)?;
        head(&quotient, self.low - zeros as i32 - other.low, cut)
    }
}

fn multiply(a: &[u64], b: &[u64]) -> Limbs {
    let mut product: Limbs = smallvec![0; a.len() + b.len()];
    for (i, &x) in a.iter().enumerate() {
        let mut carry = 0;
        for (limb, &y) in product[i..].iter_mut().zip(b) {
            (*limb, carry) = x.carrying_mul_add(y, *limb, carry);
        }
        product[i + b.len()] = carry;
    }
    product
}

fn add(mut a: Limbs, b: &[u64]) -> Limbs {
    a.resize(a.len().max(b.len()) + 1, 0);
    let mut carry = false;
    for (at, limb) in a.iter_mut().enumerate() {
        (*limb, carry) = limb.carrying_add(b.get(at).copied().unwrap_or(0), carry);
    }
    a
}

/// `a - b`, which is not negative.
fn subtract(mut a: Limbs, b: &[u64]) -> Limbs {
    let mut borrow = false;
    for (at, limb) in a.iter_mut().enumerate() {
        (*limb, borrow) = limb.borrowing_sub(b.get(at).copied().unwrap_or(0), borrow);
    }
    a
}

/// Of numbers whose highest limbs are not 0.
fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev())).is_lt()
}

/// The whole quotient, and whether there is a remainder; None over nothing. The highest limb of `b` is not 0. (Knuth, The Art of
/// Computer Programming 2, 4.3.1, algorithm D.)
fn divide(a: &[u64], b: &[u64]) -> Option<(Limbs, bool)> {
    let shift = b.last()?.leading_zeros();
    let (mut a, b) = (shifted(a, shift), shifted(b, shift));
    let b = &b[..b.len() - 1];
    let count = a.len().checked_sub(b.len())?;
    let mut quotient: Limbs = smallvec![0; count];
    for (at, digit) in quotient.iter_mut().enumerate().rev() {
        let rest = &mut a[at..=at + b.len()];
        let mut guess = guessed(rest, b);
        if take_off(rest, b, guess) {
            guess -= 1;
            put_back(rest, b);
        }
        *digit = guess;
    }
    Some((quotient, a.iter().any(|limb| *limb != 0)))
}

/// Shifted to the left by less than a limb; one limb longer.
fn shifted(limbs: &[u64], by: u32) -> Limbs {
    let mut carry = 0;
    let shift = |limb: &u64| {
        let wide = u128::from(*limb) << by | carry;
        carry = wide >> LIMB_BITS;
        wide as u64
    };
    let mut shifted: Limbs = limbs.iter().map(shift).collect();
    shifted.push(carry as u64);
    shifted
}

/// A digit of the quotient, or the one above it.
fn guessed(rest: &[u64], b: &[u64]) -> u64 {
    let n = b.len();
    let highest = u128::from(b[n - 1]);
    let upper = u128::from(rest[n]) << LIMB_BITS | u128::from(rest[n - 1]);
    let (mut guess, mut left) = (upper / highest, upper % highest);
    let (second, next) = if n > 1 { (u128::from(b[n - 2]), u128::from(rest[n - 2])) } else { (0, 0) };
    while guess >> LIMB_BITS != 0 || guess * second > (left << LIMB_BITS | next) {
        (guess, left) = (guess - 1, left + highest);
        if left >> LIMB_BITS != 0 {
            break;
        }
    }
    guess as u64
}

/// Takes `b` off, so many times; whether that was once too often.
fn take_off(rest: &mut [u64], b: &[u64], times: u64) -> bool {
    let (mut carry, mut borrow) = (0, false);
    for (limb, &part) in rest.iter_mut().zip(b) {
        let (product, above) = part.carrying_mul(times, carry);
        carry = above;
        (*limb, borrow) = limb.borrowing_sub(product, borrow);
    }
    let highest = &mut rest[b.len()];
    (*highest, borrow) = highest.borrowing_sub(carry, borrow);
    borrow
}

fn put_back(rest: &mut [u64], b: &[u64]) {
    let mut carry = false;
    for (limb, &part) in rest.iter_mut().zip(b) {
        (*limb, carry) = limb.carrying_add(part, carry);
    }
    rest[b.len()] = rest[b.len()].wrapping_add(u64::from(carry));
}

//! An exact number that floats and their products are added to: whole limbs of 64 bits, in two's complement, from some place on.
//!
//! A window of few limbs holds numbers that are near one another, wherever that is; it moves while they fit. For those that do not
//! there is one that reaches from the square of the least float to a sum of 2^63 squares of the greatest.

use gradframe_ml_core::Result;

use super::Dyadic;
use super::rounded::{LIMB_BITS, parts, rounded, signed};
use crate::fitting::{Reader, broken};

/// The place of the lowest limb of the long form, and how many limbs it has: 2^-2148 to 2^(2048 + 63) and a sign.
const LOWEST: i32 = -34;
const LONG: usize = 69;

/// A sum of values: three limbs are three times a float's mantissa.
pub type ValueSum = Number<3>;

/// A sum of products of two values.
pub type ProductSum = Number<4>;

/// See the module.
#[derive(Debug, Clone)]
pub struct Number<const LIMBS: usize>(Form<LIMBS>);

/// The limb at a place counts 2^(64 * place). The upper two bits of the highest limb are equal: nothing that is added once can
/// carry beyond it.
#[derive(Debug, Clone)]
enum Form<const LIMBS: usize> {
    Window { low: i16, limbs: [u64; LIMBS] },
    Long(Box<[u64; LONG]>),
}

impl<const LIMBS: usize> Default for Number<LIMBS> {
    fn default() -> Self {
        Number(Form::Window { low: 0, limbs: [0; LIMBS] })
    }
}

impl<const LIMBS: usize> Number<LIMBS> {
    /// Adds a finite number.
    #[inline]
    pub fn add(&mut self, x: f64) {
        let (mantissa, exponent) = parts(x);
        let (place, shift) = (exponent >> 6, exponent & 63);
        let bits = u128::from(mantissa) << shift;
        self.add_limbs([bits as u64, (bits >> LIMB_BITS) as u64], place, x.is_sign_negative());
    }

    /// Adds the product of two finite numbers, not rounded.
    #[inline]
    pub fn add_product(&mut self, x: f64, y: f64) {
        let ((x_mantissa, x_exponent), (y_mantissa, y_exponent)) = (parts(x), parts(y));
        let exponent = x_exponent + y_exponent;
        let (place, shift) = (exponent >> 6, exponent & 63);
        let product = u128::from(x_mantissa) * u128::from(y_mantissa);
        let (bits, above) = (product << shift, (product >> 64 >> (64 - shift)) as u64);
        self.add_limbs([bits as u64, (bits >> LIMB_BITS) as u64, above], place, x.is_sign_negative() != y.is_sign_negative());
    }

    /// Adds another sum.
    pub fn merge<const OTHER: usize>(&mut self, other: &Number<OTHER>) {
        let Some((from, to)) = other.extent() else { return };
        self.cover(from, to);
        let (low, limbs) = self.limbs_mut();
        let mut carry = false;
        for (limb, place) in limbs.iter_mut().zip(low..).skip((from - low) as usize) {
            (*limb, carry) = limb.carrying_add(other.limb(place), carry);
        }
        self.keep_room();
    }

    /// The nearest float, ties to even; infinite beyond all floats.
    pub fn to_float(&self) -> f64 {
        self.magnitude(|negative, low, limbs| signed(negative, rounded(limbs, low, false)))
    }

    /// The number over `count`, to the nearest float; 0 for none.
    pub fn over(&self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        self.magnitude(|negative, low, limbs| signed(negative, quotient(limbs, low, count)))
    }

    /// All of it.
    pub fn to_dyadic(&self) -> Dyadic {
        self.magnitude(Dyadic::new)
    }

    /// Bytes held beside itself.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        match self.0 {
            Form::Window { .. } => 0,
            Form::Long(_) => size_of::<[u64; LONG]>(),
        }
    }

    /// Equal numbers are equal bytes, whatever was added in which order.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (from, to) = self.extent().unwrap_or_default();
        out.extend((from as i16).to_le_bytes());
        out.push((to - from) as u8);
        (from..to).for_each(|place| out.extend(self.limb(place).to_le_bytes()));
    }

    /// What `write` has written. Errors: `Internal` if it is not.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let from = i32::from(reader.i16()?);
        let count = usize::from(reader.u8()?);
        if from < LOWEST || from + count as i32 > LOWEST + LONG as i32 {
            return Err(broken());
        }
        let mut number = Self::default();
        if count > LIMBS {
            number.lengthen();
        } else {
            number = Number(Form::Window { low: from as i16, limbs: [0; LIMBS] });
        }
        let (low, limbs) = number.limbs_mut();
        let (mut last, start) = (0, (from - low) as usize);
        for limb in &mut limbs[start..start + count] {
            last = reader.u64()?;
            *limb = last;
        }
        limbs[start + count..].fill(sign(last));
        number.keep_room();
        Ok(number)
    }

    /// Adds limbs from a place on, or takes them off; the highest bit but one of them is not set.
    #[inline]
    fn add_limbs<const PIECE: usize>(&mut self, piece: [u64; PIECE], place: i32, negative: bool) {
        if let Form::Window { low, limbs } = &mut self.0 {
            let at = (place - i32::from(*low)) as usize; // below the window it is huge
            if at <= LIMBS - PIECE {
                add_at(&mut limbs[at..], piece, negative);
                if is_near_full(limbs) {
                    self.keep_room();
                }
                return;
            }
        }
        self.add_beyond(piece, place, negative);
    }

    #[cold]
    fn add_beyond<const PIECE: usize>(&mut self, piece: [u64; PIECE], place: i32, negative: bool) {
        if piece == [0; PIECE] {
            return;
        }
        self.cover(place, place + PIECE as i32);
        let (low, limbs) = self.limbs_mut();
        add_at(&mut limbs[(place - low) as usize..], piece, negative);
        self.keep_room();
    }

    /// Makes room above where the number comes near the highest limb's end.
    fn keep_room(&mut self) {
        let (low, limbs) = self.limbs_mut();
        let above = low + limbs.len() as i32;
        if is_near_full(limbs) {
            self.cover(above, above + 1);
        }
    }

    /// Holds these places beside its own.
    fn cover(&mut self, from: i32, to: i32) {
        let Form::Window { low, limbs } = &mut self.0 else { return };
        if let Some(spare) = LIMBS.checked_sub((to - from) as usize)
            && *limbs == [0; LIMBS]
        {
            *low = (from - spare.div_ceil(2) as i32) as i16;
            return;
        }
        let low = i32::from(*low);
        if low <= from && to <= low + LIMBS as i32 {
            return;
        }
        let (own_from, own_to) = self.extent().unwrap_or((from, to));
        let (from, to) = (from.min(own_from), to.max(own_to));
        match LIMBS.checked_sub((to - from) as usize) {
            Some(spare) => {
                let low = from - spare.div_ceil(2) as i32;
                let limbs = std::array::from_fn(|at| self.limb(low + at as i32));
                self.0 = Form::Window { low: low as i16, limbs };
            }
            None => self.lengthen(),
        }
    }

    fn lengthen(&mut self) {
        self.0 = Form::Long(Box::new(std::array::from_fn(|at| self.limb(LOWEST + at as i32))));
    }

    fn limbs(&self) -> (i32, &[u64]) {
        match &self.0 {
            Form::Window { low, limbs } => (i32::from(*low), limbs),
            Form::Long(limbs) => (LOWEST, &limbs[..]),
        }
    }

    fn limbs_mut(&mut self) -> (i32, &mut [u64]) {
        match &mut self.0 {
            Form::Window { low, limbs } => (i32::from(*low), limbs),
            Form::Long(limbs) => (LOWEST, &mut limbs[..]),
        }
    }

    /// The limb at any place.
    fn limb(&self, place: i32) -> u64 {
        let (low, limbs) = self.limbs();
        let own = usize::try_from(place - low).map_or(Some(0), |at| limbs.get(at).copied());
        own.unwrap_or_else(|| limbs.last().map_or(0, |highest| sign(*highest)))
    }

    /// The places from the lowest limb that is not 0 to behind the highest that is needed; None of 0.
    fn extent(&self) -> Option<(i32, i32)> {
        let (low, limbs) = self.limbs();
        let from = limbs.iter().position(|limb| *limb != 0)?;
        let is_needed = |at: usize| limbs[at] != sign(limbs[at - 1]) || is_near_full(&limbs[..at]);
        let to = (from + 1..limbs.len()).rev().find(|at| is_needed(*at)).map_or(from + 1, |at| at + 1);
        Some((low + from as i32, low + to as i32))
    }

    /// Its sign, and its limbs without it.
    fn magnitude<R>(&self, of: impl FnOnce(bool, i32, &[u64]) -> R) -> R {
        let (low, limbs) = self.limbs();
        if limbs.last().is_none_or(|highest| sign(*highest) == 0) {
            return of(false, low, limbs);
        }
        match &self.0 {
            Form::Window { limbs, .. } => of(true, low, &negated(*limbs)),
            Form::Long(limbs) => of(true, low, &negated(**limbs)),
        }
    }
}

/// What two's complement has above a limb.
fn sign(highest: u64) -> u64 {
    (highest as i64 >> 63) as u64
}

#[inline]
fn is_near_full(limbs: &[u64]) -> bool {
    limbs.last().is_some_and(|highest| ((highest ^ highest << 1) as i64) < 0)
}

fn negated<const N: usize>(mut limbs: [u64; N]) -> [u64; N] {
    let mut carry = true;
    for limb in &mut limbs {
        (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
    }
    limbs
}

/// Adds to the lowest limbs, or takes off: that is to add the complement.
#[inline]
fn add_at<const PIECE: usize>(limbs: &mut [u64], piece: [u64; PIECE], negative: bool) {
    let (mask, mut carry) = (u64::from(negative).wrapping_neg(), negative);
    let (lower, upper) = limbs.split_at_mut(PIECE);
    for (limb, part) in lower.iter_mut().zip(piece) {
        (*limb, carry) = limb.carrying_add(part ^ mask, carry);
    }
    for limb in upper {
        if carry == negative {
            break;
        }
        (*limb, carry) = limb.carrying_add(mask, carry);
    }
}

/// `limbs * 2^(64 * low) / by` to the nearest float.
fn quotient(limbs: &[u64], low: i32, by: u64) -> f64 {
    let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
    // Two limbs of it that begin with one that is not 0: 65 bits or more.
    let (mut remainder, mut found, mut at) = (0u128, [0u64; 2], top as i32);
    loop {
        let value = remainder << LIMB_BITS | u128::from(usize::try_from(at).map_or(0, |at| limbs[at]));
        remainder = value % u128::from(by);
        found = [(value / u128::from(by)) as u64, found[0]];
        if found[1] != 0 {
            break;
        }
        at -= 1;
    }
    let below = usize::try_from(at).map_or(&[][..], |at| &limbs[..at]);
    rounded(&found, low + at, remainder != 0 || below.iter().any(|limb| *limb != 0))
}

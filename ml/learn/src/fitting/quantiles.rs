//! Quantiles of a numeric column: exact for up to [`DISTINCT_MAX`] different values, and beyond that of a known resolution.
//!
//! A value is its place in the order of all floats, a number of 64 bits. What is counted is that place without its last
//! `level` bits, where `level` is the least for which no more than `DISTINCT_MAX` different places are left. This depends on
//! the set of values alone: a part of them never needs a higher level than the whole. So neither the order of rows nor the
//! way that parts are merged can show. (t-digest, KLL and their like have no such property.)

use gradframe_ml_core::Result;
use rustc_hash::FxHashMap;

use super::Mergeable;
use super::bytes::Reader;

/// Different values up to which quantiles are exact.
pub const DISTINCT_MAX: usize = 1 << 18;

/// Counts of a column's finite values, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QuantileSketch {
    /// Places in the order of floats, without their last `level` bits, and how many values are there.
    counts: FxHashMap<u64, u64>,
    level: u32,
    total: u64,
}

impl QuantileSketch {
    /// Adds a row; nulls, NaN and infinities are passed over.
    pub fn push(&mut self, value: Option<f64>) {
        if let Some(x) = value.filter(|x| x.is_finite()) {
            self.add(place(x + 0.0), 1);
        }
    }

    /// True if nothing had to be rounded.
    pub fn is_exact(&self) -> bool {
        self.level == 0
    }

    /// The quantiles at these fractions from 0 to 1, between two values by their distance (NumPy's `linear`).
    /// None without values.
    pub fn quantiles(&self, fractions: &[f64]) -> Option<Vec<f64>> {
        if self.total == 0 {
            return None;
        }
        let sorted = self.sorted();
        Some(fractions.iter().map(|fraction| self.quantile(&sorted, *fraction)).collect())
    }

    /// The value that occurs most often, of equally frequent ones the least; None without values.
    pub fn mode(&self) -> Option<f64> {
        let most = self.counts.iter().max_by(|(a, n), (b, m)| n.cmp(m).then(b.cmp(a)));
        most.map(|(place, _)| self.value_of(*place))
    }

    fn quantile(&self, sorted: &[(u64, u64)], fraction: f64) -> f64 {
        let position = fraction.clamp(0.0, 1.0) * (self.total - 1) as f64;
        let (below, above) = (position.floor(), position.ceil());
        let [low, high] = [below, above].map(|rank| self.value_at(sorted, rank as u64));
        low + (high - low) * (position - below)
    }

    /// The value of a rank, counted from 0.
    fn value_at(&self, sorted: &[(u64, u64)], rank: u64) -> f64 {
        // `sorted` holds the number of values up to and including each place.
        let at = sorted.partition_point(|(_, up_to)| *up_to <= rank).min(sorted.len() - 1);
        self.value_of(sorted[at].0)
    }

    /// The float in the middle of those that a shortened place stands for.
    fn value_of(&self, place: u64) -> f64 {
        let half = if self.level == 0 { 0 } else { 1 << (self.level - 1) };
        value(place << self.level | half)
    }

    /// Places in order with the number of values up to each.
    fn sorted(&self) -> Vec<(u64, u64)> {
        let mut sorted: Vec<(u64, u64)> = self.counts.iter().map(|(place, count)| (*place, *count)).collect();
        sorted.sort_unstable();
        let mut up_to = 0;
        sorted.iter_mut().for_each(|(_, count)| {
            up_to += *count;
            *count = up_to;
        });
        sorted
    }

    fn add(&mut self, place: u64, count: u64) {
        *self.counts.entry(place >> self.level).or_default() += count;
        self.total += count;
        if self.counts.len() > DISTINCT_MAX {
            self.coarsen(self.level_needed());
        }
    }

    /// The least level at which the places are few enough.
    fn level_needed(&self) -> u32 {
        let mut places: Vec<u64> = self.counts.keys().copied().collect();
        places.sort_unstable();
        // Two neighbours fall together at the level above their highest different bit.
        let mut parted_below = [0usize; 65];
        places.windows(2).for_each(|pair| parted_below[64 - (pair[0] ^ pair[1]).leading_zeros() as usize] += 1);
        let mut distinct = places.len();
        let steps = (0..=64).find(|&bits| {
            distinct -= parted_below[bits];
            distinct <= DISTINCT_MAX
        });
        self.level + steps.unwrap_or(0) as u32
    }

    fn coarsen(&mut self, level: u32) {
        let steps = level - self.level;
        let counts = std::mem::take(&mut self.counts);
        for (place, count) in counts {
            *self.counts.entry(place >> steps).or_default() += count;
        }
        self.level = level;
    }
}

impl Mergeable for QuantileSketch {
    fn merge(&mut self, other: &Self) {
        if other.level > self.level {
            self.coarsen(other.level);
        }
        other.counts.iter().for_each(|(place, count)| self.add(place << other.level, *count));
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut counts: Vec<(u64, u64)> = self.counts.iter().map(|(place, count)| (*place, *count)).collect();
        counts.sort_unstable();
        let numbers = std::iter::once(u64::from(self.level)).chain(counts.into_iter().flat_map(|(p, c)| [p, c]));
        numbers.flat_map(u64::to_le_bytes).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let mut sketch = QuantileSketch { level: reader.u64()?.min(63) as u32, ..Self::default() };
        while !reader.is_empty() {
            let (place, count) = (reader.u64()?, reader.u64()?);
            sketch.total += count;
            sketch.counts.insert(place, count);
        }
        Ok(sketch)
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * (2 * size_of::<u64>() + 1)
    }
}

const SIGN: u64 = 1 << 63;

/// A float's place in the order of all floats.
fn place(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The float of a place.
fn value(place: u64) -> f64 {
    f64::from_bits(if place & SIGN == 0 { !place } else { place ^ SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: impl IntoIterator<Item = f64>) -> QuantileSketch {
        let mut sketch = QuantileSketch::default();
        values.into_iter().for_each(|x| sketch.push(Some(x)));
        sketch
    }

    /// Numbers without a pattern, from -1 to 1.
    fn scattered(n: u64, from: u64) -> impl Iterator<Item = f64> {
        (from..from + n).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64) as f64 / i64::MAX as f64)
    }

    #[test]
    fn places_keep_the_order_of_floats() {
        let ordered = [-1e300, -1.0, -1e-300, 0.0, 1e-300, 1.0, 1e300];
        assert!(ordered.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
        assert!(ordered.iter().all(|&x| value(place(x)) == x));
    }

    #[test]
    fn few_values_give_exact_quantiles() {
        let sketch = sketch([5.0, -1.0, 2.0, 2.0, 10.0]);
        assert_eq!(sketch.quantiles(&[0.0, 0.25, 0.5, 0.75, 1.0]), Some(vec![-1.0, 2.0, 2.0, 5.0, 10.0]));
        assert_eq!(sketch.quantiles(&[0.9]), Some(vec![8.0]));
        assert!(sketch.is_exact());
        assert_eq!(sketch.mode(), Some(2.0));
        assert_eq!(QuantileSketch::default().quantiles(&[0.5]), None);
    }

    #[test]
    fn many_values_are_counted_at_one_resolution_however_they_are_merged() {
        const ROWS: u64 = 400_000;
        let whole = sketch(scattered(ROWS, 0));
        let (mut a, b) = (sketch(scattered(ROWS / 4, ROWS / 4 * 3)), sketch(scattered(ROWS / 4 * 3, 0)));
        a.merge(&b);
        assert!(!whole.is_exact());
        assert_eq!(whole.to_bytes(), a.to_bytes());
        assert_eq!(QuantileSketch::from_bytes(&a.to_bytes()).unwrap(), whole);
        let mut sorted: Vec<f64> = scattered(ROWS, 0).collect();
        sorted.sort_by(f64::total_cmp);
        let exact = sorted[(ROWS / 4) as usize];
        let found = whole.quantiles(&[0.25]).unwrap()[0];
        assert!((found - exact).abs() < 1e-4, "{found} {exact}");
    }
}

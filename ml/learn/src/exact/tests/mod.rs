//! Exact statistics beside arithmetic of whole numbers, for values of all magnitudes, in any order and any parts.

mod groups;
mod oracle;

use proptest::prelude::*;

use self::oracle::{Ratio, whole};
use super::*;

/// Values that a column may have: of all magnitudes, all near one another, whole numbers, and those that cancel.
fn values() -> impl Strategy<Value = Vec<f64>> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let all = prop::collection::vec(NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE, 1..40);
    let near =
        (any::<f64>().prop_map(|x| if x.is_finite() { x % 1e12 } else { 1e9 }), prop::collection::vec(-1.0..1.0f64, 1..40))
            .prop_map(|(mean, offsets)| offsets.into_iter().map(|offset| mean + offset).collect());
    let small = prop::collection::vec((-1000i32..1000).prop_map(f64::from), 1..40);
    let fractions = prop::collection::vec(-1e3..1e3f64, 1..40);
    let cancelling = prop::collection::vec(NORMAL | SUBNORMAL | POSITIVE | NEGATIVE, 1..20)
        .prop_map(|values| values.iter().copied().chain(values.iter().skip(1).rev().map(|x| -x)).collect());
    prop_oneof![all, near, small, fractions, cancelling]
}

fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    (values(), values(), any::<bool>()).prop_map(|(y, x, related)| {
        let x = x.into_iter().cycle();
        y.into_iter().zip(x).map(|(y, x)| if related { (y, y * 0.5 + 1.0) } else { (y, x) }).collect()
    })
}

fn tally<T: Tally>(rows: impl IntoIterator<Item = T::Row>) -> T {
    let mut tally = T::default();
    rows.into_iter().for_each(|row| tally.add(row));
    tally
}

fn bytes<T: Tally>(tally: &T) -> Vec<u8> {
    let mut bytes = vec![];
    tally.write(&mut bytes);
    bytes
}

/// Whatever the order, the parts, and what else came and went, the bytes are the same, and come back.
fn nothing_shows<T: Tally>(rows: &[T::Row], seed: u64) {
    let expected = bytes(&tally::<T>(rows.iter().copied()));
    let mut left: Vec<T::Row> = rows.to_vec();
    let mut state = seed | 1;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 33) as usize % bound
    };
    let mut merged = T::default();
    while !left.is_empty() {
        let size = below(left.len()) + 1;
        let mut part = T::default();
        for _ in 0..size {
            part.add(left.swap_remove(below(left.len())));
        }
        let gone = rows[below(rows.len())];
        part.add(gone);
        part.remove(gone);
        merged.merge(&T::read(&bytes(&part)).unwrap());
    }
    assert_eq!(bytes(&merged), expected);
    assert_eq!(bytes(&T::read(&expected).unwrap()), expected);
    rows.iter().for_each(|row| merged.remove(*row));
    assert_eq!(bytes(&merged), bytes(&T::default()));
}

fn same(found: Option<f64>, expected: Option<f64>) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{:?} instead of {:?}", found, expected);
    Ok(())
}

proptest! {
    #[test]
    fn order_and_parts_do_not_show(values in values(), pairs in pairs(), seed in any::<u64>()) {
        nothing_shows::<Total>(&values, seed);
        nothing_shows::<Spread>(&values, seed);
        nothing_shows::<Crossed>(&pairs, seed);
        nothing_shows::<Joint>(&pairs, seed);
    }

    #[test]
    fn sums_and_means_are_the_nearest_floats(values in values()) {
        let total: Total = tally(values.iter().copied());
        let sum: num_bigint::BigInt = values.iter().map(|x| whole(*x)).sum();
        same(total.sum(), Some(Ratio::new(sum.clone(), 1, -1074).nearest()))?;
        same(total.mean(), Some(Ratio::new(sum, values.len(), -1074).nearest()))?;
    }

    #[test]
    fn variances_and_deviations_are_the_nearest_floats(values in values()) {
        let spread: Spread = tally(values.iter().copied());
        let n = values.len();
        let distances = oracle::distances(values.iter().map(|x| (*x, *x)));
        let population = Ratio::new(distances.clone(), n * n, -2148);
        same(spread.variance(Divisor::Population), Some(population.nearest()))?;
        same(spread.deviation(Divisor::Population), Some(population.nearest_root()))?;
        let sample = (n > 1).then(|| Ratio::new(distances, n * (n - 1), -2148));
        same(spread.variance(Divisor::Sample), sample.as_ref().map(Ratio::nearest))?;
        same(spread.deviation(Divisor::Sample), sample.as_ref().map(Ratio::nearest_root))?;
    }

    #[test]
    fn covariances_and_correlations_are_the_nearest_floats(pairs in pairs()) {
        let (crossed, joint): (Crossed, Joint) = (tally(pairs.iter().copied()), tally(pairs.iter().copied()));
        let n = pairs.len();
        let products = oracle::distances(pairs.iter().copied());
        let [yy, xx] = [|(y, _)| (y, y), |(_, x): (f64, f64)| (x, x)].map(|of| oracle::distances(pairs.iter().copied().map(of)));
        same(crossed.covariance(Divisor::Population), Some(Ratio::new(products.clone(), n * n, -2148).nearest()))?;
        let sample = (n > 1).then(|| Ratio::new(products.clone(), n * (n - 1), -2148).nearest());
        same(crossed.covariance(Divisor::Sample), sample)?;
        same(joint.products(), Some(Ratio::new(products.clone(), n, -2148).nearest()))?;
        let zero = num_bigint::BigInt::ZERO;
        let has_line = n > 1 && xx != zero;
        same(joint.slope(), has_line.then(|| Ratio::of(products.clone(), xx.clone(), 0).nearest()))?;
        let varies = has_line && yy != zero;
        let square = varies.then(|| Ratio::of(&products * &products, &xx * &yy, 0));
        same(joint.determination(), square.as_ref().map(Ratio::nearest))?;
        let sign = if products < zero { -1.0 } else { 1.0 };
        same(joint.correlation(), square.as_ref().map(|square| sign * square.nearest_root()))?;
        let [y, x] = [|(y, _): (f64, f64)| y, |(_, x): (f64, f64)| x]
            .map(|of| pairs.iter().map(|pair| whole(of(*pair))).sum::<num_bigint::BigInt>());
        let intercept = has_line.then(|| Ratio::of(y * &xx - x * &products, xx * num_bigint::BigInt::from(n), -1074).nearest());
        same(joint.intercept(), intercept)?;
    }
}

#[test]
fn a_large_mean_does_not_swallow_the_variance() {
    let spread: Spread = tally([1e9, 1e9 + 1.0, 1e9 + 2.0]);
    assert_eq!(spread.variance(Divisor::Population), Some(2.0 / 3.0));
    assert_eq!(tally::<Spread>([0.1; 7]).variance(Divisor::Population), Some(0.0));
    let pairs = [(1e15, 1e9), (1e15 + 1.0, 1e9 + 1.0), (1e15 + 2.0, 1e9 + 2.0)];
    assert_eq!(tally::<Joint>(pairs).correlation(), Some(1.0));
}

#[test]
fn squares_beyond_all_floats_have_a_deviation() {
    let spread: Spread = tally([1e300, -1e300]);
    assert_eq!(spread.variance(Divisor::Population), Some(f64::INFINITY));
    assert_eq!(spread.deviation(Divisor::Population), Some(1e300));
    let tiny: Spread = tally([3e-300, -3e-300]);
    assert_eq!((tiny.variance(Divisor::Population), tiny.deviation(Divisor::Population)), (Some(0.0), Some(3e-300)));
}

#[test]
fn few_rows_and_what_is_not_finite_have_no_variance() {
    assert_eq!(tally::<Spread>([]).variance(Divisor::Population), None);
    assert_eq!(tally::<Spread>([1.0]).variance(Divisor::Sample), None);
    assert_eq!(tally::<Joint>([(1.0, 2.0)]).correlation(), None);
    assert_eq!(tally::<Joint>([(1.0, 2.0), (2.0, 2.0)]).slope(), None);
    assert!(tally::<Spread>([1.0, f64::INFINITY]).variance(Divisor::Sample).is_some_and(f64::is_nan));
    assert_eq!(tally::<Joint>([(1.0, 2.0), (f64::NAN, 3.0)]).correlation(), None);
    assert!(tally::<Joint>([(1.0, 2.0), (f64::INFINITY, 3.0)]).correlation().is_some_and(f64::is_nan));
    assert!(tally::<Joint>([(1.0, 2.0), (f64::NAN, f64::NAN)]).correlation().is_some_and(f64::is_nan));
}

/// An infinity in one column is that of its own statistics, and leaves those of the other.
#[test]
fn what_is_not_finite_shows_where_it_is() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for (x, mean) in [([inf, 1.0], inf), ([-inf, 1.0], -inf), ([inf, -inf], nan), ([nan, 1.0], nan)] {
        for turned in [false, true] {
            let pairs = [(1.0, x[0]), (3.0, x[1])].map(|(y, x)| if turned { (x, y) } else { (y, x) });
            let mut joint: Joint = tally(pairs);
            let own = [joint.mean_x(), joint.squares_x(), joint.mean_y(), joint.squares_y()];
            let [mean_of, squares, other_mean, other_squares] = if turned { [own[2], own[3], own[0], own[1]] } else { own };
            assert_eq!(mean_of.map(f64::to_bits), Some(mean.to_bits()), "{x:?}");
            assert!(squares.is_some_and(f64::is_nan) && joint.products().is_some_and(f64::is_nan));
            assert_eq!((other_mean, other_squares), (Some(2.0), Some(2.0)));
            pairs.into_iter().for_each(|pair| joint.remove(pair));
            assert_eq!(bytes(&joint), bytes(&Joint::default()));
        }
    }
}

#[test]
fn ordinary_values_need_nothing_on_the_heap() {
    let values = (0..100_000).map(|i| f64::from(i).sin() * 1e4 + 0.1);
    assert_eq!(tally::<Spread>(values).heap_bytes(), 0);
}

#[test]
fn broken_bytes_are_an_error() {
    assert!(Total::read(&[1, 2]).is_err());
    assert!(Total::read(&[0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0x7f, 200]).is_err());
}

//! The area under the receiver operating characteristic.

/// The probability that a random positive row scores above a random negative one, ties counting half: exact, by
/// sorting. `rows` are (score, positive) and get sorted. None without a positive or without a negative row.
pub fn roc_auc(rows: &mut [(f64, bool)]) -> Option<f64> {
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let positives = rows.iter().filter(|row| row.1).count() as u64;
    let negatives = rows.len() as u64 - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut below, mut twice_wins) = (0u64, 0u128);
    for ties in rows.chunk_by(|a, b| a.0 == b.0) {
        let positive = ties.iter().filter(|row| row.1).count() as u64;
        let negative = ties.len() as u64 - positive;
        twice_wins += u128::from(positive) * u128::from(2 * below + negative);
        below += negative;
    }
    Some(twice_wins as f64 / (2.0 * positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn perfect_reversed_and_tied_rankings() {
        assert_eq!(roc_auc(&mut [(0.1, false), (0.9, true)]), Some(1.0));
        assert_eq!(roc_auc(&mut [(0.9, false), (0.1, true)]), Some(0.0));
        assert_eq!(roc_auc(&mut [(0.5, false), (0.5, true)]), Some(0.5));
        assert_eq!(roc_auc(&mut [(0.5, true)]), None);
    }

    /// The definition, pair by pair.
    fn by_counting(rows: &[(f64, bool)]) -> Option<f64> {
        let scores = |positive| rows.iter().filter(move |row| row.1 == positive).map(|row| row.0);
        let pairs: Vec<(f64, f64)> = scores(true).flat_map(|p| scores(false).map(move |n| (p, n))).collect();
        let wins = pairs.iter().filter(|(p, n)| p > n).count() as f64;
        let ties = pairs.iter().filter(|(p, n)| p == n).count() as f64;
        (!pairs.is_empty()).then(|| (wins + ties / 2.0) / pairs.len() as f64)
    }

    proptest! {
        #[test]
        fn sorting_equals_counting_pairs(rows in prop::collection::vec((0u8..5, any::<bool>()), 2..60)) {
            let mut rows: Vec<(f64, bool)> = rows.into_iter().map(|(score, positive)| (f64::from(score), positive)).collect();
            prop_assert_eq!(by_counting(&rows), roc_auc(&mut rows));
        }
    }
}

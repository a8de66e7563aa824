//! The next token of its scores.

use super::GenerateOptions;

/// Random numbers of a prompt: each step's follows from the seed, the prompt and the step.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    key: u64,
}

impl Draws {
    pub fn new(seed: u64, prompt: &[u32]) -> Self {
        Draws { key: prompt.iter().fold(mixed(seed), |key, &id| mixed(key ^ u64::from(id))) }
    }

    /// From 0 to 1, 1 not among them.
    fn at(self, step: usize) -> f64 {
        let bits = mixed(self.key.wrapping_add(step as u64));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A bijection of u64 whose every bit depends on all. Source: Steele, Lea and Flood 2014 (SplitMix).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Makes tokens that are there already less probable.
pub fn penalize(scores: &mut [f32], seen: &[u32], penalty: f64) {
    if penalty == 1.0 {
        return;
    }
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for id in seen {
        if let Some(score) = scores.get_mut(id as usize) {
            let penalty = penalty as f32;
            *score = if *score < 0.0 { *score * penalty } else { *score / penalty };
        }
    }
}

/// The number of the largest score, the first of equal ones. NaN is never it.
pub fn largest(scores: &[f32]) -> u32 {
    let larger = |top: f32, score: f32| if score > top { score } else { top };
    // Several at once: one after the other, a large vocabulary takes as long as a layer of the network.
    let (several, rest) = scores.as_chunks::<16>();
    let tops = several.iter().fold([f32::NEG_INFINITY; 16], |mut tops, scores| {
        tops.iter_mut().zip(scores).for_each(|(top, &score)| *top = larger(*top, score));
        tops
    });
    let top = tops.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger);
    let first = if top > f32::NEG_INFINITY { scores.iter().position(|&score| score == top) } else { None };
    first.unwrap_or(0) as u32
}

/// The token of step `step`.
pub fn pick(scores: &[f32], options: &GenerateOptions, draws: Draws, step: usize) -> u32 {
    if options.temperature == 0.0 {
        return largest(scores);
    }
    let mut left: Vec<(u32, f64)> =
        scores.iter().enumerate().map(|(i, &s)| (i as u32, f64::from(s) / options.temperature)).collect();
    left.retain(|(_, score)| !score.is_nan());
    left.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    left.truncate(options.top_k.unwrap_or(left.len()));
    let top = left.first().map_or(0.0, |first| first.1);
    left.iter_mut().for_each(|(_, score)| *score = (*score - top).exp());
    let total: f64 = left.iter().map(|(_, weight)| weight).sum();
    nucleus(&mut left, options.top_p * total);
    let kept: f64 = left.iter().map(|(_, weight)| weight).sum();
    let mut rest = draws.at(step) * kept;
    for &(id, weight) in &left {
        if rest < weight {
            return id;
        }
        rest -= weight;
    }
    left.last().map_or(0, |last| last.0)
}

/// Of tokens by falling weight, the first that together have `weight`; at least one. Source: Holtzman et al. 2020.
fn nucleus(left: &mut Vec<(u32, f64)>, weight: f64) {
    let mut sum = 0.0;
    let needed = left.iter().take_while(|(_, own)| {
        let is_needed = sum < weight;
        sum += own;
        is_needed
    });
    let needed = needed.count().max(1);
    left.truncate(needed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(top_k: Option<usize>, top_p: f64) -> GenerateOptions {
        GenerateOptions { temperature: 1.0, top_k, top_p, ..GenerateOptions::default() }
    }

    #[test]
    fn tokens_come_as_often_as_they_are_probable() {
        let scores = [0.5f32.ln(), 0.25f32.ln(), 0.25f32.ln(), f32::NEG_INFINITY];
        let mut counts = [0; 4];
        (0..4000).for_each(|step| counts[pick(&scores, &sampled(None, 1.0), Draws::new(7, &[1]), step) as usize] += 1);
        assert!((1900..2100).contains(&counts[0]) && (900..1100).contains(&counts[1]) && counts[3] == 0, "{counts:?}");
    }

    #[test]
    fn only_the_most_probable_are_left() {
        let scores = [1.0, 3.0, 2.0, 0.0];
        for step in 0..200 {
            assert_eq!(pick(&scores, &sampled(Some(1), 1.0), Draws::new(0, &[]), step), 1);
            assert!([1, 2].contains(&pick(&scores, &sampled(Some(2), 1.0), Draws::new(0, &[]), step)));
            assert_eq!(pick(&scores, &sampled(None, 0.5), Draws::new(0, &[]), step), 1);
        }
    }

    #[test]
    fn scores_that_are_no_numbers_are_never_taken() {
        let scores = [f32::NAN, 1.0, f32::NAN];
        assert_eq!(largest(&scores), 1);
        assert_eq!(pick(&scores, &sampled(None, 1.0), Draws::new(0, &[]), 3), 1);
        assert_eq!(largest(&[f32::NAN]), 0);
        assert_eq!(largest(&[f32::NAN, f32::NEG_INFINITY]), 0);
    }

    #[test]
    fn of_equal_scores_the_first_is_taken_wherever_it_stands() {
        for length in [1, 15, 16, 17, 100] {
            for first in 0..length {
                let mut scores = vec![-2.0; length];
                scores[first] = -1.0;
                scores[length - 1] = -1.0;
                assert_eq!(largest(&scores), first as u32, "of {length}");
            }
        }
        assert_eq!(largest(&[-0.0, 0.0]), 0);
        assert_eq!(largest(&[]), 0);
    }

    #[test]
    fn tokens_that_are_there_become_less_probable() {
        let mut scores = [2.0, -2.0, 1.0];
        penalize(&mut scores, &[0, 1, 0], 2.0);
        assert_eq!(scores, [1.0, -4.0, 1.0]);
    }
}

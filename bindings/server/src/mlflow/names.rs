//! Names for runs that were given none, to tell them apart in a list: `calm-otter-517`.

use std::hash::{BuildHasher, RandomState};

const HOWS: [&str; 32] = [
    "amber", "brisk", "calm", "clear", "cosy", "crisp", "deft", "early", "fair", "fresh", "gentle", "glad", "green", "hardy",
    "keen", "late", "light", "lucid", "mild", "neat", "noble", "plain", "prompt", "quiet", "rapid", "sharp", "steady", "sunny",
    "tidy", "vivid", "warm", "wise",
];
const WHATS: [&str; 32] = [
    "alder", "badger", "beech", "birch", "crane", "falcon", "fern", "finch", "fox", "gull", "harbour", "hare", "heron", "island",
    "lark", "lynx", "maple", "meadow", "moth", "oak", "orchard", "otter", "owl", "pine", "raven", "river", "robin", "seal",
    "swift", "thrush", "tide", "willow",
];

/// Another one each time, most likely: there are a million.
pub fn any() -> String {
    let drawn = RandomState::new().hash_one(0);
    let one_of = |words: &[&'static str; 32], shift: u32| words[(drawn >> shift) as usize % words.len()];
    format!("{}-{}-{}", one_of(&HOWS, 0), one_of(&WHATS, 5), (drawn >> 10) % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let names: std::collections::BTreeSet<String> = (0..100).map(|_| any()).collect();
        assert!(names.len() > 95, "{names:?}");
    }
}

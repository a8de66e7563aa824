//! Pairs of texts that are too long: which tokens of each stay.
//!
//! The library cuts each text to the whole room before it compares their lengths, so that two long ones look alike to it; what
//! transformers has depends on which of them is the longer.

use super::tokenizer::{Encoded, Span};

/// A pair without the ends of its texts, so that it has at most so many tokens; the special ones around them stay.
pub fn shortened(pair: &[Span], most: usize) -> Encoded {
    let of = |text: usize| pair.iter().filter(|span| span.text == Some(text)).count();
    let lengths = [of(0), of(1)];
    let special = pair.len() - lengths[0] - lengths[1];
    let keep = kept(lengths, most.saturating_sub(special));
    let mut seen = [0; 2];
    let mut stays = |span: &&Span| match span.text {
        Some(text @ (0 | 1)) => {
            seen[text] += 1;
            seen[text] <= keep[text]
        }
        _ => true,
    };
    let (ids, kinds) = pair.iter().filter(|span| stays(span)).map(|span| (span.id, span.kind)).unzip();
    Encoded { ids, kinds, is_truncated: true }
}

/// Tokens that stay of each of two texts: the longer one loses first, until both are of a length; then that one has the odd token, and
/// of equal ones the second. Source: `longest_first` of the tokenizers library.
fn kept([first, second]: [usize; 2], room: usize) -> [usize; 2] {
    let short = first.min(second);
    let long = short.max(room.saturating_sub(short));
    let [short, long] = if short + long > room { [room / 2, room - room / 2] } else { [short, long] };
    if first > second { [long, short] } else { [short, long] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_text_loses_first_and_has_the_odd_token() {
        // What transformers 5.24 keeps of texts of so many tokens.
        for (lengths, room, expected) in [
            ([10, 8], 5, [3, 2]),
            ([8, 10], 5, [2, 3]),
            ([8, 8], 5, [2, 3]),
            ([13, 10], 5, [3, 2]),
            ([3, 9], 5, [2, 3]),
            ([9, 3], 5, [3, 2]),
            ([10, 8], 6, [3, 3]),
            ([3, 9], 9, [3, 6]),
            ([9, 3], 9, [6, 3]),
            ([0, 9], 4, [0, 4]),
            ([9, 0], 4, [4, 0]),
            ([25, 24], 0, [0, 0]),
        ] {
            assert_eq!(kept(lengths, room), expected, "{lengths:?} in {room}");
        }
    }
}

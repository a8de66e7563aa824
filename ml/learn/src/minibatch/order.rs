//! The order of an epoch: chunks by key, then the rows inside each chunk by key. Chunks stay together, so that rows
//! kept on disk are read in long runs; the chunks themselves hold rows in the order of their hashes already.

/// A stream of numbers for shuffling. Source: Steele, Lea and Flood 2014 (SplitMix64).
struct Stream(u64);

impl Stream {
    /// The stream of a key and two numbers.
    fn of(key: u64, a: u64, b: u64) -> Self {
        let mut seed = Stream(key);
        seed.0 ^= seed.next() ^ a;
        seed.0 ^= seed.next() ^ b;
        Stream(seed.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, by the high half of a product; its bias is below 2^-32 for what fits in memory.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

/// The numbers `0..count` in an order that the key decides. Source: Fisher and Yates 1938, Durstenfeld's form.
fn permutation(count: usize, mut stream: Stream) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    for i in (1..count).rev() {
        order.swap(i, stream.below(i + 1));
    }
    order
}

/// The order of the chunks in an epoch.
pub(super) fn chunk_order(key: u64, epoch: u64, chunks: usize) -> Vec<u32> {
    permutation(chunks, Stream::of(key, epoch, u64::MAX))
}

/// The order of a chunk's rows in an epoch.
pub(super) fn row_order(key: u64, epoch: u64, chunk: usize, rows: usize) -> Vec<u32> {
    permutation(rows, Stream::of(key, epoch, chunk as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_once_and_the_key_decides_where() {
        let order = row_order(1, 2, 3, 1000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert_eq!(order, row_order(1, 2, 3, 1000));
        for other in [row_order(2, 2, 3, 1000), row_order(1, 3, 3, 1000), row_order(1, 2, 4, 1000)] {
            assert_ne!(order, other);
        }
    }

    #[test]
    fn first_places_are_evenly_spread() {
        let mut counts = [0; 5];
        (0..5000).for_each(|epoch| counts[row_order(9, epoch, 0, 5)[0] as usize] += 1);
        assert!(counts.iter().all(|&count| (900..1100).contains(&count)), "{counts:?}");
    }

    #[test]
    fn nothing_and_one_have_an_order() {
        assert_eq!((chunk_order(0, 0, 0), chunk_order(0, 0, 1)), (vec![], vec![0]));
    }
}

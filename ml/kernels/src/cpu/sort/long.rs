//! Long lines: first the highest digit, which makes buckets that threads sort by themselves, then within a bucket the same
//! again until it fits the cache, and there the other digits from the last one on. Equal elements stay as they were.

use gradframe_ml_core::Result;

use super::super::tasks::{self, Workers};
use super::{DIGIT_BITS, Entry};

/// Elements of a line from which on it is cut into buckets: shorter ones fit the cache.
pub const LONG_MIN: usize = 1 << 16;
/// Digits.
const DIGITS: usize = 1 << DIGIT_BITS;
/// Parts of a line that are counted and moved by themselves.
const PARTS: usize = 16;
/// Bytes of a bucket that stays in the second-level cache, together with its copy.
const CACHED_BYTES: usize = 384 * 1024;
/// Elements of a bucket that are sorted by comparing.
const FEW: usize = 192;

/// The entries of a line of `count` elements with keys of `bits` bits, in order.
pub fn sorted<E: Entry>(keys: impl Fn(usize) -> u64 + Sync, count: usize, bits: u32, workers: Workers) -> Result<Vec<E>> {
    let shift = bits.saturating_sub(DIGIT_BITS);
    let digit = |k: usize| (keys(k) >> shift) as usize & (DIGITS - 1);
    let part = |p: usize| p * count / PARTS..(p + 1) * count / PARTS;
    let mut counts = vec![0usize; PARTS * DIGITS];
    tasks::for_each_chunk(workers, &mut counts, DIGITS, |p, counts| {
        part(p).for_each(|k| counts[digit(k)] += 1);
        Ok(())
    })?;
    let ends = placed(&mut counts);
    let mut entries = vec![E::default(); count];
    let shared = Shared(entries.as_mut_ptr());
    tasks::for_each_chunk(workers, &mut counts, DIGITS, |p, next| {
        let shared = &shared;
        for k in part(p) {
            let key = keys(k);
            let place = &mut next[(key >> shift) as usize & (DIGITS - 1)];
            assert!(*place < count, "a bucket is fuller than it was counted");
            // SAFETY: `placed` gives each part and digit places of its own, as many as were counted.
            unsafe { shared.0.add(*place).write(E::new(key, k)) };
            *place += 1;
        }
        Ok(())
    })?;
    let mut buckets = Vec::new();
    let (mut rest, mut start) = (&mut entries[..], 0);
    for end in ends {
        let (bucket, after) = rest.split_at_mut(end - start);
        (rest, start) = (after, end);
        if bucket.len() > 1 {
            buckets.push(bucket);
        }
    }
    tasks::for_each_with(workers, buckets, Vec::new, |spare, bucket| {
        sort_bucket(bucket, spare, shift);
        Ok(())
    })?;
    Ok(entries)
}

/// Memory of which threads write different elements.
struct Shared<E>(*mut E);

// SAFETY: who writes which element is decided before.
unsafe impl<E: Send> Sync for Shared<E> {}

/// Turns counts of parts by digit into first places: digit by digit, and of one digit part by part. Gives the digits' ends.
fn placed(counts: &mut [usize]) -> Vec<usize> {
    let (mut next, mut ends) = (0, Vec::with_capacity(DIGITS));
    for digit in 0..DIGITS {
        for part in 0..PARTS {
            let count = &mut counts[part * DIGITS + digit];
            (*count, next) = (next, next + *count);
        }
        ends.push(next);
    }
    ends
}

/// Sorts entries whose keys differ in the last `bits` bits only.
fn sort_bucket<E: Entry>(bucket: &mut [E], spare: &mut Vec<E>, bits: u32) {
    if bits == 0 || bucket.len() < 2 {
        return;
    }
    if bucket.len() <= FEW {
        return bucket.sort_by_key(E::key);
    }
    if spare.len() < bucket.len() {
        spare.resize(bucket.len(), E::default());
    }
    if size_of_val(bucket) <= CACHED_BYTES || bits <= DIGIT_BITS {
        return sort_cached(bucket, &mut spare[..], bits);
    }
    let shift = bits - DIGIT_BITS;
    let ends = moved(bucket, &mut spare[..bucket.len()], shift, DIGIT_BITS);
    bucket.copy_from_slice(&spare[..bucket.len()]);
    let mut start = 0;
    for end in ends {
        sort_bucket(&mut bucket[start..end], spare, shift);
        start = end;
    }
}

/// From the last digit on; digits are as long as divides the bits evenly.
fn sort_cached<E: Entry>(bucket: &mut [E], spare: &mut [E], bits: u32) {
    let passes = bits.div_ceil(DIGIT_BITS);
    let width = bits.div_ceil(passes);
    let spare = &mut spare[..bucket.len()];
    for pass in 0..passes {
        let (from, to) = if pass % 2 == 0 { (&*bucket, &mut *spare) } else { (&*spare, &mut *bucket) };
        moved(from, to, pass * width, width);
    }
    if passes % 2 == 1 {
        bucket.copy_from_slice(spare);
    }
}

/// Moves entries into the order of one digit; gives the digits' ends.
fn moved<E: Entry>(from: &[E], to: &mut [E], shift: u32, width: u32) -> [usize; DIGITS] {
    let digit = |entry: &E| (entry.key() >> shift) as usize & ((1 << width) - 1);
    let mut next = [0usize; DIGITS];
    from.iter().for_each(|entry| next[digit(entry)] += 1);
    let mut start = 0;
    for count in &mut next {
        (*count, start) = (start, start + *count);
    }
    for entry in from {
        let place = &mut next[digit(entry)];
        to[*place] = *entry;
        *place += 1;
    }
    next
}

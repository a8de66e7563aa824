//! Records that are whole or not there: `length: u32, check: u32, body`, the check being the low half of the body's xxh3. So what a
//! crash or a power cut leaves of the last one is known to be no record.

use xxhash_rust::xxh3::xxh3_64;

pub(super) const HEADER_BYTES: usize = 8;
/// Bytes that are checked, one over and over, before no record is found to follow.
const LOOKED_AT_MAX: usize = 256 << 20;

/// A record of this body.
pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER_BYTES + body.len());
    record.resize(HEADER_BYTES, 0);
    record.extend_from_slice(body);
    close(&mut record);
    record
}

/// Writes the header of a record that begins with room for it.
pub(super) fn close(record: &mut [u8]) {
    let Some((header, body)) = record.split_first_chunk_mut::<HEADER_BYTES>() else { return };
    header[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[4..].copy_from_slice(&check(body).to_le_bytes());
}

/// The body of the first record, and what comes after it; None of what is no record, or not a whole one.
pub(super) fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    (!body.is_empty() && check(body) == u32::from_le_bytes(*expected)).then_some((body, rest))
}

/// Where the next whole record begins in bytes that begin with none. None if none follows: then they are what is left of a last one.
pub(super) fn next(bytes: &[u8]) -> Option<usize> {
    let mut looked_at = 0;
    for at in 1..bytes.len() {
        let (length, _) = bytes[at..].split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 || length > bytes.len() - at {
            continue;
        }
        if first(&bytes[at..]).is_some() {
            return Some(at);
        }
        looked_at += length;
        if looked_at > LOOKED_AT_MAX {
            return None;
        }
    }
    None
}

/// A part of bytes that are records one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'b> {
    /// The body of a record.
    Whole(&'b [u8]),
    /// What is none although whole ones follow: it was changed after it was written.
    Damaged(&'b [u8]),
    /// What is none at the end. A crash leaves the beginning of the last record, and perhaps zeros.
    Rest(&'b [u8]),
}

/// All parts, each with the place at which it begins.
pub(super) fn parts(bytes: &[u8]) -> impl Iterator<Item = (usize, Part<'_>)> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let at = bytes.len() - left.len();
        if left.is_empty() {
            return None;
        }
        let (part, rest) = match first(left) {
            Some((body, rest)) => (Part::Whole(body), rest),
            None => match next(left) {
                Some(length) => (Part::Damaged(&left[..length]), &left[length..]),
                None => (Part::Rest(left), &[][..]),
            },
        };
        left = rest;
        Some((at, part))
    })
}

/// Whether the rest of a file is what a crash leaves of a last record, of which no call had returned: it is shorter than it says, or
/// zeros. A disk that changes a record leaves as many bytes as it had.
pub(super) fn is_torn(rest: &[u8]) -> bool {
    let Some((header, body)) = rest.split_first_chunk::<HEADER_BYTES>() else { return true };
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    length > body.len() || rest.iter().all(|byte| *byte == 0)
}

fn check(body: &[u8]) -> u32 {
    xxh3_64(body) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_record_is_told_from_a_changed_one() {
        let (first, second) = (frame(b"one"), frame(b"two two"));
        let both = [first.clone(), second.clone()].concat();
        assert_eq!(parts(&both).collect::<Vec<_>>(), [(0, Part::Whole(b"one")), (first.len(), Part::Whole(b"two two"))]);
        for bytes in first.len() + 1..both.len() {
            let rest = &both[first.len()..bytes];
            assert_eq!(parts(&both[..bytes]).collect::<Vec<_>>(), [(0, Part::Whole(b"one")), (first.len(), Part::Rest(rest))]);
            assert!(is_torn(rest), "{bytes} bytes");
        }
        for byte in first.len()..both.len() {
            let mut changed = both.clone();
            changed[byte] ^= 4;
            let rest = &changed[first.len()..];
            assert_eq!(parts(&changed).collect::<Vec<_>>(), [(0, Part::Whole(b"one")), (first.len(), Part::Rest(rest))]);
            // Of a length that was changed to a greater one nobody can tell.
            assert!(byte < first.len() + 4 || !is_torn(rest), "byte {byte}");
        }
        let zeros = [0; 4096];
        assert_eq!(parts(&[&first[..], &zeros].concat()).last(), Some((first.len(), Part::Rest(&zeros))));
        assert!(is_torn(&zeros));
    }

    #[test]
    fn the_record_after_a_damaged_one_is_found() {
        let (first, second) = (frame(b"one"), frame(b"two two"));
        for byte in 0..first.len() {
            let mut both = [first.clone(), second.clone()].concat();
            both[byte] ^= 4;
            assert_eq!(next(&both), Some(first.len()), "byte {byte}");
            let found = [(0, Part::Damaged(&both[..first.len()])), (first.len(), Part::Whole(b"two two"))];
            assert_eq!(parts(&both).collect::<Vec<_>>(), found, "byte {byte}");
        }
        for torn in [&first[..first.len() - 1], &[0; 4096], &[]] {
            assert_eq!(next(torn), None);
        }
    }
}

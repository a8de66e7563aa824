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

/// The bodies of all whole records from the beginning.
pub(super) fn all(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (body, rest) = first(bytes)?;
        bytes = rest;
        Some(body)
    })
}

fn check(body: &[u8]) -> u32 {
    xxh3_64(body) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_or_changed_record_ends_what_is_read() {
        let (first, second) = (frame(b"one"), frame(b"two two"));
        let both = [first.clone(), second.clone()].concat();
        assert_eq!(all(&both).collect::<Vec<_>>(), [&b"one"[..], b"two two"]);
        for bytes in first.len()..both.len() {
            assert_eq!(all(&both[..bytes]).count(), 1, "{bytes} bytes");
            let mut changed = both.clone();
            changed[bytes] ^= 4;
            assert_eq!(all(&changed).count(), 1, "byte {bytes}");
        }
        assert_eq!(all(&[first, vec![0; 4096]].concat()).count(), 1, "zeros are no records");
    }

    #[test]
    fn the_record_after_a_damaged_one_is_found() {
        let (first, second) = (frame(b"one"), frame(b"two two"));
        for byte in 0..first.len() {
            let mut both = [first.clone(), second.clone()].concat();
            both[byte] ^= 4;
            assert_eq!(next(&both), Some(first.len()), "byte {byte}");
        }
        for torn in [&first[..first.len() - 1], &[0; 4096], &[]] {
            assert_eq!(next(torn), None);
        }
    }
}

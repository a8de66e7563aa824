//! What a power cut took from segments is put back from journals of processes that have ended (see `journal`).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::errors::sync_directory;
use super::super::framed::{self, Part};
use super::journal::SUFFIX;
use super::segments::{DAMAGED, is_name};
use crate::notices;

/// Held by who puts bytes back, so that nobody folds a segment meanwhile.
const RECOVERY_LOCK: &str = ".recovery";

/// Where bytes belong.
pub(super) struct Kept<'j> {
    segment: &'j str,
    at: u64,
    bytes: &'j [u8],
}

/// The whole records of a journal, and how many bytes are none though they were: a last one that was cut off is not missed.
pub(super) fn decode(journal: &[u8]) -> (Vec<Kept<'_>>, usize) {
    let (mut found, mut unread) = (Vec::new(), 0);
    for (_, part) in framed::parts(journal) {
        match part {
            Part::Whole(body) => match place(body) {
                Some(kept) => found.push(kept),
                None => unread += framed::HEADER_BYTES + body.len(),
            },
            Part::Rest(rest) if framed::is_torn(rest) => {}
            Part::Damaged(bytes) | Part::Rest(bytes) => unread += bytes.len(),
        }
    }
    (found, unread)
}

fn place(place: &[u8]) -> Option<Kept<'_>> {
    let (length, place) = place.split_first_chunk::<4>()?;
    let (name, place) = place.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (at, bytes) = place.split_first_chunk::<8>()?;
    let segment = str::from_utf8(name).ok().filter(|name| is_name(name))?;
    Some(Kept { segment, at: u64::from_le_bytes(*at), bytes })
}

/// Puts back what journals of ended processes have of segments in this directory. What is there already stays as it is: a segment
/// that was folded is known to be so by the database, and goes again.
pub(super) fn recover(directory: &Path) -> io::Result<()> {
    // Read only at first: where nobody has died, nothing is written, and perhaps nothing may be.
    let journals: Vec<PathBuf> = journals(directory).into_iter().filter(|path| is_left(path)).collect();
    if journals.is_empty() {
        return Ok(());
    }
    let lock = File::options().create(true).truncate(false).write(true).open(directory.join(RECOVERY_LOCK))?;
    lock.lock()?;
    for path in journals {
        let Ok(file) = File::open(&path) else { continue };
        // Locked: its process lives. Gone: somebody else has done it.
        if file.try_lock().is_ok() && path.exists() {
            match put_back(directory, &fs::read(&path)?)? {
                0 => fs::remove_file(&path)?,
                unread => keep_aside(&path, unread)?,
            }
        }
    }
    Ok(())
}

/// True if no process has it open.
fn is_left(journal: &Path) -> bool {
    File::open(journal).is_ok_and(|file| file.try_lock_shared().is_ok())
}

pub(super) fn journals(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().ends_with(SUFFIX)).collect()
}

/// Keeps a journal that was damaged under a name that nobody looks for, and says so.
fn keep_aside(path: &Path, unread: usize) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(DAMAGED);
    let aside = PathBuf::from(aside);
    fs::rename(path, &aside)?;
    notices::tell(&format!(
        "{unread} bytes were damaged on the disk of what was to be put back after a power cut; points of runs that went on then may be \
         lost, all others are there, and the file is kept as `{}`",
        aside.display()
    ));
    Ok(())
}

/// Gives how many bytes of the journal could not be read.
fn put_back(directory: &Path, journal: &[u8]) -> io::Result<usize> {
    let mut touched = BTreeSet::new();
    let (found, unread) = decode(journal);
    for kept in found {
        let mut segment =
            File::options().read(true).write(true).create(true).truncate(false).open(directory.join(kept.segment))?;
        if !has(&mut segment, &kept)? {
            write_at(&mut segment, &kept)?;
        }
        touched.insert(kept.segment);
    }
    for segment in touched {
        File::open(directory.join(segment))?.sync_data()?;
    }
    sync_directory(directory).map(|()| unread)
}

fn has(segment: &mut File, kept: &Kept<'_>) -> io::Result<bool> {
    use io::{Read, Seek};
    let mut found = Vec::with_capacity(kept.bytes.len());
    segment.seek(io::SeekFrom::Start(kept.at))?;
    segment.take(kept.bytes.len() as u64).read_to_end(&mut found)?;
    Ok(found == kept.bytes)
}

fn write_at(segment: &mut File, kept: &Kept<'_>) -> io::Result<()> {
    use io::Seek;
    segment.seek(io::SeekFrom::Start(kept.at))?;
    segment.write_all(kept.bytes)
}

#[cfg(test)]
mod tests {
    use super::super::journal::encode;
    use super::*;

    /// A journal as a power cut leaves it: nobody has its lock, and it is not retired.
    fn left_behind(directory: &Path, records: &[(&str, u64, &[u8])]) -> PathBuf {
        let path = directory.join(format!("dead{SUFFIX}"));
        let bytes: Vec<u8> = records.iter().flat_map(|(segment, at, bytes)| encode(segment, *at, bytes)).collect();
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn what_a_power_cut_took_from_segments_is_put_back() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("a.1.points"), b"aaaa\0\0\0\0").unwrap();
        fs::write(at("c.1.points"), b"all of it").unwrap();
        let journal = left_behind(
            directory.path(),
            &[
                ("a.1.points", 0, b"aaaa"),
                ("b.1.points", 0, b"its name is gone"),
                ("a.1.points", 4, b"bbbbbb"),
                ("c.1.points", 4, b"of it"),
            ],
        );
        recover(directory.path()).unwrap();
        assert_eq!(fs::read(at("a.1.points")).unwrap(), b"aaaabbbbbb");
        assert_eq!(fs::read(at("b.1.points")).unwrap(), b"its name is gone");
        assert_eq!(fs::read(at("c.1.points")).unwrap(), b"all of it");
        assert!(!journal.exists());
        recover(directory.path()).unwrap();
    }

    #[test]
    fn a_torn_or_changed_record_is_left_out_and_a_name_is_never_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let whole = encode("a.1.points", 0, b"aaaa");
        for torn in 0..whole.len() {
            let (found, unread) = decode(&whole[..torn]);
            assert_eq!((found.len(), unread), (0, 0), "{torn} bytes");
            let mut changed = whole.clone();
            changed[torn] ^= 1;
            assert_eq!(decode(&changed).0.len(), 0, "byte {torn}");
            changed.extend_from_slice(&whole);
            let (found, unread) = decode(&changed);
            assert_eq!((found.len(), unread), (1, whole.len()), "byte {torn}");
        }
        for name in ["../a.1.points", "/tmp/a.1.points", "a.1.points/../../b.points", "store.db"] {
            assert_eq!(decode(&encode(name, 0, b"x")).0.len(), 0, "{name}");
        }
        left_behind(directory.path(), &[("../evil.points", 0, b"x")]);
        recover(directory.path()).unwrap();
        assert!(!directory.path().parent().unwrap().join("evil.points").exists());
    }

    #[test]
    fn what_follows_a_damaged_record_is_put_back_and_the_journal_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let records = [("a.1.points", 0, &b"aaaa"[..]), ("b.1.points", 0, b"bbbb"), ("c.1.points", 0, b"cccc")];
        let journal = left_behind(directory.path(), &records);
        let mut bytes = fs::read(&journal).unwrap();
        let length = bytes.len();
        bytes[length / 2] ^= 4;
        fs::write(&journal, &bytes).unwrap();
        recover(directory.path()).unwrap();
        assert_eq!(fs::read(at("a.1.points")).unwrap(), b"aaaa");
        assert_eq!(fs::read(at("c.1.points")).unwrap(), b"cccc");
        assert!(!at("b.1.points").exists() && !journal.exists());
        assert_eq!(fs::read(at("dead.journal.damaged")).unwrap(), bytes);
        recover(directory.path()).unwrap();
    }
}

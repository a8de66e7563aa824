//! The file of a run that an ended process has left: what of it can be told to the store, and what becomes of the rest.
//!
//! A call that logs returns when its record is on the disk. So of a last record that was cut off no call has returned, and it is left
//! out. Any other that is none was changed by the disk: what it said is lost, and the file is kept for whoever can read it better.

use std::fs;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::super::framed::{self, HEADER_BYTES, Part};
use super::{Change, journal, waiting};
use crate::notices;

const OP: &str = "run";
/// Ends the names of files that were damaged. Nobody looks for them.
const DAMAGED: &str = ".damaged";
/// So many characters of a record that was cut off are shown.
const SHOWN_MAX: usize = 80;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Left {
    path: PathBuf,
    changes: Vec<Change>,
    damage: Option<Damage>,
    torn: Option<Torn>,
}

/// Bytes that were changed after they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Damage {
    /// Where the first of them are.
    at: usize,
    bytes: usize,
}

/// The beginning of a last record.
#[derive(Debug)]
struct Torn {
    bytes: usize,
    shown: String,
}

impl Left {
    /// None if there is no such file any more. Errors: `Execution` for one of a newer build; `External` if it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error)),
        };
        let unknown = || Error::execution(OP, format!("`{}` was written by a newer gradframe", path.display()));
        let mut left = Left { path: path.to_path_buf(), changes: vec![], damage: None, torn: None };
        for (at, part) in framed::parts(&bytes) {
            match part {
                Part::Whole(json) => left.changes.push(Change::decode(json).ok_or_else(unknown)?),
                Part::Rest(rest) if is_torn(rest) => left.torn = Some(Torn::of(rest)),
                Part::Damaged(bytes) | Part::Rest(bytes) => {
                    left.damage.get_or_insert(Damage { at, bytes: 0 }).bytes += bytes.len();
                }
            }
        }
        Ok(Some(left))
    }

    /// What can be told to the store; nothing of a run that did not get so far as to begin. Errors: `Execution` where what is damaged is
    /// how the run begins, without which the store takes nothing else of it.
    pub fn changes(&self) -> Result<&[Change]> {
        match (self.changes.first(), self.damage) {
            (Some(Change::Begin { .. }), _) | (None, None) => Ok(&self.changes),
            _ if self.is_later() => Ok(&self.changes),
            (_, damage) => {
                let at = damage.map_or(0, |damage| damage.at);
                let what =
                    format!("`{}` was changed after it was written, at byte {at}: how its run begins", self.path.display());
                Err(Error::execution(OP, what).hint(
                    "bring the file back as it was, and the next use of the store sends it; while it is there its points and artifacts \
                     are kept, without it the run is given up",
                ))
            }
        }
    }

    /// The hashes of all contents that it names. Errors: `Execution` if some may not be known.
    pub fn contents(&self) -> Result<impl Iterator<Item = &str>> {
        if let Some(Damage { at, .. }) = self.damage {
            let what = format!("`{}` was changed after it was written, at byte {at}", self.path.display());
            return Err(Error::execution("gc", format!("{what}: which contents it names is not known, and none is removed"))
                .hint("`gradframe runs ls` sends what can be sent of it; what stays is to be brought back, or moved elsewhere"));
        }
        Ok(self.changes.iter().filter_map(Change::artifact).map(|artifact| artifact.hash.as_str()))
    }

    /// Whether the store knows how the run begins.
    fn is_later(&self) -> bool {
        self.path.file_name().and_then(|name| name.to_str()).is_some_and(waiting::is_later)
    }

    pub fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }

    /// After what can be told is in the store. Says what could not be.
    pub fn put_away(&self, run: &str) {
        if let Some(Torn { bytes, shown }) = &self.torn {
            notices::tell(&format!(
                "the last {bytes} bytes of `{}` are left out: the process of run {run} ended while it wrote them, before the call \
                 returned that was to log `{shown}`",
                self.path.display()
            ));
        }
        match self.damage {
            Some(damage) => self.keep_aside(run, damage),
            None => journal::remove(&self.path),
        }
    }

    fn keep_aside(&self, run: &str, Damage { at, bytes }: Damage) {
        let mut aside = self.path.clone().into_os_string();
        aside.push(DAMAGED);
        let aside = PathBuf::from(aside);
        match fs::rename(&self.path, &aside) {
            Ok(()) => notices::tell(&format!(
                "{bytes} bytes of what run {run} has kept were damaged on the disk, from byte {at} on, and what they said of it is \
                 lost; all else has been sent, and the file is kept as `{}`",
                aside.display()
            )),
            Err(error) => tracing::warn!(%error, run, "cannot set a damaged file aside"),
        }
    }
}

impl Torn {
    fn of(rest: &[u8]) -> Self {
        let text = String::from_utf8_lossy(rest.get(HEADER_BYTES..).unwrap_or_default());
        let shown = text.chars().take(SHOWN_MAX).collect::<String>().escape_debug().to_string();
        Torn { bytes: rest.len(), shown }
    }
}

/// One whose length alone was changed is whole behind it.
fn is_torn(rest: &[u8]) -> bool {
    framed::is_torn(rest) && rest.get(HEADER_BYTES..).is_none_or(|json| Change::decode(json).is_none())
}

#[cfg(test)]
mod tests {
    use gradframe_plan::services::NewRun;

    use super::*;

    fn record(change: &Change) -> Vec<u8> {
        framed::frame(change.encode().unwrap().as_bytes())
    }

    fn begin() -> Change {
        Change::Begin { run: Box::new(NewRun::default()), owner: "x".into(), started_us: 1 }
    }

    fn tags(value: &str) -> Change {
        Change::Tags(vec![("a".into(), value.into())])
    }

    fn left(bytes: &[u8]) -> Left {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.begun");
        fs::write(&path, bytes).unwrap();
        Left::read(&path).unwrap().unwrap()
    }

    /// What of three records is found when a byte of them is changed.
    #[test]
    fn a_changed_byte_is_named_and_never_taken_for_the_end() {
        let records = [record(&begin()), record(&tags("one")), record(&tags("two"))];
        let whole = records.concat();
        let ends: Vec<usize> = records
            .iter()
            .scan(0, |end, record| {
                Some({
                    *end += record.len();
                    *end
                })
            })
            .collect();
        assert!(!left(&whole).is_damaged() && left(&whole).changes().unwrap().len() == 3);
        for byte in 0..whole.len() {
            let mut changed = whole.clone();
            changed[byte] ^= 4;
            let found = left(&changed);
            let of = ends.iter().position(|end| byte < *end).unwrap();
            let at = ends[of] - records[of].len();
            assert_eq!(found.damage, Some(Damage { at, bytes: records[of].len() }), "byte {byte}");
            assert_eq!(found.contents().err().unwrap().kind(), "Execution");
            match found.changes() {
                Ok(changes) => assert_eq!((changes.len(), of > 0), (2, true), "byte {byte}"),
                Err(error) => {
                    assert!(of == 0 && error.kind() == "Execution" && error.to_string().contains("byte 0"), "{byte}: {error}");
                }
            }
        }
    }

    #[test]
    fn a_last_record_that_was_cut_off_is_left_out() {
        let (first, second) = (record(&begin()), record(&tags("one")));
        for bytes in 0..second.len() {
            let found = left(&[&first[..], &second[..bytes]].concat());
            assert!(!found.is_damaged() && found.changes().unwrap().len() == 1, "{bytes} bytes");
            assert_eq!(found.torn.as_ref().map_or(0, |torn| torn.bytes), bytes);
        }
        assert!(left(&[&first[..], &second[..20]].concat()).torn.unwrap().shown.starts_with("{\\\"Tags\\\""));
        for bytes in 0..first.len() {
            assert!(left(&first[..bytes]).changes().unwrap().is_empty(), "it has not begun");
        }
        let zeros = left(&[&first[..], &[0; 64]].concat());
        assert!(!zeros.is_damaged() && zeros.changes().unwrap().len() == 1);
    }
}

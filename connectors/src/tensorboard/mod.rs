//! TensorBoard's event files: records with checksums, each an event in protobuf.
//!
//! - [`records`]: how events follow one another in a file; [`fields`]: what protobuf is made of;
//! - [`encode`], [`decode`]: events as messages. Sources: TensorFlow's `event.proto`, `summary.proto` and `record_writer`,
//!   TensorBoard's `plugin_data.proto` of hyper-parameters.

mod decode;
mod encode;
mod fields;
mod records;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

pub use decode::EventReader;

const OP: &str = "tensorboard";
/// Is in the name of every event file.
pub const MARK: &str = "tfevents";

/// Whether there is an event file at or below a path. Errors: `External` naming what cannot be read.
pub fn has_events(path: &Path) -> Result<bool> {
    let is_one = |name: &str| name.contains(MARK);
    if path.is_dir() {
        return Ok(crate::store::files_below(path)?.iter().any(|(name, _)| is_one(name)));
    }
    Ok(path.is_file() && is_one(&path.file_name().unwrap_or_default().to_string_lossy()))
}

/// What was logged at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds since 1970, UTC.
    pub wall_time: f64,
    pub step: i64,
    pub tag: String,
    pub value: EventValue,
}

/// What can be logged.
#[derive(Debug, Clone, PartialEq)]
pub enum EventValue {
    /// Kept in 32 bits by most writers, us among them.
    Scalar(f64),
    /// Lower edge, upper edge, count.
    Histogram(Vec<[f64; 3]>),
    /// Width and height, 0 if they are not known; the bytes of an image file.
    Image(i64, i64, Vec<u8>),
    Text(String),
    /// The parameters of a run.
    Params(Vec<(String, String)>),
    /// Whether the run has ended well.
    Ended(bool),
}

/// Writes one event file.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<File>,
    path: PathBuf,
}

impl EventWriter {
    /// A new file in a directory, which is made. `run` tells files of several runs apart.
    /// Errors: `External` if it cannot be written.
    pub fn create(directory: &Path, run: &str, wall_time: f64) -> Result<Self> {
        let path = directory.join(format!("events.out.{MARK}.{:010}.gradframe.{run}", wall_time.max(0.0) as u64));
        let made = std::fs::create_dir_all(directory).and_then(|()| File::create(&path));
        let file = BufWriter::new(made.map_err(|error| cannot_write(&path, error))?);
        let mut writer = EventWriter { file, path };
        writer.push(&encode::version(wall_time))?;
        Ok(writer)
    }

    /// Adds an event. Errors: `External`, or `Resources` if the disk is full.
    pub fn write(&mut self, event: &Event) -> Result<()> {
        self.push(&encode::event(event))
    }

    /// Ends the file and gives its path.
    pub fn finish(mut self) -> Result<PathBuf> {
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        done.map_err(|error| cannot_write(&self.path, error))?;
        Ok(self.path)
    }

    fn push(&mut self, event: &[u8]) -> Result<()> {
        records::write(&mut self.file, event).map_err(|error| cannot_write(&self.path, error))
    }
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    let what = format!("cannot write `{}`: {error}", path.display());
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::resources(OP, what).because(error),
        _ => Error::external(OP, what).because(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(events: &[Event]) -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(place.path(), "r", 1000.5).unwrap();
        events.iter().for_each(|event| writer.write(event).unwrap());
        let path = writer.finish().unwrap();
        (place, path)
    }

    fn read(path: &Path) -> Result<Vec<Event>> {
        EventReader::open(path)?.collect()
    }

    fn events() -> Vec<Event> {
        let event = |step, tag: &str, value| Event { wall_time: 1000.25, step, tag: tag.into(), value };
        vec![
            event(0, "params", EventValue::Params(vec![("lr".into(), "0.1".into()), ("name".into(), "a b".into())])),
            event(1, "loss/train", EventValue::Scalar(0.5)),
            event(-3, "é 🦀", EventValue::Scalar(f64::NEG_INFINITY)),
            event(2, "w", EventValue::Histogram(vec![[0.0, 1.0, 3.0], [1.0, 2.5, 4.0]])),
            event(2, "image", EventValue::Image(3, 4, vec![1, 2, 3])),
            event(2, "note", EventValue::Text("**hello**\nthere".into())),
            event(0, "ended", EventValue::Ended(true)),
        ]
    }

    #[test]
    fn events_come_back() {
        let (_place, path) = written(&events());
        let mut read = read(&path).unwrap();
        // Only their values mean something.
        (read[0].tag, read[6].tag) = ("params".into(), "ended".into());
        assert_eq!(read, events());
    }

    #[test]
    fn a_torn_tail_is_no_event_and_a_changed_byte_is_an_error() {
        let (_place, path) = written(&events());
        let bytes = std::fs::read(&path).unwrap();
        for length in [bytes.len() - 1, bytes.len() - 20, 3] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(read(&path).unwrap().len() < events().len(), "{length}");
        }
        for at in [2, 9, 14, bytes.len() / 2, bytes.len() - 2] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            std::fs::write(&path, &changed).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.kind() == "Execution" && error.to_string().contains("byte "), "{at}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("x.tfevents");
            std::fs::write(&path, &bytes).unwrap();
            let _ = read(&path);
            // And as what a record holds, its checksums right.
            let mut file = Vec::new();
            records::write(&mut file, &bytes).unwrap();
            std::fs::write(&path, &file).unwrap();
            let _ = read(&path);
        }
    }
}

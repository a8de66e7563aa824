//! Standard output that remembers whether its reader has left.

use std::io::{self, ErrorKind, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the reader of our output has closed it. Formats wrap what the system says in errors of their own, so that it
/// has to be noticed here.
#[derive(Debug, Clone, Default)]
pub struct ReaderLeft(Arc<AtomicBool>);

impl ReaderLeft {
    /// True once a write has found the pipe closed.
    pub fn yes(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Standard output.
pub struct Pipe {
    out: Stdout,
    left: ReaderLeft,
}

impl Pipe {
    /// Standard output, and where to ask whether somebody still reads it.
    pub fn open() -> (Self, ReaderLeft) {
        let left = ReaderLeft::default();
        (Pipe { out: io::stdout(), left: left.clone() }, left)
    }

    fn notice<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if matches!(&result, Err(error) if error.kind() == ErrorKind::BrokenPipe) {
            self.left.0.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.notice(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.notice(flushed)
    }
}

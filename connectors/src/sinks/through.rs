//! Targets that are no files: pipes, devices and what the process has open, which take the bytes and stay what they are.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use gradframe_ml_core::{Error, Result};

use super::OP;
use super::target::Target;

/// Between two looks at a pipe that is full, or that nobody reads yet.
const PAUSE: Duration = Duration::from_millis(1);
/// Links one after another, as the system follows them.
#[cfg(unix)]
const LINKS_MAX: usize = 40;
/// What a pipe takes at once on Linux.
const CHUNK_BYTES: usize = 64 << 10;

/// Something at a path that is neither file nor directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// A pipe, a device of characters, or a file that the process has open, by a path like `/dev/stdout`.
    Stream,
    Socket,
    /// A disk.
    BlockDevice,
}

impl Special {
    /// What is at the path, links followed; None for a file, a directory, and nothing.
    pub(super) fn at(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            let kind = fs::metadata(path).ok()?.file_type();
            let is_stream = kind.is_fifo() || kind.is_char_device() || kind.is_file() && descriptor(path).is_some();
            let known = [
                (is_stream, Special::Stream),
                (kind.is_socket(), Special::Socket),
                (kind.is_block_device(), Special::BlockDevice),
            ];
            known.into_iter().find_map(|(is_it, special)| is_it.then_some(special))
        }
        #[cfg(not(unix))]
        None
    }

    /// Errors: `Plan` where no bytes can be written, and where a directory of files is asked for.
    pub(super) fn check(self, target: &Target) -> Result<()> {
        let path = target.path.display();
        match self {
            Special::Stream if !target.is_directory => Ok(()),
            Special::Stream => {
                let error = Error::plan(OP, format!("`{path}` is a pipe or device: it takes one file, no directory of files"));
                Err(error.hint("leave out partitions, and write a single file"))
            }
            Special::Socket => Err(Error::plan(OP, format!("`{path}` is a socket, which is not replaced by a file"))),
            Special::BlockDevice => Err(Error::plan(OP, format!("`{path}` is a disk, which is not written to"))),
        }
    }
}

/// Writes the bytes of a file into a pipe or device. Waits for a pipe's reader; dropped, it stops. Errors: `BrokenPipe` if the reader
/// goes before the end.
pub(super) async fn pour(from: &Path, into: &Path) -> io::Result<()> {
    let (mut from, mut into) = (File::open(from)?, opened(into).await?);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk)?;
        if read == 0 {
            return into.flush();
        }
        write_all(&mut into, &chunk[..read]).await?;
    }
}

async fn write_all(into: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match into.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(PAUSE).await,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Without blocking, so that a thread of the engine's does not stand in a pipe that nobody reads.
#[cfg(unix)]
async fn opened(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    use std::os::fd::AsFd;
    let own = match descriptor(path) {
        // Copies of these go on where the process itself has come to.
        Some(1) => return Ok(io::stdout().as_fd().try_clone_to_owned()?.into()),
        Some(2) => return Ok(io::stderr().as_fd().try_clone_to_owned()?.into()),
        Some(_) => OFlags::APPEND,
        None => OFlags::empty(),
    };
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | own;
    loop {
        match open(path, flags, Mode::empty()) {
            Ok(file) => return Ok(file.into()),
            Err(rustix::io::Errno::NXIO) if is_pipe(path) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The number of the open file of this process that a path names, as `/dev/stdout` does by its links.
#[cfg(unix)]
pub(super) fn descriptor(path: &Path) -> Option<u32> {
    let own = Path::new("/proc").join(std::process::id().to_string()).join("fd");
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let directory = path.parent()?.canonicalize().ok()?;
        if directory == own {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = directory.join(fs::read_link(&path).ok()?);
    }
    None
}

#[cfg(not(unix))]
pub(super) fn descriptor(_path: &Path) -> Option<u32> {
    None
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
async fn opened(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[tokio::test]
    async fn a_file_that_the_process_has_open_takes_the_bytes_after_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let (open, rows, link) = ["open.csv", "rows.csv", "link"].map(|name| directory.path().join(name)).into();
        fs::write(&rows, "a\n1\n").unwrap();
        fs::write(&open, "before\n").unwrap();
        let held = File::options().append(true).open(&open).unwrap();
        std::os::unix::fs::symlink(format!("/proc/self/fd/{}", held.as_raw_fd()), &link).unwrap();
        assert_eq!((Special::at(&link), Special::at(&open)), (Some(Special::Stream), None));
        pour(&rows, &link).await.unwrap();
        (&held).write_all(b"after\n").unwrap();
        assert_eq!(fs::read_to_string(&open).unwrap(), "before\na\n1\nafter\n");
    }
}

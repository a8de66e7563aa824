//! The way of points to a shared store: what this process appends to its segments is sent after, a few times a second, so that
//! other machines see a run while it lives. The segment's file stays until the run is folded: a server that is away loses nothing,
//! and what is sent again is not there twice, since each piece has its place in its segment.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gradframe_ml_core::Result;
use parking_lot::Mutex;

use super::super::database::Database;
use super::super::outbox::Waiting;
use super::super::sql::{Transaction, params};

const EVERY: Duration = Duration::from_millis(250);
/// Most bytes of a segment that are sent at once.
const PIECE_BYTES_MAX: u64 = 4 << 20;

/// What is on its way from this process.
#[derive(Debug)]
pub(in super::super) struct Shipping {
    database: Arc<Database>,
    directory: PathBuf,
    open: Mutex<OpenSegments>,
    /// Runs whose points have to wait until the store knows of them.
    waiting: Waiting,
}

#[derive(Debug, Default)]
struct OpenSegments {
    /// By name: of which run, and how many bytes of it are there.
    sent: BTreeMap<String, (String, u64)>,
    /// The process whose thread sends: a forked child has none.
    thread_of: Option<u32>,
    /// Has that thread send at once.
    wake: Option<SyncSender<()>>,
}

/// Bytes of a segment that are not there yet.
#[derive(Debug)]
struct Piece {
    segment: String,
    run: String,
    at: u64,
    data: Vec<u8>,
}

impl Shipping {
    /// Of the segments in this directory.
    pub fn new(database: Arc<Database>, directory: PathBuf, waiting: Waiting) -> Arc<Self> {
        Arc::new(Shipping { database, directory, open: Mutex::default(), waiting })
    }

    /// From now on what is appended to this segment is sent.
    pub(super) fn add(self: &Arc<Self>, segment: &str, run: &str) {
        let mut open = self.open.lock();
        if open.thread_of != Some(std::process::id()) {
            // What the parent writes, the parent sends.
            open.sent.clear();
            open.thread_of = Some(std::process::id());
            let (wake, woken) = mpsc::sync_channel(1);
            open.wake = Some(wake);
            let shipping = Arc::downgrade(self);
            std::thread::spawn(move || send_until_closed(&shipping, &woken));
        }
        open.sent.insert(segment.to_owned(), (run.to_owned(), 0));
    }

    /// A segment that is folded needs no sending.
    pub(super) fn remove(&self, segment: &str) {
        self.open.lock().sent.remove(segment);
    }

    /// Has what is not there yet sent at once, by the thread that does: who asks does not wait for the server.
    pub fn send_soon(&self) {
        let open = self.open.lock();
        if let Some(wake) = &open.wake {
            // Full: it is woken already.
            let _ = wake.try_send(());
        }
    }

    /// Sends what is not there yet. Errors: `External` if the server is away; then it is sent another time.
    fn send(&self) -> Result<()> {
        let pieces: Vec<Piece> = {
            let open = self.open.lock();
            let known = open.sent.iter().filter(|(_, (run, _))| !self.waiting.holds(run));
            known.filter_map(|(segment, (run, at))| self.next_piece(segment, run, *at)).collect()
        };
        if pieces.is_empty() {
            return Ok(());
        }
        self.database.write_now(|transaction| pieces.iter().try_for_each(|piece| insert(transaction, piece)))?;
        let mut open = self.open.lock();
        for piece in pieces {
            if let Some((_, sent)) = open.sent.get_mut(&piece.segment) {
                *sent = (*sent).max(piece.at + piece.data.len() as u64);
            }
        }
        Ok(())
    }

    fn next_piece(&self, segment: &str, run: &str, at: u64) -> Option<Piece> {
        let data = bytes_after(&self.directory.join(segment), at).ok().filter(|data| !data.is_empty())?;
        Some(Piece { segment: segment.to_owned(), run: run.to_owned(), at, data })
    }

    /// True if there is nothing left that this process writes.
    fn is_done(&self) -> bool {
        let mut open = self.open.lock();
        let done = open.sent.is_empty();
        if done {
            (open.thread_of, open.wake) = (None, None);
        }
        done
    }
}

fn send_until_closed(shipping: &Weak<Shipping>, woken: &Receiver<()>) {
    loop {
        let _ = woken.recv_timeout(EVERY);
        let Some(shipping) = shipping.upgrade() else { return };
        if shipping.is_done() {
            return;
        }
        if let Err(error) = shipping.send() {
            tracing::debug!(%error, "points are sent later");
        }
    }
}

fn bytes_after(path: &Path, at: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut data = Vec::new();
    file.take(PIECE_BYTES_MAX).read_to_end(&mut data)?;
    Ok(data)
}

/// A segment that has been folded, or whose run is gone, takes no more. Of two pieces that begin at one place the longer stays: what it has
/// more than the other may count as sent.
fn insert(transaction: &Transaction<'_>, piece: &Piece) -> Result<()> {
    let sql = "INSERT INTO pieces (segment, at, run, data) SELECT ?1, ?2, ?3, ?4
               WHERE EXISTS (SELECT 1 FROM runs WHERE run = ?3)
               AND NOT EXISTS (SELECT 1 FROM folded_segments WHERE segment = ?1)
               ON CONFLICT (segment, at) DO UPDATE SET data = excluded.data
               WHERE octet_length(excluded.data) > octet_length(pieces.data)";
    transaction.execute(sql, params![piece.segment, piece.at as i64, piece.run, piece.data]).map(|_| ())
}

//! Connections: a thread each, no more at once than a limit. Whoever comes beyond it is not kept waiting: the connection that has been
//! idle the longest gives way, or one whose request has come to a stop; where none is, he is told to come again (503).

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::http::{self, Handle, Limits, Response};
use super::wire::{Bad, BodyReader, Incoming, send};

/// A request of which nothing comes for so long gives way to others.
const STALLED: Duration = Duration::from_secs(3);
/// How many at once are told to come again; more are just closed.
const REFUSED_AT_ONCE: usize = 64;
/// How long whoever is refused may take to hear it.
const FAREWELL: Duration = Duration::from_millis(500);
/// After an error of the system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(20);
/// What is left of a body is read away, that the answer is heard and the next request found.
const SKIPPED_BYTES_MAX: u64 = 256 << 20;

const WAITING: u8 = 0;
const READING: u8 = 1;
const ANSWERING: u8 = 2;
const GIVEN_UP: u8 = 3;

/// One connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    phase: AtomicU8,
    /// When its phase began, or a piece of a request came, in milliseconds of the server.
    moved_ms: AtomicU64,
    started: Instant,
}

/// All that are open.
#[derive(Debug, Default)]
struct Open {
    by_number: Mutex<HashMap<u64, Arc<Connection>>>,
    refused: Mutex<usize>,
}

/// Accepts connections for as long as the process lives, and has each answered by a thread of its own.
pub fn accept(listener: &TcpListener, handler: &Arc<dyn Handle>, limits: &Limits) {
    let (open, started) = (Arc::new(Open::default()), Instant::now());
    for number in 0_u64.. {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    open.make_room(started);
                    std::thread::sleep(PAUSE);
                }
                continue;
            }
        };
        if open.count() >= limits.connections_max && !open.make_room(started) {
            refuse(&open, stream);
            continue;
        }
        let connection = Arc::new(Connection::new(stream, started));
        open.lock().insert(number, Arc::clone(&connection));
        let (of_thread, handler, limits) = (Arc::clone(&open), Arc::clone(handler), limits.clone());
        let spawned = std::thread::Builder::new().name("gradframe serve".into()).spawn(move || {
            // It is not there any more where it gave way.
            let serves = Served { open: of_thread, number };
            if let Err(error) = connection.serve(handler.as_ref(), &limits) {
                tracing::debug!(%error, "a connection ended");
            }
            drop(serves);
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread for a connection");
            open.lock().remove(&number);
            std::thread::sleep(PAUSE);
        }
    }
}

/// Takes a connection out of the open ones when its thread ends, however it does.
struct Served {
    open: Arc<Open>,
    number: u64,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.open.lock().remove(&self.number);
    }
}

impl Open {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.by_number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    /// Ends the connection that can be spared the most; false if there is none.
    fn make_room(&self, started: Instant) -> bool {
        let now = elapsed_ms(started);
        let mut open = self.lock();
        loop {
            let longest = |phase: u8, least: Duration| {
                let of_phase = open.iter().filter(|(_, one)| one.phase.load(Ordering::Acquire) == phase);
                let at = of_phase.map(|(number, one)| (one.moved_ms.load(Ordering::Relaxed), *number)).min();
                at.filter(|(at, _)| now.saturating_sub(*at) >= least.as_millis() as u64).map(|(_, number)| (number, phase))
            };
            let Some((number, phase)) = longest(WAITING, Duration::ZERO).or_else(|| longest(READING, STALLED)) else {
                return false;
            };
            let gave_way = open.get(&number).is_some_and(|one| one.give_up(phase));
            if gave_way {
                open.remove(&number);
                return true;
            }
        }
    }
}

/// Says that there are too many; not to many at once.
fn refuse(open: &Arc<Open>, mut stream: TcpStream) {
    {
        let mut refused = open.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if *refused >= REFUSED_AT_ONCE {
            return;
        }
        *refused += 1;
    }
    let of_thread = Arc::clone(open);
    let spawned = std::thread::Builder::new().name("gradframe refuses".into()).spawn(move || {
        let mut response = Response::text(503, "too many connections are busy, come again\n").with_header("retry-after", "1");
        let told = stream.set_write_timeout(Some(FAREWELL)).and_then(|()| send(&mut stream, &mut response, false, true));
        if told.is_ok() {
            hear_out(&stream);
        }
        *of_thread.refused.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    });
    if spawned.is_err() {
        *open.refused.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

/// Closed on words that nobody read, a connection takes away its answer too.
fn hear_out(stream: &TcpStream) {
    let since = Instant::now();
    let mut words = [0; 4096];
    if stream.shutdown(Shutdown::Write).is_ok() && stream.set_read_timeout(Some(FAREWELL)).is_ok() {
        let mut stream = stream;
        while since.elapsed() < FAREWELL && stream.read(&mut words).is_ok_and(|read| read > 0) {}
    }
}

impl Connection {
    fn new(stream: TcpStream, started: Instant) -> Self {
        let moved_ms = AtomicU64::new(elapsed_ms(started));
        Connection { stream, phase: AtomicU8::new(WAITING), moved_ms, started }
    }

    /// Ends it, unless it has got on meanwhile.
    fn give_up(&self, phase: u8) -> bool {
        let given_up = self.phase.compare_exchange(phase, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if given_up {
            // It wakes the thread; a connection that is gone already needs no ending.
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        given_up
    }

    /// False if the connection has been given up.
    fn goes_from(&self, from: u8, to: u8) -> bool {
        self.moves();
        self.phase.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn moves(&self) {
        self.moved_ms.store(elapsed_ms(self.started), Ordering::Relaxed);
    }

    /// Answers one request after another.
    fn serve(&self, handler: &dyn Handle, limits: &Limits) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_read_timeout(Some(limits.timeout))?;
        self.stream.set_write_timeout(Some(limits.timeout))?;
        let mut incoming = Incoming::new(self);
        loop {
            let head = match incoming.head(limits.timeout, &mut || self.goes_from(WAITING, READING)) {
                Ok(head) => head,
                Err(Bad::Gone) => return Ok(()),
                Err(Bad::Refused(status, what)) => {
                    send(&mut &self.stream, &mut Response::text(status, what + "\n"), false, true)?;
                    hear_out(&self.stream);
                    return Ok(());
                }
            };
            if !self.goes_from(READING, ANSWERING) {
                return Ok(());
            }
            let mut body = BodyReader::new(&mut incoming, &head, &self.stream);
            let mut response = http::answer(handler, limits, &head, &mut body);
            // First the body, then the answer: a client that sends and does not listen meanwhile would wait for us, and we for it.
            let keeps_open = body.skip(SKIPPED_BYTES_MAX) && head.keeps_open();
            send(&mut &self.stream, &mut response, keeps_open, head.method != "HEAD")?;
            if !keeps_open {
                hear_out(&self.stream);
                return Ok(());
            }
            self.goes_from(ANSWERING, WAITING);
        }
    }
}

/// What a client sends, while it is seen that it does.
impl Read for &Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Of a body. What is being answered does not give way, what is waited for does.
        let is_of_body = self.goes_from(ANSWERING, READING);
        let read = (&self.stream).read(into);
        self.moves();
        if is_of_body && !self.goes_from(READING, ANSWERING) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        read
    }
}

impl Write for &Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.stream).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.stream).flush()
    }
}

fn elapsed_ms(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

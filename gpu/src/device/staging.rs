//! Copies between host and device by way of pinned memory, beside the kernels.
//!
//! The bus reads and writes pinned memory alone, and one core fills it far slower than the bus empties it. So each direction has
//! a stream of its own and a few buffers, which several threads fill or empty while the bus carries others.

use std::sync::Arc;
use std::thread;

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, PinnedHostSlice, result};
use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::host::Arriving;
use super::pool::Allocation;
use super::span::Span;
use super::{Device, DeviceTensor, failed};

/// Bytes of a buffer: some forty microseconds of a fast bus.
const BUFFER_BYTES: usize = 2 << 20;
/// Buffers of a direction.
const BUFFERS: usize = 16;
/// Threads that fill or empty them, at most.
const WORKERS_MAX: usize = 8;
/// Up to so many bytes are the driver's own matter: it takes them along with the call.
const DIRECT_BYTES: usize = 64 << 10;

/// Both directions. One copy at a time goes each way.
#[derive(Debug)]
pub struct Lanes {
    to_device: Mutex<Lane>,
    from_device: Mutex<Lane>,
}

/// One direction of the bus.
#[derive(Debug)]
struct Lane {
    stream: Arc<CudaStream>,
    ring: Option<Ring>,
    /// The buffer that a single thread takes next.
    turn: usize,
}

/// Pinned buffers; each has an event that happens when its last copy is done.
#[derive(Debug)]
struct Ring {
    memory: PinnedHostSlice<u8>,
    events: Vec<CudaEvent>,
}

struct Buffer<'a> {
    bytes: &'a mut [u8],
    event: &'a CudaEvent,
}

/// A part of an array that one buffer holds.
struct Part<H> {
    host: H,
    device: u64,
}

impl Lanes {
    pub fn new(context: &Arc<CudaContext>) -> std::result::Result<Self, DriverError> {
        let lane = || Ok(Mutex::new(Lane { stream: context.new_stream()?, ring: None, turn: 0 }));
        Ok(Lanes { to_device: lane()?, from_device: lane()? })
    }
}

impl Device {
    /// Bytes on the device, each part in memory of its own, with the time that this takes where it is worth measuring. Comes back
    /// when they have been read; what is started on the device afterwards waits for them.
    pub(super) fn sent(&self, parts: &[&[u8]]) -> Result<(Vec<Arc<Allocation>>, Option<Span>)> {
        if parts.iter().all(|part| is_small(part)) {
            return Ok((parts.iter().map(|part| self.sent_along(part)).collect::<Result<_>>()?, None));
        }
        let mut lane = self.lanes.to_device.lock();
        let stream = Arc::clone(&lane.stream);
        let mut memories = Vec::with_capacity(parts.len());
        let sent = Span::around(&stream, || {
            for part in parts {
                memories.push(self.allocated_in(part.len(), &stream)?);
            }
            lane.send(parts.iter().zip(&memories).map(|(part, memory)| (*part, memory.address(&stream))))
        });
        // Whatever came of it: the memory is used, and freed, in the device's stream.
        self.stream.join(&stream).map_err(failed)?;
        Ok((memories, Some(sent?.1)))
    }

    /// Few bytes, in the order of the kernels.
    fn sent_along(&self, bytes: &[u8]) -> Result<Arc<Allocation>> {
        let memory = self.allocated(bytes.len())?;
        if !bytes.is_empty() {
            send_along(bytes, memory.address(&self.stream), &self.stream)?;
        }
        Ok(memory)
    }

    /// As [`Device::sent`], into arrays that are there, which nothing under way uses but for what happens before `free`.
    pub(super) fn sent_into(&self, parts: &[(&[u8], &DeviceTensor)], free: &CudaEvent) -> Result<()> {
        let mut lane = self.lanes.to_device.lock();
        let stream = Arc::clone(&lane.stream);
        stream.wait(free).map_err(failed)?;
        let sent = lane.send(parts.iter().map(|(part, tensor)| (*part, tensor.address(&stream))));
        self.stream.join(&stream).map_err(failed)?;
        sent
    }

    /// What is on the device, with the time that the copies take where it is worth measuring. Waits for what computes it.
    pub(super) fn fetched(&self, tensors: &[DeviceTensor], back: &mut [Arriving]) -> Result<Option<Span>> {
        if tensors.iter().all(|tensor| tensor.size_bytes() <= DIRECT_BYTES) {
            let mut each = tensors.iter().zip(back.iter_mut()).filter(|(tensor, _)| tensor.size_bytes() > 0);
            let along = |(tensor, back): (&DeviceTensor, &mut Arriving)| {
                fetch_along(back.bytes_mut()?, tensor.address(&self.stream), &self.stream)
            };
            let fetched = each.try_for_each(along);
            self.synchronize()?;
            return fetched.map(|()| None);
        }
        let mut lane = self.lanes.from_device.lock();
        let stream = Arc::clone(&lane.stream);
        stream.join(&self.stream).map_err(failed)?;
        let fetched = Span::around(&stream, || lane.fetch(tensors.iter().map(|tensor| tensor.address(&stream)).zip(back)));
        // Whatever came of it: nothing writes to the host's memory any more.
        stream.synchronize().map_err(failed)?;
        Ok(Some(fetched?.1))
    }
}

impl Lane {
    /// Copies onto the device. The bytes have been read when this comes back; the copies may be under way.
    fn send<'a>(&mut self, arrays: impl Iterator<Item = (&'a [u8], u64)>) -> Result<()> {
        let stream = Arc::clone(&self.stream);
        let mut parts = Vec::new();
        for (bytes, device) in arrays {
            if !is_small(bytes) {
                parts.extend(bytes.chunks(BUFFER_BYTES).zip(places(device)).map(|(host, device)| Part { host, device }));
            } else if !bytes.is_empty() {
                send_along(bytes, device, &stream)?;
            }
        }
        self.by_way_of_buffers(parts, |buffers, next| {
            for turn in 0.. {
                let Some(part) = next() else { break };
                let at = turn % buffers.len();
                let Buffer { bytes, event } = &mut buffers[at];
                event.synchronize().map_err(failed)?;
                let bytes = &mut bytes[..part.host.len()];
                bytes.copy_from_slice(part.host);
                // SAFETY: the memory there has so many bytes; the buffer stays as it is until its event has happened.
                unsafe { result::memcpy_htod_async(part.device, bytes, stream.cu_stream()) }.map_err(failed)?;
                event.record(&stream).map_err(failed)?;
            }
            Ok(())
        })
    }

    /// Copies from the device. All has arrived when this has come back and the stream has come so far.
    fn fetch<'a>(&mut self, arrays: impl Iterator<Item = (u64, &'a mut Arriving)>) -> Result<()> {
        let stream = Arc::clone(&self.stream);
        let mut parts = Vec::new();
        for (device, back) in arrays {
            let is_pinned = back.is_pinned();
            let bytes = back.bytes_mut()?;
            if !is_pinned && !is_small(bytes) {
                parts.extend(bytes.chunks_mut(BUFFER_BYTES).zip(places(device)).map(|(host, device)| Part { host, device }));
            } else if !bytes.is_empty() {
                fetch_along(bytes, device, &stream)?;
            }
        }
        self.by_way_of_buffers(parts, |buffers, next| {
            let mut under_way: Vec<Option<Part<&mut [u8]>>> = buffers.iter().map(|_| None).collect();
            let (mut turn, mut idle) = (0, 0);
            while idle < buffers.len() {
                let at = turn % buffers.len();
                let Buffer { bytes, event } = &mut buffers[at];
                if let Some(arrived) = under_way[at].take() {
                    event.synchronize().map_err(failed)?;
                    arrived.host.copy_from_slice(&bytes[..arrived.host.len()]);
                }
                under_way[at] = next();
                match &under_way[at] {
                    Some(part) => {
                        let bytes = &mut bytes[..part.host.len()];
                        // SAFETY: the memory there has so many bytes; the buffer is left alone until its event has happened.
                        unsafe { result::memcpy_dtoh_async(bytes, part.device, stream.cu_stream()) }.map_err(failed)?;
                        event.record(&stream).map_err(failed)?;
                    }
                    None => idle += 1,
                }
                turn += 1;
            }
            Ok(())
        })
    }

    /// Has threads move parts, each by way of buffers of its own.
    fn by_way_of_buffers<H, W>(&mut self, parts: Vec<Part<H>>, work: W) -> Result<()>
    where
        H: Send,
        W: Fn(&mut [Buffer], &dyn Fn() -> Option<Part<H>>) -> Result<()> + Sync,
    {
        if parts.is_empty() {
            return Ok(());
        }
        let workers = workers(parts.len());
        let parts = Mutex::new(parts.into_iter());
        let next = || parts.lock().next();
        let first = self.turn;
        self.turn = (self.turn + 1) % BUFFERS;
        let ring = self.ring()?;
        let bytes = ring.memory.as_mut_slice().map_err(failed)?.chunks_mut(BUFFER_BYTES);
        let mut buffers: Vec<Buffer> = bytes.zip(&ring.events).map(|(bytes, event)| Buffer { bytes, event }).collect();
        if workers == 1 {
            buffers.rotate_left(first);
            return work(&mut buffers, &next);
        }
        thread::scope(|scope| {
            let own = buffers.chunks_mut(BUFFERS / workers);
            let (work, next) = (&work, &next);
            let threads: Vec<_> = own.map(|own| scope.spawn(move || work(own, next))).collect();
            let stopped = |_| Err(Error::internal("cuda", "a thread that copies stopped"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(stopped)).fold(Ok(()), Result::and)
        })
    }

    /// The buffers, made when they are first needed. Errors: `Resources` if the host has no memory to pin.
    fn ring(&mut self) -> Result<&mut Ring> {
        if self.ring.is_none() {
            let context = self.stream.context();
            // SAFETY: what is in a buffer is written before it is read.
            let memory = unsafe { context.alloc_pinned_with_flags::<u8>(BUFFERS * BUFFER_BYTES, 0) };
            let unpinned = |e| Error::resources("cuda", "the host's memory cannot be pinned for copies").because(e);
            let events = (0..BUFFERS).map(|_| context.new_event(None)).collect::<std::result::Result<_, _>>();
            self.ring = Some(Ring { memory: memory.map_err(unpinned)?, events: events.map_err(failed)? });
        }
        self.ring.as_mut().ok_or_else(|| Error::internal("cuda", "no buffers"))
    }
}

fn is_small(bytes: &[u8]) -> bool {
    bytes.len() <= DIRECT_BYTES
}

fn send_along(bytes: &[u8], to: u64, stream: &CudaStream) -> Result<()> {
    stream.context().bind_to_thread().map_err(failed)?;
    // SAFETY: the memory at `to` has so many bytes; so few of the host's are read before the driver comes back.
    unsafe { result::memcpy_htod_async(to, bytes, stream.cu_stream()) }.map_err(failed)
}

/// The bytes have to stay until the stream has been waited for.
fn fetch_along(bytes: &mut [u8], from: u64, stream: &CudaStream) -> Result<()> {
    stream.context().bind_to_thread().map_err(failed)?;
    // SAFETY: the memory at `from` has so many bytes; callers wait for the stream while they hold the host's.
    unsafe { result::memcpy_dtoh_async(bytes, from, stream.cu_stream()) }.map_err(failed)
}

/// Where the parts of an array lie on the device.
fn places(device: u64) -> impl Iterator<Item = u64> {
    (device..).step_by(BUFFER_BYTES)
}

/// Threads for so many parts: half of the cores at most, a number that divides the buffers.
fn workers(parts: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let most = (cores / 2).min(parts / 2).clamp(1, WORKERS_MAX);
    1 << most.ilog2()
}

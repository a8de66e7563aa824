//! How long a stretch of a stream's work takes, by the device's clock.

use cudarc::driver::{CudaEvent, CudaStream, sys};
use gradframe_ml_core::{Error, Result};

use super::failed;

type Elapsed = unsafe extern "C" fn(*mut f32, sys::CUevent, sys::CUevent) -> sys::CUresult;

/// From one mark in a stream to another.
pub struct Span {
    start: CudaEvent,
    end: CudaEvent,
}

impl Span {
    /// Around what `work` puts on the stream. Errors: those of `work`; `External` if the driver fails.
    pub fn around<T>(stream: &CudaStream, work: impl FnOnce() -> Result<T>) -> Result<(T, Span)> {
        let mark = || stream.record_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT)).map_err(failed);
        let start = mark()?;
        let result = work()?;
        Ok((result, Span { start, end: mark()? }))
    }

    /// Its seconds. Waits for its end. Errors: `External` if the driver fails.
    pub fn seconds(&self) -> Result<f64> {
        seconds_between(&self.start, &self.end)
    }
}

/// The seconds from one mark in a stream to a later one. Waits for that. Errors: `External` if the driver fails.
pub fn seconds_between(start: &CudaEvent, end: &CudaEvent) -> Result<f64> {
    end.synchronize().map_err(failed)?;
    let mut milliseconds = 0f32;
    // SAFETY: the function is of this type in every driver, and both events are there and have happened. The form of it that
    // `cudarc` calls is missing before CUDA 12.8, which would be a panic.
    let elapsed = unsafe {
        let missing = |e| Error::external("cuda", "the driver measures no time").because(e);
        let elapsed = sys::culib().get::<Elapsed>(b"cuEventElapsedTime").map_err(missing)?;
        elapsed(&mut milliseconds, start.cu_event(), end.cu_event())
    };
    elapsed.result().map_err(failed)?;
    Ok(f64::from(milliseconds) / 1000.0)
}

//! NVIDIA's driver: found at run time, and looked at before anything of it is called.

use std::ffi::c_int;

use cudarc::driver::{DriverError, sys};
use gradframe_ml_core::{Error, Result};

/// The oldest that runs code of today's compilers, as it counts: 12.0.
const VERSION_MIN: c_int = 12_000;
/// What a driver of that version has, and other libraries of its name have not: calling what is missing would panic.
const NEEDED: [&str; 8] = [
    "cuInit",
    "cuDriverGetVersion",
    "cuDevicePrimaryCtxRetain",
    "cuMemPoolCreate",
    "cuMemAllocFromPoolAsync",
    "cuStreamBeginCapture_v2",
    "cuGraphInstantiateWithFlags",
    "cuLaunchKernel",
];

/// Looks for the driver. Errors: `NoDevice` if it is missing, no driver at all, or too old.
pub fn check() -> Result<()> {
    // SAFETY: looks for the driver's library, and nothing else: calling it where it is missing would panic.
    if !unsafe { sys::is_culib_present() } {
        return Err(Error::no_device("cuda", "libcuda was not found").hint("it comes with NVIDIA's driver"));
    }
    // SAFETY: the library is there; its symbols are looked up and not called.
    let has = |name: &&&str| unsafe { sys::culib().get::<unsafe extern "C" fn()>(name.as_bytes()) }.is_ok();
    if let Some(name) = NEEDED.iter().find(|name| !has(name)) {
        return Err(Error::no_device("cuda", format!("libcuda has no `{name}`: it is too old, or not NVIDIA's")).hint(NEWER));
    }
    let mut version = 0;
    // SAFETY: the driver is there; the number is written.
    let said = unsafe { sys::cuDriverGetVersion(&mut version) }.result();
    said.map_err(|e| Error::no_device("cuda", "the driver does not say its version").hint(NEWER).because(e))?;
    let (major, minor) = (version / 1000, version % 1000 / 10);
    match version >= VERSION_MIN {
        true => Ok(()),
        false => Err(Error::no_device("cuda", format!("the driver is for CUDA {major}.{minor}, and 12.0 is needed")).hint(NEWER)),
    }
}

const NEWER: &str = "install NVIDIA's driver of version 525 or later";

/// The error of a device that cannot be opened.
pub fn unusable(number: usize, error: DriverError) -> Error {
    use sys::CUresult::{
        CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, CUDA_ERROR_INVALID_DEVICE, CUDA_ERROR_NO_DEVICE, CUDA_ERROR_OUT_OF_MEMORY,
        CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
    };
    let what = match error.0 {
        CUDA_ERROR_NO_DEVICE => "the driver finds no device".to_owned(),
        CUDA_ERROR_INVALID_DEVICE => format!("there is no device {number}"),
        CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => "libcuda and the loaded driver are of different versions".to_owned(),
        CUDA_ERROR_OUT_OF_MEMORY => format!("the memory of device {number} is taken by others"),
        _ => format!("device {number} cannot be used"),
    };
    let hint = match error.0 {
        CUDA_ERROR_NO_DEVICE => "a container needs to be given the GPU; CUDA_VISIBLE_DEVICES may hide it",
        CUDA_ERROR_INVALID_DEVICE => "devices are counted from 0; CUDA_VISIBLE_DEVICES may hide some",
        CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => "restart the machine: the driver was updated under way",
        CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => NEWER,
        _ => "`nvidia-smi` says what uses it, and whether it works",
    };
    Error::no_device("cuda", what).hint(hint).because(error)
}

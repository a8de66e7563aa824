//! NVIDIA's run-time compiler: found at run time, asked for machine code of one architecture.

use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::OnceLock;

use cudarc::nvrtc::{result, sys};
use gradframe_ml_core::{Error, Result};

use crate::libraries::Library;

/// The library, and the environment variable that names it or a folder that holds it.
pub const LIBRARY: Library = Library { stem: "nvrtc", variable: "GRADFRAME_NVRTC" };

/// How positions in arrays are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// 32 bits: for arrays of fewer than 2^30 elements.
    Narrow,
    /// 64 bits: for all.
    Wide,
}

/// The compiler, found and loaded.
#[derive(Debug, Clone, Copy)]
pub struct Nvrtc {
    version: (i32, i32),
}

impl Nvrtc {
    /// The library that `GRADFRAME_NVRTC` names, else one of `candidates`, else one that [`Library::load`] finds.
    /// Errors: `NoDevice` if there is none, or none that answers.
    pub fn find(candidates: &[PathBuf]) -> Result<Self> {
        static FOUND: OnceLock<Option<(i32, i32)>> = OnceLock::new();
        let version = *FOUND.get_or_init(|| {
            // SAFETY: looks for the library, and nothing else: asking it without this test would panic where it is missing.
            LIBRARY.load(candidates, || unsafe { sys::is_culib_present() }).then(version).flatten()
        });
        version.map(|version| Nvrtc { version }).ok_or_else(missing)
    }

    /// Its version: major, minor.
    pub fn version(&self) -> (i32, i32) {
        self.version
    }

    /// Machine code for an architecture such as `sm_90`.
    /// Errors: `Internal` with the compiler's own words, which quote the source, if it does not compile.
    pub fn compile(&self, source: &str, architecture: &str, width: Width) -> Result<Vec<u8>> {
        let source = CString::new(source).map_err(|e| Error::internal("nvrtc", "a source with a zero byte").because(e))?;
        let program = Program(result::create_program(&source, Some(c"gradframe.cu")).map_err(failed)?);
        let at = if width == Width::Narrow { "int" } else { "long long" };
        // 177: a variable that is not used; printed kernels have some.
        let options = [
            format!("--gpu-architecture={architecture}"),
            format!("-DGF_AT={at}"),
            "--std=c++17".to_string(),
            // A product and a sum round twice, as the schedule says; what may round once says `fma`.
            "--fmad=false".to_string(),
            "-diag-suppress=177".into(),
        ];
        // SAFETY: the program was created above and is destroyed when it is dropped.
        let compiled = unsafe { result::compile_program(program.0, &options) };
        compiled.map_err(|error| Error::internal("nvrtc", format!("does not compile: {}", program.log())).because(error))?;
        program.machine_code()
    }
}

/// A program of the library's, destroyed when dropped.
struct Program(sys::nvrtcProgram);

impl Program {
    fn log(&self) -> String {
        // SAFETY: the program is there until it is dropped.
        let log = unsafe { result::get_program_log(self.0) }.unwrap_or_default();
        let bytes: Vec<u8> = log.into_iter().map(|c| c as u8).collect();
        CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn machine_code(&self) -> Result<Vec<u8>> {
        let mut size = 0;
        // SAFETY: the program is there; `size` is written.
        unsafe { sys::nvrtcGetCUBINSize(self.0, &mut size) }.result().map_err(failed)?;
        let mut code = vec![0u8; size];
        // SAFETY: `code` has the size that the library asked for.
        unsafe { sys::nvrtcGetCUBIN(self.0, code.as_mut_ptr().cast()) }.result().map_err(failed)?;
        Ok(code)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: nobody uses it after this; that it cannot be destroyed is nothing that a caller could mend.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

fn failed(error: result::NvrtcError) -> Error {
    Error::external("nvrtc", "the compiler failed").because(error)
}

fn missing() -> Error {
    Error::no_device("nvrtc", "libnvrtc was not found")
        .hint(format!("install it (pip install nvidia-cuda-nvrtc) and name the library or its folder in {}", LIBRARY.variable))
}

/// The version of the library, which is there; None if it is another of that name.
fn version() -> Option<(i32, i32)> {
    // SAFETY: the library is there; a symbol of it is looked up and not called. Calling what another one lacks would panic.
    unsafe { sys::culib().get::<unsafe extern "C" fn()>(b"nvrtcVersion") }.ok()?;
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the library is there; both numbers are written.
    unsafe { sys::nvrtcVersion(&mut major, &mut minor) }.result().ok()?;
    Some((major, minor))
}

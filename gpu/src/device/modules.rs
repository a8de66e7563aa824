//! Modules that are loaded: the same source is compiled and loaded once.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::CudaModule;
use cudarc::nvrtc::Ptx;
use gradframe_ml_core::Result;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_128;

use super::{Device, failed};
use crate::kept::KeptCode;
use crate::nvrtc::Width;

/// Modules that a device keeps, at most. The code of those that go is on the disk.
const MODULES_MAX: usize = 1024;

/// The modules of a device, by hash of what they were compiled from.
#[derive(Debug)]
pub struct Modules {
    loaded: Mutex<HashMap<u128, Arc<CudaModule>>>,
    kept: KeptCode,
}

impl Modules {
    pub fn new(kept: KeptCode) -> Self {
        Modules { loaded: Mutex::default(), kept }
    }
}

impl Device {
    /// The module of a source.
    /// Errors: `Internal` if it does not compile; `External` if the driver does not take it.
    pub(super) fn module(&self, source: &str, width: Width) -> Result<Arc<CudaModule>> {
        let (version, architecture) = (self.nvrtc.version(), &self.architecture);
        let hash = xxh3_128(format!("{version:?} {architecture} {width:?}\n{source}").as_bytes());
        if let Some(module) = self.modules.loaded.lock().get(&hash) {
            return Ok(Arc::clone(module));
        }
        let load = |code: Vec<u8>| self.context.load_module(Ptx::from_binary(code));
        let module = match self.modules.kept.find(hash).map(load) {
            Some(Ok(module)) => module,
            _ => {
                let code = self.nvrtc.compile(source, architecture, width)?;
                self.modules.kept.keep(hash, &code);
                load(code).map_err(failed)?
            }
        };
        let mut loaded = self.modules.loaded.lock();
        if loaded.len() >= MODULES_MAX {
            loaded.clear(); // programs that are in use hold theirs
        }
        loaded.insert(hash, Arc::clone(&module));
        Ok(module)
    }
}

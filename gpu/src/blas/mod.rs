//! Products of matrices by cuBLASLt, found at run time. Where it is missing, printed kernels do them (`print/dot.rs`).
//!
//! `product` finds out what a scheduled kernel is as a product, and is tested without the library; `descriptors` tells the
//! library; [`Products`] keeps what it answered, and calls it.

mod axes;
mod descriptors;
mod product;

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::sync::{Arc, OnceLock};

use cudarc::cublaslt::result::{self, CublasError};
use cudarc::cublaslt::sys;
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use gradframe_ml_core::{DType, Error, Result};
use parking_lot::Mutex;

use crate::libraries::Library;
use descriptors::{Described, Preference};
pub use product::{Calls, Matrix, Product};

/// The library, and the environment variable that names it or a folder that holds it.
pub const LIBRARY: Library = Library { stem: "cublasLt", variable: "GRADFRAME_CUBLASLT" };

/// Memory in which an algorithm keeps parts of sums.
pub(crate) const WORKSPACE_BYTES: usize = 32 << 20;
/// More than this no algorithm asks for.
const ALIGNMENT_MAX: u64 = 256;

/// How products of float32 are computed. Those of other types are not touched: f16 and bf16 add up in float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// In float32.
    #[default]
    Full,
    /// Operands are rounded to ten bits of mantissa; sums are in float32. Several times as fast on tensor cores.
    Tf32,
}

/// The library on one stream. Its algorithms are chosen once for each product; the same product on the same device has the
/// same bits in every run.
pub struct Products {
    stream: Arc<CudaStream>,
    handle: Handle,
    precision: Precision,
    workspace: u64,
    plans: Mutex<HashMap<Key, Option<Plan>>>,
    _memory: CudaSlice<u8>,
}

/// What an algorithm is chosen for: the product, and of what its arrays' addresses are multiples.
type Key = (Product, [u32; 3]);

/// A product described, and how it is computed.
struct Plan {
    described: Described,
    algorithm: sys::cublasLtMatmulAlgo_t,
}

// SAFETY: descriptors belong to no thread; the lock around plans lets one thread at a time use them.
unsafe impl Send for Plan {}

struct Handle(sys::cublasLtHandle_t);

// SAFETY: the library says that threads may share a handle.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: nobody uses it after this; that it cannot be destroyed is nothing that a caller could mend.
        let _ = unsafe { result::destroy_handle(self.0) };
    }
}

/// Whether the library is there; looks for it once.
pub fn is_found() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    // SAFETY: looks for the library and a symbol in it, and nothing else: calling it where it is missing, or another of that
    // name, would panic.
    let has_symbols = || unsafe { sys::culib().get::<unsafe extern "C" fn()>(b"cublasLtCreate") }.is_ok();
    // SAFETY: as above.
    *FOUND.get_or_init(|| LIBRARY.load(&[], || unsafe { sys::is_culib_present() }) && has_symbols())
}

/// Has the library describe a product, as it is before it is run; needs no device.
/// Errors: `NoDevice` if the library is missing; `External` if it does not take it.
pub fn describe(product: &Product, precision: Precision) -> Result<()> {
    if !is_found() {
        return Err(missing());
    }
    Described::new(product, precision).map_err(failed)?;
    Preference::new([ALIGNMENT_MAX as u32; 3]).map_err(failed)?;
    Ok(())
}

impl fmt::Debug for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Products({:?}, {} planned)", self.precision, self.planned())
    }
}

impl Products {
    /// The library on this stream's device.
    /// Errors: `NoDevice` if it is missing or does not start; `Resources` if the device has no memory for its workspace.
    pub fn find(stream: &Arc<CudaStream>, precision: Precision) -> Result<Self> {
        if !is_found() {
            return Err(missing());
        }
        let unfit = |e: &dyn fmt::Display| Error::no_device("cublasLt", format!("does not start on this device: {e}"));
        stream.context().bind_to_thread().map_err(|e| unfit(&e))?;
        let handle = Handle(result::create_handle().map_err(|e| unfit(&e))?);
        // SAFETY: bytes have any value; algorithms write before they read.
        let memory = unsafe { stream.alloc::<u8>(WORKSPACE_BYTES) }
            .map_err(|e| Error::resources("cublasLt", "no memory for its workspace of 32 MiB").because(e))?;
        let workspace = memory.device_ptr(stream).0;
        let stream = Arc::clone(stream);
        Ok(Products { stream, handle, precision, workspace, plans: Mutex::default(), _memory: memory })
    }

    /// The library's version: 130002 is 13.0.2.
    pub fn version(&self) -> usize {
        // SAFETY: the library is there.
        unsafe { sys::cublasLtGetVersion() }
    }

    /// [`Products::run_on`] the library's own stream.
    /// Errors: as there.
    ///
    /// # Safety
    /// As there.
    pub unsafe fn run(&self, product: &Product, arrays: [u64; 3]) -> Result<bool> {
        // SAFETY: as the caller promises.
        unsafe { self.run_on(&self.stream, product, arrays) }
    }

    /// Puts a product on a stream: the addresses of the left operand's array, the right one's and the result's. False, with
    /// nothing done, if the library has no algorithm for it.
    /// Errors: `External` if the library fails.
    ///
    /// # Safety
    /// The stream runs nothing beside the library's own that uses the library, too: all products share its workspace. The
    /// addresses are of memory on the stream's device that has the elements which the product names, aligned to them, and
    /// is not freed before the stream has come so far; the result's is apart from the operands'.
    pub unsafe fn run_on(&self, stream: &CudaStream, product: &Product, [left, right, output]: [u64; 3]) -> Result<bool> {
        let arrays = [right, left, output];
        stream.context().bind_to_thread().map_err(|e| Error::external("cuda", "the driver failed").because(e))?;
        let mut plans = self.plans.lock();
        let key = (product.clone(), alignments(product, arrays));
        let plan = match plans.get(&key) {
            Some(plan) => plan,
            None => {
                let plan = self.plan(&key).map_err(failed)?;
                plans.entry(key).or_insert(plan)
            }
        };
        let Some(plan) = plan else { return Ok(false) };
        for place in product.places() {
            // SAFETY: as the caller promises.
            unsafe { self.call(stream, product, plan, arrays, place) }.map_err(failed)?;
        }
        Ok(true)
    }

    /// Products of different kinds for which an algorithm has been chosen.
    pub fn planned(&self) -> usize {
        let plans = self.plans.lock();
        plans.values().flatten().count()
    }

    /// None if there is no algorithm.
    fn plan(&self, (product, alignments): &Key) -> std::result::Result<Option<Plan>, CublasError> {
        let described = Described::new(product, self.precision)?;
        let preference = Preference::new(*alignments)?;
        // SAFETY: all of them are there until they are dropped.
        let chosen = unsafe {
            result::get_matmul_algo_heuristic(
                self.handle.0,
                described.operation.0,
                described.first.0,
                described.second.0,
                described.result.0,
                described.result.0,
                preference.0,
            )
        };
        match chosen {
            Ok(chosen) => Ok(Some(Plan { described, algorithm: chosen.algo })),
            Err(CublasError(sys::cublasStatus_t::CUBLAS_STATUS_NOT_SUPPORTED)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One call; `place` counts elements from the arrays' starts. Safety: as of [`Products::run`].
    unsafe fn call(
        &self,
        stream: &CudaStream,
        product: &Product,
        plan: &Plan,
        arrays: [u64; 3],
        place: [usize; 3],
    ) -> std::result::Result<(), CublasError> {
        let matrices = [&product.first, &product.second, &product.result];
        let [first, second, output] =
            [0, 1, 2].map(|i| (arrays[i] + (place[i] * matrices[i].dtype.size_bytes()) as u64) as *mut c_void);
        let (singles, doubles) = ([1f32, 0.0], [1f64, 0.0]); // result = 1 * product + 0 * what was there
        let factors = |i: usize| match product.first.dtype {
            DType::F64 => (&raw const doubles[i]).cast::<c_void>(),
            _ => (&raw const singles[i]).cast(),
        };
        let described = &plan.described;
        unsafe {
            result::matmul(
                self.handle.0,
                described.operation.0,
                factors(0),
                factors(1),
                first,
                described.first.0,
                second,
                described.second.0,
                output,
                described.result.0,
                output,
                described.result.0,
                &plan.algorithm,
                self.workspace as *mut c_void,
                WORKSPACE_BYTES,
                stream.cu_stream().cast(),
            )
        }
    }
}

/// Of what the addresses of all matrices in each array are multiples, in bytes.
fn alignments(product: &Product, arrays: [u64; 3]) -> [u32; 3] {
    let matrices = [&product.first, &product.second, &product.result];
    [0, 1, 2].map(|i| {
        let bytes = |elements: usize| (elements * matrices[i].dtype.size_bytes()) as u64;
        let first = arrays[i] + bytes(matrices[i].start);
        let bits = product.distances().fold(first | ALIGNMENT_MAX, |bits, distances| bits | bytes(distances[i]));
        1 << bits.trailing_zeros()
    })
}

fn failed(error: CublasError) -> Error {
    Error::external("cublasLt", "the library failed").because(error)
}

fn missing() -> Error {
    let hint = format!("install it (pip install nvidia-cublas) and name the library or its folder in {}", LIBRARY.variable);
    Error::no_device("cublasLt", "libcublasLt was not found").hint(hint)
}

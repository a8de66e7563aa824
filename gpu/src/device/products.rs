//! Products of matrices in a run: the library's where it can, else the printed kernel's.

use std::sync::{Arc, OnceLock};

use gradframe_ml_core::Result;
use gradframe_ml_kernels::schedule::{Dot, Kernel, Schedule};

use super::Device;
use super::budget::Taken;
use super::memory::Memory;
use crate::blas::{Precision, Product, Products, WORKSPACE_BYTES};

/// The library, which is looked for when the first product is run.
#[derive(Debug, Clone, Default)]
pub struct Library {
    precision: Precision,
    found: Arc<OnceLock<Option<(Products, Taken)>>>,
}

impl Device {
    /// The same device; products of float32 are computed in this precision. [`Precision::Full`] unless asked for.
    pub fn with_precision(&self, precision: Precision) -> Self {
        Device { library: Library { precision, found: Arc::default() }, ..self.clone() }
    }

    /// The same device without cuBLASLt: products are computed by printed kernels.
    pub fn without_products(&self) -> Self {
        Device { library: Library { found: Arc::new(OnceLock::from(None)), ..Library::default() }, ..self.clone() }
    }

    /// cuBLASLt on this device; looks for it once. None where it is missing: programs run all the same, their products slowly.
    /// Errors: `Resources` if the device has no memory for its workspace.
    pub fn products(&self) -> Result<Option<&Products>> {
        if self.library.found.get().is_none() {
            let workspace = self.with_room(|| self.pool.budget().take(WORKSPACE_BYTES))?;
            let found = match Products::find(&self.stream, self.library.precision) {
                Err(missing) if missing.kind() == "NoDevice" => None,
                found => Some((found?, workspace)),
            };
            let _ = self.library.found.set(found); // another thread may have been first
        }
        Ok(self.library.found.get().and_then(Option::as_ref).map(|(products, _)| products))
    }

    /// Looks for the library, which takes its workspace then, if a schedule has contractions.
    pub(super) fn prepare_products(&self, schedule: &Schedule) -> Result<()> {
        let has_products = schedule.kernels.iter().any(|kernel| matches!(kernel, Kernel::Dot(_)));
        if has_products { self.products().map(|_| ()) } else { Ok(()) }
    }

    /// True if a contraction is a product that the library has put on the stream.
    pub(super) fn multiplies(&self, kernel: &Dot, memory: &Memory) -> Result<bool> {
        let Some(product) = Product::of(memory.schedule, kernel, memory.sizes)? else { return Ok(false) };
        let Some(products) = self.products()? else { return Ok(false) };
        let [left, right, output] = [kernel.left.buffer, kernel.right.buffer, kernel.output].map(|id| memory.address(id));
        // SAFETY: the buffers have the elements that the schedule says, and live until the stream has come so far; a
        // contraction's result is never written over an operand.
        unsafe { products.run_on(memory.stream, &product, [left?, right?, output?]) }
    }
}

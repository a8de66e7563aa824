//! Values as what tells them apart.

use super::super::one_zero::one_zero;
use super::kernel::{Kernel, as_first};

pub(super) const KERNELS: &[Kernel] = &[
    // Floats with one zero and one NaN.
    Kernel { name: "one_zero", result: as_first, run: |columns| Ok(one_zero(&columns.values[0])) },
];

//! cuBLASLt's descriptors of products, destroyed when dropped. Making them needs the library, but no device.

use std::ffi::c_void;

use cudarc::cublaslt::result::{self, CublasError};
use cudarc::cublaslt::sys::{self, cublasLtMatmulDescAttributes_t as Of, cublasLtMatmulPreferenceAttributes_t as Prefer};
use gradframe_ml_core::DType;

use super::product::{Matrix, Product};
use super::{Precision, WORKSPACE_BYTES};

/// A product described: the operation and its three matrices.
pub struct Described {
    pub operation: Operation,
    pub first: Layout,
    pub second: Layout,
    pub result: Layout,
}

impl Described {
    /// Describes a product.
    pub fn new(product: &Product, precision: Precision) -> Result<Self, CublasError> {
        Ok(Described {
            operation: Operation::new(product, precision)?,
            first: Layout::new(&product.first, product.batch)?,
            second: Layout::new(&product.second, product.batch)?,
            result: Layout::new(&product.result, product.batch)?,
        })
    }
}

/// How is multiplied: in which type, and which operands are transposed.
pub struct Operation(pub sys::cublasLtMatmulDesc_t);

impl Operation {
    fn new(product: &Product, precision: Precision) -> Result<Self, CublasError> {
        use sys::cublasComputeType_t::{CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_64F};
        let (compute, scale) = match (product.first.dtype, precision) {
            (DType::F64, _) => (CUBLAS_COMPUTE_64F, DType::F64),
            (DType::F32, Precision::Tf32) => (CUBLAS_COMPUTE_32F_FAST_TF32, DType::F32),
            _ => (CUBLAS_COMPUTE_32F, DType::F32),
        };
        let operation = Operation(result::create_matmul_desc(compute, data_type(scale))?);
        let transposed = [&product.first, &product.second].map(|matrix| i32::from(matrix.is_transposed));
        operation.set(Of::CUBLASLT_MATMUL_DESC_TRANSA, &transposed[0])?;
        operation.set(Of::CUBLASLT_MATMUL_DESC_TRANSB, &transposed[1])?;
        Ok(operation)
    }

    fn set<T>(&self, attribute: Of, value: &T) -> Result<(), CublasError> {
        // SAFETY: the descriptor is there until it is dropped; as many bytes are read as the value has.
        unsafe { result::set_matmul_desc_attribute(self.0, attribute, address(value), size_of::<T>()) }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: nobody uses it after this; that it cannot be destroyed is nothing that a caller could mend.
        let _ = unsafe { result::destroy_matmul_desc(self.0) };
    }
}

/// How a matrix lies in memory.
pub struct Layout(pub sys::cublasLtMatrixLayout_t);

impl Layout {
    fn new(matrix: &Matrix, batch: usize) -> Result<Self, CublasError> {
        use sys::cublasLtMatrixLayoutAttribute_t as Attribute;
        let (rows, columns) = (matrix.rows as u64, matrix.columns as u64);
        let layout = Layout(result::create_matrix_layout(data_type(matrix.dtype), rows, columns, matrix.leading as i64)?);
        if batch > 1 {
            layout.set(Attribute::CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &(batch as i32))?;
            layout.set(Attribute::CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &(matrix.distance as i64))?;
        }
        Ok(layout)
    }

    fn set<T>(&self, attribute: sys::cublasLtMatrixLayoutAttribute_t, value: &T) -> Result<(), CublasError> {
        // SAFETY: as in `Operation::set`.
        unsafe { result::set_matrix_layout_attribute(self.0, attribute, address(value), size_of::<T>()) }
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: as of `Operation`.
        let _ = unsafe { result::destroy_matrix_layout(self.0) };
    }
}

/// What an algorithm may do.
pub struct Preference(pub sys::cublasLtMatmulPreference_t);

impl Preference {
    /// For arrays that begin at multiples of so many bytes: first, second, result.
    pub fn new(alignments: [u32; 3]) -> Result<Self, CublasError> {
        let preference = Preference(result::create_matmul_pref()?);
        preference.set(Prefer::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &(WORKSPACE_BYTES as u64))?;
        // Parts of a sum that are computed apart are kept in the type that is computed in, and added up in order afterwards:
        // nothing is rounded twice, and nothing depends on who comes first.
        let apart = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE as u32;
        preference.set(Prefer::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &apart)?;
        let [first, second, result] = alignments;
        preference.set(Prefer::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &first)?;
        preference.set(Prefer::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &second)?;
        preference.set(Prefer::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &result)?;
        preference.set(Prefer::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &result)?;
        Ok(preference)
    }

    fn set<T>(&self, attribute: Prefer, value: &T) -> Result<(), CublasError> {
        // SAFETY: as in `Operation::set`.
        unsafe { result::set_matmul_pref_attribute(self.0, attribute, address(value), size_of::<T>()) }
    }
}

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: as of `Operation`.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}

fn address<T>(value: &T) -> *const c_void {
    (value as *const T).cast()
}

fn data_type(dtype: DType) -> sys::cudaDataType {
    match dtype {
        DType::F16 => sys::cudaDataType::CUDA_R_16F,
        DType::BF16 => sys::cudaDataType::CUDA_R_16BF,
        DType::F64 => sys::cudaDataType::CUDA_R_64F,
        _ => sys::cudaDataType::CUDA_R_32F, // a product has no others
    }
}

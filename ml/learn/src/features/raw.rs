//! A chunk of one raw column, as whoever reads the data hands it over.

use gradframe_ml_core::{DType, Error, Result, Tensor};

/// A chunk of one column, before encoding.
#[derive(Debug, Clone)]
pub enum RawColumn {
    /// Numbers: `values` f64 [N]; `valid` bool [N], absent where nothing is null. Values under a null are arbitrary.
    Number { values: Tensor, valid: Option<Tensor> },
    /// Strings as codes of the column's [`crate::Vocabulary`]: i32 [N].
    Codes(Tensor),
    /// Whole numbers of an integer type: [N].
    Whole(Tensor),
}

impl RawColumn {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            RawColumn::Number { values, .. } => values.len(),
            RawColumn::Codes(own) | RawColumn::Whole(own) => own.len(),
        }
    }

    /// A column of numbers. Errors: `Shape` or `DType` if the tensors are not f64 [N] and bool [N].
    pub fn number(values: Tensor, valid: Option<Tensor>) -> Result<Self> {
        check(&values, DType::F64, values.len())?;
        if let Some(valid) = &valid {
            check(valid, DType::Bool, values.len())?;
        }
        Ok(RawColumn::Number { values, valid })
    }

    /// A column of codes. Errors: `Shape` or `DType` if the tensor is not i32 [N].
    pub fn codes(codes: Tensor) -> Result<Self> {
        check(&codes, DType::I32, codes.len())?;
        Ok(RawColumn::Codes(codes))
    }

    /// A column of whole numbers. Errors: `Shape` or `DType` if the tensor is not [N] of an integer type.
    pub fn whole(numbers: Tensor) -> Result<Self> {
        let dtype = if numbers.dtype().is_integer() { numbers.dtype() } else { DType::I64 };
        check(&numbers, dtype, numbers.len())?;
        Ok(RawColumn::Whole(numbers))
    }
}

fn check(tensor: &Tensor, dtype: DType, rows: usize) -> Result<()> {
    if tensor.dtype() != dtype {
        return Err(Error::dtype("encode", format!("expected {dtype}, got {}", tensor.dtype())));
    }
    if tensor.shape() != [rows] {
        return Err(Error::shape("encode", format!("expected [{rows}], got {:?}", tensor.shape())));
    }
    Ok(())
}

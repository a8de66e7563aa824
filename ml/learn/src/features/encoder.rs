//! Encodes chunks of raw columns with compiled programs.

use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::{Program, compile};

use super::graph::encode_function;
use super::raw::RawColumn;
use crate::estimator::Chunk;
use crate::model::FeatureSpec;

/// Turns chunks of raw columns into chunks of the encoded training set.
#[derive(Debug)]
pub struct Encoder {
    features: usize,
    dtype: DType,
    /// Without and with validity; None where no feature is numeric.
    programs: Option<[Program; 2]>,
}

impl Encoder {
    /// An encoder of these features, whose dense blocks are of type `dtype`.
    /// Errors: `Internal` if the compiler does not take the graph.
    pub fn new(features: &[FeatureSpec], dtype: DType) -> Result<Self> {
        let has_numbers = features.iter().any(|f| f.encoding.is_dense());
        let program = |nullable| compile(&encode_function(features, nullable, dtype)?);
        let programs = if has_numbers { Some([program(false)?, program(true)?]) } else { None };
        Ok(Encoder { features: features.len(), dtype, programs })
    }

    /// Encodes a chunk: its columns in feature order, and the encoded label f64 [N]. Weights are for the caller to add.
    /// Errors: `Shape` if the columns differ in length or number.
    pub fn encode(&self, columns: &[RawColumn], label: Tensor) -> Result<Chunk> {
        let rows = label.len();
        if columns.len() != self.features {
            return Err(Error::shape("encode", format!("expected {} columns, got {}", self.features, columns.len())));
        }
        if let Some(column) = columns.iter().find(|c| c.rows() != rows) {
            return Err(Error::shape("encode", format!("a column has {} rows, the label {rows}", column.rows())));
        }
        let codes = columns.iter().filter_map(|c| if let RawColumn::Codes(codes) = c { Some(codes.clone()) } else { None });
        let whole = columns.iter().filter_map(|c| if let RawColumn::Whole(whole) = c { Some(whole.clone()) } else { None });
        Ok(Chunk { rows, dense: self.dense(columns, rows)?, codes: codes.chain(whole).collect(), label, weight: None })
    }

    fn dense(&self, columns: &[RawColumn], rows: usize) -> Result<Tensor> {
        let Some([plain, nullable]) = &self.programs else {
            return Tensor::from_vec::<f64>(&[rows, 0], Vec::new())?.cast(self.dtype);
        };
        let has_nulls = columns.iter().any(|c| matches!(c, RawColumn::Number { valid: Some(_), .. }));
        let program = if has_nulls { nullable } else { plain };
        let arguments = number_arguments(columns, rows, has_nulls)?;
        let [dense] = <[Tensor; 1]>::try_from(program.run(&arguments)?)
            .map_err(|outputs| Error::internal("encode", format!("expected one block, got {}", outputs.len())))?;
        Ok(dense)
    }
}

/// The numeric columns as arguments; with `nullable` each is followed by its validity.
fn number_arguments(columns: &[RawColumn], rows: usize, nullable: bool) -> Result<Vec<Tensor>> {
    let all_valid = Tensor::from_bools(&[rows], &vec![true; rows])?;
    let mut arguments = Vec::with_capacity(columns.len() * 2);
    for column in columns {
        if let RawColumn::Number { values, valid } = column {
            arguments.push(values.clone());
            arguments.extend(nullable.then(|| valid.clone().unwrap_or_else(|| all_valid.clone())));
        }
    }
    Ok(arguments)
}

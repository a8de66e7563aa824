//! Rows of tables by index.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::functional::{self, check_row};
use crate::module;
use crate::module::Layer;
use crate::options::builder;
use crate::parameter::Parameter;
use crate::random::{keys, normal};

/// Rows of a table by index: [..] of integers -> [.., embedding_dim]. The row of `padding_idx` begins with zeros, and no gradient comes to it.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Embedding, Layer};
///
/// let words = Embedding::new(10, 4)?;
/// assert_eq!(words.forward(&Array::from_vec(&[2, 3], vec![0i64, 1, 2, 3, 4, 9])?)?.shape(), [2, 3, 4]);
/// assert_eq!(words.forward(&Array::from_vec(&[1], vec![10i64])?).unwrap_err().kind(), "OutOfBounds");
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `OutOfBounds` for an index outside of the table, where it is known: in compiled functions such an index gives zeros.
#[derive(Debug)]
pub struct Embedding {
    /// [num_embeddings, embedding_dim]; it begins normally around 0.
    pub weight: Parameter,
    padding_idx: Option<usize>,
}
module!(Embedding { weight });

builder! {
    /// Makes an [`Embedding`].
    EmbeddingBuilder of Embedding(num_embeddings: usize, embedding_dim: usize) {} {
        /// The row that stands for nothing; unless said there is none.
        into padding_idx: Option<usize> = None;
        /// What the table is drawn from; unless said the global stream.
        into key: Option<Array> = None;
    }
}

impl EmbeddingBuilder {
    /// The layer. Errors: `OutOfBounds` for a `padding_idx` outside of the table; `DType` if the key is none.
    pub fn build(self) -> Result<Embedding> {
        let shape = [self.num_embeddings, self.embedding_dim];
        let mut weight = normal(&keys(self.key.as_ref(), 1)?[0], &shape, 0.0, 1.0)?;
        if let Some(padding) = self.padding_idx {
            check_row("Embedding", padding, self.num_embeddings)?;
            let mut kept = vec![1.0f32; self.num_embeddings];
            kept[padding] = 0.0;
            weight = weight.multiply(&Array::from_vec(&[self.num_embeddings, 1], kept)?)?;
        }
        Ok(Embedding { weight: Parameter::new(&weight)?, padding_idx: self.padding_idx })
    }
}

impl Embedding {
    /// One of a table [rows, size] that there is, which is not learned unless it is unfrozen. Errors: `Shape` for another shape.
    pub fn from_pretrained(table: &Array) -> Result<Self> {
        if table.shape().len() != 2 {
            let what = format!("expected a table [rows, size], got shape {:?}", table.shape());
            return Err(gradframe_ml_core::Error::shape("Embedding", what));
        }
        let weight = Parameter::new(table)?;
        weight.freeze()?;
        Ok(Embedding { weight, padding_idx: None })
    }
}

impl Layer for Embedding {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::embedding(x, &self.weight.array(), self.padding_idx)
    }
}

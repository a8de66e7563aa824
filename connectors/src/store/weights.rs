//! Named tensors as the bytes of a safetensors file, and back, bit for bit.

use std::collections::{BTreeMap, HashMap};

use arrow::buffer::MutableBuffer;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// The file's bytes. `notes` go into its header.
pub(super) fn encode(weights: &BTreeMap<String, Tensor>, notes: Option<HashMap<String, String>>) -> Result<Vec<u8>> {
    let views = weights.iter().map(|(name, tensor)| Ok((name.as_str(), view(tensor)?))).collect::<Result<Vec<_>>>()?;
    safetensors::serialize(views, notes).map_err(|e| Error::internal("model", format!("cannot write weights: {e}")).because(e))
}

/// The tensors in the file's bytes. Errors: `Execution` if they are not a safetensors file.
pub(super) fn decode(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| Error::execution("model", format!("not a safetensors file: {e}")).because(e))?;
    file.iter().map(|(name, view)| Ok((name.to_string(), tensor(name, &view)?))).collect()
}

/// The notes in the file's header. Errors: `Execution` if it is not a safetensors file.
pub(super) fn notes(bytes: &[u8]) -> Result<HashMap<String, String>> {
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|e| Error::execution("model", format!("not a safetensors file: {e}")).because(e))?;
    Ok(header.metadata().clone().unwrap_or_default())
}

fn view(tensor: &Tensor) -> Result<TensorView<'_>> {
    let (dtype, shape) = (to_safetensors(tensor.dtype()), tensor.shape().to_vec());
    TensorView::new(dtype, shape, tensor.buffer())
        .map_err(|e| Error::internal("model", format!("cannot write weights: {e}")).because(e))
}

fn tensor(name: &str, view: &TensorView) -> Result<Tensor> {
    let dtype = from_safetensors(view.dtype())
        .ok_or_else(|| Error::execution("model", format!("weight `{name}` has the unknown element type {:?}", view.dtype())))?;
    // Copied, because tensors need an alignment that the file does not promise.
    let mut buffer = MutableBuffer::new(view.data().len());
    buffer.extend_from_slice(view.data());
    Tensor::try_new(dtype, view.shape(), buffer.into())
}

macro_rules! element_types {
    ($($ours:ident = $theirs:ident),* $(,)?) => {
        fn to_safetensors(dtype: DType) -> Dtype {
            match dtype { $(DType::$ours => Dtype::$theirs,)* }
        }

        fn from_safetensors(dtype: Dtype) -> Option<DType> {
            match dtype { $(Dtype::$theirs => Some(DType::$ours),)* _ => None }
        }
    };
}

element_types! { Bool = BOOL, I8 = I8, I16 = I16, I32 = I32, I64 = I64, U8 = U8, U16 = U16, U32 = U32, U64 = U64,
F16 = F16, BF16 = BF16, F32 = F32, F64 = F64 }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_type_comes_back_bit_for_bit() {
        let weights: BTreeMap<_, _> =
            DType::ALL.into_iter().map(|dtype| (dtype.name().to_string(), zeros_and_ones(dtype))).collect();
        assert_eq!(decode(&encode(&weights, None).unwrap()).unwrap(), weights);
    }

    #[test]
    fn odd_shapes_and_values_come_back() {
        let weights = BTreeMap::from([
            ("scalar".to_string(), Tensor::scalar(f64::NAN)),
            ("empty".to_string(), Tensor::from_vec::<f32>(&[0, 3], vec![]).unwrap()),
            ("ü \"name\"".to_string(), Tensor::from_vec(&[2], vec![-0.0, f64::NEG_INFINITY]).unwrap()),
        ]);
        assert_eq!(decode(&encode(&weights, None).unwrap()).unwrap(), weights);
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"not a file", &[0xff; 64]] {
            assert_eq!(decode(bytes).unwrap_err().kind(), "Execution");
        }
    }

    fn zeros_and_ones(dtype: DType) -> Tensor {
        let bytes: Vec<u8> = (0..3 * dtype.size_bytes()).map(|i| (i % 2) as u8).collect();
        let mut buffer = MutableBuffer::new(bytes.len());
        buffer.extend_from_slice(&bytes);
        Tensor::try_new(dtype, &[3], buffer.into()).unwrap()
    }
}

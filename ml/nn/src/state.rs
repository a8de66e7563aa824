//! Arrays by name: what a module is saved as, and takes over.

use std::collections::{BTreeMap, HashSet};

use arrow_buffer::Buffer as Bytes;
use gradframe_ml_array::{Array, Element};
use gradframe_ml_core::{DType, Error, Result, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::parameter::Cell;

/// Arrays by name, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct StateDict {
    arrays: Vec<(String, Array)>,
}

/// What a state lacks of a module, and has beyond it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Names that the module has and the state has not.
    pub missing: Vec<String>,
    /// Names that the state has and the module has not.
    pub unexpected: Vec<String>,
}

impl StateDict {
    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|(own, _)| own == name).map(|(_, array)| array)
    }

    /// Puts in an array, in the place of one of its name.
    pub fn insert(&mut self, name: impl Into<String>, array: Array) {
        let name = name.into();
        match self.arrays.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = array,
            None => self.arrays.push((name, array)),
        }
    }

    /// Names and arrays.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// The arrays as the bytes of a safetensors file, which `gf.nn.load_safetensors` and others read.
    ///
    /// ```
    /// use gradframe_ml_nn::{Linear, Module, StateDict};
    ///
    /// let saved = Linear::new(4, 8)?.state_dict()?.to_safetensors()?; // std::fs::write(path, saved)
    /// Linear::new(4, 8)?.load_state_dict(&StateDict::from_safetensors(&saved)?)?;
    /// # Ok::<(), gradframe_ml_core::Error>(())
    /// ```
    ///
    /// Errors: `External` naming an array of a type that the format does not have; those of computing them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let tensors = self.arrays.iter().map(|(name, array)| Ok((name.as_str(), array.tensor()?))).collect::<Result<Vec<_>>>()?;
        let views = tensors.iter().map(|(name, tensor)| Ok((*name, view(name, tensor)?))).collect::<Result<Vec<_>>>()?;
        safetensors::serialize(views, None).map_err(|error| Error::external("safetensors", error.to_string()))
    }

    /// The arrays of a safetensors file, by name. Errors: `External` for bytes that are no such file, or cut off, and for an array of a type
    /// that arrays do not have.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        let broken = |what: String| Error::external("safetensors", what);
        let file = SafeTensors::deserialize(bytes).map_err(|error| broken(format!("the file is broken: {error}")))?;
        let by_name: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        let array = |(name, view): (String, TensorView<'_>)| {
            let dtype = own_type(view.dtype()).ok_or_else(|| broken(format!("`{name}` is of type {:?}", view.dtype())))?;
            let array = Array::from_buffer(Element::Real(dtype), view.shape(), Bytes::from_slice_ref(view.data()))?;
            Ok((name, array))
        };
        by_name.into_iter().map(array).collect()
    }
}

impl FromIterator<(String, Array)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, Array)>>(arrays: I) -> Self {
        let mut state = StateDict::default();
        arrays.into_iter().for_each(|(name, array)| state.insert(name, array));
        state
    }
}

const TYPES: [(DType, Dtype); 13] = [
    (DType::Bool, Dtype::BOOL),
    (DType::I8, Dtype::I8),
    (DType::I16, Dtype::I16),
    (DType::I32, Dtype::I32),
    (DType::I64, Dtype::I64),
    (DType::U8, Dtype::U8),
    (DType::U16, Dtype::U16),
    (DType::U32, Dtype::U32),
    (DType::U64, Dtype::U64),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
    (DType::F32, Dtype::F32),
    (DType::F64, Dtype::F64),
];

fn view<'a>(name: &str, tensor: &'a Tensor) -> Result<TensorView<'a>> {
    let broken = |what: String| Error::external("safetensors", format!("`{name}`: {what}"));
    let dtype = format_type(tensor.dtype()).ok_or_else(|| broken(format!("the format has no {}", tensor.dtype())))?;
    let bytes = tensor.buffer().as_slice();
    TensorView::new(dtype, tensor.shape().to_vec(), bytes).map_err(|error| broken(error.to_string()))
}

fn format_type(dtype: DType) -> Option<Dtype> {
    TYPES.into_iter().find(|(own, _)| *own == dtype).map(|(_, theirs)| theirs)
}

fn own_type(dtype: Dtype) -> Option<DType> {
    TYPES.into_iter().find(|(_, theirs)| *theirs == dtype).map(|(own, _)| own)
}

/// PyTorch counts batches beside running statistics, which stands for nothing here.
fn is_unused(name: &str) -> bool {
    name == "num_batches_tracked" || name.ends_with(".num_batches_tracked")
}

/// Puts a state into cells by name; all of it, unless without `strict`. Errors: `Shape` naming all that is wrong; then nothing has changed.
pub(crate) fn load(own: &[(String, Cell)], state: &StateDict, strict: bool) -> Result<Unmatched> {
    let given: HashSet<usize> =
        own.iter().filter(|(name, _)| state.get(name).is_some()).map(|(_, cell)| cell.identity()).collect();
    let missing = own.iter().filter(|(_, cell)| !given.contains(&cell.identity())).map(|(name, _)| name.clone()).collect();
    let is_known = |name: &str| own.iter().any(|(known, _)| known == name);
    let unexpected = state.iter().map(|(name, _)| name).filter(|name| !is_known(name) && !is_unused(name));
    let unmatched = Unmatched { missing, unexpected: unexpected.map(str::to_owned).collect() };
    let matched: Vec<(&str, &Cell, &Array)> =
        own.iter().filter_map(|(name, cell)| state.get(name).map(|array| (name.as_str(), cell, array))).collect();
    let mut wrong: Vec<String> = matched.iter().filter_map(|(name, cell, array)| misfit(name, &cell.get(), array)).collect();
    if strict {
        wrong.extend(unmatched.missing.iter().map(|name| format!("`{name}` is missing")));
        wrong.extend(unmatched.unexpected.iter().map(|name| format!("`{name}` is not expected")));
    }
    if !wrong.is_empty() {
        return Err(Error::shape("load_state_dict", wrong.join("; ")));
    }
    let next = matched.into_iter().map(|(_, cell, array)| Ok((cell, as_before(&cell.get(), array)?)));
    next.collect::<Result<Vec<_>>>()?.into_iter().for_each(|(cell, array)| drop(cell.replace(array)));
    Ok(unmatched)
}

fn misfit(name: &str, own: &Array, given: &Array) -> Option<String> {
    let differs = own.shape() != given.shape();
    differs.then(|| format!("`{name}` has shape {:?}, expected {:?}", given.shape(), own.shape()))
}

/// Values in the type and the role of those before.
fn as_before(before: &Array, values: &Array) -> Result<Array> {
    let values = if values.element() == before.element() { values.clone() } else { values.astype(before.element())? };
    if before.is_watched() { values.watched() } else { values.detached() }
}

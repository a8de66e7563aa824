//! The weights of a model: named tensors that lie where their file is mapped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_buffer::Buffer;
use bytes::Bytes;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::files::{Directory, Mapped, OP};
use crate::precision::{DtypeChoice, Precision};

/// A named tensor of a checkpoint, in the file's own type.
#[derive(Debug, Clone)]
pub struct Weight {
    /// As the file names it: `bert.encoder.layer.0.attention.self.query.weight`.
    pub name: String,
    /// The type in the file, lower case: `f32`, `bf16`, `f8_e4m3`.
    pub dtype: String,
    /// Sizes, outermost axis first.
    pub shape: Vec<usize>,
    /// The file it lies in.
    pub file: PathBuf,
    bytes: Bytes,
    known: Option<DType>,
    /// The file, if it is mapped.
    mapped: Option<Arc<Mapped>>,
}

/// The tensors of a checkpoint by name.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    tensors: BTreeMap<String, Weight>,
    files: Vec<Arc<Mapped>>,
}

impl Weights {
    /// Those of a directory: nothing is read but headers.
    /// Errors: `External` for a missing file; `Execution` naming the file whose header lies or that is cut off.
    pub fn open(directory: &Directory) -> Result<Self> {
        let mut weights = Weights::default();
        for mapped in directory.weights()? {
            let mapped = Arc::new(mapped);
            weights.add(&mapped.path, &mapped.bytes, Some(&mapped))?;
            weights.files.push(mapped);
        }
        Ok(weights)
    }

    /// Those of the bytes of one safetensors file; `path` is for errors. Errors: `Execution` naming the file.
    pub fn from_bytes(path: &Path, bytes: &Bytes) -> Result<Self> {
        let mut weights = Weights::default();
        weights.add(path, bytes, None)?;
        Ok(weights)
    }

    fn add(&mut self, path: &Path, bytes: &Bytes, mapped: Option<&Arc<Mapped>>) -> Result<()> {
        let wrong = |what: String| Error::execution(OP, format!("{}: {what}", path.display()));
        let file = SafeTensors::deserialize(bytes).map_err(|e| wrong(format!("not a whole safetensors file: {e}")))?;
        for (name, view) in file.iter() {
            let weight = Weight { mapped: mapped.cloned(), ..Weight::new(name, path, &view, bytes) };
            if self.tensors.insert(name.to_owned(), weight).is_some() {
                return Err(wrong(format!("tensor `{name}` is in another shard too")));
            }
        }
        Ok(())
    }

    /// The files that are mapped: to be asked whether they are whole before what lies in them is read.
    pub(crate) fn files(&self) -> &[Arc<Mapped>] {
        &self.files
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Weight> {
        self.tensors.values()
    }

    /// True if there is one of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor of this name and shape, in its own type, where it lies.
    /// Errors: `Execution` if it is missing (naming one of a similar name), `Shape` if it has another shape, `DType` if it is not of floats.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let weight = self.tensors.get(name).ok_or_else(|| self.missing(name, shape))?;
        if weight.shape != shape {
            let what = format!("tensor `{name}`: expected shape {shape:?}, got {:?}", weight.shape);
            return Err(Error::shape(OP, what).hint(format!("config.json and {} do not belong together", weight.file.display())));
        }
        let tensor = weight.tensor()?;
        match tensor.dtype() {
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Ok(tensor),
            _ => {
                let what = format!("tensor `{name}`: expected f32, f16, bf16 or f64, got {}", weight.dtype);
                Err(Error::dtype(OP, what).hint(format!("{} holds other things under this name", weight.file.display())))
            }
        }
    }

    fn missing(&self, name: &str, shape: &[usize]) -> Error {
        let error =
            Error::execution(OP, format!("tensor `{name}` of shape {shape:?} is missing among {} tensors", self.tensors.len()));
        let near = self.tensors.keys().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        match near {
            Some(near) => error.hint(format!("there is `{near}` of shape {:?}", self.tensors[near].shape)),
            None => error,
        }
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> usize {
        self.iter().map(|w| w.bytes.len()).sum()
    }

    /// The type of most of the bytes; f32 of nothing.
    pub fn main_dtype(&self) -> String {
        let mut bytes: BTreeMap<&str, usize> = BTreeMap::new();
        self.iter().for_each(|w| *bytes.entry(&w.dtype).or_default() += w.bytes.len());
        bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map_or("f32".to_owned(), |(name, _)| name.to_owned())
    }
}

impl Weight {
    fn new(name: &str, path: &Path, view: &TensorView, file: &Bytes) -> Self {
        let (dtype, known) = (format!("{:?}", view.dtype()).to_lowercase(), known(view.dtype()));
        let bytes = if view.data().is_empty() { Bytes::new() } else { file.slice_ref(view.data()) };
        Weight {
            name: name.to_owned(),
            dtype,
            shape: view.shape().to_vec(),
            file: path.to_path_buf(),
            bytes,
            known,
            mapped: None,
        }
    }

    /// Its elements, where they lie if the file has put them so that they can be read there.
    /// Errors: `DType` if its type is not one that is computed with; `External` if its file was cut short.
    pub fn tensor(&self) -> Result<Tensor> {
        self.mapped.as_ref().map_or(Ok(()), |mapped| mapped.check())?;
        let Some(dtype) = self.known else {
            let what = format!("tensor `{}`: expected f32, f16, bf16, f64 or integers, got {}", self.name, self.dtype);
            return Err(Error::dtype(OP, what));
        };
        let aligned = self.bytes.as_ptr().align_offset(dtype.size_bytes()) == 0;
        let buffer = if aligned { Buffer::from(self.bytes.clone()) } else { Buffer::from_slice_ref(self.bytes.as_ref()) };
        Tensor::try_new(dtype, &self.shape, buffer)
    }

    /// Bytes of its elements.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The type and the bytes that it is written in: its own, where they lie, but floats in the type that was asked for.
    fn written(&self, dtype: DtypeChoice) -> Result<(Dtype, Bytes)> {
        let cannot = || Error::dtype(OP, format!("tensor `{}`: {} cannot be written", self.name, self.dtype));
        let own = of_name(self).ok_or_else(cannot)?;
        let is_float = matches!(own, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64);
        match dtype {
            DtypeChoice::Only(Precision::F32) if is_float && own != Dtype::F32 => {
                Ok((Dtype::F32, Bytes::copy_from_slice(as_f32(&self.tensor()?)?.buffer().as_slice())))
            }
            DtypeChoice::Only(Precision::Bf16) if is_float && own != Dtype::BF16 => {
                Ok((Dtype::BF16, Bytes::copy_from_slice(as_bf16(&self.tensor()?)?.buffer().as_slice())))
            }
            _ => Ok((own, self.bytes.clone())),
        }
    }
}

/// The same numbers as f32. Errors: `Internal`.
pub(crate) fn as_f32(tensor: &Tensor) -> Result<Tensor> {
    let bits = tensor.buffer().typed_data::<u16>();
    let values: Vec<f32> = match tensor.dtype() {
        DType::F32 => return Ok(tensor.clone()),
        DType::F16 => bits.iter().map(|&b| half::f16::from_bits(b).to_f32()).collect(),
        DType::BF16 => bits.iter().map(|&b| half::bf16::from_bits(b).to_f32()).collect(),
        _ => return tensor.cast(DType::F32),
    };
    Tensor::from_vec(tensor.shape(), values)
}

/// The same numbers rounded to bf16; where they are bf16, where they lie. Errors: `Internal`.
pub(crate) fn as_bf16(tensor: &Tensor) -> Result<Tensor> {
    if tensor.dtype() == DType::BF16 {
        return Ok(tensor.clone());
    }
    let wide = as_f32(tensor)?;
    let bits: Vec<u16> = wide.values::<f32>()?.iter().map(|&x| half::bf16::from_f32(x).to_bits()).collect();
    Tensor::try_new(DType::BF16, tensor.shape(), Buffer::from_vec(bits))
}

/// All weights as the bytes of one safetensors file, floats in the type that was asked for.
pub(crate) fn encoded(weights: &Weights, dtype: DtypeChoice) -> Result<Vec<u8>> {
    weights.files().iter().try_for_each(|file| file.check())?;
    fn failed(e: safetensors::SafeTensorError) -> Error {
        Error::internal(OP, format!("cannot write weights: {e}")).because(e)
    }
    let written: Vec<(&Weight, Dtype, Bytes)> =
        weights.iter().map(|weight| weight.written(dtype).map(|(dtype, bytes)| (weight, dtype, bytes))).collect::<Result<_>>()?;
    let mut views: Vec<(&str, TensorView)> = Vec::with_capacity(written.len());
    for (weight, dtype, bytes) in &written {
        views.push((weight.name.as_str(), TensorView::new(*dtype, weight.shape.clone(), bytes).map_err(failed)?));
    }
    // transformers reads only files that say for whom they were written.
    let notes = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(notes)).map_err(failed)
}

macro_rules! element_types {
    ($($ours:ident = $theirs:ident),* $(,)?) => {
        fn known(dtype: Dtype) -> Option<DType> {
            match dtype { $(Dtype::$theirs => Some(DType::$ours),)* _ => None }
        }

        fn of_name(weight: &Weight) -> Option<Dtype> {
            match weight.known? { $(DType::$ours => Some(Dtype::$theirs),)* }
        }
    };
}

element_types! { Bool = BOOL, I8 = I8, I16 = I16, I32 = I32, I64 = I64, U8 = U8, U16 = U16, U32 = U32, U64 = U64,
F16 = F16, BF16 = BF16, F32 = F32, F64 = F64 }

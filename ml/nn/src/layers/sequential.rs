//! Modules that hold others.

use std::fmt;

use gradframe_ml_array::Array;
use gradframe_ml_core::{Error, Result};

use crate::module::{Layer, Module, Parts};

/// Modules of one kind in a list: a plain `Vec`, whose names are its places.
pub type ModuleList<M> = Vec<M>;

/// Layers one after the other: each is given what the one before has made. [`sequential!`](crate::sequential!) makes one of layers.
///
/// ```
/// use gradframe_ml_nn::{Linear, Module, ReLU, sequential};
///
/// let model = sequential![Linear::new(4, 8)?, ReLU, Linear::new(8, 2)?];
/// let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn Layer>)>,
}

impl Sequential {
    /// One without layers, which gives what it is given.
    pub fn new() -> Self {
        Sequential::default()
    }

    /// With a layer more, whose name is its place.
    pub fn append(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push((self.layers.len().to_string(), Box::new(layer)));
        self
    }

    /// With a layer more of this name. Errors: `Plan` for a name that is empty, has a dot, or is another layer's.
    pub fn add_module(mut self, name: &str, layer: impl Layer + 'static) -> Result<Self> {
        if name.is_empty() || name.contains('.') || self.layers.iter().any(|(own, _)| own == name) {
            let what = format!("`{name}` is no name for a layer, expected one without a dot that no other layer has");
            return Err(Error::plan("Sequential", what));
        }
        self.layers.push((name.to_owned(), Box::new(layer)));
        Ok(self)
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn parts(&self, parts: &mut Parts<'_>) {
        self.layers.iter().for_each(|(name, layer)| parts.part(name, layer));
    }
}

impl Layer for Sequential {
    fn forward(&self, x: &Array) -> Result<Array> {
        self.layers.iter().try_fold(x.clone(), |x, (_, layer)| layer.forward(&x))
    }
}

/// A [`Sequential`] of these layers.
#[macro_export]
macro_rules! sequential {
    ($($layer:expr),* $(,)?) => { $crate::Sequential::new()$(.append($layer))* };
}

/// What a plain function computes.
type Forward = dyn Fn(&Array) -> Result<Array> + Send + Sync;

/// A plain function as a layer.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Function, Layer, Linear, sequential};
///
/// let model = sequential![Linear::new(4, 2)?, Function::new("halved", |x| x.multiply(0.5))];
/// assert_eq!(model.forward(&Array::from_vec(&[1, 4], vec![1.0f32; 4])?)?.shape(), [1, 2]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
pub struct Function {
    name: String,
    function: Box<Forward>,
}
crate::module!(Function {});

impl Function {
    /// The function, and what it is called when the model is shown.
    pub fn new(name: impl Into<String>, function: impl Fn(&Array) -> Result<Array> + Send + Sync + 'static) -> Self {
        Function { name: name.into(), function: Box::new(function) }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Layer for Function {
    fn forward(&self, x: &Array) -> Result<Array> {
        (self.function)(x)
    }
}

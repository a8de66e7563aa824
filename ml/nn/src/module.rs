//! Modules: trees of named parameters. Layers: modules that make of one array another.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use gradframe_ml_array::{Array, Element};
use gradframe_ml_core::Result;

use crate::parameter::{Buffer, Mode, Parameter};
use crate::state::{StateDict, Unmatched, load};

/// A part of a network: it says what it is made of, and everything else follows from that.
///
/// A struct of parameters, buffers and other modules becomes one by [`module!`](crate::module!), whose names are those of its fields,
/// as in a `state_dict` of PyTorch. What it computes is a method of its own, or [`Layer::forward`] where that makes of one array another.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Layer, Linear, Module, functional, module};
/// use gradframe_ml_core::Result;
///
/// #[derive(Debug)]
/// struct Net {
///     hidden: Linear,
///     out: Linear,
/// }
/// module!(Net { hidden, out });
///
/// impl Layer for Net {
///     fn forward(&self, x: &Array) -> Result<Array> {
///         self.out.forward(&functional::relu(&self.hidden.forward(x)?)?) // [batch, 4] -> [batch, 8] -> [batch, 1]
///     }
/// }
///
/// let net = Net { hidden: Linear::new(4, 8)?, out: Linear::new(8, 1)? };
/// let names: Vec<String> = net.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]);
/// let x = Array::from_vec(&[2, 4], vec![1.0f32; 8])?;
/// assert_eq!(net.forward(&x)?.shape(), [2, 1]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
pub trait Module: Debug + Send + Sync {
    /// Tells what it is made of, name by name.
    fn parts(&self, parts: &mut Parts<'_>);

    /// What is learned, with its names; each once.
    fn named_parameters(&self) -> Vec<(String, Parameter)> {
        let mut seen = HashSet::new();
        let mut found = parameters_under_each_name(self);
        found.retain(|(_, parameter)| seen.insert(parameter.0.identity()));
        found
    }

    /// What is learned; each once.
    fn parameters(&self) -> Vec<Parameter> {
        self.named_parameters().into_iter().map(|(_, parameter)| parameter).collect()
    }

    /// What is kept beside what is learned, with its names; each once.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        let mut seen = HashSet::new();
        let mut found = buffers_under_each_name(self);
        found.retain(|(_, buffer)| seen.insert(buffer.0.identity()));
        found
    }

    /// Training, or not, for all modules in it: dropout and batch statistics.
    fn train(&self, training: bool) {
        modes(self).iter().for_each(|mode| mode.set(training));
    }

    /// Not training.
    fn eval(&self) {
        self.train(false);
    }

    /// All floats in another type, in place. Errors: those of computing them.
    fn to(&self, element: Element) -> Result<()> {
        let cells = self.parameters().into_iter().map(|p| p.0).chain(self.named_buffers().into_iter().map(|(_, b)| b.0));
        cells.into_iter().try_for_each(|cell| cell.cast(element))
    }

    /// No gradient is wanted in any of its parameters from now on. Errors: those of computing them.
    fn freeze(&self) -> Result<()> {
        self.parameters().iter().try_for_each(Parameter::freeze)
    }

    /// All parameters and buffers under each of their names, without history.
    /// Errors: those of computing them.
    fn state_dict(&self) -> Result<StateDict> {
        let arrays = arrays_under_each_name(self).into_iter().map(|(name, cell)| Ok((name, cell.get().detached()?)));
        arrays.collect()
    }

    /// Takes over parameters and buffers by name, in the module's own types. Of an array with several names one is enough.
    /// Errors: `Shape` naming everything that is missing, not expected or of another shape; then nothing has changed.
    fn load_state_dict(&self, state: &StateDict) -> Result<()> {
        load(&arrays_under_each_name(self), state, true).map(|_| ())
    }

    /// As [`Module::load_state_dict`] of what both have. Gives the names that only one of them has.
    /// Errors: `Shape` naming everything of another shape.
    fn load_matching(&self, state: &StateDict) -> Result<Unmatched> {
        load(&arrays_under_each_name(self), state, false)
    }
}

/// A module that makes of one array another, so that it can stand in a [`Sequential`](crate::Sequential).
pub trait Layer: Module {
    /// What it computes. Errors: those that the layer names.
    fn forward(&self, x: &Array) -> Result<Array>;
}

/// Where a module tells what it is made of.
pub struct Parts<'a> {
    prefix: String,
    visit: &'a mut dyn FnMut(&str, Part<'_>),
}

/// What trees of modules end in.
pub(crate) enum Part<'a> {
    Parameter(&'a Parameter),
    Buffer(&'a Buffer),
    Mode(&'a Mode),
}

impl Parts<'_> {
    /// A part of this name: a parameter, a buffer, a mode, a module, or several of one kind (`Option`, `Vec`).
    pub fn part(&mut self, name: &str, part: &(impl Module + ?Sized)) {
        let before = self.prefix.len();
        if before > 0 {
            self.prefix.push('.');
        }
        self.prefix.push_str(name);
        part.parts(self);
        self.prefix.truncate(before);
    }

    fn end(&mut self, part: Part<'_>) {
        (self.visit)(&self.prefix, part);
    }
}

fn walk(module: &(impl Module + ?Sized), visit: &mut dyn FnMut(&str, Part<'_>)) {
    module.parts(&mut Parts { prefix: String::new(), visit });
}

fn parameters_under_each_name(module: &(impl Module + ?Sized)) -> Vec<(String, Parameter)> {
    let mut found = Vec::new();
    walk(module, &mut |name, part| {
        if let Part::Parameter(parameter) = part {
            found.push((name.to_owned(), parameter.clone()));
        }
    });
    found
}

fn buffers_under_each_name(module: &(impl Module + ?Sized)) -> Vec<(String, Buffer)> {
    let mut found = Vec::new();
    walk(module, &mut |name, part| {
        if let Part::Buffer(buffer) = part {
            found.push((name.to_owned(), buffer.clone()));
        }
    });
    found
}

/// Whether each of the modules in it trains.
pub(crate) fn modes(module: &(impl Module + ?Sized)) -> Vec<Mode> {
    let mut found = Vec::new();
    walk(module, &mut |_, part| {
        if let Part::Mode(mode) = part {
            found.push(mode.clone());
        }
    });
    found
}

/// Parameters and then buffers under each of their names.
fn arrays_under_each_name(module: &(impl Module + ?Sized)) -> Vec<(String, crate::parameter::Cell)> {
    let parameters = parameters_under_each_name(module).into_iter().map(|(name, parameter)| (name, parameter.0));
    parameters.chain(buffers_under_each_name(module).into_iter().map(|(name, buffer)| (name, buffer.0))).collect()
}

impl Module for Parameter {
    fn parts(&self, parts: &mut Parts<'_>) {
        parts.end(Part::Parameter(self));
    }
}

impl Module for Buffer {
    fn parts(&self, parts: &mut Parts<'_>) {
        parts.end(Part::Buffer(self));
    }
}

impl Module for Mode {
    fn parts(&self, parts: &mut Parts<'_>) {
        parts.end(Part::Mode(self));
    }
}

impl<M: Module> Module for Option<M> {
    fn parts(&self, parts: &mut Parts<'_>) {
        if let Some(module) = self {
            module.parts(parts);
        }
    }
}

/// A list of modules: their names are their places.
impl<M: Module> Module for Vec<M> {
    fn parts(&self, parts: &mut Parts<'_>) {
        self.iter().enumerate().for_each(|(place, module)| parts.part(&place.to_string(), module));
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn parts(&self, parts: &mut Parts<'_>) {
        (**self).parts(parts);
    }
}

impl<M: Module + ?Sized> Module for Arc<M> {
    fn parts(&self, parts: &mut Parts<'_>) {
        (**self).parts(parts);
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn forward(&self, x: &Array) -> Result<Array> {
        (**self).forward(x)
    }
}

impl<L: Layer + ?Sized> Layer for Arc<L> {
    fn forward(&self, x: &Array) -> Result<Array> {
        (**self).forward(x)
    }
}

/// Makes a struct a [`Module`] of the fields that are named: each a parameter, a buffer, a mode, a module, or an `Option` or `Vec` of
/// these. Fields that are numbers are left out.
#[macro_export]
macro_rules! module {
    ($module:ident $(<$generic:ident: $bound:path>)? { $($field:ident),* $(,)? }) => {
        impl $(<$generic: $bound>)? $crate::Module for $module $(<$generic>)? {
            fn parts(&self, parts: &mut $crate::Parts<'_>) {
                let _ = &parts;
                $(parts.part(stringify!($field), &self.$field);)*
            }
        }
    };
}

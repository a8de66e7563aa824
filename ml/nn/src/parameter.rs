//! What a module holds beside other modules: arrays that are learned, arrays that are kept, and whether it trains.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gradframe_ml_array::{Array, ArrayType, Element};
use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

/// An array that a module learns. A clone is another handle of the same one: where two modules hold it, their weights are tied.
#[derive(Clone)]
pub struct Parameter(pub(crate) Cell);

/// An array that is kept with a module and not learned, such as a running mean. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Buffer(pub(crate) Cell);

/// Whether a module trains. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Mode(Arc<AtomicBool>);

/// An array that can be replaced by another one of its type.
#[derive(Clone)]
pub(crate) struct Cell(Arc<Mutex<Array>>);

impl Cell {
    fn new(array: Array) -> Self {
        Cell(Arc::new(Mutex::new(array)))
    }

    /// Tells cells apart.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    pub fn get(&self) -> Array {
        self.0.lock().clone()
    }

    /// Puts in an array as it is. Gives what was there.
    pub fn replace(&self, array: Array) -> Array {
        std::mem::replace(&mut *self.0.lock(), array)
    }

    /// Puts in values, watched if those before were. Errors: `Shape` for another shape; `DType` for another type.
    fn set(&self, name: &str, values: &Array) -> Result<()> {
        let before = self.get();
        check_type(name, before.ty(), values.ty())?;
        let values = if before.is_watched() { values.watched()? } else { values.detached()? };
        self.replace(values);
        Ok(())
    }

    /// The same values in another type of floats. Errors: those of computing them.
    pub fn cast(&self, element: Element) -> Result<()> {
        let before = self.get();
        if !before.element().is_float() || before.element() == element {
            return Ok(());
        }
        let values = before.detached()?.astype(element)?;
        self.replace(if before.is_watched() { values.watched()? } else { values.detached()? });
        Ok(())
    }
}

fn check_type(name: &str, own: &ArrayType, given: &ArrayType) -> Result<()> {
    if own.shape != given.shape {
        return Err(Error::shape(
            name,
            format!("expected values of shape {:?}, got {:?}", own.shape.as_slice(), given.shape.as_slice()),
        ));
    }
    if own.element != given.element {
        let what = format!("expected values of {}, got {}", own.element, given.element);
        return Err(Error::dtype(name, what).hint("cast them with astype"));
    }
    Ok(())
}

impl Parameter {
    /// One that begins with these values. Errors: `DType` if they are no floats; those of computing them.
    pub fn new(values: &Array) -> Result<Self> {
        Ok(Parameter(Cell::new(values.watched()?)))
    }

    /// Its values now: an array whose gradient [`Array::backward`] finds, unless it is frozen.
    pub fn array(&self) -> Array {
        self.0.get()
    }

    /// Replaces its values. Errors: `Shape` or `DType` for values of another type.
    pub fn set(&self, values: &Array) -> Result<()> {
        self.0.set("Parameter", values)
    }

    /// From now on no gradient is wanted in it, so that it stays as it is.
    pub fn freeze(&self) -> Result<()> {
        self.0.replace(self.array().detached()?);
        Ok(())
    }

    /// From now on it is learned again.
    pub fn unfreeze(&self) -> Result<()> {
        self.0.replace(self.array().watched()?);
        Ok(())
    }

    /// True if no gradient is wanted in it.
    pub fn is_frozen(&self) -> bool {
        !self.array().is_watched()
    }

    /// Whether both are handles of the same parameter.
    pub fn is_same(&self, other: &Parameter) -> bool {
        self.0.identity() == other.0.identity()
    }
}

impl Buffer {
    /// One that begins with these values. Errors: those of computing them.
    pub fn new(values: &Array) -> Result<Self> {
        Ok(Buffer(Cell::new(values.detached()?)))
    }

    /// Its values now.
    pub fn array(&self) -> Array {
        self.0.get()
    }

    /// Replaces its values. Errors: `Shape` or `DType` for values of another type.
    pub fn set(&self, values: &Array) -> Result<()> {
        self.0.set("Buffer", values)
    }

    /// Puts in values without history, which are computed unless a function is being traced: else each would keep the batch that it came
    /// from. Errors: as for [`Buffer::set`]; `Plan` for values of a function that is traced without this buffer; those of computing them.
    pub(crate) fn put(&self, values: &Array) -> Result<()> {
        let before = self.array();
        check_type("Buffer", before.ty(), values.ty())?;
        if !values.is_traced() {
            values.tensor()?;
        } else if !before.is_traced() {
            let what = "a function that is traced keeps statistics of a module that it is not given, which would hold no value after that";
            return Err(Error::plan("Buffer", what).hint("make it part of the model of the TrainStep, or call its eval()"));
        }
        self.0.replace(values.clone());
        Ok(())
    }
}

impl Mode {
    /// True while the module trains.
    pub fn is_training(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// From now on the module trains, or not.
    pub fn set(&self, training: bool) {
        self.0.store(training, Ordering::Relaxed);
    }
}

/// Modules train until they are told otherwise.
impl Default for Mode {
    fn default() -> Self {
        Mode(Arc::new(AtomicBool::new(true)))
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get().ty())
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.array().ty())
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.array().ty())
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_training() { "train" } else { "eval" })
    }
}

//! Strings as places in the list of those that a column has.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gradframe_ml_core::{DType, Result, Tensor};
use gradframe_plan::error::from_datafusion;

use super::encode::Encoded;

/// A column of more strings stays on the CPU.
const WORDS_MAX: usize = 1 << 16;

/// The strings of a column, in order.
pub(super) struct Words {
    /// Of the column's own type.
    pub strings: ArrayRef,
    places: HashMap<String, usize>,
}

impl Words {
    /// Those of a column of strings. None if its type has no room for all of them together, as a dictionary of 8 bits over batches
    /// with dictionaries of their own. More than [`WORDS_MAX`] are none at all: see [`Words::dtype`].
    pub fn of(data_type: &DataType, arrays: &[&ArrayRef]) -> Option<Self> {
        let mut words = BTreeSet::new();
        for array in arrays {
            for word in plain(array).ok()?.as_string::<i32>().iter().flatten() {
                if !words.contains(word) {
                    words.insert(word.to_owned());
                }
            }
            if words.len() > WORDS_MAX {
                break;
            }
        }
        let strings: ArrayRef = Arc::new(StringArray::from_iter_values(&words));
        let strings = cast(&strings, data_type).ok()?;
        Some(Words { strings, places: words.into_iter().zip(0..).collect() })
    }

    /// The type of places; None if there are too many.
    pub fn dtype(&self) -> Option<DType> {
        match self.places.len() {
            0..=256 => Some(DType::U8),
            257..=WORDS_MAX => Some(DType::I32),
            _ => None,
        }
    }

    /// An array's strings as places; 0 under a null.
    pub fn places(&self, array: &ArrayRef) -> Result<Option<Encoded>> {
        let strings = plain(array)?;
        let strings = strings.as_string::<i32>();
        let place = |word: Option<&str>| word.and_then(|word| self.places.get(word)).copied().unwrap_or(0);
        let places = strings.iter().map(place);
        let values = match self.dtype() {
            Some(DType::U8) => Tensor::from_vec(&[strings.len()], places.map(|place| place as u8).collect())?,
            _ => Tensor::from_vec(&[strings.len()], places.map(|place| place as i32).collect())?,
        };
        let nulls = strings.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Some(Encoded { values, nulls, range: None }))
    }
}

/// Whether its values are texts.
pub fn is_string(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_string(values),
        _ => false,
    }
}

fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    cast(array, &DataType::Utf8).map_err(|error| from_datafusion(error.into()))
}

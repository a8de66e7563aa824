//! Random numbers of layers: pure functions of a key, or of a global stream that [`seed`] begins anew. The same seed gives the same
//! numbers as `gf.random` in Python.

use std::cell::RefCell;

use gradframe_ml_array::{Arg, Array, Element, Index};
use gradframe_ml_core::{DType, Error, Result};
use parking_lot::Mutex;

use crate::functional::{call, one};

/// A key, and how many have been taken from it.
struct Stream {
    key: u64,
    taken: u64,
}

static GLOBAL: Mutex<Stream> = Mutex::new(Stream { key: 0, taken: 0 });

thread_local! {
    /// What this thread draws from in the place of the global stream.
    static OWN: RefCell<Option<(Array, u64)>> = const { RefCell::new(None) };
}

/// The key of a seed: uint64 [].
pub fn key(seed: u64) -> Result<Array> {
    Array::from_vec(&[], vec![seed])
}

/// New keys, independent of each other and of the numbers of this one. Errors: `DType` if it is no key.
pub fn split(key: &Array, count: usize) -> Result<Vec<Array>> {
    let keys = one("random_split", &[key], [Arg::Int(count as i64)])?;
    (0..count as i64).map(|place| keys.index(&[Index::At(place)])).collect()
}

/// A new key from a key and a number: the step of a loop, the index of a layer. Errors: `DType` if it is no key.
pub fn fold_in(key: &Array, number: u64) -> Result<Array> {
    one("random_fold_in", &[key, &Array::from_vec(&[], vec![number])?], [])
}

/// Begins the global stream anew: what is drawn without a key is the same from here on.
pub fn seed(number: u64) {
    *GLOBAL.lock() = Stream { key: number, taken: 0 };
}

/// The next key of the global stream.
pub fn next_key() -> Result<Array> {
    let own = OWN.with_borrow_mut(|own| {
        own.as_mut().map(|(key, taken)| {
            *taken += 1;
            (key.clone(), *taken)
        })
    });
    if let Some((own, taken)) = own {
        return fold_in(&own, taken);
    }
    let (seed, taken) = {
        let mut stream = GLOBAL.lock();
        stream.taken += 1;
        (stream.key, stream.taken)
    };
    fold_in(&key(seed)?, taken)
}

/// What a function gives that draws from this key in the place of the global stream: the next keys are made of it.
pub fn with_key<R>(key: &Array, function: impl FnOnce() -> R) -> R {
    let before = Before(OWN.replace(Some((key.clone(), 0))));
    let result = function();
    drop(before);
    result
}

/// Puts back what was before, also when something panics.
struct Before(Option<(Array, u64)>);

impl Drop for Before {
    fn drop(&mut self) {
        OWN.replace(self.0.take());
    }
}

/// Keys of a layer's own: from one, or from the global stream.
pub(crate) fn keys(key: Option<&Array>, count: usize) -> Result<Vec<Array>> {
    let given = key.cloned().map_or_else(next_key, Ok)?;
    split(&given, count)
}

/// float32 numbers spread evenly from `low` to below `high`. Errors: `Plan` unless `low` is at most `high`; `DType` if it is no key.
pub fn uniform(key: &Array, shape: &[usize], low: f64, high: f64) -> Result<Array> {
    if low > high {
        return Err(Error::plan("uniform", format!("`low` is {low}, expected at most `high`, which is {high}")));
    }
    let (low, high) = (low as f32, high as f32);
    let drawn = drawn("random_uniform", key, shape, low, high)?;
    if (low, high) == (0.0, 1.0) {
        return Ok(drawn);
    }
    // Rounding may have made `high` of a number below it: 0.6 of `EPSILON` is between half and one and a half steps of the type.
    let sign = if low < high { -1.0 } else { 0.0 };
    let last = high + sign * (high.abs().max(f32::MIN_POSITIVE) * (0.6 * f32::EPSILON));
    drawn.maximum(f64::from(low.min(last)))?.minimum(f64::from(low.max(last)))
}

/// float32 numbers distributed normally. Errors: `Plan` for a deviation below 0; `DType` if it is no key.
pub fn normal(key: &Array, shape: &[usize], mean: f64, deviation: f64) -> Result<Array> {
    if deviation < 0.0 || deviation.is_nan() {
        return Err(Error::plan("normal", format!("the deviation is {deviation}, expected a number from 0")));
    }
    drawn("random_normal", key, shape, mean as f32, deviation as f32)
}

fn drawn(name: &str, key: &Array, shape: &[usize], a: f32, b: f32) -> Result<Array> {
    let sizes = Arg::Ints(shape.iter().map(|&size| size as i64).collect());
    let [a, b] = [a, b].map(|number| Array::from_vec(&[], vec![number]));
    call(name, &[key, &a?, &b?], [sizes, Arg::Element(Element::Real(DType::F32))])
        .and_then(|results| results.into_iter().next().ok_or_else(|| Error::internal(name, "it has no result")))
}

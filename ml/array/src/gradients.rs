//! What backward mode finds: gradients, by the arrays that they are in.

use gradframe_ml_core::{Error, Result};
use rustc_hash::FxHashMap;

use crate::array::Array;
use crate::backward::backward;

/// The gradient of one result in each watched array that it is computed from.
///
/// They belong to the arrays, not to their values: of another array with equal values there is none.
#[derive(Debug, Clone, Default)]
pub struct Gradients {
    /// Arrays and the gradients in them, in the order in which they were found.
    found: Vec<(Array, Array)>,
    places: FxHashMap<usize, usize>,
}

impl Array {
    /// The gradients of this array, a single float, in all watched arrays that it is computed from.
    ///
    /// ```
    /// use gradframe_ml_array::Array;
    ///
    /// let x = Array::from_vec(&[2], vec![3.0f32, 4.0])?.watched()?;
    /// let gradients = x.square()?.sum(None, false)?.backward()?;
    /// assert_eq!(gradients.of(&x).unwrap().to_vec::<f32>()?, [6.0, 8.0]);
    /// # Ok::<(), gradframe_ml_core::Error>(())
    /// ```
    ///
    /// Errors: `Plan` if nothing that it is computed from is watched; `Shape` if it is no single number.
    pub fn backward(&self) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        backward(self, None)?.into_iter().for_each(|(array, gradient)| gradients.put(array, gradient));
        Ok(gradients)
    }
}

impl Gradients {
    /// The gradient in an array, if there is one.
    pub fn of(&self, array: &Array) -> Option<&Array> {
        self.places.get(&array.identity()).map(|&place| &self.found[place].1)
    }

    /// How many arrays have a gradient here.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// True if no array has.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Arrays and the gradients in them.
    pub fn iter(&self) -> impl Iterator<Item = (&Array, &Array)> {
        self.found.iter().map(|(array, gradient)| (array, gradient))
    }

    /// Adds those of another result, a further part of a batch, say. Errors: `Shape` or `DType` if two gradients in one array do not fit.
    pub fn accumulate(&mut self, other: &Gradients) -> Result<()> {
        for (array, gradient) in other.iter() {
            let sum = match self.of(array) {
                Some(own) => own.add(gradient)?,
                None => gradient.clone(),
            };
            self.put(array.clone(), sum);
        }
        Ok(())
    }

    /// Replaces each gradient by what a function makes of it. Errors: those of the function, after which all are as they were; `Shape` if
    /// it gives an array of another type.
    pub fn map(&mut self, mut function: impl FnMut(&Array) -> Result<Array>) -> Result<()> {
        let next = self.found.iter().map(|(_, gradient)| function(gradient)).collect::<Result<Vec<_>>>()?;
        if let Some((new, (_, old))) = next.iter().zip(&self.found).find(|(new, (_, old))| new.ty() != old.ty()) {
            return Err(Error::shape("map", format!("expected a gradient {}, got {}", old.ty(), new.ty())));
        }
        self.found.iter_mut().zip(next).for_each(|((_, gradient), new)| *gradient = new);
        Ok(())
    }

    fn put(&mut self, array: Array, gradient: Array) {
        let next = self.found.len();
        let place = *self.places.entry(array.identity()).or_insert(next);
        if place == next {
            self.found.push((array, gradient));
        } else {
            self.found[place].1 = gradient;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(values: Vec<f32>) -> Array {
        Array::from_vec(&[values.len()], values).unwrap().watched().unwrap()
    }

    #[test]
    fn gradients_of_parts_add_up_to_that_of_the_whole() {
        let (x, y) = (watched(vec![1.0, 2.0]), watched(vec![3.0, 4.0]));
        let loss = |a: &Array, b: &Array| a.multiply(b).unwrap().sum(None, false).unwrap().backward().unwrap();
        let mut gradients = loss(&x, &x);
        gradients.accumulate(&loss(&x, &y)).unwrap();
        assert_eq!(gradients.of(&x).unwrap().to_vec::<f32>().unwrap(), [5.0, 8.0]);
        assert_eq!(gradients.of(&y).unwrap().to_vec::<f32>().unwrap(), [1.0, 2.0]);
        assert!(gradients.of(&watched(vec![1.0, 2.0])).is_none() && gradients.len() == 2);
    }

    #[test]
    fn a_function_of_gradients_gives_gradients_of_the_same_types() {
        let x = watched(vec![1.0, 2.0]);
        let mut gradients = x.square().unwrap().sum(None, false).unwrap().backward().unwrap();
        assert_eq!(gradients.map(|gradient| gradient.sum(None, false)).unwrap_err().kind(), "Shape");
        gradients.map(|gradient| gradient.multiply(0.5)).unwrap();
        assert_eq!(gradients.of(&x).unwrap().to_vec::<f32>().unwrap(), [1.0, 2.0]);
    }
}

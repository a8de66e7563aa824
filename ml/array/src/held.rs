//! The values of arrays, whose memory goes to later ones.

use std::ops::Deref;

use gradframe_ml_core::Tensor;

use crate::realise;

/// A value, if there is one. When the array goes and nobody else holds the memory, the next result of as many bytes on this thread
/// gets it: new memory would have to be cleared first, in a loop that trains a quarter of its time.
#[derive(Default)]
pub(crate) struct Held(Option<Tensor>);

impl Held {
    /// Nothing before, this value from now on.
    pub fn of(value: Tensor) -> Self {
        Held(Some(value))
    }

    /// The value, taken out.
    pub fn take(&mut self) -> Option<Tensor> {
        self.0.take()
    }
}

impl Deref for Held {
    type Target = Option<Tensor>;

    fn deref(&self) -> &Option<Tensor> {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            realise::recycle(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Array;

    /// Large enough to be kept.
    const COUNT: usize = 10_000;

    fn computed(number: f32) -> Array {
        let array = Array::from_vec(&[COUNT], vec![number; COUNT]).unwrap().add(1.0).unwrap();
        array.tensor().unwrap();
        array
    }

    #[test]
    fn memory_goes_to_the_next_result_and_never_from_under_somebody() {
        let first = computed(1.0);
        let (place, held) = (first.tensor().unwrap().buffer().as_ptr(), computed(2.0).tensor().unwrap());
        drop(first);
        let next = computed(3.0);
        assert_eq!(next.tensor().unwrap().buffer().as_ptr(), place);
        let others: Vec<Array> = (0..5).map(|i| computed(i as f32)).collect();
        assert_eq!(held.values::<f32>().unwrap(), vec![3.0; COUNT]);
        assert_eq!(next.to_vec::<f32>().unwrap(), vec![4.0; COUNT]);
        assert_eq!(others[4].to_vec::<f32>().unwrap(), vec![5.0; COUNT]);
    }
}

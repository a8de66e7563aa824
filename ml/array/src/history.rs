//! Whether operations keep their history: in a part of a program that takes no gradients they need none.

use std::cell::Cell;

thread_local! {
    static IS_KEPT: Cell<bool> = const { Cell::new(true) };
}

/// Whether what this thread computes from arrays whose gradient is wanted keeps its history.
pub fn keeps_history() -> bool {
    IS_KEPT.get()
}

/// From now on what this thread computes keeps its history, or not. Gives what was before.
pub fn keep_history(kept: bool) -> bool {
    IS_KEPT.replace(kept)
}

/// What a function gives that computes without history: through its results no gradient flows.
pub fn no_grad<R>(function: impl FnOnce() -> R) -> R {
    let before = Before(keep_history(false));
    let result = function();
    drop(before);
    result
}

/// Puts back what was before, also when something panics.
struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        keep_history(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, grad};

    fn point() -> Array {
        Array::from_vec(&[2], vec![3.0f32, 4.0]).unwrap()
    }

    #[test]
    fn what_is_computed_without_history_has_none() {
        let x = point().watched().unwrap();
        let y = no_grad(|| x.multiply(&x).unwrap());
        assert!(!y.is_tracked() && keeps_history());
        assert!(no_grad(|| crate::backward(&x.sum(None, false).unwrap(), None)).is_err());
        assert!(x.multiply(&y).unwrap().is_tracked());
    }

    #[test]
    fn a_function_that_is_traced_has_constants_there() {
        // Of x times what is x and no function of it the derivative is x, not 2 x.
        let found = grad(|x| x[0].multiply(&no_grad(|| x[0].multiply(1.0))?)?.sum(None, false), &[point()]).unwrap();
        assert_eq!(found[0].to_vec::<f32>().unwrap(), [3.0, 4.0]);
    }
}

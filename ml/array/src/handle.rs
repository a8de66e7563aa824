//! Who holds an array: handles that keep nothing, and a value that changes where nobody sees it.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::array::{Array, Cell, Role, State};

/// A handle that keeps nothing: there may be no array any more.
#[derive(Clone)]
pub struct WeakArray(Weak<Cell>);

impl WeakArray {
    /// The array, if somebody still holds it.
    pub fn upgrade(&self) -> Option<Array> {
        self.0.upgrade().map(Array)
    }
}

impl fmt::Debug for WeakArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<weak {:?}>", self.upgrade())
    }
}

impl Array {
    /// A handle that does not keep the array.
    pub fn downgrade(&self) -> WeakArray {
        WeakArray(Arc::downgrade(&self.0))
    }

    /// Takes over the value of another array of its type, if nobody but who asks has a handle: then nobody sees that it changes. False, and
    /// as it was, if somebody does, or for another type, for one of them that is not computed, or for a number.
    pub fn succeeded_by(&self, other: &Array) -> bool {
        let alone = Arc::strong_count(&self.0) == 1 && Arc::weak_count(&self.0) == 0;
        let Role { number, watched, tracked, trace } = self.0.role;
        if !alone || number || tracked != watched || trace != 0 || self.ty() != other.ty() || !self.is_realised() {
            return false;
        }
        let Some(value) = other.0.state.lock().value.as_ref().cloned() else { return false };
        let before = std::mem::replace(&mut *self.0.state.lock(), State::of(value));
        drop(before); // may free a long chain: not under the lock
        true
    }
}

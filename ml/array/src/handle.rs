//! Who holds an array: handles that keep nothing, and a value that changes where nobody sees it.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::MutexGuard;

use crate::array::{Array, Cell, Role, State};
use crate::element::ArrayType;

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

    /// The place of its value, for who gives it the next one, of this type: if one other has a handle, beside who asks, and nothing is
    /// recorded of it. Who looks at it meanwhile waits.
    pub(crate) fn place_of_next(&self, next: &ArrayType) -> Option<MutexGuard<'_, State>> {
        let by_two = Arc::strong_count(&self.0) == 2 && Arc::weak_count(&self.0) == 0;
        let Role { number, weak, watched, tracked, trace } = self.0.role;
        if !by_two || number || weak || tracked != watched || trace != 0 || self.ty() != next {
            return None;
        }
        self.0.state.try_lock().filter(|state| state.value.is_some() && state.way().is_none())
    }
}

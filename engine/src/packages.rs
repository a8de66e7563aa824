//! What a program runs on beside its machine: the packages of an interpreter, which it alone can list.

use std::sync::OnceLock;

use gradframe_connectors::surroundings;
use gradframe_plan::services::Environment;

type Lister = fn() -> Vec<(String, String, String)>;

static LISTER: OnceLock<Lister> = OnceLock::new();

/// Asks this function, once and at the first training, for what trainings of this process run on: kinds, names and values, such as
/// `("package", "numpy", "2.1.0")`. The first function that a process names counts.
pub fn list(lister: Lister) {
    // A second one would be of the same interpreter.
    let _ = LISTER.set(lister);
}

/// The machine, and what the process has been told of.
pub(crate) fn environment() -> &'static Environment {
    static KNOWN: OnceLock<Environment> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let listed = LISTER.get().map(|list| list()).unwrap_or_default();
        let mut environment = surroundings::environment().clone();
        environment.extend(listed.into_iter().map(|(kind, name, value)| ((kind, name), value)));
        environment
    })
}

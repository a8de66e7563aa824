//! What a user is to know though nothing has failed. A program shows it where its users look; where none does, it goes to standard error:
//! that a run is not where it is looked for must not be missed.

use std::sync::OnceLock;

type Listener = Box<dyn Fn(&str) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Shows notices from now on: by the first listener that a process names, on the thread on which something is said.
pub fn listen(show: impl Fn(&str) + Send + Sync + 'static) {
    // A second one would show them twice.
    let _ = LISTENER.set(Box::new(show));
}

/// Says something to the user: one sentence or two, in lower case, naming the thing.
pub fn tell(what: &str) {
    match LISTENER.get() {
        Some(show) => show(what),
        None => eprintln!("gradframe: {what}"),
    }
}

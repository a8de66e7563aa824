//! The prompt on a terminal of its own.

use std::path::Path;
use std::process::Command;

use crate::support::{Place, read};

/// Python's standard library has terminals; where there is no Python, this is not tested.
#[cfg(unix)]
#[test]
fn the_prompt_is_used_as_a_person_would() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|python| python.status.success()) {
        eprintln!("skipped: there is no python3");
        return;
    }
    let place = Place::new();
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let script = Path::new(&package).join("tests/terminal.py");
    let history = place.path("history");
    let driven = Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_gradframe"))
        .current_dir(place.path(""))
        .env("GRADFRAME_HOME", place.path("home"))
        .env("GRADFRAME_HISTORY", &history)
        .env("TERM", "xterm")
        .output()
        .unwrap();
    assert!(driven.status.success(), "{}{}", String::from_utf8_lossy(&driven.stdout), String::from_utf8_lossy(&driven.stderr));
    assert!(read(&history).contains("SELECT nothing;"), "{}", read(&history));
}

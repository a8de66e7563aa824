//! What SQL becomes: statements, plans, and errors with their place.
#![allow(clippy::unwrap_used, reason = "clippy lets tests unwrap, but not the helpers that they share")]

mod parse;
mod plan;
mod services;

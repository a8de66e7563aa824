//! The store and the file sources, from outside.

#![allow(clippy::unwrap_used, reason = "clippy lets tests unwrap, but not the helpers that they share")]

mod files;
mod postgres;
mod store;
mod support;
mod tensorboard;

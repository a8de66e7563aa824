//! Arrays as their users see them.

#![allow(clippy::unwrap_used)] // a failure stops the test, in helpers as in test functions

mod operations;
mod places;
mod recording;
mod sizes;
mod transforms;

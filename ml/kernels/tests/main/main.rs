//! Compiled programs against the reference evaluator.

#![allow(clippy::unwrap_used)] // a test's helpers stop it like the test itself

mod accuracy;
mod across;
mod attention;
mod check;
mod compile_work;
mod control;
mod convolutions;
mod functions;
mod given;
mod halves;
mod in_place;
mod kinds;
mod library;
mod long;
mod opinfo;
mod packs;
mod panels;
mod places;
mod random_graphs;
mod randoms;
mod reshaped;
mod scheduling;
mod training;
mod vectors;

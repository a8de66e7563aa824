//! Tests of pretrained models: against what transformers computes, on real checkpoints, and on files that lie.

#![allow(clippy::unwrap_used)] // a test that fails says where

mod files;
mod fixture;
mod hostile;
mod minilm;
mod networks;
mod stories;
mod tokenizers;

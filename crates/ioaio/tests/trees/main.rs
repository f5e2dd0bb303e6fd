//! Composites over trees.

#[path = "../common/mod.rs"]
mod common;

mod attack;
mod remove;
mod scan;
mod walk;

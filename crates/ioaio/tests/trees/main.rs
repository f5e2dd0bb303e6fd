//! Composites over trees.

#[path = "../common/mod.rs"]
mod common;

mod attack;
mod du;
mod remove;
mod scan;
mod walk;

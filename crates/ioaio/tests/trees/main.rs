//! Composites over trees.

#[path = "../common/mod.rs"]
mod common;

mod attack;
mod changing;
mod du;
mod mounts;
mod remove;
mod scan;
mod walk;

//! The engine: order, limits, threads, cancelling, groups, and the poll fd.

#[path = "../common/mod.rs"]
mod common;

mod callback;
mod cancel;
mod count;
mod end;
mod fork;
mod group;
mod limit;
mod order;
mod pollfd;
mod storm;
mod threads;
mod turn;

common::refused::tests!();

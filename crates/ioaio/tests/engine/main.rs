//! The engine: order, limits, threads, cancelling, groups, and the poll fd.

#[path = "../common/mod.rs"]
mod common;

mod batch;
mod callback;
mod cancel;
mod count;
mod driver;
mod end;
mod filter;
mod fork;
mod group;
mod limit;
mod order;
mod pollfd;
mod refuse;
mod room;
mod sleep;
mod stop;
mod storm;
mod stress;
mod threads;
mod turn;

common::refused::tests!();

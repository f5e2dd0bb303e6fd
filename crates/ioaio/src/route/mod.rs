//! The ways to execute a request: [`ring`] and [`pool`]; inline is the op's own method.
pub mod chain;
mod opcodes;
pub(crate) mod pool;
pub(crate) mod ring;
pub(crate) mod tables;

//! The ways to execute a request: [`ring`] and [`pool`]; inline is the op's own method.
pub mod chain;
pub(crate) mod fixed;
mod opcodes;
pub(crate) mod pool;
pub(crate) mod ring;
pub mod sqe;

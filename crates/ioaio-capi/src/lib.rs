//! The C library; its manual is `include/ioaio.h`, which is made from the tables here.
//!
//! # Safety contract
//! Every exported function relies on what the header asks of its caller: handles are live, pointers
//! are valid for what they are passed for, buffers and descriptors stay until the request's callback
//! has returned. A panic cannot cross into C: it ends the process at the `extern "C"` boundary, and so does what a
//! function of the caller's throws.

#[macro_use]
mod args;
mod engine_api;
mod group;
pub mod header;
mod memory;
mod ops;
mod options;
mod progress;
mod refused;
mod request;
mod result;
mod walk;

pub use args::{ioaio_args, ioaio_execute};
pub use engine_api::*;
pub use group::*;
pub use ops::*;
pub use progress::*;
pub use request::*;
pub use result::*;
pub use walk::*;

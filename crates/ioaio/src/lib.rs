//! Asynchronous file I/O under any event loop.
//!
//! Every file-system call is a request. It takes the first route that fits: *inline*, where the
//! kernel has the answer and nothing can wait; the *ring* (io_uring); or a *pool* of threads. It
//! completes by callback, by future or by blocking wait:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let aio = ioaio::Aio::new()?;
//! aio.stat("/etc/passwd").then(|st| println!("{} bytes", st.unwrap().len())); // run by poll
//! let st = aio.stat("/etc/passwd").wait()?;                                   // blocking
//! # let future = async {
//! let st = aio.stat("/etc/passwd").await?;                                    // any executor
//! # std::io::Result::Ok(st) };
//! aio.flush()
//! # }
//! ```
//!
//! - [`Aio`] is the engine: its poll fd ([`AsFd`](std::os::fd::AsFd)) goes into any event loop,
//!   and [`Aio::poll`] runs callbacks, nowhere else.
//! - [`Request`] sets priority and group, and how the request completes.
//! - A request owns its buffer, path and file until the kernel has done with them; dropping a
//!   future or the engine changes who hears of the result, never that.
//!
//! # Event loops
//! `crates/ioaio/examples/` has the poll fd in `poll(2)`, mio, polling, smol, tokio and calloop,
//! `examples/glib/` in glib's main loop. An edge-triggered loop polls until nothing is found.
//!
//! # Features
//! None is on by default.
//! - `tokio`: `ioaio::tokio::drive` polls the engine from tokio's reactor instead of a thread;
//!   `FileStream` gets tokio's `AsyncRead`, `AsyncWrite` and `AsyncSeek`.
//! - `async-io`: `ioaio::async_io::drive` does so from async-io's reactor, which smol uses.
//! - `futures-io`: `FileStream` gets the `AsyncRead`, `AsyncWrite` and `AsyncSeek` of futures and smol.
//! - `bytes`: `Bytes` can be written, `BytesMut` written and read into.

#[cfg(not(target_os = "linux"))]
compile_error!("ioaio is for Linux");

mod aio;
#[cfg(feature = "async-io")]
pub mod async_io;
mod bell;
mod block_on;
mod buf;
mod composite;
mod config;
#[cfg(any(feature = "tokio", feature = "async-io"))]
mod drive;
mod engine;
mod error;
mod eventfd;
mod faults;
mod file;
mod fsclass;
mod group;
mod mapping;
#[cfg(all(test, loom))]
mod model;
mod op;
mod ops;
mod path;
mod queue;
mod raw;
mod registry;
mod request;
mod route;
#[cfg(any(feature = "tokio", feature = "futures-io"))]
mod stream;
mod submit;
mod sync;
mod sys;
mod task;
mod timer;
#[cfg(feature = "tokio")]
pub mod tokio;
mod turn;

pub(crate) use aio::WeakAio;
pub use aio::{Aio, Backend, Stats};
pub use buf::{AlignedBuf, IoBuf, IoBufMut, RegisteredBuf, Slice};
pub use composite::*;
pub use config::Builder;
pub use error::Error;
pub use faults::Faults;
pub use file::{Dir, File};
pub use group::{Group, GroupFuture};
pub use mapping::{Mapped, Mapping};
pub use op::Op;
pub use ops::*;
pub use path::At;
pub use raw::{Fcntl, Ioctl, RawArg};
pub use registry::{OpInfo, ops, ops_table};
pub use rustix::fs::{
    Access, Advice, FallocateFlags, OFlags, RenameFlags, ResolveFlags, StatVfsMountFlags, StatxAttributes,
    StatxFlags, XattrFlags,
};
pub use rustix::io::ReadWriteFlags;
pub use rustix::mm::{MlockAllFlags, MsyncFlags};
pub use rustix::pipe::{PipeFlags, SpliceFlags};
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub use stream::FileStream;
pub use submit::{Handle, PathOp, Pending, Request, TwoPathOp};
pub use task::{Composite, Task};

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

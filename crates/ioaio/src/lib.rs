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

mod api;
mod composite;
mod engine;
mod fcntl_ioctl;
mod ops;
mod registry;
mod request;
mod route;
mod sys;
mod values;

pub(crate) use api::aio::WeakAio;
pub use api::aio::{Aio, Backend, Stats};
pub use api::builder::Builder;
#[cfg(feature = "async-io")]
pub use api::drive::async_io;
#[cfg(feature = "tokio")]
pub use api::drive::tokio;
pub use api::future::Pending;
pub use api::group::{Group, GroupFuture};
pub use api::request::{Handle, PathOp, Request, TwoPathOp};
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub use api::stream::FileStream;
pub use composite::base::task::{Composite, Task};
pub use composite::*;
pub use fcntl_ioctl::{Fcntl, Ioctl, RawArg};
pub use ops::*;
pub use registry::{OpInfo, ops, ops_table};
pub use request::op::Op;
pub use rustix::fs::{
    Access, Advice, FallocateFlags, OFlags, RenameFlags, ResolveFlags, StatVfsMountFlags, StatxAttributes,
    StatxFlags, XattrFlags,
};
pub use rustix::io::ReadWriteFlags;
pub use rustix::mm::{MlockAllFlags, MsyncFlags};
pub use rustix::pipe::{PipeFlags, SpliceFlags};
pub use values::buf::{AlignedBuf, IoBuf, IoBufMut, RegisteredBuf, Slice};
pub use values::dir::Dir;
pub use values::error::Error;
pub use values::faults::Faults;
pub use values::file::File;
pub use values::mapping::{Mapped, Mapping};
pub use values::metadata::Metadata;
pub use values::path::At;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

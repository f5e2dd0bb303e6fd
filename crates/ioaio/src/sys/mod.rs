//! System calls that rustix does not have in the shape needed; a file for each subject.

pub(crate) mod close;
pub(crate) mod eventfd;
pub(crate) mod fallback;
pub(crate) mod fiemap;
pub(crate) mod fork;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod mountinfo;
pub(crate) mod mounts;
pub(crate) mod park;
pub(crate) mod paths;
pub(crate) mod read;
pub(crate) mod rusage;
pub(crate) mod statx;
pub(crate) mod sync;
pub(crate) mod sync_range;
#[cfg(not(loom))]
pub(crate) mod thread;
pub(crate) mod vectored;
pub(crate) mod xattr;

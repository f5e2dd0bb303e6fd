//! Requests that are made of several system calls or of other requests. No unsafe code.
#![forbid(unsafe_code)]

pub(crate) mod base;
mod copy;
mod copy_tree;
mod du;
mod load;
mod move_to;
mod pathsync;
mod remove_tree;
mod save;
mod walk;

pub use base::not_kept::NotKept;
pub use base::progress::Progress;
pub use copy::Copy;
pub use copy_tree::{Copied, CopyTree};
pub use du::{DiskUsage, Du};
pub use load::Load;
pub use move_to::Move;
pub use pathsync::PathSync;
pub use remove_tree::RemoveTree;
pub use save::Save;
pub use walk::{Walk, WalkEntry, WalkIter, WalkStream};

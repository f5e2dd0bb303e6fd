//! Requests that are made of several system calls or of other requests. No unsafe code.
#![forbid(unsafe_code)]

mod attributes;
mod calls;
mod contents;
mod copy;
mod copy_tree;
mod dir;
mod discard;
mod du;
mod flight;
mod load;
mod moving;
mod name;
mod pathsync;
mod progress;
mod remove_tree;
mod save;
mod scan;
mod special;
mod temp;
mod walk;

pub use copy::Copy;
pub use copy_tree::{Copied, CopyTree};
pub use du::{DiskUsage, Du};
pub use load::Load;
pub use moving::Move;
pub use pathsync::PathSync;
pub use progress::Progress;
pub use remove_tree::RemoveTree;
pub use save::Save;
pub use scan::{Scan, Scanned};
pub use walk::{Walk, WalkEntry, WalkIter, WalkStream};

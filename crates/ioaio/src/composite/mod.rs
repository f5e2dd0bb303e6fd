//! Requests that are made of several system calls or of other requests. No unsafe code.
#![forbid(unsafe_code)]

mod attributes;
mod calls;
mod load;
mod name;
mod pathsync;
mod save;
mod temp;

pub use load::Load;
pub use pathsync::PathSync;
pub use save::Save;

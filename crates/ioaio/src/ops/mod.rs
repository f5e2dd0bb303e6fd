//! The operations, a file for each family, a block for each operation. No unsafe code.
#![forbid(unsafe_code)]

mod dir;
mod link;
mod nop;
mod open;
mod rw;
mod stat;
mod sync;

pub use dir::{Entries, Entry, FileType, ReadDir};
pub use link::Unlink;
pub use nop::{Busy, Nop};
pub use open::{Close, Open};
pub use rw::{Read, Readahead, Write};
pub use stat::{Metadata, Stat};
pub use sync::Fsync;

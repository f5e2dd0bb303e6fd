//! The operations, a file for each family, a block for each operation. No unsafe code.
#![forbid(unsafe_code)]

mod dir;
mod link;
mod mkdir;
mod mknod;
mod nop;
mod open;
mod owner;
mod permission;
mod pipe;
mod realpath;
mod rename;
mod rw;
mod seek;
mod space;
mod stat;
mod statvfs;
mod statx;
mod sync;
mod time;
mod transfer;
mod truncate;
mod xattr;

pub use dir::{Entries, Entry, FileType, ReadDir};
pub use link::{Link, LinkFile, Readlink, Symlink, Unlink};
pub use mkdir::{Mkdir, MkdirAll, Rmdir};
pub use mknod::Mknod;
pub use nop::{Busy, Nop};
pub use open::{Close, Open, OpenDir};
pub use owner::Chown;
pub use permission::{AccessOf, Chmod};
pub use pipe::Pipe;
pub use realpath::Realpath;
pub use rename::Rename;
pub use rw::{Read, Readahead, Write};
pub use seek::Seek;
pub use space::{Allocate, Fadvise};
pub use stat::{Metadata, Stat};
pub use statvfs::{Statvfs, StatvfsInfo};
pub use statx::{Statx, StatxInfo, StatxSync};
pub use sync::{Fsync, Sync, SyncFileRange};
pub use time::{SetTime, Utimens};
pub use transfer::{CopyRange, Sendfile, Splice, Tee};
pub use truncate::Truncate;
pub use xattr::{Getxattr, Listxattr, Removexattr, Setxattr};

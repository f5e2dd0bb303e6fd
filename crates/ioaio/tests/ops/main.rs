//! Every operation on every route; a file for each family, as in `src/ops`.

#[path = "../common/mod.rs"]
mod common;

mod allocate;
mod call;
mod chained;
mod fcntl_ioctl;
mod link;
mod lock;
mod memory;
mod mkdir;
mod mknod;
mod nop;
mod open;
mod owner;
mod permission;
mod read_dir;
mod read_write;
mod realpath;
mod rename;
mod seek;
mod stat;
mod statvfs;
mod statx;
mod sync;
mod temporary;
mod time;
mod transfer;
mod truncate;
mod vectored;
mod xattr;

mod differential;
mod direct;
mod filters;
mod mounts;
mod opcodes;
mod pipe;
mod privilege;
mod registered;
mod relative;
mod resolve;
mod twins;

common::refused::tests!();

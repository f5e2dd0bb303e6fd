//! Every request: a line of the table is a typed function, a number for `ioaio_submit`, and a
//! declaration in the header.

use std::ffi::{c_char, c_int, c_uint, c_void};

use engine::OFlags;
use libc::{off_t, size_t};

use crate::args::{Engine, ioaio_args};
use crate::engine_api::ioaio;
use crate::group::ioaio_group;
use crate::memory::fail;
use crate::request::{Reply, ioaio_cb, ioaio_req, start};

/// A line of the table, for the header.
pub(crate) struct Line {
    pub(crate) code: c_int,
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
    pub(crate) doc: &'static str,
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])* $code:literal $name:ident($($field:ident),*)
        |$aio:ident, $args:ident| $make:expr;)*) => {
        pub(crate) const TABLE: &[Line] = &[$(Line {
            code: $code,
            name: stringify!($name),
            fields: &[$(stringify!($field)),*],
            doc: concat!($($doc, "\n"),*),
        }),*];

        /// Submits the request that `args` describes; the handle, or null with errno.
        ///
        /// # Safety
        /// See the header.
        unsafe fn submit(aio: Engine<'_>, args: &ioaio_args, reply: Reply) -> *const ioaio_req {
            match args.op {
                $($code => {
                    let ($aio, $args) = (aio, args);
                    // SAFETY: the caller's promise.
                    unsafe { start($make, reply) }
                })*
                _ => {
                    fail(libc::EINVAL);
                    std::ptr::null()
                }
            }
        }

        $($(#[doc = $doc])*
        ///
        /// # Safety
        /// The engine and the group are live, and pointers are valid as the header says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            aio: *const ioaio,
            $($field: field_type!($field),)*
            priority: c_int,
            group: *const ioaio_group,
            callback: ioaio_cb,
            data: *mut c_void,
        ) -> *const ioaio_req {
            let args = ioaio_args { op: $code, $($field,)* ..ioaio_args::NONE };
            // SAFETY: the caller's promise.
            unsafe { submit(&(*aio).0, &args, Reply { priority, group, callback, data }) }
        })*
    };
}

/// Any request, by `args->op`: for languages that bind C at run time.
///
/// # Safety
/// The engine and the group are live, and pointers are valid as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_submit(
    aio: *const ioaio,
    args: *const ioaio_args,
    priority: c_int,
    group: *const ioaio_group,
    callback: ioaio_cb,
    data: *mut c_void,
) -> *const ioaio_req {
    // SAFETY: the caller's promise.
    unsafe { submit(&(*aio).0, &*args, Reply { priority, group, callback, data }) }
}

fn open_flags(args: &ioaio_args) -> OFlags {
    OFlags::from_bits_retain(args.flags as u32)
}

ops! {
    /// Does nothing.
    1 ioaio_nop() |aio, _args| aio.nop();
    /// Keeps a thread busy, for tests.
    2 ioaio_busy(seconds) |aio, args| {
        aio.busy(std::time::Duration::try_from_secs_f64(args.seconds).unwrap_or_default())
    };
    /// Opens or creates a file: open(2). The result is the descriptor, which is close-on-exec.
    3 ioaio_open(dirfd, path, flags, mode) |aio, args| {
        args.at(aio.open(args.path()).flags(open_flags(args)).mode(args.mode))
    };
    /// Closes a descriptor: close(2). It is the request's from now on.
    4 ioaio_close(fd) |aio, args| aio.close(args.owned_file());
    /// Reads: pread(2), or read(2) where off is -1. The result is the number of bytes.
    5 ioaio_read(fd, buf, len, off) |aio, args| match args.offset() {
        Some(offset) => aio.read_at(&args.file(), args.memory(), offset),
        None => aio.read(&args.file(), args.memory()),
    };
    /// Writes: pwrite(2), or write(2) where off is -1. The result is the number of bytes.
    6 ioaio_write(fd, buf, len, off) |aio, args| match args.offset() {
        Some(offset) => aio.write_at(&args.file(), args.memory(), offset),
        None => aio.write(&args.file(), args.memory()),
    };
    /// Starts reading a range into the page cache: readahead(2).
    7 ioaio_readahead(fd, off, len) |aio, args| aio.readahead(&args.file(), args.off as u64, args.len);
    /// What is known of a file: stat(2). data is a struct stat.
    8 ioaio_stat(dirfd, path) |aio, args| args.at(aio.stat(args.path()));
    /// The same without following a last symbolic link: lstat(2). data is a struct stat.
    9 ioaio_lstat(dirfd, path) |aio, args| args.at(aio.lstat(args.path()));
    /// What is known of an open file: fstat(2). data is a struct stat.
    10 ioaio_fstat(fd) |aio, args| aio.fstat(&args.file());
    /// Removes a name: unlink(2).
    11 ioaio_unlink(dirfd, path) |aio, args| args.at(aio.unlink(args.path()));
    /// Writes a file's data and metadata to the device: fsync(2).
    12 ioaio_fsync(fd) |aio, args| aio.fsync(&args.file());
    /// Writes a file's data to the device: fdatasync(2).
    13 ioaio_fdatasync(fd) |aio, args| aio.fdatasync(&args.file());
    /// Lists a directory, without . and .. : getdents64(2). data are len struct ioaio_dirent.
    14 ioaio_read_dir(dirfd, path) |aio, args| args.at(aio.read_dir(args.path()));
}

//! Every request: a line of the table is a typed function, a number for `ioaio_submit`, and a
//! declaration in the header.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io::SeekFrom;

use engine::{Aio, FallocateFlags, File, FileType, OFlags, RenameFlags, Request, Seek};
use libc::{off_t, size_t};

use crate::args::{Engine, ioaio_args, ioaio_execute};
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
                    unsafe { start(aio, $make, reply) }
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

/// A place to seek to; what is none is refused by the kernel.
fn seek<'a>(aio: &'a Aio, file: &File, off: i64, whence: i32) -> Request<'a, Seek> {
    match whence {
        libc::SEEK_SET => aio.seek(file, SeekFrom::Start(off as u64)),
        libc::SEEK_CUR => aio.seek(file, SeekFrom::Current(off)),
        libc::SEEK_END => aio.seek(file, SeekFrom::End(off)),
        libc::SEEK_DATA => aio.seek_data(file, off as u64),
        libc::SEEK_HOLE => aio.seek_hole(file, off as u64),
        _ => aio.seek(file, SeekFrom::Start(u64::MAX)),
    }
}
/// The kind of file in a mode, where 0 is a regular one, as for mknod(2).
fn kind(mode: u32) -> FileType {
    match mode & libc::S_IFMT {
        0 | libc::S_IFREG => FileType::File,
        libc::S_IFDIR => FileType::Directory,
        libc::S_IFLNK => FileType::Symlink,
        libc::S_IFIFO => FileType::Fifo,
        libc::S_IFSOCK => FileType::Socket,
        libc::S_IFCHR => FileType::CharDevice,
        libc::S_IFBLK => FileType::BlockDevice,
        _ => FileType::Unknown,
    }
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
    /// Lists a directory, without . and .. : getdents64(2). flags: IOAIO_DIRS_FIRST, IOAIO_STAT_ORDER. A last
    /// symbolic link is not followed, unless a slash comes after it. data are len struct ioaio_dirent.
    14 ioaio_read_dir(dirfd, path, flags) |aio, args| {
        let sorted = |flag| args.flags & flag != 0;
        args.at(aio.read_dir(args.path()).dirs_first(sorted(1)).stat_order(sorted(2)))
    };
    /// Calls a function of the caller's on another thread; it gives the result, or -errno.
    15 ioaio_custom(execute, context) |aio, args| aio.call(args.custom());
    /// Moves a file's own position: lseek(2). The result is the new one.
    16 ioaio_seek(fd, off, whence) |aio, args| seek(aio, &args.file(), args.off, args.whence);
    /// Sends len bytes of fd2 to fd: sendfile(2), from off on or, with -1, from fd2's own position.
    17 ioaio_sendfile(fd, fd2, off, len) |aio, args| {
        aio.sendfile(&args.file(), &args.file2(), args.offset(), args.len)
    };
    /// Allocates or frees the space of a range: fallocate(2).
    18 ioaio_allocate(fd, flags, off, len) |aio, args| {
        let mode = FallocateFlags::from_bits_retain(args.flags as u32);
        aio.allocate(&args.file(), mode, args.off as u64, args.len as u64)
    };
    /// Writes everything in all caches to the devices: sync(2).
    19 ioaio_sync() |aio, _args| aio.sync();
    /// Writes everything of one file system to its device: syncfs(2).
    20 ioaio_syncfs(fd) |aio, args| aio.syncfs(&args.file());
    /// Writes a range of a file's data to the device: sync_file_range(2).
    21 ioaio_sync_file_range(fd, off, len, flags) |aio, args| {
        aio.sync_file_range(&args.file(), args.off as u64, args.len as u64, args.flags as u32)
    };
    /// What is known of a file system: statvfs(3). data is a struct statvfs.
    22 ioaio_statvfs(dirfd, path) |aio, args| args.at(aio.statvfs(args.path()));
    /// The same by an open file: fstatvfs(3). data is a struct statvfs.
    23 ioaio_fstatvfs(fd) |aio, args| aio.fstatvfs(&args.file());
    /// Sets the times of a file: utimensat(2).
    24 ioaio_utimens(dirfd, path, times) |aio, args| {
        let [accessed, modified] = args.set_times();
        args.at(aio.utimens(args.path(), accessed, modified))
    };
    /// Sets the times of an open file: futimens(2).
    25 ioaio_futimens(fd, times) |aio, args| {
        let [accessed, modified] = args.set_times();
        aio.futimens(&args.file(), accessed, modified)
    };
    /// Changes the owner and the group of a file: chown(2).
    26 ioaio_chown(dirfd, path, uid, gid) |aio, args| {
        let (uid, gid) = args.owner();
        args.at(aio.chown(args.path(), uid, gid))
    };
    /// The same without following a last symbolic link: lchown(2).
    27 ioaio_lchown(dirfd, path, uid, gid) |aio, args| {
        let (uid, gid) = args.owner();
        args.at(aio.lchown(args.path(), uid, gid))
    };
    /// Changes the owner and the group of an open file: fchown(2).
    28 ioaio_fchown(fd, uid, gid) |aio, args| {
        let (uid, gid) = args.owner();
        aio.fchown(&args.file(), uid, gid)
    };
    /// Changes the permissions of a file: chmod(2).
    29 ioaio_chmod(dirfd, path, mode) |aio, args| args.at(aio.chmod(args.path(), args.mode));
    /// Changes the permissions of an open file: fchmod(2).
    30 ioaio_fchmod(fd, mode) |aio, args| aio.fchmod(&args.file(), args.mode);
    /// Sets the size of a file: truncate(2).
    31 ioaio_truncate(dirfd, path, off) |aio, args| args.at(aio.truncate(args.path(), args.off as u64));
    /// Sets the size of an open file: ftruncate(2).
    32 ioaio_ftruncate(fd, off) |aio, args| aio.ftruncate(&args.file(), args.off as u64);
    /// Removes an empty directory: rmdir(2).
    33 ioaio_rmdir(dirfd, path) |aio, args| args.at(aio.rmdir(args.path()));
    /// Makes a directory: mkdir(2).
    34 ioaio_mkdir(dirfd, path, mode) |aio, args| args.at(aio.mkdir(args.path()).mode(args.mode));
    /// Makes a file of any kind that has one: mknod(2).
    35 ioaio_mknod(dirfd, path, mode, dev) |aio, args| {
        let node = aio.mknod(args.path(), kind(args.mode)).mode(args.mode & 0o7777);
        args.at(node.device(libc::major(args.dev), libc::minor(args.dev)))
    };
    /// Gives a file a second name: link(2).
    36 ioaio_link(dirfd, path, dirfd2, path2) |aio, args| args.at_both(aio.link(args.path(), args.path2()));
    /// Makes a symbolic link with this text: symlink(2).
    37 ioaio_symlink(path2, dirfd, path) |aio, args| args.at(aio.symlink(args.path2(), args.path()));
    /// Renames: renameat2(2), with its RENAME_... flags.
    38 ioaio_rename(dirfd, path, dirfd2, path2, flags) |aio, args| {
        let flags = RenameFlags::from_bits_retain(args.flags as u32);
        args.at_both(aio.rename(args.path(), args.path2()).flags(flags))
    };
    /// The text of a symbolic link: readlink(2). data are len bytes and a NUL.
    39 ioaio_readlink(dirfd, path) |aio, args| args.at(aio.readlink(args.path()));
    /// The path without symbolic links: realpath(3). data are len bytes and a NUL.
    40 ioaio_realpath(dirfd, path) |aio, args| args.at(aio.realpath(args.path()));
    /// The whole of a file. data are len bytes.
    41 ioaio_load(dirfd, path) |aio, args| args.at(aio.load(args.path()));
    /// A part of a file, from off on and at most len bytes. data are len bytes.
    42 ioaio_load_part(dirfd, path, off, len) |aio, args| {
        args.at(aio.load(args.path()).offset(args.off as u64).limit(args.len as u64).truncate(true))
    };
    /// Copies a file with its attributes, atomically.
    43 ioaio_copy(dirfd, path, dirfd2, path2) |aio, args| {
        args.at_both(aio.copy(args.path(), args.path2()))
    };
    /// Renames, or copies and removes where the devices differ.
    44 ioaio_move(dirfd, path, dirfd2, path2) |aio, args| {
        args.at_both(aio.move_to(args.path(), args.path2()))
    };
    /// Writes the data and metadata of what a path names to the device.
    45 ioaio_pathsync(dirfd, path) |aio, args| args.at(aio.pathsync(args.path()));
}

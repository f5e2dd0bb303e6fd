//! Every request: a line of the table is a typed function, a number for `ioaio_submit`, and a
//! declaration in the header.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io::SeekFrom;

use engine::{
    Access, Advice, Aio, FallocateFlags, File, FileType, LockKind, MemoryAdvice, MlockAllFlags, MsyncFlags,
    OFlags, PipeFlags, ReadWriteFlags, RenameFlags, Request, ResolveFlags, Seek, SpliceFlags, StatxFlags,
    StatxSync, XattrFlags,
};
use libc::{off_t, size_t};

use crate::args::{Engine, ioaio_args, ioaio_execute};
use crate::engine_api::ioaio;
use crate::group::ioaio_group;
use crate::memory::fail;
use crate::progress::ioaio_progress;
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
                    let request = $make;
                    // SAFETY: the caller's promise.
                    unsafe { start(aio, request, reply) }
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

/// A length, where all bits set mean up to the end.
fn length(len: size_t) -> u64 {
    if len == size_t::MAX { u64::MAX } else { len as u64 }
}
/// What is none becomes one that the kernel takes for nothing special.
fn advice(number: i32) -> Advice {
    match number {
        libc::POSIX_FADV_SEQUENTIAL => Advice::Sequential,
        libc::POSIX_FADV_RANDOM => Advice::Random,
        libc::POSIX_FADV_NOREUSE => Advice::NoReuse,
        libc::POSIX_FADV_WILLNEED => Advice::WillNeed,
        libc::POSIX_FADV_DONTNEED => Advice::DontNeed,
        _ => Advice::Normal,
    }
}
fn lock_kind(flags: i32) -> LockKind {
    match flags & !libc::LOCK_NB {
        libc::LOCK_SH => LockKind::Shared,
        libc::LOCK_EX => LockKind::Exclusive,
        _ => LockKind::Unlock,
    }
}
fn statx_sync(flags: i32) -> StatxSync {
    match flags & libc::AT_STATX_SYNC_TYPE {
        libc::AT_STATX_FORCE_SYNC => StatxSync::Force,
        libc::AT_STATX_DONT_SYNC => StatxSync::Dont,
        _ => StatxSync::AsStat,
    }
}
fn xattr_flags(args: &ioaio_args) -> XattrFlags {
    XattrFlags::from_bits_retain(args.flags as u32)
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
        Some(offset) => args.with_file(|file| aio.read_at(file, args.memory(), offset)),
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
    /// Lists a directory, without . and .. : getdents64(2). flags: IOAIO_DIRS_FIRST, IOAIO_STAT_ORDER,
    /// IOAIO_KINDS. A last symbolic link is not followed, unless a slash comes after it. data are len
    /// struct ioaio_dirent.
    14 ioaio_read_dir(dirfd, path, flags) |aio, args| {
        let with = |flag| args.flags & flag != 0;
        let request = aio.read_dir(args.path()).dirs_first(with(1)).stat_order(with(2)).kinds(with(4));
        args.at(request)
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
    /// Copies a file with its attributes, atomically. A link at the target is followed, and a device or FIFO
    /// written into. Of ioaio_submit, flags may have what ioaio_save knows but IOAIO_FOLLOW.
    43 ioaio_copy(dirfd, path, dirfd2, path2) |aio, args| {
        let request = aio.copy(args.path(), args.path2()).durable(args.flags & 1 != 0);
        let request = request.replace(args.flags & 2 == 0).write_through(args.flags & 8 != 0);
        args.at_both(request.in_place(args.flags & 16 != 0))
    };
    /// Renames, or copies and removes where the devices differ.
    44 ioaio_move(dirfd, path, dirfd2, path2) |aio, args| {
        args.at_both(aio.move_to(args.path(), args.path2()))
    };
    /// Writes the data and metadata of what a path names to the device.
    45 ioaio_pathsync(dirfd, path) |aio, args| args.at(aio.pathsync(args.path()));
    /// Opens or creates a file by rules for what its path may lead through: openat2(2) with RESOLVE_... of
    /// linux/openat2.h. The result is the descriptor, which is close-on-exec.
    46 ioaio_open_resolve(dirfd, path, flags, mode, resolve) |aio, args| {
        let rules = ResolveFlags::from_bits_retain(args.resolve);
        args.at(aio.open(args.path()).flags(open_flags(args)).mode(args.mode).resolve(rules))
    };
    /// Opens a directory for other requests to start at: open(2) with O_PATH. The result is the descriptor.
    47 ioaio_open_dir(dirfd, path) |aio, args| {
        args.at(aio.open(args.path()).flags(OFlags::PATH | OFlags::DIRECTORY))
    };
    /// Opens, reads from off on, and closes. The result is the number of bytes.
    48 ioaio_open_read(dirfd, path, buf, len, off) |aio, args| {
        args.at(aio.open_read(args.path(), args.memory(), args.off as u64))
    };
    /// Writes at off, then fsync(2): both or an error.
    49 ioaio_write_sync(fd, buf, len, off) |aio, args| {
        aio.write_sync(&args.file(), args.memory(), args.off as u64)
    };
    /// Reads into several buffers: preadv2(2) with RWF_... flags. The result is the number of bytes.
    50 ioaio_readv(fd, iov, iovcnt, off, flags) |aio, args| {
        let request = match args.offset() {
            Some(offset) => aio.readv_at(&args.file(), args.memories(), offset),
            None => aio.readv(&args.file(), args.memories()),
        };
        request.flags(ReadWriteFlags::from_bits_retain(args.flags as u32))
    };
    /// Writes several buffers: pwritev2(2) with RWF_... flags. The result is the number of bytes.
    51 ioaio_writev(fd, iov, iovcnt, off, flags) |aio, args| {
        let request = match args.offset() {
            Some(offset) => aio.writev_at(&args.file(), args.memories(), offset),
            None => aio.writev(&args.file(), args.memories()),
        };
        request.flags(ReadWriteFlags::from_bits_retain(args.flags as u32))
    };
    /// Writes at the end of a file, wherever that is by then. The result is the number of bytes.
    52 ioaio_append(fd, buf, len) |aio, args| aio.append(&args.file(), vec![args.memory()]);
    /// Copies len bytes of fd, from off on, to fd2, at off2: copy_file_range(2). The result is the number of
    /// bytes.
    53 ioaio_copy_range(fd, off, fd2, off2, len) |aio, args| {
        let (from, to) = ((&args.file(), args.off as u64), (&args.file2(), args.off2 as u64));
        aio.copy_range(from, to, args.len)
    };
    /// Moves len bytes from fd to fd2, one of which is a pipe: splice(2). off and off2 are -1 for a pipe.
    54 ioaio_splice(fd, off, fd2, off2, len, flags) |aio, args| {
        let mut request = aio.splice(&args.file(), &args.file2(), args.len);
        if args.off != -1 {
            request = request.from_offset(args.off as u64);
        }
        if args.off2 != -1 {
            request = request.to_offset(args.off2 as u64);
        }
        request.flags(SpliceFlags::from_bits_retain(args.flags as u32))
    };
    /// Copies len bytes from the pipe fd to the pipe fd2: tee(2).
    55 ioaio_tee(fd, fd2, len, flags) |aio, args| {
        let flags = SpliceFlags::from_bits_retain(args.flags as u32);
        aio.tee(&args.file(), &args.file2(), args.len).flags(flags)
    };
    /// Makes a pipe: pipe2(2). data are two int, the reading end and the writing end, close-on-exec.
    56 ioaio_pipe(flags) |aio, args| aio.pipe(PipeFlags::from_bits_retain(args.flags as u32));
    /// Tells how a range of a file is going to be used: posix_fadvise(2), with POSIX_FADV_... in flags.
    57 ioaio_fadvise(fd, off, len, flags) |aio, args| {
        aio.fadvise(&args.file(), args.off as u64, args.len as u64, advice(args.flags))
    };
    /// Locks a file: flock(2), with LOCK_... in flags. It waits without holding a thread, and can be
    /// cancelled.
    58 ioaio_flock(fd, flags) |aio, args| {
        let request = aio.flock(&args.file(), lock_kind(args.flags));
        if args.flags & libc::LOCK_NB != 0 { request.dont_wait() } else { request }
    };
    /// Locks a range of a file for this open descriptor: fcntl(2) with F_OFD_SETLK. flags are as for
    /// ioaio_flock, which see.
    59 ioaio_lock_range(fd, flags, off, len) |aio, args| {
        let kind = lock_kind(args.flags);
        let request = aio.lock_range(&args.file(), kind, args.off as u64, args.len as u64);
        if args.flags & libc::LOCK_NB != 0 { request.dont_wait() } else { request }
    };
    /// Does what a command, in flags, says to a file: fcntl(2).
    60 ioaio_fcntl(fd, flags, arg) |aio, args| {
        // SAFETY: the caller's promise.
        unsafe { aio.fcntl(&args.file(), args.flags, args.argument()) }
    };
    /// Does what a request, in flags, says to a file: ioctl(2).
    61 ioaio_ioctl(fd, flags, arg) |aio, args| {
        // SAFETY: the caller's promise.
        unsafe { aio.ioctl(&args.file(), args.flags as u32, args.argument()) }
    };
    /// Where a range of a file is on its device: FIEMAP_FLAG_... in flags, and at most iovcnt extents, or
    /// all with -1. The length -1 is up to the end. data are len struct ioaio_extent.
    62 ioaio_fiemap(fd, off, len, flags, iovcnt) |aio, args| {
        let max = usize::try_from(args.iovcnt).unwrap_or(usize::MAX);
        aio.fiemap(&args.file(), args.off as u64, length(args.len)).flags(args.flags as u32).max(max)
    };
    /// How many extents ioaio_fiemap would find.
    63 ioaio_fiemap_count(fd, off, len) |aio, args| {
        aio.fiemap_count(&args.file(), args.off as u64, length(args.len))
    };
    /// All that is known of a file: statx(2), with AT_... in flags and STATX_... in mode. data is a struct
    /// statx.
    64 ioaio_statx(dirfd, path, flags, mode) |aio, args| {
        let request = aio.statx(args.path()).mask(StatxFlags::from_bits_retain(args.mode));
        let request = request.follow(args.flags & libc::AT_SYMLINK_NOFOLLOW == 0);
        args.at(request.automount(args.flags & libc::AT_NO_AUTOMOUNT == 0).sync(statx_sync(args.flags)))
    };
    /// The same for an open file. data is a struct statx.
    65 ioaio_fstatx(fd, flags, mode) |aio, args| {
        let request = aio.fstatx(&args.file()).mask(StatxFlags::from_bits_retain(args.mode));
        request.sync(statx_sync(args.flags))
    };
    /// Gives an open file, also one without a name, a name: linkat(2).
    66 ioaio_link_file(fd, dirfd, path) |aio, args| args.at(aio.link_file(&args.file(), args.path()));
    /// Makes a directory and what it is in, where they are missing.
    67 ioaio_mkdir_all(dirfd, path, mode) |aio, args| args.at(aio.mkdir_all(args.path()).mode(args.mode));
    /// Sets the times of a file without following a last symbolic link: utimensat(2).
    68 ioaio_lutimens(dirfd, path, times) |aio, args| {
        let [accessed, modified] = args.set_times();
        args.at(aio.lutimens(args.path(), accessed, modified))
    };
    /// Whether a file can be used so: faccessat2(2), with R_OK and so on in mode, AT_... in flags.
    69 ioaio_access(dirfd, path, mode, flags) |aio, args| {
        let request = aio.access(args.path(), Access::from_bits_retain(args.mode));
        let request = request.effective(args.flags & libc::AT_EACCESS != 0);
        args.at(request.follow(args.flags & libc::AT_SYMLINK_NOFOLLOW == 0))
    };
    /// The value of an extended attribute: getxattr(2). data are len bytes.
    70 ioaio_getxattr(dirfd, path, name) |aio, args| args.at(aio.getxattr(args.path(), args.name()));
    /// The same without following a last symbolic link: lgetxattr(2).
    71 ioaio_lgetxattr(dirfd, path, name) |aio, args| args.at(aio.lgetxattr(args.path(), args.name()));
    /// The same of an open file: fgetxattr(2).
    72 ioaio_fgetxattr(fd, name) |aio, args| aio.fgetxattr(&args.file(), args.name());
    /// Sets an extended attribute to len bytes, copied: setxattr(2), with XATTR_... in flags.
    73 ioaio_setxattr(dirfd, path, name, buf, len, flags) |aio, args| {
        args.at(aio.setxattr(args.path(), args.name(), args.bytes()).flags(xattr_flags(args)))
    };
    /// The same without following a last symbolic link: lsetxattr(2).
    74 ioaio_lsetxattr(dirfd, path, name, buf, len, flags) |aio, args| {
        args.at(aio.lsetxattr(args.path(), args.name(), args.bytes()).flags(xattr_flags(args)))
    };
    /// The same of an open file: fsetxattr(2).
    75 ioaio_fsetxattr(fd, name, buf, len, flags) |aio, args| {
        aio.fsetxattr(&args.file(), args.name(), args.bytes()).flags(xattr_flags(args))
    };
    /// The names of the extended attributes: listxattr(2). data are len bytes, with a NUL after each name.
    76 ioaio_listxattr(dirfd, path) |aio, args| args.at(aio.listxattr(args.path()));
    /// The same without following a last symbolic link: llistxattr(2).
    77 ioaio_llistxattr(dirfd, path) |aio, args| args.at(aio.llistxattr(args.path()));
    /// The same of an open file: flistxattr(2).
    78 ioaio_flistxattr(fd) |aio, args| aio.flistxattr(&args.file());
    /// Removes an extended attribute: removexattr(2).
    79 ioaio_removexattr(dirfd, path, name) |aio, args| args.at(aio.removexattr(args.path(), args.name()));
    /// The same without following a last symbolic link: lremovexattr(2).
    80 ioaio_lremovexattr(dirfd, path, name) |aio, args| {
        args.at(aio.lremovexattr(args.path(), args.name()))
    };
    /// The same of an open file: fremovexattr(2).
    81 ioaio_fremovexattr(fd, name) |aio, args| aio.fremovexattr(&args.file(), args.name());
    /// Writes changed pages of a mapped file to the device: msync(2), with MS_... in flags.
    82 ioaio_msync(buf, len, flags) |aio, args| {
        aio.msync(args.memory(), .., MsyncFlags::from_bits_retain(args.flags as u32))
    };
    /// Brings all pages of mapped memory in, with flags 1 also for writing.
    83 ioaio_mtouch(buf, len, flags) |aio, args| aio.mtouch(args.memory(), .., args.flags & 1 != 0);
    /// Brings mapped memory in, and keeps it there: mlock(2).
    84 ioaio_mlock(buf, len) |aio, args| aio.mlock(args.memory(), ..);
    /// Takes that back: munlock(2).
    85 ioaio_munlock(buf, len) |aio, args| aio.munlock(args.memory(), ..);
    /// Keeps all of the process in memory: mlockall(2), with MCL_... in flags.
    86 ioaio_mlockall(flags) |aio, args| {
        aio.mlockall(MlockAllFlags::from_bits_retain(args.flags as u32))
    };
    /// Takes that back: munlockall(2).
    87 ioaio_munlockall() |aio, _args| aio.munlockall();
    /// Tells how mapped memory is going to be used: madvise(2), with MADV_... in flags.
    88 ioaio_madvise(buf, len, flags) |aio, args| {
        aio.madvise(args.memory(), .., MemoryAdvice::from_raw(args.flags))
    };
    /// Replaces a file's contents, all or nothing; mode is that of a new file. Flags are IOAIO_DURABLE,
    /// IOAIO_NO_REPLACE, IOAIO_FOLLOW, and for what is then not all or nothing IOAIO_WRITE_THROUGH and
    /// IOAIO_IN_PLACE.
    89 ioaio_save(dirfd, path, buf, len, mode, flags) |aio, args| {
        let request = aio.save(args.path(), args.memory()).new_mode(args.mode).durable(args.flags & 1 != 0);
        let request = request.replace(args.flags & 2 == 0).write_through(args.flags & 8 != 0);
        args.at(request.in_place(args.flags & 16 != 0).follow(args.flags & 32 != 0))
    };
    /// Copies a tree with all attributes, as one: IOAIO_DURABLE and IOAIO_ONE_FILE_SYSTEM in flags.
    90 ioaio_copy_tree(dirfd, path, dirfd2, path2, flags, progress) |aio, args| {
        let request = aio.copy_tree(args.path(), args.path2()).durable(args.flags & 1 != 0);
        args.at_both(request.one_file_system(args.flags & 4 != 0).progress(&args.progress()))
    };
    /// Removes a tree, or a file: IOAIO_ONE_FILE_SYSTEM in flags.
    91 ioaio_remove_tree(dirfd, path, flags, progress) |aio, args| {
        let request = aio.remove_tree(args.path()).one_file_system(args.flags & 4 != 0);
        args.at(request.progress(&args.progress()))
    };
    /// Lists a directory with the kinds of all names: directories, as many as the result says, then the rest.
    /// data are len struct ioaio_dirent.
    92 ioaio_scan(dirfd, path) |aio, args| args.at(aio.scan(args.path()));
    /// What a tree takes: IOAIO_ONE_FILE_SYSTEM in flags. data is a struct ioaio_usage.
    93 ioaio_du(dirfd, path, flags, progress) |aio, args| {
        let request = aio.du(args.path()).one_file_system(args.flags & 4 != 0);
        args.at(request.progress(&args.progress()))
    };
}

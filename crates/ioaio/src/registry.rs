//! The operations, one line each, and the table that the documentation shows of them.

use crate::request::op::Op;
use crate::*;

/// What an operation is called, here and elsewhere, and which routes it can take.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The name of the operation.
    pub name: &'static str,
    /// The methods of [`Aio`] that make such a request.
    pub methods: &'static [&'static str],
    /// The system calls of the pool's route; empty where there is none.
    pub calls: &'static str,
    /// Whether it may be answered at once.
    pub inline: bool,
    /// The opcodes of io_uring, each with the version of Linux that brought it.
    pub opcodes: &'static [(&'static str, &'static str)],
    /// Its counterpart in Perl's IO::AIO, if any.
    pub io_aio: &'static str,
    /// Its counterpart in libuv, if any.
    pub libuv: &'static str,
    /// Its counterpart in `tokio::fs`, if any.
    pub tokio: &'static str,
    /// Its counterpart in `compio::fs`, if any.
    pub compio: &'static str,
}

type Names = &'static [&'static str];
type Opcodes = &'static [(&'static str, &'static str)];

/// A line: methods, calls, opcodes, then the counterparts in IO::AIO, libuv, tokio::fs and compio::fs.
const fn op<O: Op>(
    methods: Names,
    calls: &'static str,
    opcodes: Opcodes,
    peers: [&'static str; 4],
) -> OpInfo {
    assert!(
        (O::RING.is_some() || O::CHAIN.is_some()) != opcodes.is_empty(),
        "an opcode without RING, or RING without an opcode"
    );
    let [io_aio, libuv, tokio, compio] = peers;
    OpInfo { name: O::NAME, methods, calls, inline: false, opcodes, io_aio, libuv, tokio, compio }
}

impl OpInfo {
    /// For an op that has an `inline` of its own.
    const fn inline(mut self) -> Self {
        self.inline = true;
        self
    }
    /// An asynchronous function over other operations.
    pub fn is_composite(&self) -> bool {
        self.calls.is_empty()
    }
}

type Bytes = Vec<u8>;

#[rustfmt::skip]
static OPS: &[OpInfo] = &[
    op::<Open>(&["open"], "openat, openat2", &[("OPENAT", "5.6"), ("OPENAT2", "5.6")],
        ["aio_open", "uv_fs_open", "File::open", "File::open"]),
    op::<OpenDir>(&["open_dir"], "openat, openat2", &[("OPENAT", "5.6"), ("OPENAT2", "5.6")],
        ["aio_wd", "uv_fs_opendir", "", "Dir::open"]),
    op::<Close>(&["close"], "close", &[],
        ["aio_close", "uv_fs_close", "", "File::close"]).inline(),
    op::<Read<Bytes>>(&["read_at", "read"], "pread, read", &[("READ", "5.6")],
        ["aio_read", "uv_fs_read", "File::read", "File::read_at"]).inline(),
    op::<Write<Bytes>>(&["write_at", "write"], "pwrite, write", &[("WRITE", "5.6")],
        ["aio_write", "uv_fs_write", "File::write", "File::write_at"]),
    op::<OpenRead<Bytes>>(&["open_read"], "openat, pread, close", &[("OPENAT, READ, CLOSE", "5.19")],
        ["", "", "", ""]),
    op::<WriteSync<Bytes>>(&["write_sync"], "pwrite, fsync", &[("WRITE, FSYNC", "5.6")],
        ["", "", "", ""]),
    op::<Readv<Bytes>>(&["readv_at", "readv"], "preadv, readv, preadv2", &[("READV", "5.1")],
        ["", "uv_fs_read", "", "File::read_vectored_at"]),
    op::<Writev<Bytes>>(&["writev_at", "writev", "append"], "pwritev, writev, pwritev2", &[("WRITEV", "5.1")],
        ["", "uv_fs_write", "", "File::write_vectored_at"]),
    op::<Readahead>(&["readahead"], "readahead", &[],
        ["aio_readahead", "", "", ""]),
    op::<Fsync>(&["fsync", "fdatasync"], "fsync, fdatasync", &[("FSYNC", "5.1")],
        ["aio_fsync, aio_fdatasync", "uv_fs_fsync, uv_fs_fdatasync",
            "File::sync_all, File::sync_data", "File::sync_all, File::sync_data"]),
    op::<Sync>(&["syncfs", "sync"], "syncfs, sync", &[],
        ["aio_syncfs, aio_sync", "", "", ""]),
    op::<SyncFileRange>(&["sync_file_range"], "sync_file_range", &[],
        ["aio_sync_file_range", "", "", ""]),
    op::<Seek>(&["seek", "seek_data", "seek_hole"], "lseek", &[],
        ["aio_seek", "", "File::seek", ""]),
    op::<Sendfile>(&["sendfile"], "sendfile, read and write", &[],
        ["aio_sendfile", "uv_fs_sendfile", "", ""]),
    op::<CopyRange>(&["copy_range"], "copy_file_range", &[],
        ["", "", "", ""]),
    op::<Splice>(&["splice"], "splice", &[("SPLICE", "5.7")],
        ["", "", "", "splice"]),
    op::<Tee>(&["tee"], "tee", &[("TEE", "5.8")],
        ["", "", "", ""]),
    op::<Pipe>(&["pipe"], "pipe2", &[],
        ["", "uv_pipe", "", ""]).inline(),
    op::<Allocate>(&["allocate"], "fallocate", &[("FALLOCATE", "5.6")],
        ["aio_allocate", "", "", ""]),
    op::<Fadvise>(&["fadvise"], "posix_fadvise", &[],
        ["", "", "", ""]),
    op::<Lock>(&["flock", "lock_range"], "flock, fcntl", &[],
        ["aio_fcntl", "", "", ""]).inline(),
    op::<Fcntl<usize>>(&["fcntl"], "fcntl", &[],
        ["aio_fcntl", "", "", ""]),
    op::<Ioctl<usize>>(&["ioctl"], "ioctl", &[],
        ["aio_ioctl", "", "", ""]),
    op::<Fiemap>(&["fiemap"], "ioctl(FS_IOC_FIEMAP)", &[],
        ["aio_fiemap", "", "", ""]),
    op::<FiemapCount>(&["fiemap_count"], "ioctl(FS_IOC_FIEMAP)", &[],
        ["aio_fiemap", "", "", ""]),
    op::<Stat>(&["stat", "lstat", "fstat"], "statx", &[("STATX", "5.6")],
        ["aio_stat, aio_lstat", "uv_fs_stat, uv_fs_lstat, uv_fs_fstat",
            "metadata, symlink_metadata, File::metadata", "metadata, symlink_metadata, File::metadata"]).inline(),
    op::<Statx<At>>(&["statx", "fstatx"], "statx", &[("STATX", "5.6")],
        ["", "", "", ""]),
    op::<Statvfs<At>>(&["statvfs", "fstatvfs"], "statfs, fstatfs", &[],
        ["aio_statvfs", "uv_fs_statfs", "", ""]),
    op::<ReadDir>(&["read_dir"], "openat, getdents64", &[],
        ["aio_readdir, aio_readdirx", "uv_fs_scandir", "read_dir", ""]),
    op::<Scan>(&["scan"], "openat, getdents64", &[],
        ["aio_scandir", "", "", ""]),
    op::<Unlink>(&["unlink"], "unlinkat", &[("UNLINKAT", "5.11")],
        ["aio_unlink", "uv_fs_unlink", "remove_file", "remove_file"]),
    op::<Rmdir>(&["rmdir"], "unlinkat", &[("UNLINKAT", "5.11")],
        ["aio_rmdir", "uv_fs_rmdir", "remove_dir", "remove_dir"]),
    op::<Mkdir>(&["mkdir"], "mkdirat", &[("MKDIRAT", "5.15")],
        ["aio_mkdir", "uv_fs_mkdir", "create_dir", "create_dir"]),
    op::<MkdirAll>(&["mkdir_all"], "openat, mkdirat", &[],
        ["", "", "create_dir_all", "create_dir_all"]),
    op::<Mkdtemp>(&["mkdtemp"], "mkdirat", &[],
        ["", "uv_fs_mkdtemp", "", ""]),
    op::<Mkstemp>(&["mkstemp"], "openat", &[],
        ["", "uv_fs_mkstemp", "", ""]),
    op::<Mknod>(&["mknod"], "mknodat", &[],
        ["aio_mknod", "", "", ""]),
    op::<Link>(&["link"], "linkat", &[("LINKAT", "5.15")],
        ["aio_link", "uv_fs_link", "hard_link", "hard_link"]),
    op::<LinkFile>(&["link_file"], "linkat", &[],
        ["", "", "", ""]),
    op::<Symlink>(&["symlink"], "symlinkat", &[("SYMLINKAT", "5.15")],
        ["aio_symlink", "uv_fs_symlink", "symlink", "symlink"]),
    op::<Readlink>(&["readlink"], "readlinkat", &[],
        ["aio_readlink", "uv_fs_readlink", "read_link", ""]),
    op::<Realpath>(&["realpath"], "openat, readlink", &[],
        ["aio_realpath", "uv_fs_realpath", "canonicalize", ""]),
    op::<Rename>(&["rename"], "renameat, renameat2", &[("RENAMEAT", "5.11")],
        ["aio_rename, aio_rename2", "uv_fs_rename", "rename", "rename"]),
    op::<Chmod<At>>(&["chmod", "fchmod"], "fchmodat, fchmod", &[],
        ["aio_chmod", "uv_fs_chmod, uv_fs_fchmod", "set_permissions, File::set_permissions",
            "set_permissions, File::set_permissions"]),
    op::<Chown<At>>(&["chown", "lchown", "fchown"], "fchownat, fchown", &[],
        ["aio_chown", "uv_fs_chown, uv_fs_lchown, uv_fs_fchown", "", ""]),
    op::<Utimens<At>>(&["utimens", "lutimens", "futimens"], "utimensat", &[],
        ["aio_utime", "uv_fs_utime, uv_fs_lutime, uv_fs_futime", "", ""]),
    op::<Truncate<At>>(&["truncate", "ftruncate"], "truncate, ftruncate", &[("FTRUNCATE", "6.9")],
        ["aio_truncate", "uv_fs_ftruncate", "File::set_len", "File::set_len"]),
    op::<AccessOf>(&["access"], "faccessat2", &[],
        ["", "uv_fs_access", "", ""]),
    op::<Getxattr<At>>(&["getxattr", "lgetxattr", "fgetxattr"], "getxattr, lgetxattr, fgetxattr",
        &[("GETXATTR", "5.19"), ("FGETXATTR", "5.19")],
        ["", "", "", ""]),
    op::<Setxattr<At>>(&["setxattr", "lsetxattr", "fsetxattr"], "setxattr, lsetxattr, fsetxattr",
        &[("SETXATTR", "5.19"), ("FSETXATTR", "5.19")],
        ["", "", "", ""]),
    op::<Listxattr<At>>(&["listxattr", "llistxattr", "flistxattr"], "listxattr, llistxattr, flistxattr", &[],
        ["", "", "", ""]),
    op::<Removexattr<At>>(&["removexattr", "lremovexattr", "fremovexattr"],
        "removexattr, lremovexattr, fremovexattr", &[],
        ["", "", "", ""]),
    op::<Msync<Mapping>>(&["msync"], "msync", &[],
        ["aio_msync", "", "", ""]),
    op::<Mtouch<Mapping>>(&["mtouch"], "madvise", &[],
        ["aio_mtouch", "", "", ""]),
    op::<Mlock<Mapping>>(&["mlock", "munlock"], "mlock, munlock", &[],
        ["aio_mlock", "", "", ""]),
    op::<MlockAll>(&["mlockall", "munlockall"], "mlockall, munlockall", &[],
        ["aio_mlockall", "", "", ""]),
    op::<Madvise<Mapping>>(&["madvise"], "madvise", &[("MADVISE", "5.6")],
        ["", "", "", ""]),
    op::<Nop>(&["nop"], "(none)", &[("NOP", "5.1")],
        ["aio_nop", "", "", ""]).inline(),
    op::<Busy>(&["busy"], "(sleeps)", &[],
        ["aio_busy", "", "", ""]),
    op::<Call<fn() -> std::io::Result<()>, ()>>(&["call"], "(any)", &[],
        ["", "uv_queue_work", "spawn_blocking", "spawn_blocking"]),
    op::<Load>(&["load"], "", &[],
        ["aio_load, aio_slurp", "", "read", "read"]).inline(),
    op::<Save<Bytes>>(&["save"], "", &[],
        ["", "", "write, not atomic", "write, not atomic"]),
    op::<Copy>(&["copy"], "", &[],
        ["aio_copy", "uv_fs_copyfile", "copy", ""]),
    op::<Task<CopyTree>>(&["copy_tree"], "", &[],
        ["", "", "", ""]),
    op::<Task<Move>>(&["move_to"], "", &[],
        ["aio_move", "", "", ""]),
    op::<Task<RemoveTree>>(&["remove_tree"], "", &[],
        ["aio_rmtree", "", "remove_dir_all", ""]),
    op::<Task<Du>>(&["du"], "", &[],
        ["", "", "", ""]),
    op::<PathSync>(&["pathsync"], "", &[],
        ["aio_pathsync", "", "", ""]),
];

/// Every operation.
///
/// ```
/// let unlink = ioaio::ops().iter().find(|op| op.name == "unlink").unwrap();
/// assert_eq!(unlink.opcodes, [("UNLINKAT", "5.11")]);
/// ```
#[doc = include_str!("../OPS.md")]
pub fn ops() -> &'static [OpInfo] {
    OPS
}

/// The table of [`ops`] as Markdown; `OPS.md` holds it.
#[doc(hidden)]
pub fn ops_table() -> String {
    let mut text = String::from(
        "\n| request | system calls of the pool | inline | opcode of the ring, since Linux | IO::AIO | libuv | \
         tokio::fs | compio::fs |\n|---|---|---|---|---|---|---|---|\n",
    );
    for op in OPS {
        let calls = if op.is_composite() { "*several requests*" } else { op.calls };
        let inline = if op.inline { "yes" } else { "" };
        let opcodes: Vec<String> = op.opcodes.iter().map(|(name, since)| format!("{name} {since}")).collect();
        let (methods, opcodes) = (op.methods.join(", "), opcodes.join(", "));
        let OpInfo { io_aio, libuv, tokio, compio, .. } = op;
        text += &format!(
            "| {methods} | {calls} | {inline} | {opcodes} | {io_aio} | {libuv} | {tokio} | {compio} |\n"
        );
    }
    text
}

//! What is known of files, and changing it.

use engine::{Access, StatxFlags, XattrFlags};

use crate::args::ioaio_args;
use crate::options::statx_sync;

fn xattr_flags(args: &ioaio_args) -> XattrFlags {
    XattrFlags::from_bits_retain(args.flags as u32)
}

const STATX: i32 =
    libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT | libc::AT_EMPTY_PATH | libc::AT_STATX_SYNC_TYPE;
const ACCESS: i32 = libc::AT_EACCESS | libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;

ops! {
    /// What is known of a file: stat(2). data is a struct stat.
    /// Errors: those of stat(2).
    8 ioaio_stat(dirfd, path) |aio, args| args.at(aio.stat(args.path()));
    /// The same without following a last symbolic link: lstat(2). data is a struct stat.
    /// Errors: those of lstat(2).
    9 ioaio_lstat(dirfd, path) |aio, args| args.at(aio.lstat(args.path()));
    /// What is known of an open file: fstat(2). data is a struct stat.
    /// Errors: those of fstat(2).
    10 ioaio_fstat(fd) |aio, args| aio.fstat(&args.file());
    /// What is known of a file system: statvfs(3). data is a struct statvfs.
    /// Errors: those of statvfs(3).
    22 ioaio_statvfs(dirfd, path) |aio, args| args.at(aio.statvfs(args.path()));
    /// The same by an open file: fstatvfs(3). data is a struct statvfs.
    /// Errors: those of fstatvfs(3).
    23 ioaio_fstatvfs(fd) |aio, args| aio.fstatvfs(&args.file());
    /// Sets the times of a file: utimensat(2).
    /// Errors: those of utimensat(2).
    24 ioaio_utimens(dirfd, path, times) |aio, args| {
        let [accessed, modified] = args.set_times();
        args.at(aio.utimens(args.path(), accessed, modified))
    };
    /// Sets the times of an open file: futimens(3).
    /// Errors: those of futimens(3).
    25 ioaio_futimens(fd, times) |aio, args| {
        let [accessed, modified] = args.set_times();
        aio.futimens(&args.file(), accessed, modified)
    };
    /// Changes the owner and the group of a file: chown(2).
    /// Errors: those of chown(2).
    26 ioaio_chown(dirfd, path, uid, gid) |aio, args| {
        let (uid, gid) = args.owner();
        args.at(aio.chown(args.path(), uid, gid))
    };
    /// The same without following a last symbolic link: lchown(2).
    /// Errors: those of lchown(2).
    27 ioaio_lchown(dirfd, path, uid, gid) |aio, args| {
        let (uid, gid) = args.owner();
        args.at(aio.lchown(args.path(), uid, gid))
    };
    /// Changes the owner and the group of an open file: fchown(2).
    /// Errors: those of fchown(2).
    28 ioaio_fchown(fd, uid, gid) |aio, args| {
        let (uid, gid) = args.owner();
        aio.fchown(&args.file(), uid, gid)
    };
    /// Changes the permissions of a file: chmod(2).
    /// Errors: those of chmod(2).
    29 ioaio_chmod(dirfd, path, mode) |aio, args| args.at(aio.chmod(args.path(), args.permissions()));
    /// Changes the permissions of an open file: fchmod(2).
    /// Errors: those of fchmod(2).
    30 ioaio_fchmod(fd, mode) |aio, args| aio.fchmod(&args.file(), args.permissions());
    /// Sets the size of a file: truncate(2).
    /// Errors: those of truncate(2).
    31 ioaio_truncate(dirfd, path, off) |aio, args| args.at(aio.truncate(args.path(), args.off as u64));
    /// All that is known of a file: statx(2), with AT_... in flags and STATX_... in mode. data is a struct
    /// statx.
    /// Errors: those of statx(2).
    64 ioaio_statx(dirfd, path, flags, mode) |aio, args| {
        args.only(STATX).and_then(|flags| {
            let request = aio.statx(args.path()).mask(StatxFlags::from_bits_retain(args.mode));
            let request = request.follow(!flags.has(libc::AT_SYMLINK_NOFOLLOW));
            let request = request.automount(!flags.has(libc::AT_NO_AUTOMOUNT));
            Ok(args.at(request.empty_path(flags.has(libc::AT_EMPTY_PATH)).sync(statx_sync(args.flags)?)))
        })
    };
    /// The same for an open file. data is a struct statx.
    /// Errors: those of statx(2).
    65 ioaio_fstatx(fd, flags, mode) |aio, args| {
        args.only(STATX).and_then(|_| {
            let request = aio.fstatx(&args.file()).mask(StatxFlags::from_bits_retain(args.mode));
            Ok(request.sync(statx_sync(args.flags)?))
        })
    };
    /// Sets the times of a file without following a last symbolic link: utimensat(2).
    /// Errors: those of utimensat(2).
    68 ioaio_lutimens(dirfd, path, times) |aio, args| {
        let [accessed, modified] = args.set_times();
        args.at(aio.lutimens(args.path(), accessed, modified))
    };
    /// Whether a file can be used so: faccessat2(2), with R_OK and so on in mode, AT_... in flags.
    /// Errors: those of faccessat2(2), of which EACCES means that it cannot.
    69 ioaio_access(dirfd, path, mode, flags) |aio, args| {
        args.only(ACCESS).map(|flags| {
            let request = aio.access(args.path(), Access::from_bits_retain(args.mode));
            let request = request.effective(flags.has(libc::AT_EACCESS));
            let request = request.follow(!flags.has(libc::AT_SYMLINK_NOFOLLOW));
            args.at(request.empty_path(flags.has(libc::AT_EMPTY_PATH)))
        })
    };
    /// The value of an extended attribute: getxattr(2). data are len bytes.
    /// Errors: those of getxattr(2).
    70 ioaio_getxattr(dirfd, path, name) |aio, args| args.at(aio.getxattr(args.path(), args.name()));
    /// The same without following a last symbolic link: lgetxattr(2).
    /// Errors: those of lgetxattr(2).
    71 ioaio_lgetxattr(dirfd, path, name) |aio, args| args.at(aio.lgetxattr(args.path(), args.name()));
    /// The same of an open file: fgetxattr(2).
    /// Errors: those of fgetxattr(2).
    72 ioaio_fgetxattr(fd, name) |aio, args| aio.fgetxattr(&args.file(), args.name());
    /// Sets an extended attribute to len bytes, copied: setxattr(2), with XATTR_... in flags.
    /// Errors: those of setxattr(2).
    73 ioaio_setxattr(dirfd, path, name, src, len, flags) |aio, args| args.value().map(|value| {
        args.at(aio.setxattr(args.path(), args.name(), value).flags(xattr_flags(args)))
    });
    /// The same without following a last symbolic link: lsetxattr(2).
    /// Errors: those of lsetxattr(2).
    74 ioaio_lsetxattr(dirfd, path, name, src, len, flags) |aio, args| args.value().map(|value| {
        args.at(aio.lsetxattr(args.path(), args.name(), value).flags(xattr_flags(args)))
    });
    /// The same of an open file: fsetxattr(2).
    /// Errors: those of fsetxattr(2).
    75 ioaio_fsetxattr(fd, name, src, len, flags) |aio, args| args.value().map(|value| {
        aio.fsetxattr(&args.file(), args.name(), value).flags(xattr_flags(args))
    });
    /// The names of the extended attributes: listxattr(2). data are len bytes, with a NUL after each name.
    /// Errors: those of listxattr(2).
    76 ioaio_listxattr(dirfd, path) |aio, args| args.at(aio.listxattr(args.path()));
    /// The same without following a last symbolic link: llistxattr(2).
    /// Errors: those of llistxattr(2).
    77 ioaio_llistxattr(dirfd, path) |aio, args| args.at(aio.llistxattr(args.path()));
    /// The same of an open file: flistxattr(2).
    /// Errors: those of flistxattr(2).
    78 ioaio_flistxattr(fd) |aio, args| aio.flistxattr(&args.file());
    /// Removes an extended attribute: removexattr(2).
    /// Errors: those of removexattr(2).
    79 ioaio_removexattr(dirfd, path, name) |aio, args| {
        args.at(aio.removexattr(args.path(), args.name()))
    };
    /// The same without following a last symbolic link: lremovexattr(2).
    /// Errors: those of lremovexattr(2).
    80 ioaio_lremovexattr(dirfd, path, name) |aio, args| {
        args.at(aio.lremovexattr(args.path(), args.name()))
    };
    /// The same of an open file: fremovexattr(2).
    /// Errors: those of fremovexattr(2).
    81 ioaio_fremovexattr(fd, name) |aio, args| aio.fremovexattr(&args.file(), args.name());
}

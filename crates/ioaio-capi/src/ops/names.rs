//! Names: making, linking, renaming and removing them, and listing directories.

use engine::RenameFlags;

use crate::options::{DIRS_FIRST, KINDS, STAT_ORDER, kind};

ops! {
    /// Removes a name: unlink(2).
    /// Errors: those of unlink(2).
    11 ioaio_unlink(dirfd, path) |aio, args| args.at(aio.unlink(args.path()));
    /// Lists a directory, without . and .. : getdents64(2). flags: IOAIO_DIRS_FIRST, IOAIO_STAT_ORDER,
    /// IOAIO_KINDS. A last symbolic link is not followed, unless a slash comes after it. data are len
    /// struct ioaio_dirent.
    /// Errors: those of open(2) and getdents64(2); EINVAL for flags that it does not know.
    14 ioaio_read_dir(dirfd, path, flags) |aio, args| {
        args.only(DIRS_FIRST | STAT_ORDER | KINDS).map(|flags| {
            let request = aio.read_dir(args.path()).dirs_first(flags.has(DIRS_FIRST));
            args.at(request.stat_order(flags.has(STAT_ORDER)).kinds(flags.has(KINDS)))
        })
    };
    /// Removes an empty directory: rmdir(2).
    /// Errors: those of rmdir(2).
    33 ioaio_rmdir(dirfd, path) |aio, args| args.at(aio.rmdir(args.path()));
    /// Makes a directory: mkdir(2).
    /// Errors: those of mkdir(2).
    34 ioaio_mkdir(dirfd, path, mode) |aio, args| {
        args.at(aio.mkdir(args.path()).mode(args.permissions()))
    };
    /// Makes a file of any kind that has one: mknod(2).
    /// Errors: those of mknod(2).
    35 ioaio_mknod(dirfd, path, mode, dev) |aio, args| {
        let node = aio.mknod(args.path(), kind(args.mode)).mode(args.permissions());
        args.at(node.device(libc::major(args.dev), libc::minor(args.dev)))
    };
    /// Gives a file a second name: link(2). A last symbolic link is not followed.
    /// Errors: those of link(2).
    36 ioaio_link(dirfd, path, dirfd2, path2) |aio, args| {
        args.at_both(aio.link(args.path(), args.path2()))
    };
    /// Makes a symbolic link with this text: symlink(2).
    /// Errors: those of symlink(2).
    37 ioaio_symlink(path2, dirfd, path) |aio, args| args.at(aio.symlink(args.path2(), args.path()));
    /// Renames: renameat2(2), with its RENAME_... flags.
    /// Errors: those of renameat2(2), of which EINVAL means also flags that the file system does not know.
    38 ioaio_rename(dirfd, path, dirfd2, path2, flags) |aio, args| {
        let flags = RenameFlags::from_bits_retain(args.flags as u32);
        args.at_both(aio.rename(args.path(), args.path2()).flags(flags))
    };
    /// The text of a symbolic link: readlink(2). data are len bytes and a NUL.
    /// Errors: those of readlink(2).
    39 ioaio_readlink(dirfd, path) |aio, args| args.at(aio.readlink(args.path()));
    /// The path without symbolic links: realpath(3). data are len bytes and a NUL.
    /// Errors: those of realpath(3).
    40 ioaio_realpath(dirfd, path) |aio, args| args.at(aio.realpath(args.path()));
    /// Gives an open file, also one without a name, a name: linkat(2).
    /// Errors: those of linkat(2).
    66 ioaio_link_file(fd, dirfd, path) |aio, args| args.at(aio.link_file(&args.file(), args.path()));
    /// Makes a directory and what it is in, where they are missing, as mkdir -p.
    /// Errors: those of mkdir(2); EEXIST if the last name is something else, ENOTDIR if one before is.
    67 ioaio_mkdir_all(dirfd, path, mode) |aio, args| {
        args.at(aio.mkdir_all(args.path()).mode(args.permissions()))
    };
    /// Makes a directory of a new name: mkdtemp(3). The path ends with XXXXXX, for which the name has something
    /// else. data are len bytes, the path, and a NUL.
    /// Errors: those of mkdir(2); EINVAL for another path.
    94 ioaio_mkdtemp(dirfd, path) |aio, args| args.at(aio.mkdtemp(args.path()));
    /// Makes a file of a new name, and opens it for reading and writing: mkstemp(3). The path ends with XXXXXX, for
    /// which the name has something else. The result is the descriptor, which is close-on-exec; without a callback
    /// it is closed. data are len bytes, the path, and a NUL.
    /// Errors: those of open(2); EINVAL for another path.
    95 ioaio_mkstemp(dirfd, path) |aio, args| args.at(aio.mkstemp(args.path()));
}

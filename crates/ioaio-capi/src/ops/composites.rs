//! Requests that are many system calls. Where they fail, the result also has the call and the path.

use std::time::Duration;

use crate::options::{
    DURABLE, FOLLOW, IN_PLACE, KEEP, KEEP_GOING, NO_FOLLOW, NO_REPLACE, ONE_FILE_SYSTEM, SPECIAL,
    WRITE_THROUGH,
};

ops! {
    /// The whole of a file. data are len bytes.
    /// Errors: those of open(2) and read(2).
    41 ioaio_load(dirfd, path) |aio, args| args.at(aio.load(args.path()));
    /// A part of a file, from off on and at most len bytes. data are len bytes.
    /// Errors: those of open(2) and pread(2); EINVAL for an offset below 0.
    42 ioaio_load_part(dirfd, path, off, len) |aio, args| {
        args.at(aio.load(args.path()).offset(args.off as u64).limit(args.len as u64).truncate(true))
    };
    /// Copies a file with its attributes, all or nothing: IOAIO_NO_FOLLOW, IOAIO_SPECIAL, IOAIO_NO_REPLACE and
    /// IOAIO_DURABLE in flags, and for what is then not all or nothing IOAIO_WRITE_THROUGH and IOAIO_IN_PLACE.
    /// Blocks are shared where the file system can. A symbolic link at the target is followed, and a device or FIFO
    /// written into. The result is its length in bytes.
    /// Errors: those of the calls that it makes; EISDIR for a directory; EINVAL for a FIFO, socket or device without
    /// IOAIO_SPECIAL, and for flags that it does not know.
    43 ioaio_copy(dirfd, path, dirfd2, path2, flags, progress) |aio, args| {
        let known = NO_FOLLOW | SPECIAL | NO_REPLACE | DURABLE | WRITE_THROUGH | IN_PLACE;
        args.only_with_leftovers(known).map(|(flags, leftovers)| {
            let request = aio.copy(args.path(), args.path2()).follow(!flags.has(NO_FOLLOW));
            let request = request.special(flags.has(SPECIAL)).replace(!flags.has(NO_REPLACE));
            let request = request.write_through(flags.has(WRITE_THROUGH)).in_place(flags.has(IN_PLACE));
            let request = cleaned(request, leftovers, |request, age| request.remove_leftovers(age));
            args.at_both(request.durable(flags.has(DURABLE)).progress(&args.progress()))
        })
    };
    /// Renames, or copies and removes where the devices differ: IOAIO_NO_REPLACE in flags.
    /// Errors: those of rename(2), of ioaio_copy_tree and of ioaio_remove_tree; EEXIST for a directory that is moved
    /// to another device onto something; EBUSY where somebody changes the source meanwhile; EINVAL for flags that it
    /// does not know.
    44 ioaio_move(dirfd, path, dirfd2, path2, flags, progress) |aio, args| {
        args.only_with_leftovers(NO_REPLACE).map(|(flags, leftovers)| {
            let request = aio.move_to(args.path(), args.path2()).replace(!flags.has(NO_REPLACE));
            let request = cleaned(request, leftovers, |request, age| request.remove_leftovers(age));
            args.at_both(request.progress(&args.progress()))
        })
    };
    /// Writes the data and metadata of what a path names to the device.
    /// Errors: those of open(2) and fsync(2).
    45 ioaio_pathsync(dirfd, path) |aio, args| args.at(aio.pathsync(args.path()));
    /// Replaces a file's contents, all or nothing: IOAIO_DURABLE, IOAIO_NO_REPLACE, IOAIO_KEEP and IOAIO_FOLLOW in
    /// flags, and for what is then not all or nothing IOAIO_WRITE_THROUGH and IOAIO_IN_PLACE. mode is that of a
    /// file where there was none, less the umask; one that is replaced hands on its mode, and its owner and ACLs
    /// where the caller may set them.
    /// Errors: those of the calls that it makes; ELOOP for a symbolic link without IOAIO_FOLLOW; EISDIR for a
    /// directory; EINVAL for a FIFO, socket or device without IOAIO_WRITE_THROUGH, and for flags that it does not
    /// know; ENXIO for a FIFO that is to be written into and has no reader.
    89 ioaio_save(dirfd, path, src, len, mode, flags) |aio, args| {
        let known = DURABLE | NO_REPLACE | KEEP | FOLLOW | WRITE_THROUGH | IN_PLACE;
        args.only_with_leftovers(known).map(|(flags, leftovers)| {
            let request = aio.save(args.path(), args.source()).new_mode(args.permissions());
            let request = request.keep(flags.has(KEEP)).replace(!flags.has(NO_REPLACE)).follow(flags.has(FOLLOW));
            let request = request.write_through(flags.has(WRITE_THROUGH)).in_place(flags.has(IN_PLACE));
            let request = cleaned(request, leftovers, |request, age| request.remove_leftovers(age));
            args.at(request.durable(flags.has(DURABLE)))
        })
    };
    /// Copies a tree with all attributes, as one: IOAIO_DURABLE, IOAIO_ONE_FILE_SYSTEM and IOAIO_KEEP_GOING in
    /// flags. The result is how much could not be copied, which is only with IOAIO_KEEP_GOING not 0; data are len
    /// struct ioaio_failure, the first thousand of them; not_kept is what the copy is without.
    /// Errors: those of the calls that it makes; EEXIST for a target that is there; EINVAL for flags that it does
    /// not know.
    90 ioaio_copy_tree(dirfd, path, dirfd2, path2, flags, progress) |aio, args| {
        args.only_with_leftovers(DURABLE | ONE_FILE_SYSTEM | KEEP_GOING).map(|(flags, leftovers)| {
            let request = aio.copy_tree(args.path(), args.path2()).durable(flags.has(DURABLE));
            let request = cleaned(request, leftovers, |request, age| request.remove_leftovers(age));
            let request = request.one_file_system(flags.has(ONE_FILE_SYSTEM));
            args.at_both(request.keep_going(flags.has(KEEP_GOING)).progress(&args.progress()))
        })
    };
    /// Removes a directory with all that is in it: IOAIO_ONE_FILE_SYSTEM in flags.
    /// Errors: those of the calls that it makes; ENOTDIR for what is no directory; EINVAL for flags that it does not
    /// know.
    91 ioaio_remove_tree(dirfd, path, flags, progress) |aio, args| {
        args.only(ONE_FILE_SYSTEM).map(|flags| {
            let request = aio.remove_tree(args.path()).one_file_system(flags.has(ONE_FILE_SYSTEM));
            args.at(request.progress(&args.progress()))
        })
    };
    /// Lists a directory with the kinds of all names: directories, as many as the result says, then the rest.
    /// data are len struct ioaio_dirent.
    /// Errors: those of ioaio_read_dir.
    92 ioaio_scan(dirfd, path) |aio, args| args.at(aio.scan(args.path()));
    /// What a tree takes: IOAIO_ONE_FILE_SYSTEM in flags. data is a struct ioaio_usage.
    /// Errors: those of lstat(2) of the path itself; what is below it and cannot be looked at is counted. EINVAL for
    /// flags that it does not know.
    93 ioaio_du(dirfd, path, flags, progress) |aio, args| {
        args.only(ONE_FILE_SYSTEM).map(|flags| {
            let request = aio.du(args.path()).one_file_system(flags.has(ONE_FILE_SYSTEM));
            args.at(request.progress(&args.progress()))
        })
    };
}

/// Has a request remove leftovers if it is asked to.
fn cleaned<R>(request: R, age: Option<Duration>, remove: impl FnOnce(R, Duration) -> R) -> R {
    match age {
        Some(age) => remove(request, age),
        None => request,
    }
}

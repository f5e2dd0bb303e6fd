//! Options of the library's own, and numbers of system calls as the Rust library names them.

use std::ffi::c_int;

use engine::{Advice, FileType, LockKind, StatxSync};

use crate::refused::{INVAL, Refused};

macro_rules! options {
    ($($(#[doc = $doc:literal])* $name:ident = $value:literal;)*) => {
        $($(#[doc = $doc])* pub(crate) const $name: c_int = $value;)*

        /// Name, value and description of each, for the header.
        pub(crate) const OPTIONS: &[(&str, c_int, &str)] =
            &[$((stringify!($name), $value, concat!($($doc),*).trim_ascii())),*];
    };
}

// Each has a bit of its own, so that none is taken for another's.
options! {
    /// ioaio_read_dir: directories before the rest
    DIRS_FIRST = 0x1;
    /// ioaio_read_dir: sorted by inode number
    STAT_ORDER = 0x2;
    /// ioaio_read_dir: also asks for the kinds that the directory does not tell
    KINDS = 0x4;
    /// ioaio_save, ioaio_copy, ioaio_copy_tree: on the device before it is done
    DURABLE = 0x8;
    /// ioaio_save, ioaio_copy, ioaio_move: EEXIST where there is something of that name
    NO_REPLACE = 0x10;
    /// ioaio_copy_tree, ioaio_remove_tree, ioaio_du, ioaio_walk_new: no mount point is crossed
    ONE_FILE_SYSTEM = 0x20;
    /// ioaio_copy: a symbolic link is copied as one
    NO_FOLLOW = 0x40;
    /// ioaio_copy: a FIFO, socket or device is made anew instead of refused
    SPECIAL = 0x80;
    /// ioaio_save: the extended attributes of a file that is replaced are kept as well
    KEEP = 0x100;
    /// ioaio_copy_tree: what can't be copied is left out, and told
    KEEP_GOING = 0x200;
    /// ioaio_walk_new: asks lstat(2) of all that is found
    METADATA = 0x400;
    /// ioaio_walk_new: in the order of the names
    SORTED = 0x800;
    /// ioaio_mtouch: also for writing
    MODIFY = 0x1000;
    /// ioaio_save, ioaio_copy: into what is there, whatever it is, also a device or a FIFO
    WRITE_THROUGH = 0x2000;
    /// ioaio_save, ioaio_copy: into the file that is there where it can't be replaced
    IN_PLACE = 0x4000;
    /// ioaio_save: a symbolic link is followed; without it, it is ELOOP
    FOLLOW = 0x8000;
}

/// The kind of file in a mode, where 0 is a regular one, as for mknod(2).
pub(crate) fn kind(mode: u32) -> FileType {
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

pub(crate) fn advice(number: c_int) -> Result<Advice, Refused> {
    Ok(match number {
        libc::POSIX_FADV_NORMAL => Advice::Normal,
        libc::POSIX_FADV_SEQUENTIAL => Advice::Sequential,
        libc::POSIX_FADV_RANDOM => Advice::Random,
        libc::POSIX_FADV_NOREUSE => Advice::NoReuse,
        libc::POSIX_FADV_WILLNEED => Advice::WillNeed,
        libc::POSIX_FADV_DONTNEED => Advice::DontNeed,
        _ => return Err(INVAL),
    })
}

/// What flags of flock(2) ask for, and whether to wait for it.
pub(crate) fn lock(flags: c_int) -> Result<(LockKind, bool), Refused> {
    let kind = match flags & !libc::LOCK_NB {
        libc::LOCK_SH => LockKind::Shared,
        libc::LOCK_EX => LockKind::Exclusive,
        libc::LOCK_UN => LockKind::Unlock,
        _ => return Err(INVAL),
    };
    Ok((kind, flags & libc::LOCK_NB == 0))
}

pub(crate) fn statx_sync(flags: c_int) -> Result<StatxSync, Refused> {
    match flags & libc::AT_STATX_SYNC_TYPE {
        0 => Ok(StatxSync::AsStat),
        libc::AT_STATX_FORCE_SYNC => Ok(StatxSync::Force),
        libc::AT_STATX_DONT_SYNC => Ok(StatxSync::Dont),
        _ => Err(INVAL),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_option_is_another_one() {
        let all = super::OPTIONS.iter().fold(0, |all, (name, value, _)| {
            assert!(value.count_ones() == 1 && all & value == 0, "{name}");
            all | value
        });
        assert_eq!(all.count_ones() as usize, super::OPTIONS.len());
    }
}

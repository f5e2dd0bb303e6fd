//! Which mounts answer from memory without asking anyone: FUSE and network file systems can hang
//! on calls that are instant elsewhere, so only mounts known to be local go inline.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::RwLock;

use rustix::fs::{AtFlags, Statx, StatxFlags};

/// Unique mount ids (Linux 6.8) are never used again, so an entry cannot go stale.
const MNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

static MOUNTS: RwLock<Option<HashMap<u64, bool>>> = RwLock::new(None);

/// ext2/3/4, xfs, btrfs, tmpfs, overlayfs, f2fs, ramfs, bcachefs, squashfs, erofs.
const LOCAL: [u64; 10] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0x0102_1994,
    0x794C_7630,
    0xF2F5_2010,
    0x8584_58F6,
    0xCA45_1A4E,
    0x7371_7368,
    0xE0F5_E1E2,
];

/// What is known of the mount in `st`, a result of `statx` with [`mask`].
pub(crate) fn of(st: &Statx) -> Option<bool> {
    if st.stx_mask & MNT_ID_UNIQUE.bits() == 0 {
        return Some(false); // before Linux 6.8 a mount id may come back as another mount
    }
    MOUNTS.read().ok()?.as_ref()?.get(&st.stx_mnt_id).copied()
}

/// What to ask `statx` for besides the caller's own fields.
pub(crate) fn mask() -> StatxFlags {
    MNT_ID_UNIQUE
}

fn stat(fd: BorrowedFd<'_>) -> Option<Statx> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    rustix::fs::statx(fd, c"", flags, StatxFlags::TYPE | MNT_ID_UNIQUE).ok()
}

/// How an open file answers.
pub(crate) enum Kind {
    /// A regular file or directory of a local file system.
    Local,
    /// A pipe, a socket, a character device: it may have no positions, and may wait for a peer.
    Stream,
    /// Whatever else: it may wait for anything.
    Slow,
}

/// What a file is, `None` while its mount is not known. Never waits.
pub(crate) fn look(fd: BorrowedFd<'_>) -> Option<Kind> {
    let st = stat(fd)?;
    match u32::from(st.stx_mode) & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Some(if of(&st)? { Kind::Local } else { Kind::Slow }),
        libc::S_IFBLK => Some(Kind::Slow),
        _ => Some(Kind::Stream),
    }
}

/// Whether a file can be closed without being freed. Never waits on a local file system.
pub(crate) fn has_name(fd: BorrowedFd<'_>) -> bool {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    rustix::fs::statx(fd, c"", flags, StatxFlags::NLINK).is_ok_and(|st| st.stx_nlink > 0)
}

/// Asks the file system itself; may wait, so only on a worker.
pub(crate) fn learn(fd: BorrowedFd<'_>) {
    let Some(st) = stat(fd) else { return };
    if of(&st).is_some() {
        return;
    }
    let Ok(fs) = rustix::fs::fstatfs(fd) else { return };
    let local = LOCAL.contains(&(fs.f_type as u64));
    if let Ok(mut mounts) = MOUNTS.write() {
        let mounts = mounts.get_or_insert_default();
        if mounts.len() < 4096 {
            mounts.insert(st.stx_mnt_id, local);
        }
    }
}

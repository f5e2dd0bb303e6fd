//! Which mounts answer from memory without asking anyone: FUSE and network file systems can hang
//! on calls that are instant elsewhere, so only mounts known to be local go inline.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom, Statx, StatxFlags};
use rustix::io::Errno;

use super::mountinfo;

/// Unique mount ids (Linux 6.8) are never used again, so an entry cannot go stale.
const MNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

static MOUNTS: Mounts = Mounts::new();

/// Mounts and whether they are local, in a table without a lock: a child that is forked while another
/// thread learns finds no lock that nobody will ever open. An entry is an id with one bit more; 0 is none.
struct Mounts([AtomicU64; Mounts::SLOTS]);

impl Mounts {
    const SLOTS: usize = 1024;
    /// How far from its own slot an entry may be; where all of these are taken, the mount stays unknown.
    const REACH: usize = 32;

    const fn new() -> Self {
        Mounts([const { AtomicU64::new(0) }; Self::SLOTS])
    }
    /// The kernel counts them from 2^31 on. Who stands in for it may not: qemu-user gives 0 for all.
    fn can_hold(id: u64) -> bool {
        id != 0 && id < 1 << 63
    }
    fn slots(&self, id: u64) -> impl Iterator<Item = &AtomicU64> {
        (0..Self::REACH as u64).map(move |i| &self.0[((id + i) % Self::SLOTS as u64) as usize])
    }
    fn get(&self, id: u64) -> Option<bool> {
        let entries = self.slots(id).map(|slot| slot.load(Ordering::Relaxed));
        entries.take_while(|entry| *entry != 0).find(|entry| entry >> 1 == id).map(|entry| entry & 1 == 1)
    }
    fn insert(&self, id: u64, local: bool) {
        if !Self::can_hold(id) {
            return;
        }
        for slot in self.slots(id) {
            let set =
                slot.compare_exchange(0, id << 1 | u64::from(local), Ordering::Relaxed, Ordering::Relaxed);
            if set.map_or_else(|entry| entry >> 1 == id, |_| true) {
                return;
            }
        }
    }
}

/// File systems that ask nobody but a device: the number by which `statfs(2)` tells them, and their names.
const LOCAL: [(u64, &[&[u8]]); 9] = [
    (0xEF53, &[b"ext2", b"ext3", b"ext4"]),
    (0x5846_5342, &[b"xfs"]),
    (0x9123_683E, &[b"btrfs"]),
    (0x0102_1994, &[b"tmpfs"]),
    (0xF2F5_2010, &[b"f2fs"]),
    (0x8584_58F6, &[b"ramfs"]),
    (0xCA45_1A4E, &[b"bcachefs"]),
    (0x7371_7368, &[b"squashfs"]),
    (0xE0F5_E1E2, &[b"erofs"]),
];

/// One of other file systems.
const OVERLAY: (u64, &[u8]) = (0x794C_7630, b"overlay");

/// No overlay is made of overlays that are made of overlays: the kernel's `FILESYSTEM_MAX_STACK_DEPTH`.
const MAX_DEPTH: u32 = 2;

/// What is known of the mount in `st`, a result of `statx` with [`mask`].
pub(crate) fn is_local(st: &Statx) -> Option<bool> {
    if st.stx_mask & MNT_ID_UNIQUE.bits() == 0 {
        return Some(false); // before Linux 6.8 a mount id may come back as another mount
    }
    if !Mounts::can_hold(st.stx_mnt_id) {
        return Some(false);
    }
    MOUNTS.get(st.stx_mnt_id)
}

/// What to ask `statx` for besides the caller's own fields.
pub(crate) fn mask() -> StatxFlags {
    MNT_ID_UNIQUE
}

/// `None` where a filter refuses `statx(2)`, or before Linux 4.11.
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
pub(crate) fn kind_of(fd: BorrowedFd<'_>) -> Option<Kind> {
    let Some(st) = stat(fd) else {
        // `fstat(2)` may wait for a server. This asks no file system, and fails for what has no positions.
        let has_position = rustix::fs::seek(fd, SeekFrom::Current(0)) != Err(Errno::SPIPE);
        return Some(if has_position { Kind::Slow } else { Kind::Stream });
    };
    match u32::from(st.stx_mode) & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Some(if is_local(&st)? { Kind::Local } else { Kind::Slow }),
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
    if is_local(&st).is_some() {
        return;
    }
    let Ok(fs) = rustix::fs::fstatfs(fd) else { return };
    #[allow(clippy::unnecessary_cast, reason = "the types differ from machine to machine")]
    let local = match fs.f_type as u64 {
        kind if kind == OVERLAY.0 => overlay_is_local(fd),
        kind => LOCAL.iter().any(|(number, _)| *number == kind),
    };
    MOUNTS.insert(st.stx_mnt_id, local);
}

/// Whether all layers of the overlay that a file is on are known to be local: a call on its files may go to any of
/// them. They are known by the paths that were given when it was mounted. Those of a container are not: its process
/// cannot see them.
fn overlay_is_local(fd: BorrowedFd<'_>) -> bool {
    let Some(mounts) = mountinfo::Mounts::read() else { return false };
    // The number is that mount's as long as the file is open.
    let mount = mount_id(fd).and_then(|id| mounts.by_id(id));
    mount.is_some_and(|mount| layers_are_local(&mounts, mount, MAX_DEPTH))
}

fn layers_are_local(mounts: &mountinfo::Mounts, overlay: &mountinfo::Mount, depth: u32) -> bool {
    let Some(layers) = overlay.layers() else { return false };
    depth > 0
        && layers.iter().all(|path| {
            // Only then is the path looked up, which would wait for a server that does not answer.
            let plainly = mounts.above(path).is_some_and(|mount| is_local_kind(mount) || is_overlay(mount));
            let mount = plainly.then(|| mount_of(path)).flatten().and_then(|id| mounts.by_id(id));
            mount.is_some_and(|mount| match is_overlay(mount) {
                true => layers_are_local(mounts, mount, depth - 1),
                false => is_local_kind(mount),
            })
        })
}

fn is_overlay(mount: &mountinfo::Mount) -> bool {
    mount.kind() == OVERLAY.1
}
fn is_local_kind(mount: &mountinfo::Mount) -> bool {
    LOCAL.iter().any(|(_, names)| names.contains(&mount.kind()))
}

/// The number of the mount that a path leads to.
fn mount_of(path: &Path) -> Option<u64> {
    let fd = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    mount_id(fd.as_fd())
}
fn mount_id(fd: BorrowedFd<'_>) -> Option<u64> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let st = rustix::fs::statx(fd, c"", flags, StatxFlags::MNT_ID).ok()?;
    (st.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(st.stx_mnt_id)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sys::statx::zeroed_statx;

    #[test]
    fn what_was_learned_of_mounts_is_known() {
        let mounts = Mounts::new();
        let ids = (1 << 31..).step_by(7).take(400);
        for id in ids.clone() {
            assert_eq!(mounts.get(id), None);
            mounts.insert(id, id % 2 == 0);
            mounts.insert(id, id % 2 == 1);
        }
        assert!(ids.clone().all(|id| mounts.get(id) == Some(id % 2 == 0)));
    }

    #[test]
    fn a_number_that_no_kernel_gives_is_not_local() {
        let mounts = Mounts::new();
        for id in [0, 1 << 63, u64::MAX] {
            mounts.insert(id, true);
            assert_eq!(mounts.get(id), None);
            let mut st = zeroed_statx();
            (st.stx_mask, st.stx_mnt_id) = (MNT_ID_UNIQUE.bits(), id);
            assert_eq!(is_local(&st), Some(false));
        }
    }

    #[test]
    fn more_mounts_than_there_is_room_for_stay_unknown() {
        let mounts = Mounts::new();
        let ids = (1 << 31..).take(3 * Mounts::SLOTS);
        ids.clone().for_each(|id| mounts.insert(id, true));
        let known = ids.filter(|id| mounts.get(*id) == Some(true)).count();
        assert_eq!(known, Mounts::SLOTS);
    }
}

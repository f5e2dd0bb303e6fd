//! What a move has copied, and as what: only that is removed, and only if it still is the same.

use std::collections::HashSet;
use std::ffi::CStr;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Statx, StatxTimestamp};
use rustix::io::Errno;

use crate::composite::base::attributes::{Object, kind, name_of, sized};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::special::hold;
use crate::composite::base::temp::is;
use crate::composite::base::tree_dir::{Id, id};
use crate::values::error::Error;

const SHARDS: usize = 16;
/// Twice the longest.
const TICK: Duration = Duration::from_millis(20);

/// Where something has its name: in a directory, or nowhere in particular for what was named by the caller.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) dir: Option<Id>,
    pub(crate) name: &'a CStr,
}

/// A fingerprint of each entry, of 8 bytes: about 16 MB of memory for a million of them.
#[derive(Debug)]
pub(crate) struct Seen {
    hasher: RandomState,
    fingerprints: [Mutex<HashSet<u64>>; SHARDS],
    ctime: bool,
}

/// File systems that keep no time of change, or make one up: it may differ although nothing was changed.
/// vfat, exFAT, FUSE, SMB (two), 9p.
const WITHOUT_CTIME: [i128; 6] = [0x4d44, 0x2011_bab0, 0x6573_5546, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

impl Seen {
    /// `top` is something in the file system of the source.
    pub(crate) fn new(top: BorrowedFd<'_>) -> Self {
        let magic = rustix::fs::fstatfs(top).map_or(0, |fs| i128::from(fs.f_type) & 0xffff_ffff);
        let fingerprints = std::array::from_fn(|_| Mutex::default());
        Seen { hasher: RandomState::new(), fingerprints, ctime: !WITHOUT_CTIME.contains(&magic) }
    }
    /// To be called with what is known before anything of it is read.
    pub(crate) fn add(
        &self,
        calls: Calls<'_>,
        place: &dyn Place,
        spot: Spot<'_>,
        st: &Statx,
        object: Object<'_>,
    ) -> Result<(), Error> {
        wait_for_the_next_tick(st);
        let print = match self.changes_with_its_names(st) {
            false => self.print(spot, st, Rest::Ctime(time(st.stx_ctime))),
            true => self.print(spot, st, Rest::Xattrs(self.xattrs(calls, place, object)?)),
        };
        let mut prints = self.shard(print).lock().expect("seen");
        prints.insert(print);
        Ok(())
    }
    /// Whether it was copied as what it is now.
    pub(crate) fn has(
        &self,
        calls: Calls<'_>,
        place: &dyn Place,
        spot: Spot<'_>,
        st: &Statx,
        found: (BorrowedFd<'_>, &CStr),
    ) -> Result<bool, Error> {
        let known = |print| self.shard(print).lock().expect("seen").contains(&print);
        if known(self.print(spot, st, Rest::Ctime(time(st.stx_ctime)))) {
            return Ok(true);
        }
        let held = calls.finally("openat", place, || hold(found.0, found.1))?;
        let xattrs = self.xattrs(calls, place, Object::Held(held.as_fd()))?;
        Ok(known(self.print(spot, st, Rest::Xattrs(xattrs))))
    }
    /// A file with several names is changed by the removal of each of them.
    fn changes_with_its_names(&self, st: &Statx) -> bool {
        !self.ctime || (kind(st) != FileType::Directory && st.stx_nlink > 1)
    }
    fn shard(&self, print: u64) -> &Mutex<HashSet<u64>> {
        &self.fingerprints[print as usize % SHARDS]
    }
    fn print(&self, spot: Spot<'_>, st: &Statx, rest: Rest) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (spot.dir, spot.name, id(st), rest).hash(&mut hasher);
        (st.stx_mode, st.stx_uid, st.stx_gid, st.stx_rdev_major, st.stx_rdev_minor).hash(&mut hasher);
        (st.stx_size, time(st.stx_mtime)).hash(&mut hasher);
        hasher.finish()
    }
    fn xattrs(&self, calls: Calls<'_>, place: &dyn Place, object: Object<'_>) -> Result<u64, Error> {
        let mut hasher = self.hasher.build_hasher();
        // What may not be read was not copied either.
        let hidden =
            [Errno::OPNOTSUPP, Errno::NOSYS, Errno::PERM, Errno::ACCESS, Errno::NOENT, Errno::NODATA];
        let list = match sized(|buf| calls.finally("flistxattr", place, || object.list(buf))) {
            Err(e) if is(&e, &hidden) => Vec::new(),
            list => list?,
        };
        for name in list.split_inclusive(|&b| b == 0).map(name_of) {
            match sized(|buf| calls.finally("fgetxattr", place, || object.get(name, buf))) {
                Err(e) if is(&e, &hidden) => {}
                value => (name, value?).hash(&mut hasher),
            }
        }
        Ok(hasher.finish())
    }
}

/// Before Linux 6.13 times of change come from a clock that ticks every 10 ms at the slowest. A change in the tick
/// of the last one would not be seen, so that tick has to be over before the contents are read.
fn wait_for_the_next_tick(st: &Statx) {
    let changed = Duration::from_secs(st.stx_ctime.tv_sec.try_into().unwrap_or(0))
        + Duration::from_nanos(st.stx_ctime.tv_nsec.into());
    let since = SystemTime::now().duration_since(UNIX_EPOCH + changed);
    // A time to come is one of another clock.
    if let Some(rest) = since.ok().and_then(|since| TICK.checked_sub(since)) {
        std::thread::sleep(rest);
    }
}

/// What tells that nothing else was changed.
#[derive(Hash)]
enum Rest {
    Ctime((i64, u32)),
    /// A hash of names and values, where the time of change tells nothing.
    Xattrs(u64),
}

fn time(t: StatxTimestamp) -> (i64, u32) {
    (t.tv_sec, t.tv_nsec)
}

//! What a kill or a crash has left behind under a temporary name.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Statx};
use rustix::io::Errno;

use crate::composite::base::attributes::{kind, stat_name};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::discard::Remover;
use crate::composite::base::temp::is;
use crate::values::error::Error;
use crate::values::listing;

/// Names of ours: this, and 16 hexadecimal digits.
pub(crate) const PREFIX: &str = ".ioaio-";
const DIGITS: usize = 16;

/// Tells others that what has a temporary name is being worked on. Where there are no locks, its age tells.
pub(crate) fn hold(file: BorrowedFd<'_>) {
    let _ = rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes from a directory what we have left in it: what has a temporary name, is the caller's own, was not
/// changed for a while, and is held by nobody. What cannot be removed stays.
pub(crate) fn remove(
    calls: Calls<'_>,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    age: Duration,
) -> Result<(), Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let again = match calls.step("openat", place, || rustix::fs::openat(dir, c".", flags, Mode::empty())) {
        // Nothing can be found in what may not be read.
        Err(e) if is(&e, &[Errno::ACCESS]) => return Ok(()),
        again => again?,
    };
    let mut names = Vec::new();
    calls.step("getdents64", place, || {
        listing::read_all(&again, |entry| {
            names.extend(is_temporary(entry.name).map(CStr::to_owned));
            Ok(())
        })
    })?;
    for name in names {
        if let Ok(st) = stat_name(dir, &name)
            && is_abandoned(&st, age)
            && let Some(_held) = taken_over(dir, &name, &st)
        {
            let _ = match kind(&st) {
                FileType::Directory => Remover { calls, place }.discard(dir, &name),
                _ => calls.step("unlinkat", place, || rustix::fs::unlinkat(dir, &name, AtFlags::empty())),
            };
        }
    }
    Ok(())
}

fn is_temporary(name: &CStr) -> Option<&CStr> {
    let digits = name.to_bytes().strip_prefix(PREFIX.as_bytes())?;
    let ours = digits.len() == DIGITS && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    ours.then_some(name)
}

fn is_abandoned(st: &Statx, age: Duration) -> bool {
    let seconds = Duration::from_secs(st.stx_ctime.tv_sec.try_into().unwrap_or(0));
    let changed = UNIX_EPOCH + seconds + Duration::from_nanos(st.stx_ctime.tv_nsec.into());
    // A time to come is one of another clock.
    let since = SystemTime::now().duration_since(changed).unwrap_or_default();
    st.stx_uid == rustix::process::geteuid().as_raw() && since >= age
}

/// Holds a lock on it as long as it is there; `None` if somebody else has one. Links and special files, which
/// are not opened, have their temporary names for a moment only, so that their age is enough.
fn taken_over(dir: BorrowedFd<'_>, name: &CStr, st: &Statx) -> Option<Option<OwnedFd>> {
    if !matches!(kind(st), FileType::RegularFile | FileType::Directory) {
        return Some(None);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::empty()).ok()?;
    rustix::fs::flock(file.as_fd(), FlockOperation::NonBlockingLockShared).ok()?;
    Some(Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_temporary() {
        assert!(is_temporary(crate::composite::base::temp::temp_name().as_c_str()).is_some());
        for name in
            [c".ioaio-", c".ioaio-0123456789abcde", c".ioaio-0123456789abcdeg", c"ioaio-0123456789abcdef"]
        {
            assert_eq!(is_temporary(name), None, "{name:?}");
        }
    }
}

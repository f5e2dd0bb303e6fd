//! The contents of one file into another: shared blocks where the file system has them, else copied
//! in the kernel, else through memory. Holes stay holes.

use std::cell::RefCell;
use std::sync::Mutex;

use rustix::fs::{Advice, SeekFrom, Statx};
use rustix::io::Errno;

use crate::composite::base::attributes::Pair;
use crate::composite::base::existing::write_all;
use crate::composite::base::progress::Progress;
use crate::composite::base::temp::is;
use crate::values::error::Error;

/// What is copied between two looks for a cancel.
const CHUNK: u64 = 16 << 20;
/// Passed through memory at once; small enough for a core's cache.
const BUFFER: usize = 256 * 1024;
/// Smaller files are quicker through memory.
const SMALL: u64 = 64 * 1024;

/// What the file systems are still believed to do; shared by the files of a tree. A tree may have files of
/// several devices in it, and what one of them refuses the next one may do.
pub(crate) struct Contents(Mutex<Vec<Refused>>);

/// What a device of the source has refused.
#[derive(Clone, Copy)]
struct Refused {
    device: (u32, u32),
    clone: bool,
    copy: bool,
}

/// Devices that are remembered; of any more, every file is tried.
const DEVICES: usize = 64;

impl Contents {
    pub(crate) fn new() -> Self {
        Contents(Mutex::default())
    }
    fn refused(&self, device: (u32, u32)) -> Refused {
        let known = self.0.lock().expect("contents");
        let refused = known.iter().find(|refused| refused.device == device);
        refused.copied().unwrap_or(Refused { device, clone: false, copy: false })
    }
    /// EXDEV and what a file system does not know are so for all of its files; another error is of the file.
    fn refuse(&self, device: (u32, u32), e: &Error, what: impl Fn(&mut Refused)) {
        if !is(e, &[Errno::XDEV, Errno::OPNOTSUPP, Errno::NOSYS, Errno::NOTTY]) {
            return;
        }
        let mut known = self.0.lock().expect("contents");
        let room = known.len() < DEVICES;
        match known.iter_mut().find(|refused| refused.device == device) {
            Some(refused) => what(refused),
            None if room => {
                let mut refused = Refused { device, clone: false, copy: false };
                what(&mut refused);
                known.push(refused);
            }
            None => {}
        }
    }
    /// Gives the length. `to` is empty and at its start, and so is the position of `from`.
    pub(crate) fn copy(&self, pair: Pair<'_>, from: &Statx, progress: &Progress) -> Result<u64, Error> {
        let len = from.stx_size;
        let device = (from.stx_dev_major, from.stx_dev_minor);
        if len > 0 && self.shared(pair, device)? {
            progress.add_bytes(len);
            return Ok(len);
        }
        if len > SMALL {
            // Reads further ahead; it is advice, so that it can't matter if it fails.
            let _ = rustix::fs::fadvise(pair.from.fd(), 0, None, Advice::Sequential);
        }
        let run = Run { methods: self, pair, device, progress };
        let end = match from.stx_blocks.saturating_mul(512) < len {
            true => run.sparse(len)?,
            // Files in /proc tell no length.
            false => run.range(0, if len == 0 { u64::MAX } else { len })?,
        };
        Ok(end)
    }
    /// All there is to read, in its order, into what has no offsets: a FIFO or a device.
    pub(crate) fn stream(pair: Pair<'_>, progress: &Progress) -> Result<u64, Error> {
        let methods = Contents::new();
        let run = Run { methods: &methods, pair, device: (0, 0), progress };
        with_room(|room| {
            let mut at = 0;
            loop {
                let n = run.read(room, at)?;
                if n == 0 {
                    return Ok(at);
                }
                write_all(pair.calls, pair.to_place, pair.to.fd(), &room[..n])?;
                at += n as u64;
                progress.add_bytes(n as u64);
            }
        })
    }
    /// False where blocks can't be shared: a copy follows, which also finds any other trouble.
    fn shared(&self, pair: Pair<'_>, device: (u32, u32)) -> Result<bool, Error> {
        if self.refused(device).clone {
            return Ok(false);
        }
        let clone = || rustix::fs::ioctl_ficlone(pair.to.fd(), pair.from.fd());
        match pair.calls.step("ficlone", pair.to_place, clone) {
            Ok(()) => Ok(true),
            Err(e) if is(&e, &[Errno::CANCELED]) => Err(e),
            Err(e) => {
                self.refuse(device, &e, |refused| refused.clone = true);
                Ok(false)
            }
        }
    }
}

struct Run<'a> {
    methods: &'a Contents,
    pair: Pair<'a>,
    device: (u32, u32),
    progress: &'a Progress,
}

impl Run<'_> {
    /// The data between the holes of a file of `len` bytes.
    fn sparse(&self, len: u64) -> Result<u64, Error> {
        let Pair { calls, from, from_place, to, to_place, .. } = self.pair;
        let (from, to) = (from.fd(), to.fd());
        let seek = |pos| calls.step("lseek", from_place, || rustix::fs::seek(from, pos));
        let mut end = 0;
        while end < len {
            let data = match seek(SeekFrom::Data(end)) {
                Err(e) if is(&e, &[Errno::NXIO]) => break,
                Err(e) if is(&e, &[Errno::INVAL]) => end, // holes can't be found here
                pos => pos?,
            };
            let hole = match seek(SeekFrom::Hole(data)) {
                Err(e) if is(&e, &[Errno::NXIO, Errno::INVAL]) => len,
                pos => pos?,
            };
            self.progress.add_bytes(data.min(len) - end);
            end = data.min(len);
            let goal = hole.min(len);
            end = self.range(end, goal)?;
            if end < goal {
                return Ok(end); // it shrinks while it is read
            }
        }
        self.progress.add_bytes(len - end);
        calls.step("ftruncate", to_place, || rustix::fs::ftruncate(to, len))?;
        Ok(len)
    }
    /// Gives where it ended, which is earlier if the source has become shorter.
    fn range(&self, start: u64, end: u64) -> Result<u64, Error> {
        let mut at = start;
        if end - start > SMALL && end != u64::MAX {
            at = self.in_kernel(start, end)?;
        }
        self.through_memory(at, end)
    }
    /// As far as the kernel can.
    fn in_kernel(&self, start: u64, end: u64) -> Result<u64, Error> {
        let mut at = start;
        while at < end && !self.methods.refused(self.device).copy {
            let len = usize::try_from(CHUNK.min(end - at)).unwrap_or(BUFFER);
            let Pair { calls, from, to, to_place, .. } = self.pair;
            let (from, to) = (from.fd(), to.fd());
            let (mut off_in, mut off_out) = (at, at);
            let copy = || rustix::fs::copy_file_range(from, Some(&mut off_in), to, Some(&mut off_out), len);
            match calls.step("copy_file_range", to_place, copy) {
                Ok(0) => break, // the end, or a file system that only says so: reading tells
                Ok(n) => {
                    at += n as u64;
                    self.progress.add_bytes(n as u64);
                }
                Err(e) if is(&e, &REFUSED) => {
                    self.methods.refuse(self.device, &e, |refused| refused.copy = true);
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(at)
    }
    fn through_memory(&self, start: u64, end: u64) -> Result<u64, Error> {
        with_room(|room| {
            let mut at = start;
            while at < end {
                let most = usize::try_from(end - at).unwrap_or(BUFFER).min(BUFFER);
                let n = self.read(&mut room[..most], at)?;
                if n == 0 {
                    break;
                }
                self.write(&room[..n], at)?;
                at += n as u64;
                self.progress.add_bytes(n as u64);
            }
            Ok(at)
        })
    }
    fn read(&self, room: &mut [u8], at: u64) -> Result<usize, Error> {
        let Pair { calls, from, from_place, .. } = self.pair;
        calls.step("pread", from_place, || rustix::io::pread(from.fd(), &mut *room, at))
    }
    fn write(&self, mut data: &[u8], mut at: u64) -> Result<(), Error> {
        let Pair { calls, to, to_place, .. } = self.pair;
        while !data.is_empty() {
            let n = calls.step("pwrite", to_place, || rustix::io::pwrite(to.fd(), data, at))?;
            if n == 0 {
                return Err(Error::new("pwrite", to_place.place(), std::io::ErrorKind::WriteZero));
            }
            data = &data[n..];
            at += n as u64;
        }
        Ok(())
    }
}

/// Each thread has a buffer, for all that it copies.
fn with_room<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local!(static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    ROOM.with_borrow_mut(|room| {
        room.resize(BUFFER, 0);
        f(room)
    })
}

/// What `copy_file_range(2)` gives where it can't be used, other file systems included.
const REFUSED: [Errno; 6] =
    [Errno::XDEV, Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS, Errno::PERM, Errno::TXTBSY];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_device_refuses_the_next_one_may_do() {
        let contents = Contents::new();
        let refuse = |device, errno| {
            contents
                .refuse(device, &Error::new("copy_file_range", "x", errno), |refused| refused.copy = true);
        };
        let refused = |device| (contents.refused(device).clone, contents.refused(device).copy);
        refuse((1, 1), Errno::XDEV);
        // Something is wrong with one file.
        refuse((2, 2), Errno::INVAL);
        refuse((2, 2), Errno::TXTBSY);
        assert_eq!(
            (refused((1, 1)), refused((2, 2)), refused((3, 3))),
            ((false, true), (false, false), (false, false))
        );
        (10..1000).for_each(|n| refuse((n, n), Errno::XDEV));
        assert!(contents.0.lock().unwrap().len() <= DEVICES);
    }
}

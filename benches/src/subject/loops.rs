//! System calls in a loop, one at a time whatever the depth: the least that an operation can cost.

use std::io;
use std::io::IoSliceMut;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{Files, Page, Reads};

/// The plain calls, which wait for the device if they have to.
pub struct Plain;

impl Subject for Plain {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let mut page = Page::boxed();
        run.measure(|cursor| {
            while let Some(index) = cursor.next() {
                run.work.pread(index, &mut page)?;
            }
            Ok(())
        })
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        run.measure(|cursor| {
            while let Some(index) = cursor.next() {
                run.work.statx(index)?;
            }
            Ok(())
        })
    }

    fn whole(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        run.measure(|cursor| {
            while let Some(index) = cursor.next() {
                let data = std::fs::read(run.work.path(index))?;
                run.work.check_content(index, data.len(), &data)?;
            }
            Ok(())
        })
    }

    fn load(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let mut page = Page::boxed();
        run.measure(|cursor| {
            while let Some(index) = cursor.next() {
                run.work.load(index, &mut page)?;
            }
            Ok(())
        })
    }
}

/// The calls that answer from the caches or not at all; then, as a program would, the plain ones.
pub struct Cached;

impl Subject for Cached {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let mut page = Page::boxed();
        run.measure(|cursor| {
            while let Some(index) = cursor.next() {
                let mut slices = [IoSliceMut::new(&mut page.0)];
                let offset = run.work.offsets[index];
                match rustix::io::preadv2(&run.work.file.file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
                    Ok(len) => run.work.check(index, len, &page.0)?,
                    Err(Errno::AGAIN) => run.work.pread(index, &mut page)?,
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        run.measure(|cursor| {
            while let Some(index) = cursor.next() {
                let path = run.work.c_path(index);
                match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
                    Ok(fd) => {
                        let stat = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
                        run.work.check_statx(index, &stat)?;
                    }
                    Err(Errno::AGAIN) => run.work.statx(index)?,
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })
    }
}

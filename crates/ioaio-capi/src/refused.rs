//! What is refused before anything is submitted, as the system call itself would do it: pointers to nothing,
//! lengths that cannot be, flags that a request does not know.

use std::ffi::c_int;
use std::time::Duration;

use crate::args::ioaio_args;

/// Why a request fails at once: an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) c_int);

pub(crate) const INVAL: Refused = Refused(libc::EINVAL);

/// More bytes than the value of an extended attribute can have.
pub(crate) const VALUE: usize = 65536;

/// Which of a request's arguments point to something.
#[derive(Clone, Copy)]
pub(crate) struct Pointers {
    path: bool,
    path2: bool,
    name: bool,
    iov: bool,
    buf: bool,
    src: bool,
}

impl Pointers {
    /// By the names of the fields that it takes.
    pub(crate) const fn of(fields: &[&str]) -> Self {
        Pointers {
            path: has(fields, "path"),
            path2: has(fields, "path2"),
            name: has(fields, "name"),
            iov: has(fields, "iov"),
            buf: has(fields, "buf"),
            src: has(fields, "src"),
        }
    }
    /// EFAULT for a pointer to nothing, or to more than can be; EINVAL for buffers that no system call takes.
    pub(crate) fn check(self, args: &ioaio_args) -> Result<(), Refused> {
        let missing = self.path && args.path.is_null()
            || self.path2 && args.path2.is_null()
            || self.name && args.name.is_null();
        if missing {
            return Err(Refused(libc::EFAULT));
        }
        if self.buf {
            memory(args.buf.is_null(), args.len)?;
        }
        // The value of an attribute has a limit of its own.
        if self.src && !(self.name && args.len > VALUE) {
            memory(args.src.is_null(), args.len)?;
        }
        if self.iov { vector(args) } else { Ok(()) }
    }
}

fn memory(null: bool, len: usize) -> Result<(), Refused> {
    let absurd = isize::try_from(len).is_err();
    if absurd || null && len > 0 { Err(Refused(libc::EFAULT)) } else { Ok(()) }
}

fn vector(args: &ioaio_args) -> Result<(), Refused> {
    let count = match usize::try_from(args.iovcnt) {
        Ok(0) => return Ok(()),
        Ok(count @ ..=1024) => count,
        _ => return Err(INVAL),
    };
    if args.iov.is_null() {
        return Err(Refused(libc::EFAULT));
    }
    // SAFETY: the caller's promise: that many buffers are described there.
    let iov = unsafe { std::slice::from_raw_parts(args.iov, count) };
    let total = iov.iter().try_fold(0usize, |total, one| total.checked_add(one.iov_len));
    if total.is_none_or(|total| isize::try_from(total).is_err()) {
        return Err(INVAL);
    }
    iov.iter().try_for_each(|one| memory(one.iov_base.is_null(), one.iov_len))
}

const fn has(fields: &[&str], name: &str) -> bool {
    let mut n = 0;
    while n < fields.len() {
        if same(fields[n].as_bytes(), name.as_bytes()) {
            return true;
        }
        n += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut n = 0;
    while n < a.len() && n < b.len() && a[n] == b[n] {
        n += 1;
    }
    n == a.len() && n == b.len()
}

/// Flags of which each is known.
#[derive(Clone, Copy)]
pub(crate) struct Flags(c_int);

impl Flags {
    pub(crate) fn has(self, flag: c_int) -> bool {
        self.0 & flag != 0
    }
}

impl ioaio_args {
    /// The flags, if there are no others than `known`.
    pub(crate) fn only(&self, known: c_int) -> Result<Flags, Refused> {
        if self.flags & !known == 0 { Ok(Flags(self.flags)) } else { Err(INVAL) }
    }
    /// The same with the age of leftovers that are removed, for what makes temporary names.
    pub(crate) fn only_with_leftovers(&self, known: c_int) -> Result<(Flags, Option<Duration>), Refused> {
        Ok((self.only(known)?, self.leftovers()?))
    }
    /// A mode as open(2), mkdir(2) and chmod(2) take it: the bits of the kind of file do not count.
    pub(crate) fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

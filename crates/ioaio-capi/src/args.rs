//! The arguments of any request: one struct for a generic submit, and the types of its fields for
//! the typed functions.

use std::cell::RefCell;
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use engine::{
    Aio, Dir, File, IoBuf, IoBufMut, Mapped, PathOp, Progress, RawArg, Request, SetTime, TwoPathOp,
};

use crate::refused::{INVAL, Refused, VALUE};

macro_rules! args {
    ($($(#[doc = $doc:literal])* $field:ident: $type:ty = $none:expr, $c:literal, $cnone:literal;)*) => {
        /// The arguments of a request, for `ioaio_submit`; those that it does not take are ignored.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub struct ioaio_args {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl ioaio_args {
            pub(crate) const NONE: Self = ioaio_args { $($field: $none,)* };
        }

        /// Name, C declaration, C value where there is none, and description of each field.
        pub(crate) const FIELDS: &[(&str, &str, &str, &str)] =
            &[$((stringify!($field), $c, $cnone, concat!($($doc),*)),)*];

        /// The type of a field, for the typed functions.
        macro_rules! field_type {
            $(($field) => { $type };)*
        }
    };
}

/// What the types of the fields are called.
pub(crate) mod types {
    pub(crate) use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

    pub(crate) use libc::{off_t, size_t};

    pub(crate) use super::ioaio_execute;
    pub(crate) use crate::progress::ioaio_progress;
}

use std::ptr::{null, null_mut};

use types::*;

// Fields are only ever added at the end: programs tell by the size which of them they know.
args! {
    /// the size of this struct, which tells the fields that the program knows
    size: size_t = size_of::<ioaio_args>(), "size_t size", "sizeof(ioaio_args)";
    /// IOAIO_OP_..., for ioaio_submit
    op: c_int = 0, "int op", "0";
    /// a descriptor, open until the callback is called
    fd: c_int = -1, "int fd", "-1";
    /// a second descriptor
    fd2: c_int = -1, "int fd2", "-1";
    /// what a relative path starts at, or AT_FDCWD: then the directory when it is executed
    dirfd: c_int = libc::AT_FDCWD, "int dirfd", "IOAIO_CWD";
    /// what a relative second path starts at
    dirfd2: c_int = libc::AT_FDCWD, "int dirfd2", "IOAIO_CWD";
    /// a path, copied
    path: *const c_char = null(), "const char *path", "0";
    /// a second path, copied
    path2: *const c_char = null(), "const char *path2", "0";
    /// memory that a request fills; its alone until the callback is called
    buf: *mut c_void = null_mut(), "void *buf", "0";
    /// memory that a request takes data from; it stays as it is until the callback is called
    src: *const c_void = null(), "const void *src", "0";
    /// the start of mapped memory; it stays mapped until the callback is called
    addr: *mut c_void = null_mut(), "void *addr", "0";
    /// buffers that stay as they are, like the memory they describe, until the callback is called
    iov: *const libc::iovec = null(), "const struct iovec *iov", "0";
    /// the number of buffers, or of extents at the most
    iovcnt: c_int = 0, "int iovcnt", "0";
    /// the name of an extended attribute, copied
    name: *const c_char = null(), "const char *name", "0";
    /// a request of ioctl(2)
    request: c_ulong = 0, "unsigned long request", "0";
    /// the argument of fcntl(2) or ioctl(2): a number, or the address of memory that stays as it is
    arg: *mut c_void = null_mut(), "void *arg", "0";
    /// a length in bytes
    len: size_t = 0, "size_t len", "0";
    /// an offset in bytes; -1 where a request can use the file's own position
    off: off_t = -1, "off_t off", "-1";
    /// the same for a second file
    off2: off_t = -1, "off_t off2", "-1";
    /// RESOLVE_... of openat2(2)
    resolve: u64 = 0, "uint64_t resolve", "0";
    /// counters that the request moves, or NULL
    progress: *const ioaio_progress = null(), "const ioaio_progress *progress", "0";
    /// flags of the system call, or IOAIO_... of the request
    flags: c_int = 0, "int flags", "0";
    /// permissions, or a mode of the system call
    mode: c_uint = 0, "unsigned mode", "0";
    /// seconds
    seconds: f64 = 0.0, "double seconds", "0.0";
    /// SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA or SEEK_HOLE
    whence: c_int = 0, "int whence", "0";
    /// an owner; -1 leaves it
    uid: libc::uid_t = libc::uid_t::MAX, "uid_t uid", "(uid_t)-1";
    /// a group; -1 leaves it
    gid: libc::gid_t = libc::gid_t::MAX, "gid_t gid", "(gid_t)-1";
    /// the number of a device
    dev: libc::dev_t = 0, "dev_t dev", "0";
    /// of access and of modification, copied; UTIME_NOW and UTIME_OMIT as with utimensat(2); NULL: both now
    times: *const libc::timespec = null(), "const struct timespec *times", "0";
    /// runs on another thread; gives its result, or -errno
    execute: ioaio_execute = None, "ioaio_execute execute", "0";
    /// what execute gets
    context: *mut c_void = null_mut(), "void *context", "0";
    /// the age in seconds from which on leftovers are removed, see ioaio_submit; below 0 nothing is looked for
    leftovers: f64 = -1.0, "double leftovers", "-1.0";
}

/// The size of the first version of the struct, which every program has at least.
const FIRST_SIZE: usize = std::mem::offset_of!(ioaio_args, leftovers) + size_of::<f64>();

impl ioaio_args {
    /// The arguments of a program that knows more fields, or fewer.
    ///
    /// # Safety
    /// There are as many bytes as the size says.
    pub(crate) unsafe fn of_any_size(args: *const ioaio_args) -> Result<ioaio_args, Refused> {
        // SAFETY: the caller's promise; the size is the first field.
        let size = unsafe { args.cast::<size_t>().read() };
        if size < FIRST_SIZE {
            return Err(INVAL);
        }
        let known = size.min(size_of::<ioaio_args>());
        // SAFETY: the caller's promise.
        let more = unsafe { std::slice::from_raw_parts(args.cast::<u8>().add(known), size - known) };
        if more.iter().any(|byte| *byte != 0) {
            return Err(Refused(libc::E2BIG)); // of a later version, and it is used
        }
        let mut all = ioaio_args::NONE;
        // SAFETY: both have that many bytes, and any bytes of a program's struct are values of its fields.
        unsafe { args.cast::<u8>().copy_to_nonoverlapping((&raw mut all).cast(), known) };
        Ok(all)
    }
}

/// A function of the caller's; see `ioaio_custom`.
#[allow(non_camel_case_types)]
pub type ioaio_execute = Option<unsafe extern "C-unwind" fn(context: *mut c_void) -> i64>;

struct Custom(ioaio_execute, *mut c_void);
// SAFETY: the header says that the function runs on another thread, with the pointer.
unsafe impl Send for Custom {}

impl Custom {
    fn call(&self) -> io::Result<i64> {
        let Some(execute) = self.0 else { return Err(io::Error::from_raw_os_error(libc::EINVAL)) };
        // SAFETY: the caller's function with the caller's pointer.
        match unsafe { execute(self.1) } {
            n @ 0.. => Ok(n),
            e => Err(io::Error::from_raw_os_error(e.checked_neg().map_or(libc::EIO, errno))),
        }
    }
}

/// What a function gave as an errno, or EIO.
fn errno(number: i64) -> c_int {
    c_int::try_from(number).unwrap_or(libc::EIO)
}

/// The caller's memory.
#[derive(Debug)]
pub struct Memory {
    start: *mut u8,
    len: usize,
}

// SAFETY: the caller leaves the memory to the request until its callback has returned.
unsafe impl Send for Memory {}
// SAFETY: the memory does not move, and the caller does not touch it.
unsafe impl IoBuf for Memory {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the caller's promise; an empty slice needs a pointer that is not null.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}
// SAFETY: as above.
unsafe impl IoBufMut for Memory {
    unsafe fn space(&mut self) -> &mut [std::mem::MaybeUninit<u8>] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.len) }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
}

// SAFETY: the header says that a request's memory stays mapped until its callback has returned.
unsafe impl Mapped for Memory {
    fn region(&self) -> (*mut u8, usize) {
        (self.start, self.len)
    }
}

/// What `fcntl` and `ioctl` get; the caller knows what it is.
pub struct Argument(*mut c_void);
// SAFETY: as for `Memory`.
unsafe impl Send for Argument {}
// SAFETY: the caller's pointer stays valid until the callback has returned.
unsafe impl RawArg for Argument {
    fn raw(&mut self) -> usize {
        self.0.expose_provenance()
    }
}

/// Rises with each callback that is called, and where none will be: descriptors that a request uses stay open,
/// and what they are, until then.
static OVER: AtomicU32 = AtomicU32::new(0);

pub(crate) fn request_is_over() {
    OVER.fetch_add(1, Ordering::Relaxed);
}

/// Typed views of the arguments. The caller of the C function has promised their validity.
impl ioaio_args {
    pub(crate) fn file(&self) -> File {
        lend(self.fd).into()
    }
    /// The same for requests that learn something of the file: with the one of the request before, if that
    /// is of the same file still.
    pub(crate) fn with_file<T>(&self, f: impl FnOnce(&File) -> T) -> T {
        thread_local!(static LAST: RefCell<Option<(u32, File)>> = const { RefCell::new(None) });
        LAST.with_borrow_mut(|last| {
            let now = OVER.load(Ordering::Relaxed);
            let same = |(then, file): &(u32, File)| *then == now && file.as_fd().as_raw_fd() == self.fd;
            if !last.as_ref().is_some_and(same) {
                *last = Some((now, self.file()));
            }
            f(&last.as_ref().expect("it was just put there").1)
        })
    }
    /// The age from which on leftovers are removed; `None` if they are not looked for.
    pub(crate) fn leftovers(&self) -> Result<Option<Duration>, Refused> {
        if self.leftovers < 0.0 {
            return Ok(None);
        }
        Duration::try_from_secs_f64(self.leftovers).map(Some).map_err(|_| INVAL)
    }
    /// A file that the request closes.
    pub(crate) fn owned_file(&self) -> File {
        // SAFETY: the caller gives the descriptor up; what is none becomes one that is never open.
        unsafe { OwnedFd::from_raw_fd(if self.fd < 0 { c_int::MAX } else { self.fd }) }.into()
    }
    pub(crate) fn path(&self) -> &Path {
        path(self.path)
    }
    pub(crate) fn memory(&self) -> Memory {
        memory(self.buf, self.len)
    }
    /// Memory that is only read.
    pub(crate) fn source(&self) -> Memory {
        memory(self.src.cast_mut(), self.len)
    }
    /// Memory whose contents do not matter, but its address does.
    pub(crate) fn mapped(&self) -> Memory {
        Memory { start: self.addr.cast(), len: self.len }
    }
    /// All of the buffers; their number has been looked at.
    pub(crate) fn memories(&self) -> Vec<Memory> {
        let count = usize::try_from(self.iovcnt).unwrap_or(0);
        if count == 0 {
            return Vec::new();
        }
        // SAFETY: the caller's promise.
        let iov = unsafe { std::slice::from_raw_parts(self.iov, count) };
        iov.iter().map(|one| memory(one.iov_base, one.iov_len)).collect()
    }
    /// The value of an attribute, copied. More than any can have is refused before.
    pub(crate) fn value(&self) -> Result<Vec<u8>, Refused> {
        if self.len > VALUE { Err(Refused(libc::E2BIG)) } else { Ok(self.source().bytes().to_vec()) }
    }
    pub(crate) fn name(&self) -> &OsStr {
        path(self.name).as_os_str()
    }
    pub(crate) fn argument(&self) -> Argument {
        Argument(self.arg)
    }
    pub(crate) fn progress(&self) -> Progress {
        // SAFETY: the caller's promise.
        unsafe { self.progress.as_ref() }.map_or_else(Progress::new, |progress| progress.0.clone())
    }
    /// Starts the path of a request where `dirfd` says.
    pub(crate) fn at<'a, O: PathOp>(&self, request: Request<'a, O>) -> Request<'a, O> {
        match lent_dir(self.dirfd) {
            None => request,
            Some(dir) => request.at(&dir),
        }
    }
    /// Starts the second path where `dirfd2` says.
    pub(crate) fn at_both<'a, O: TwoPathOp>(&self, request: Request<'a, O>) -> Request<'a, O> {
        let request = self.at(request);
        match lent_dir(self.dirfd2) {
            None => request,
            Some(dir) => request.to_at(&dir),
        }
    }
    pub(crate) fn file2(&self) -> File {
        lend(self.fd2).into()
    }
    pub(crate) fn path2(&self) -> &Path {
        path(self.path2)
    }
    pub(crate) fn owner(&self) -> (Option<u32>, Option<u32>) {
        let id = |id| (id != u32::MAX).then_some(id);
        (id(self.uid), id(self.gid))
    }
    /// Times of access and of modification.
    pub(crate) fn set_times(&self) -> [SetTime; 2] {
        if self.times.is_null() {
            return [SetTime::Now; 2];
        }
        // SAFETY: the caller's promise: two of them.
        let times = unsafe { &*self.times.cast::<[libc::timespec; 2]>() };
        times.map(|time| match time.tv_nsec {
            libc::UTIME_NOW => SetTime::Now,
            libc::UTIME_OMIT => SetTime::Omit,
            // What is no number of nanoseconds stays none, for the request to refuse.
            nanos => SetTime::To { secs: time.tv_sec, nanos: u32::try_from(nanos).unwrap_or(u32::MAX) },
        })
    }
    pub(crate) fn custom(&self) -> impl FnMut() -> io::Result<i64> + Send + 'static {
        let custom = Custom(self.execute, self.context);
        move || custom.call()
    }
    /// An offset, or the file's own position.
    pub(crate) fn offset(&self) -> Option<u64> {
        (self.off != -1).then_some(self.off as u64)
    }
}

fn memory(start: *mut c_void, len: usize) -> Memory {
    let start = if len == 0 { std::ptr::NonNull::dangling().as_ptr() } else { start.cast() };
    Memory { start, len }
}

fn path<'a>(text: *const c_char) -> &'a Path {
    if text.is_null() {
        return Path::new("");
    }
    // SAFETY: the caller's promise: a string with a NUL at its end. It is copied before the call returns.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(text) }.to_bytes()))
}

/// Where relative paths start, if that is not the process's directory.
pub(crate) fn lent_dir(fd: c_int) -> Option<Dir> {
    (fd != libc::AT_FDCWD).then(|| Dir::from(lend(fd)))
}

/// A number that is no descriptor becomes one that is never open, so that the request ends with EBADF.
fn lend(fd: c_int) -> BorrowedFd<'static> {
    let fd = if fd < 0 { c_int::MAX } else { fd };
    // SAFETY: the caller's promise: it stays open until the callback has returned. An fd that is not
    // open is answered by the kernel with EBADF.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

pub(crate) type Engine<'a> = &'a Aio;

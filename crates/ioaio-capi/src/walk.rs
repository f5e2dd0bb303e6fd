//! Trees, an entry at a time.

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use engine::{Aio, Dir, Error, WalkEntry, WalkStream};
use futures_core::Stream;

use crate::args::{ioaio_args, lent_dir};
use crate::engine_api::ioaio;
use crate::memory::fail;
use crate::options::{METADATA, ONE_FILE_SYSTEM, SORTED};
use crate::refused::{Flags, Refused};
use crate::result::stat;

/// What a walk has come upon; valid, with what it points to, until the next call about the walk.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_entry {
    /// The path, with that of the root before it.
    pub path: *const c_char,
    /// The last name of it.
    pub name: *const c_char,
    /// DT_REG and so on.
    pub kind: c_int,
    /// How far below the root, which is at 0.
    pub depth: c_int,
    /// With IOAIO_METADATA a struct stat, else null.
    pub stat: *const c_void,
    /// The errno of what could not be looked at, or 0.
    pub error: c_int,
    /// Which call failed, or null.
    pub call: *const c_char,
}

/// Whether a walk goes into a directory.
#[allow(non_camel_case_types)]
pub type ioaio_descend =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, entry: *const ioaio_entry) -> c_int>;

/// What an entry points to.
struct Shown {
    entry: ioaio_entry,
    _path: CString,
    _name: CString,
    _call: CString,
    _stat: Option<Box<libc::stat>>,
}

fn text(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}

impl Shown {
    fn of(entry: &WalkEntry) -> Self {
        let (path, name) = (text(entry.path().as_os_str().as_bytes()), text(entry.file_name().as_bytes()));
        let found = entry.metadata().map(|found| Box::new(stat(found)));
        let entry = ioaio_entry {
            path: path.as_ptr(),
            name: name.as_ptr(),
            kind: entry.file_type().dirent(),
            depth: c_int::try_from(entry.depth()).unwrap_or(c_int::MAX),
            stat: found.as_ref().map_or(std::ptr::null(), |found| std::ptr::from_ref(&**found).cast()),
            error: 0,
            call: std::ptr::null(),
        };
        Shown { entry, _path: path, _name: name, _call: CString::default(), _stat: found }
    }
    fn error(e: &Error) -> Self {
        let path = text(e.path().as_os_str().as_bytes());
        let name = text(e.path().file_name().unwrap_or_default().as_bytes());
        let call = text(e.call().as_bytes());
        let entry = ioaio_entry {
            path: path.as_ptr(),
            name: name.as_ptr(),
            kind: c_int::from(libc::DT_UNKNOWN),
            depth: -1,
            stat: std::ptr::null(),
            error: e.raw_os_error().unwrap_or(libc::EIO),
            call: call.as_ptr(),
        };
        Shown { entry, _path: path, _name: name, _call: call, _stat: None }
    }
}

/// The caller's filter.
struct Filter(ioaio_descend, *mut c_void);
// SAFETY: the header says that it is called where the walk is asked for its next entry.
unsafe impl Send for Filter {}

impl Filter {
    fn descend(&self, entry: &WalkEntry) -> bool {
        let shown = Shown::of(entry);
        // SAFETY: the caller's function with the caller's pointer.
        self.0.is_none_or(|descend| unsafe { descend(self.1, &raw const shown.entry) != 0 })
    }
}

/// A walk; see `ioaio_walk_new`.
#[allow(non_camel_case_types)]
pub struct ioaio_walk {
    stream: WalkStream,
    bell: Waker,
    shown: Option<Shown>,
}

/// Makes the poll fd readable.
struct Bell(Aio);
impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

struct Unpark(Thread);
impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl ioaio_walk {
    fn take(&mut self, cx: &mut Context<'_>) -> Poll<*const ioaio_entry> {
        Pin::new(&mut self.stream).poll_next(cx).map(|item| {
            self.shown = item.map(|item| match item {
                Ok(entry) => Shown::of(&entry),
                Err(e) => Shown::error(&e),
            });
            self.shown.as_ref().map_or(std::ptr::null(), |shown| &raw const shown.entry)
        })
    }
}

/// Begins to walk a tree, or null with errno.
///
/// # Safety
/// The engine is live, and pointers are valid as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_walk_new(
    aio: *const ioaio,
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    min_depth: c_int,
    max_depth: c_int,
    descend: ioaio_descend,
    data: *mut c_void,
) -> *mut ioaio_walk {
    // SAFETY: the caller's promise.
    let aio = unsafe { &(*aio).0 };
    let args = ioaio_args { dirfd, path, flags, ..ioaio_args::NONE };
    let known = match args.only(METADATA | SORTED | ONE_FILE_SYSTEM) {
        _ if aio.forked() => Err(Refused(libc::EOWNERDEAD)),
        _ if path.is_null() => Err(Refused(libc::EFAULT)),
        known => known,
    };
    match known {
        Ok(flags) => {
            let filter = Filter(descend, data);
            let depths = [min_depth, max_depth].map(|depth| usize::try_from(depth).ok());
            let stream = walk(aio, args.path().into(), lent_dir(dirfd).as_ref(), flags, depths, filter);
            let bell = Waker::from(Arc::new(Bell(aio.clone())));
            Box::into_raw(Box::new(ioaio_walk { stream, bell, shown: None }))
        }
        Err(why) => {
            fail(why.0);
            std::ptr::null_mut()
        }
    }
}

fn walk(
    aio: &Aio,
    path: PathBuf,
    dir: Option<&Dir>,
    flags: Flags,
    [min_depth, max_depth]: [Option<usize>; 2],
    filter: Filter,
) -> WalkStream {
    let walk = aio.walk(path).metadata(flags.has(METADATA)).sorted(flags.has(SORTED));
    let walk = walk.one_file_system(flags.has(ONE_FILE_SYSTEM)).descend(move |entry| filter.descend(entry));
    let walk = walk.min_depth(min_depth.unwrap_or(0)).max_depth(max_depth.unwrap_or(usize::MAX));
    match dir {
        Some(dir) => walk.at(dir).stream(),
        None => walk.stream(),
    }
}

/// The next entry of a walk, for which it waits; null at the end.
///
/// # Safety
/// The walk is live, and its engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_walk_next(walk: *mut ioaio_walk) -> *const ioaio_entry {
    // SAFETY: the caller's promise.
    let walk = unsafe { &mut *walk };
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match walk.take(&mut cx) {
            Poll::Ready(entry) => {
                fail(0);
                return entry;
            }
            Poll::Pending => std::thread::park(),
        }
    }
}

/// The next entry of a walk if it is there; else null with errno EAGAIN, and the poll fd becomes readable when it is.
/// Null with errno 0 at the end.
///
/// # Safety
/// The walk is live, and its engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_walk_try(walk: *mut ioaio_walk) -> *const ioaio_entry {
    // SAFETY: the caller's promise.
    let walk = unsafe { &mut *walk };
    let bell = walk.bell.clone();
    match walk.take(&mut Context::from_waker(&bell)) {
        Poll::Ready(entry) => {
            fail(0);
            entry
        }
        Poll::Pending => {
            fail(libc::EAGAIN);
            std::ptr::null()
        }
    }
}

/// Ends a walk.
///
/// # Safety
/// It came from `ioaio_walk_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_walk_free(walk: *mut ioaio_walk) {
    if !walk.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(walk) });
    }
}

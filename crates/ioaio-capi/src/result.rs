//! What a callback gets.

use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use engine::{
    Copied, DiskUsage, Entries, Error, File, FileExtent, Metadata, NotKept, Scanned, StatvfsInfo, StatxInfo,
};

use crate::args::{Argument, Memory};

/// What a request came to; valid, with what it points to, until the callback returns.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_result {
    /// What the system call returned; -1 where it failed.
    pub result: i64,
    /// The errno, or 0.
    pub error: c_int,
    /// What a request gives beside a number: see the function.
    pub data: *const c_void,
    /// The number of bytes, or of elements, in `data`.
    pub len: usize,
    /// Which call failed in a request that makes several, or null.
    pub call: *const c_char,
    /// What that was about, or null.
    pub path: *const c_char,
    /// What a copy of a tree is without, the first thousand of it, or null.
    pub not_kept: *const ioaio_not_kept,
    /// The number of elements in `not_kept`.
    pub not_kept_len: usize,
    /// How many there were.
    pub not_kept_count: u64,
}

/// Something that a copy has without what it is about.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_not_kept {
    /// The copy.
    pub path: *const c_char,
    /// Owner, mode, times and so on, or the name of an extended attribute.
    pub attribute: *const c_char,
    /// The errno with which it was refused.
    pub error: c_int,
}

/// One name of a directory.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_dirent {
    /// The name, with a NUL at its end.
    pub name: *const c_char,
    /// The inode number.
    pub ino: u64,
    /// DT_REG and so on; DT_UNKNOWN where the directory does not tell.
    pub kind: c_int,
}

/// A Rust result as C sees it: `show` gets it while everything it points to is alive.
pub(crate) trait Show {
    fn show(self, show: impl FnOnce(&ioaio_result));
}

fn plain(result: i64, error: c_int) -> ioaio_result {
    let (data, call, path) = (std::ptr::null(), std::ptr::null(), std::ptr::null());
    let nothing = std::ptr::null();
    ioaio_result {
        result,
        error,
        data,
        len: 0,
        call,
        path,
        not_kept: nothing,
        not_kept_len: 0,
        not_kept_count: 0,
    }
}
fn error(e: &io::Error) -> ioaio_result {
    plain(-1, e.raw_os_error().unwrap_or(libc::EIO))
}
fn number(result: i64) -> ioaio_result {
    plain(result, 0)
}
/// Text for C; there is no NUL in what names a call or a file.
fn text(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}
/// An error of a composite, with the call and the path.
fn show_error(e: &Error, show: impl FnOnce(&ioaio_result)) {
    let (call, path) = (text(e.call().as_bytes()), text(e.path().as_os_str().as_bytes()));
    let error = e.raw_os_error().unwrap_or(libc::EIO);
    show(&ioaio_result { call: call.as_ptr(), path: path.as_ptr(), ..plain(-1, error) });
}

/// `show` gets a list for C while all it points to is alive.
pub(crate) fn show_not_kept(all: &[NotKept], show: impl FnOnce(&[ioaio_not_kept])) {
    let texts: Vec<(CString, CString)> = all
        .iter()
        .map(|lost| (text(lost.path().as_os_str().as_bytes()), text(lost.attribute().as_bytes())))
        .collect();
    let list: Vec<ioaio_not_kept> = all
        .iter()
        .zip(&texts)
        .map(|(lost, (path, attribute))| ioaio_not_kept {
            path: path.as_ptr(),
            attribute: attribute.as_ptr(),
            error: lost.raw_os_error(),
        })
        .collect();
    show(&list);
}

/// Something that could not be done, while the rest was.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_failure {
    /// The errno.
    pub error: c_int,
    /// Which call failed.
    pub call: *const c_char,
    /// What that was about.
    pub path: *const c_char,
}

impl Show for io::Result<()> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.map_or_else(|e| error(&e), |()| number(0)));
    }
}
impl Show for (io::Result<usize>, Memory) {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.0.map_or_else(|e| error(&e), |n| number(n as i64)));
    }
}
impl Show for io::Result<File> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        let fd = self.and_then(|file| file.try_into_owned_fd().map_err(|_| io::Error::other("in use")));
        show(&fd.map_or_else(|e| error(&e), |fd| number(fd.into_raw_fd().into())));
    }
}
impl Show for io::Result<Metadata> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(found) => {
                let st = stat(&found);
                let data = (&raw const st).cast();
                show(&ioaio_result { data, len: size_of::<libc::stat>(), ..number(0) });
            }
        }
    }
}
/// The names of a directory; `result` is what goes with them.
fn show_names(list: &Entries, result: usize, show: impl FnOnce(&ioaio_result)) {
    let names: Vec<ioaio_dirent> = list
        .iter()
        .map(|entry| ioaio_dirent {
            name: entry.c_name().as_ptr(),
            ino: entry.ino(),
            kind: entry.file_type().dirent(),
        })
        .collect();
    show(&ioaio_result { data: names.as_ptr().cast(), len: names.len(), ..number(result as i64) });
}
impl Show for io::Result<Entries> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(list) => show_names(&list, list.len(), show),
        }
    }
}
impl Show for io::Result<Scanned> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(found) => {
                let dirs = found.dirs().len();
                show_names(&found.into_entries(), dirs, show);
            }
        }
    }
}
/// What a tree takes.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_usage {
    /// Bytes on the device.
    pub disk: u64,
    /// Bytes of contents.
    pub apparent: u64,
    /// Files of all kinds, each once, but directories.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// What could not be looked at.
    pub failed: u64,
}
impl Show for Result<DiskUsage, Error> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show_error(&e, show),
            Ok(sum) => {
                let usage = ioaio_usage {
                    disk: sum.disk(),
                    apparent: sum.apparent(),
                    files: sum.files(),
                    dirs: sum.dirs(),
                    failed: sum.failed(),
                };
                let data = (&raw const usage).cast();
                show(&ioaio_result { data, len: size_of::<ioaio_usage>(), ..number(0) });
            }
        }
    }
}
impl Show for io::Result<i64> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.map_or_else(|e| error(&e), number));
    }
}
impl Show for io::Result<u64> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.map_or_else(|e| error(&e), |n| number(n as i64)));
    }
}
impl Show for io::Result<usize> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        self.map(|n| n as u64).show(show);
    }
}
impl Show for io::Result<PathBuf> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(path) => {
                let mut text = path.into_os_string().into_vec();
                let len = text.len();
                text.push(0);
                show(&ioaio_result { data: text.as_ptr().cast(), len, ..number(len as i64) });
            }
        }
    }
}
impl Show for io::Result<StatvfsInfo> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(found) => {
                let st = statvfs(&found);
                let data = (&raw const st).cast();
                show(&ioaio_result { data, len: size_of::<libc::statvfs>(), ..number(0) });
            }
        }
    }
}
impl Show for io::Result<StatxInfo> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(found) => {
                let data = std::ptr::from_ref(found.as_raw()).cast();
                show(&ioaio_result { data, len: size_of_val(found.as_raw()), ..number(0) });
            }
        }
    }
}
impl Show for (io::Result<()>, Memory) {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        self.0.show(show);
    }
}
impl Show for (io::Result<usize>, Vec<Memory>) {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.0.map_or_else(|e| error(&e), |n| number(n as i64)));
    }
}
impl Show for (io::Result<i32>, Argument) {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.0.map_or_else(|e| error(&e), |n| number(n.into())));
    }
}
impl Show for io::Result<u32> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        show(&self.map_or_else(|e| error(&e), |n| number(n.into())));
    }
}
impl Show for io::Result<(File, File)> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        let taken = |file: File| file.try_into_owned_fd().map_err(|_| io::Error::other("in use"));
        match self.and_then(|(one, two)| Ok((taken(one)?, taken(two)?))) {
            Err(e) => show(&error(&e)),
            Ok((one, two)) => {
                let fds = [one.into_raw_fd(), two.into_raw_fd()];
                show(&ioaio_result { data: fds.as_ptr().cast(), len: fds.len(), ..number(0) });
            }
        }
    }
}
impl Show for io::Result<Vec<u8>> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(data) => {
                let len = data.len();
                show(&ioaio_result { data: data.as_ptr().cast(), len, ..number(len as i64) });
            }
        }
    }
}
/// Names, with a NUL after each.
impl Show for io::Result<Vec<OsString>> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        let joined = |names: Vec<OsString>| {
            names.into_iter().flat_map(|name| [name.into_vec(), vec![0]].concat()).collect::<Vec<u8>>()
        };
        self.map(joined).show(show);
    }
}
/// A run of bytes of a file that are in one piece on its device.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_extent {
    /// Where it starts in the file.
    pub logical: u64,
    /// Where it starts on the device.
    pub physical: u64,
    /// How many bytes it has.
    pub length: u64,
    /// FIEMAP_EXTENT_ flags.
    pub flags: u32,
}
impl Show for io::Result<Vec<FileExtent>> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show(&error(&e)),
            Ok(found) => {
                let extents: Vec<ioaio_extent> = found.iter().map(ioaio_extent::from).collect();
                let len = extents.len();
                show(&ioaio_result { data: extents.as_ptr().cast(), len, ..number(len as i64) });
            }
        }
    }
}
impl From<&FileExtent> for ioaio_extent {
    fn from(found: &FileExtent) -> Self {
        let FileExtent { logical, physical, len: length, flags } = *found;
        ioaio_extent { logical, physical, length, flags }
    }
}

/// What the composites give.
impl Show for Result<(), Error> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        self.map(|()| 0).show(show);
    }
}
impl Show for (Result<(), Error>, Memory) {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        self.0.show(show);
    }
}
impl Show for Result<Copied, Error> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        let copied = match self {
            Err(e) => return show_error(&e, show),
            Ok(copied) => copied,
        };
        let texts: Vec<(c_int, CString, CString)> = copied
            .errors()
            .iter()
            .map(|e| {
                let path = text(e.path().as_os_str().as_bytes());
                (e.raw_os_error().unwrap_or(libc::EIO), text(e.call().as_bytes()), path)
            })
            .collect();
        let failures: Vec<ioaio_failure> = texts
            .iter()
            .map(|(error, call, path)| ioaio_failure {
                error: *error,
                call: call.as_ptr(),
                path: path.as_ptr(),
            })
            .collect();
        let data = failures.as_ptr().cast();
        show_not_kept(copied.not_kept(), |not_kept| {
            show(&ioaio_result {
                data,
                len: failures.len(),
                not_kept: not_kept.as_ptr(),
                not_kept_len: not_kept.len(),
                not_kept_count: copied.not_kept_count(),
                ..number(copied.failed() as i64)
            });
        });
    }
}
impl Show for Result<u64, Error> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show_error(&e, show),
            Ok(n) => show(&number(n as i64)),
        }
    }
}
impl Show for Result<Vec<u8>, Error> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        match self {
            Err(e) => show_error(&e, show),
            Ok(data) => Ok::<_, io::Error>(data).show(show),
        }
    }
}
impl Show for io::Result<(File, PathBuf)> {
    fn show(self, show: impl FnOnce(&ioaio_result)) {
        let taken = |file: File| file.try_into_owned_fd().map_err(|_| io::Error::other("in use"));
        match self.and_then(|(file, path)| Ok((taken(file)?, path))) {
            Err(e) => show(&error(&e)),
            Ok((fd, path)) => {
                let path = text(path.as_os_str().as_bytes());
                let (data, len) = (path.as_ptr().cast(), path.as_bytes().len());
                show(&ioaio_result { data, len, ..number(fd.into_raw_fd().into()) });
            }
        }
    }
}

/// The system's `struct statvfs`.
fn statvfs(found: &StatvfsInfo) -> libc::statvfs {
    // SAFETY: a struct of integers, for which zero is a value.
    let mut st: libc::statvfs = unsafe { std::mem::zeroed() };
    st.f_bsize = found.bsize();
    st.f_frsize = found.frsize();
    st.f_blocks = found.blocks();
    st.f_bfree = found.bfree();
    st.f_bavail = found.bavail();
    st.f_files = found.files();
    st.f_ffree = found.ffree();
    st.f_favail = found.ffree();
    st.f_fsid = found.fsid();
    st.f_flag = found.flags().bits();
    st.f_namemax = found.namemax();
    st
}

/// The system's `struct stat`.
pub(crate) fn stat(found: &Metadata) -> libc::stat {
    // SAFETY: a struct of integers, for which zero is a value.
    let mut st: libc::stat = unsafe { std::mem::zeroed() };
    let dev = |(major, minor)| libc::makedev(major, minor);
    st.st_dev = dev(found.dev());
    st.st_ino = found.ino();
    st.st_mode = found.mode();
    st.st_nlink = found.nlink().into();
    st.st_uid = found.uid();
    st.st_gid = found.gid();
    st.st_rdev = dev(found.rdev());
    st.st_size = found.len() as i64;
    st.st_blksize = found.blksize().into();
    st.st_blocks = found.blocks() as i64;
    [(st.st_atime, st.st_atime_nsec), (st.st_mtime, st.st_mtime_nsec), (st.st_ctime, st.st_ctime_nsec)] =
        found.times();
    st
}

//! Mounts that only a forked child sees, and that end with it.

use std::ffi::{CString, c_ulong};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn string(bytes: impl AsRef<[u8]>) -> CString {
    CString::new(bytes.as_ref()).expect("no NUL")
}

fn call(source: &CString, target: &Path, kind: &CString, flags: c_ulong, data: &CString) -> io::Result<()> {
    let target = string(target.as_os_str().as_bytes());
    // SAFETY: strings that end with a NUL and outlive the call.
    let res =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) };
    if res == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives this process, a forked child, mounts of its own. An error where that takes a privilege.
pub fn leave() -> io::Result<()> {
    // SAFETY: changes nothing but what this process's mounts are.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let none = CString::default();
    call(&none, Path::new("/"), &none, libc::MS_REC | libc::MS_PRIVATE, &none)
}

pub fn mount(kind: &str, target: &Path, data: &str) -> io::Result<()> {
    call(&string(kind), target, &string(kind), 0, &string(data))
}

/// Shows the directory `source` at `target` as well.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    let none = CString::default();
    call(&string(source.as_os_str().as_bytes()), target, &none, libc::MS_BIND, &none)
}

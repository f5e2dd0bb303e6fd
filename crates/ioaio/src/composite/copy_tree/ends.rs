//! How a copy of a tree begins, and its two ends: it appears, or it goes.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, Statx, StatxAttributes};
use rustix::io::Errno;

use super::CopyTree;
use super::dirs::Dirs;
use super::tree::{Links, Tree};
use crate::composite::base::attributes::{Object, drop_acls, stat, stat_name};
use crate::composite::base::calls::Calls;
use crate::composite::base::contents::Contents;
use crate::composite::base::discard::Remover;
use crate::composite::base::errors::Errors;
use crate::composite::base::leftovers;
use crate::composite::base::not_kept::Notes;
use crate::composite::base::parent_and_name::Name;
use crate::composite::base::seen;
use crate::composite::base::temp::{is, open_parent, rename_new, temp_name};
use crate::composite::base::tree_dir::{self, Dir, Id, id, open_dir};
use crate::composite::base::xattrs::{ACCESS_ACL, DEFAULT_ACL};
use crate::request::control::Control;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;

/// How far up from the target the original is looked for.
const LEVELS: u32 = 1 << 20;

/// A copy that is under way.
pub(crate) struct Begun {
    pub(crate) root: Arc<Dirs>,
    dir: OwnedFd,
    /// The directory is open for reading, and so for `fsync(2)`.
    readable: bool,
    temp: CString,
    name: CString,
    to: At,
    durable: bool,
    /// It is complete and has its name. It stays even if that can't be written to the device.
    appeared: AtomicBool,
}

/// Opens the original and makes the directory that is to be the copy, under a temporary name.
pub(crate) struct Begin {
    pub(crate) args: Option<CopyTree>,
    pub(crate) control: Arc<Control>,
}

impl Op for Begin {
    type Val = Result<Begun, Error>;
    type Out = Result<Begun, Error>;
    const NAME: &'static str = "copy_tree_begin";
    fn run(&mut self) -> io::Result<Self::Val> {
        let args = self.args.take().ok_or(Errno::INVAL)?;
        Ok(begin(args, self.control.clone()))
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, "", e)))
    }
}

fn begin(args: CopyTree, control: Arc<Control>) -> Result<Begun, Error> {
    let calls = Calls(&control);
    let from = calls.step("openat", &args.from, || open_dir(args.from.dirfd(), args.from.path()))?;
    let st = calls.step("statx", &args.from, || stat(from.as_fd()))?;
    let target = without_slashes(args.to.path().to_bytes());
    let name = Name::split(&args.to, target).map_err(|e| Error::new("openat", args.to.path_buf(), e))?;
    let (dir, readable) = open_parent(calls, &args.to, args.durable, |flags| name.open_dir(flags))?;
    let name = name.name().to_owned();
    match calls.step("statx", &args.to, || stat_name(dir.as_fd(), &name)) {
        Err(e) if is(&e, &[Errno::NOENT]) => {}
        Err(e) => return Err(e),
        Ok(_) => return Err(Error::new("statx", args.to.path_buf(), Errno::EXIST)),
    }
    refuse_inside(calls, &args.to, dir.as_fd(), id(&st))?;
    if let Some(age) = args.leftovers {
        leftovers::remove(calls, &args.to, dir.as_fd(), age)?;
    }
    let temp = match keeps_its_names(calls, &args.to, dir.as_fd())? {
        true => name.clone(),
        false => temp_name(),
    };
    calls.step("mkdirat", &args.to, || rustix::fs::mkdirat(&dir, &temp, Mode::RWXU))?;
    let root = make_root(&args, calls, &control, dir.as_fd(), &temp, from, st);
    match root {
        Ok(root) => {
            let (to, durable, appeared) = (args.to, args.durable, AtomicBool::new(false));
            Ok(Begun { root, dir, readable, temp, name, to, durable, appeared })
        }
        Err(e) => {
            let _ = Remover { calls, place: &args.to }.discard(dir.as_fd(), &temp);
            Err(e)
        }
    }
}

/// Whether names can be made in a directory and neither renamed nor removed (`chattr +a`). What is made in
/// it gets its name at once.
fn keeps_its_names(calls: Calls<'_>, to: &At, dir: BorrowedFd<'_>) -> Result<bool, Error> {
    let st = calls.step("statx", to, || stat(dir))?;
    Ok(st.stx_attributes.contains(StatxAttributes::APPEND))
}

fn make_root(
    args: &CopyTree,
    calls: Calls<'_>,
    control: &Arc<Control>,
    dir: BorrowedFd<'_>,
    temp: &CString,
    from: OwnedFd,
    st: Statx,
) -> Result<Arc<Dirs>, Error> {
    let to = calls.step("openat", &args.to, || open_dir(dir, temp))?;
    leftovers::hold(to.as_fd());
    // What is made in here is to have the original's ACLs, not those that this place hands down.
    drop_acls(calls, &args.to, Object::Open(to.as_fd()), &[DEFAULT_ACL, ACCESS_ACL])?;
    if let Some(seen) = &args.seen {
        let spot = seen::Spot { dir: None, name: c"" };
        seen.add(calls, &args.from, spot, &st, Object::Open(from.as_fd()))?;
    }
    let copy = calls.step("statx", &args.to, || stat(to.as_fd()))?;
    let kept = temp_name();
    calls.step("mkdirat", &args.to, || rustix::fs::mkdirat(&to, &kept, Mode::RWXU))?;
    let links = calls.step("openat", &args.to, || open_dir(to.as_fd(), &kept))?;
    let sync_each = args.durable && syncfs_stays_here(to.as_fd());
    let tree_of = |at: &At| tree_dir::Tree::one_of_two(at.path_buf(), control.clone());
    let from = Dir::opened_root(&tree_of(&args.from), from, &st, ());
    let to = Dir::opened_root(&tree_of(&args.to), to, &copy, ());
    let tree = Tree {
        from: from.id(),
        temp: to.id(),
        one_file_system: args.one_file_system,
        keep_going: args.keep_going,
        contents: Contents::new(),
        progress: args.progress.clone(),
        control: control.clone(),
        links: Links::new(links, kept),
        errors: Mutex::new(Errors::default()),
        notes: Notes::default(),
        sync_each,
        seen: args.seen.clone(),
    };
    Ok(Dirs::root(Arc::new(tree), from, to, st))
}

/// FUSE, SMB (two) and 9p: what `syncfs(2)` writes gets to the server, and nothing tells that to store it.
const FAR_AWAY: [i128; 4] = [0x6573_5546, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

fn syncfs_stays_here(dir: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatfs(dir).is_ok_and(|fs| FAR_AWAY.contains(&(i128::from(fs.f_type) & 0xffff_ffff)))
}

/// The target may be given as for `mkdir`, with slashes at its end.
pub(crate) fn without_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&b| b != b'/').map_or(path.len().min(1), |last| last + 1);
    &path[..end]
}

/// Nothing of the way up from the target may be the original: it would be copied into itself.
fn refuse_inside(calls: Calls<'_>, to: &At, dir: BorrowedFd<'_>, from: Id) -> Result<(), Error> {
    let mut up = calls.step("openat", to, || open_path(dir, c"."))?;
    let mut last = None;
    // Nobody nests directories as deep; who moves them about meanwhile could keep this from ending.
    for _ in 0..LEVELS {
        let st = calls.step("statx", to, || stat(up.as_fd()))?;
        if id(&st) == from {
            return Err(Error::new("mkdirat", to.path_buf(), Errno::INVAL));
        }
        if last == Some(id(&st)) {
            return Ok(()); // the root is its own parent
        }
        last = Some(id(&st));
        up = match calls.step("openat", to, || open_path(up.as_fd(), c"..")) {
            // Who may not look further up cannot have named it as the original by a path.
            Err(e) if is(&e, &[Errno::ACCESS]) => return Ok(()),
            up => up?,
        };
    }
    Err(Error::new("openat", to.path_buf(), Errno::LOOP))
}

fn open_path(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// Lets the complete copy appear.
pub(crate) struct Appear(pub(crate) Arc<Begun>);

impl Op for Appear {
    type Val = Result<(), Error>;
    type Out = Result<(), Error>;
    const NAME: &'static str = "copy_tree_end";
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(appear(&self.0))
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.0.to.path_buf(), e)))
    }
}

fn appear(begun: &Begun) -> Result<(), Error> {
    let (tree, at) = (&begun.root.tree, &begun.to);
    let calls = tree.calls();
    let fds = begun.root.fds()?;
    Remover { calls, place: at }.discard(fds.to.as_fd(), &tree.links.name)?;
    begun.root.finish()?;
    if begun.durable {
        calls.step("syncfs", at, || rustix::fs::syncfs(&fds.to))?;
    }
    if begun.temp != begun.name {
        rename_new(calls, at, (begun.dir.as_fd(), &begun.temp), (begun.dir.as_fd(), &begun.name))?;
    }
    begun.appeared.store(true, Ordering::Relaxed);
    tree.progress.add_entry();
    match (begun.durable, begun.readable) {
        (true, true) => calls.finally("fsync", at, || rustix::fs::fsync(&begun.dir)),
        (true, false) => calls.finally("syncfs", at, || rustix::fs::syncfs(&fds.to)),
        (false, _) => Ok(()),
    }
}

/// Takes away what has been copied.
pub(crate) struct Discard(pub(crate) Arc<Begun>);

impl Op for Discard {
    type Val = Result<(), Error>;
    type Out = Result<(), Error>;
    const NAME: &'static str = "copy_tree_discard";
    fn run(&mut self) -> io::Result<Self::Val> {
        let begun = &self.0;
        if begun.appeared.load(Ordering::Relaxed) {
            return Ok(Ok(()));
        }
        let remover = Remover { calls: begun.root.tree.calls(), place: &begun.to };
        Ok(remover.discard(begun.dir.as_fd(), &begun.temp))
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.0.to.path_buf(), e)))
    }
}

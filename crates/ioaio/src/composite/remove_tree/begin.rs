//! How a removal begins: at a directory, or at what has gone at once.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

use super::removal::{Dir, Left, Removal};
use crate::composite::base::attributes::stat;
use crate::composite::base::parent_and_name::Name;
use crate::composite::base::temp::is;
use crate::composite::base::tree_dir::open_dir;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;

/// Opens the root of a tree, and the directory that it is in. Gives nothing if the root has gone at once:
/// an empty directory that may not be read, or no directory.
pub(crate) struct Begin {
    pub(crate) removal: Arc<Removal>,
    pub(crate) at: Option<At>,
    pub(crate) any_kind: bool,
}

impl Op for Begin {
    type Val = Result<Option<Arc<Dir>>, Error>;
    type Out = Result<Option<Arc<Dir>>, Error>;
    const NAME: &'static str = "remove_tree_begin";
    fn run(&mut self) -> io::Result<Self::Val> {
        let at = self.at.take().ok_or(Errno::INVAL)?;
        Ok(match self.removal.contents_only {
            true => begin_inside(&self.removal, &at).map(Some),
            false => begin(&self.removal, &at, self.any_kind),
        })
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, "", e)))
    }
}

/// The root stays, so its path need not end in a name.
fn begin_inside(removal: &Removal, at: &At) -> Result<Arc<Dir>, Error> {
    let calls = removal.tree.calls();
    let fd = calls.step("openat", at, || open_dir(at.dirfd(), at.path()))?;
    let st = calls.step("statx", at, || stat(fd.as_fd()))?;
    Ok(Dir::opened_root(&removal.tree, fd, &st, Left::new()))
}

fn begin(removal: &Removal, at: &At, any_kind: bool) -> Result<Option<Arc<Dir>>, Error> {
    let given = at.path().to_bytes();
    let mut path = given;
    while path.len() > 1 && path.ends_with(b"/") {
        path = &path[..path.len() - 1];
    }
    let name = match Name::split(at, path) {
        Err(Errno::ISDIR) => Err(Errno::INVAL),
        name => name,
    };
    let name = name.map_err(|e| Error::new("openat", at.path_buf(), e))?;
    let tree = &removal.tree;
    let outside = Arc::new(tree.calls().step("openat", at, || name.open_dir(OFlags::PATH))?);
    let unlink = |flags| {
        let unlink = || rustix::fs::unlinkat(&outside, name.name(), flags);
        tree.calls().step("unlinkat", at, unlink).map(|()| removal.progress.add_entry())
    };
    match Dir::root(tree, outside.clone(), name.name(), Left::new()) {
        Ok(root) => {
            root.stay_open();
            Ok(Some(root))
        }
        // A slash at its end says that a directory is meant.
        Err(e) if any_kind && path == given && is(&e, &[Errno::NOTDIR, Errno::LOOP]) => {
            unlink(AtFlags::empty()).map(|()| None)
        }
        // Who may not read it can't know that it is empty: the kernel does.
        Err(e) if is(&e, &[Errno::ACCESS]) => unlink(AtFlags::REMOVEDIR).map(|()| None).map_err(|_| e),
        root => root.map(Some),
    }
}

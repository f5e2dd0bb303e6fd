//! The directories that are still of interest, linked to their parents by number, so that nothing
//! recurses however deep they are.

use std::ffi::OsString;
use std::path::PathBuf;

use ioaio::{Dir, Metadata};

/// The number of a directory in [`Tree`]; used again when it is of no more interest.
pub type Id = usize;

/// What was counted.
#[derive(Clone, Copy, Default, Debug)]
pub struct Usage {
    /// Bytes on disk.
    pub disk: u64,
    /// Bytes by the lengths of files.
    pub apparent: u64,
    /// Everything but directories.
    pub files: u64,
    pub dirs: u64,
}

impl Usage {
    pub fn of(meta: &Metadata) -> Self {
        let dirs = u64::from(meta.is_dir());
        // The kernel counts blocks of 512 bytes whatever the file system's own are.
        Usage { disk: meta.blocks().saturating_mul(512), apparent: meta.len(), files: 1 - dirs, dirs }
    }
    /// Sums that do not fit are the largest number there is.
    pub fn add(&mut self, other: Usage) {
        self.disk = self.disk.saturating_add(other.disk);
        self.apparent = self.apparent.saturating_add(other.apparent);
        self.files += other.files;
        self.dirs += other.dirs;
    }
}

#[derive(Debug)]
pub struct Node {
    pub parent: Option<Id>,
    /// Below the parent; of an argument, the path.
    pub name: OsString,
    pub dev: (u32, u32),
    pub usage: Usage,
    /// For reaching the children.
    pub handle: Option<Dir>,
    /// Children that are not requested yet, and so need the handle.
    pub unrequested: usize,
    /// Itself, while its listing is not there, and its unfinished children.
    pub unfinished: usize,
    /// Who refers to it: itself until finished, its children, a place among the largest.
    refs: usize,
}

#[derive(Default)]
pub struct Tree {
    nodes: Vec<Option<Node>>,
    free: Vec<Id>,
    /// Open handles.
    pub handles: usize,
}

impl Tree {
    pub fn add(&mut self, parent: Option<Id>, name: OsString, meta: &Metadata, dev: (u32, u32)) -> Id {
        if let Some(parent) = parent {
            let parent = self.get_mut(parent);
            parent.refs += 1;
            parent.unfinished += 1;
            parent.unrequested += 1;
        }
        let usage = Usage::of(meta);
        let node = Node { parent, name, dev, usage, handle: None, unrequested: 0, unfinished: 1, refs: 1 };
        match self.free.pop() {
            Some(id) => {
                self.nodes[id] = Some(node);
                id
            }
            None => {
                self.nodes.push(Some(node));
                self.nodes.len() - 1
            }
        }
    }
    pub fn get(&self, id: Id) -> &Node {
        self.nodes[id].as_ref().expect("a directory that is referred to stays")
    }
    pub fn get_mut(&mut self, id: Id) -> &mut Node {
        self.nodes[id].as_mut().expect("a directory that is referred to stays")
    }
    pub fn keep(&mut self, id: Id) {
        self.get_mut(id).refs += 1;
    }
    /// Takes back one reference; forgets the directory, and then perhaps its parents, after the last.
    pub fn release(&mut self, id: Id) {
        let mut next = Some(id);
        while let Some(id) = next {
            let node = self.get_mut(id);
            node.refs -= 1;
            if node.refs > 0 {
                return;
            }
            next = node.parent;
            self.nodes[id] = None;
            self.free.push(id);
        }
    }
    pub fn set_handle(&mut self, id: Id, dir: Dir) {
        self.get_mut(id).handle = Some(dir);
        self.handles += 1;
    }
    /// A child has been requested: after the last one, the handle is not needed any more.
    pub fn child_requested(&mut self, parent: Id) {
        let node = self.get_mut(parent);
        node.unrequested -= 1;
        if node.unrequested == 0 && node.handle.take().is_some() {
            self.handles -= 1;
        }
    }
    /// The directory's path, from the argument on.
    pub fn path(&self, id: Id) -> PathBuf {
        let (mut names, mut next) = (Vec::new(), Some(id));
        while let Some(id) = next {
            let node = self.get(id);
            names.push(&node.name);
            next = node.parent;
        }
        names.into_iter().rev().collect()
    }
}

//! What the subjects are asked to do, and the checks of what they answer.
//!
//! Every operation of every subject is checked: a bench of wrong answers measures nothing. A wrong answer is an
//! error of kind `InvalidData`, which ends the whole bench; see [`wrong`].

use std::ffi::CStr;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxFlags};

use crate::fixture::{BlockFile, Rng, Tree};

/// The size of every read, and of every small file.
pub const BLOCK: usize = 4096;

/// A buffer that O_DIRECT accepts.
#[derive(Clone)]
#[repr(C, align(4096))]
pub struct Page(pub [u8; BLOCK]);

impl Page {
    pub fn boxed() -> Box<Page> {
        Box::new(Page([0; BLOCK]))
    }
}

/// The error that ends the bench.
pub fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("wrong result: {what}"))
}

/// Random reads of one block each, from one big file.
pub struct Reads {
    pub file: Arc<BlockFile>,
    pub offsets: Vec<u64>,
}

impl Reads {
    /// `ops` reads at random places.
    pub fn random(file: &Arc<BlockFile>, ops: usize, rng: &mut Rng) -> Arc<Reads> {
        let offsets = (0..ops).map(|_| rng.below(file.blocks) * BLOCK as u64).collect();
        Arc::new(Reads { file: file.clone(), offsets })
    }

    /// Read `index` as a plain `pread`, which is what all the threaded subjects do.
    pub fn pread(&self, index: usize, page: &mut Page) -> io::Result<()> {
        let len = self.file.file.read_at(&mut page.0, self.offsets[index])?;
        self.check(index, len, &page.0)
    }

    /// A read is right if it is complete and begins with the number of its block.
    pub fn check(&self, index: usize, len: usize, data: &[u8]) -> io::Result<()> {
        check_block(self.offsets[index] / BLOCK as u64, len, data)
    }
}

/// The small files of a tree, one after the other, directory by directory; further operations begin again.
pub struct Files {
    pub tree: Arc<Tree>,
}

impl Files {
    fn number(&self, index: usize) -> usize {
        index % self.tree.len()
    }

    /// The path for system calls; ready made, since system calls are not to be charged for allocations.
    pub fn c_path(&self, index: usize) -> &CStr {
        &self.tree.c_paths[self.number(index)]
    }

    /// The path for Rust libraries.
    pub fn path(&self, index: usize) -> &Path {
        &self.tree.paths[self.number(index)]
    }

    /// Stat `index` as a plain `statx`.
    pub fn statx(&self, index: usize) -> io::Result<()> {
        let stat = rustix::fs::statx(CWD, self.c_path(index), AtFlags::empty(), StatxFlags::BASIC_STATS)?;
        self.check_statx(index, &stat)
    }

    /// Load `index` as plain `open`, `read` and `close`.
    pub fn load(&self, index: usize, page: &mut Page) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, self.c_path(index), flags, Mode::empty())?;
        let len = rustix::io::pread(&fd, &mut page.0[..], 0)?;
        self.check_content(index, len, &page.0)
    }

    pub fn check_statx(&self, index: usize, stat: &Statx) -> io::Result<()> {
        self.check_stat(index, stat.stx_mode.into(), stat.stx_size)
    }

    /// A stat is right if it tells of a regular file of one block.
    pub fn check_stat(&self, index: usize, mode: u32, size: u64) -> io::Result<()> {
        if mode & libc::S_IFMT == libc::S_IFREG && size == BLOCK as u64 {
            return Ok(());
        }
        Err(wrong(format!("stat of {:?}: mode {mode:o}, size {size}", self.path(index))))
    }

    /// A load is right if it is complete and begins with the number of its file.
    pub fn check_content(&self, index: usize, len: usize, data: &[u8]) -> io::Result<()> {
        check_block(self.number(index) as u64, len, data)
    }
}

fn check_block(number: u64, len: usize, data: &[u8]) -> io::Result<()> {
    if len == BLOCK && data.len() >= BLOCK && data[..8] == number.to_le_bytes() {
        return Ok(());
    }
    Err(wrong(format!("block {number}: {len} bytes, begins {:?}", data.get(..8))))
}

/// Nothing at all, as a request: what the machinery itself costs.
pub struct Nops;

/// A whole directory tree, of which the space used is asked for in one go.
pub struct Usage {
    pub tree: Arc<Tree>,
    /// What `du -s` says: blocks of 1 KiB.
    pub kib: u64,
}

impl Usage {
    /// Has `du -s` say what is right.
    pub fn of(tree: Arc<Tree>) -> io::Result<Usage> {
        let output = std::process::Command::new("du").arg("-s").arg(&tree.root).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.split_whitespace().next().map(str::parse) {
            Some(Ok(kib)) => Ok(Usage { tree, kib }),
            _ => Err(io::Error::other(format!("du -s said: {text}"))),
        }
    }

    pub fn check(&self, who: &str, kib: u64) -> io::Result<()> {
        if kib == self.kib {
            return Ok(());
        }
        Err(wrong(format!("{who} counts {kib} KiB, du -s {}", self.kib)))
    }
}

/// A tree that is to be copied.
pub struct Copies {
    pub from: PathBuf,
    pub to: PathBuf,
    /// Whether the time until it is on the device counts.
    pub durable: bool,
    bytes: u64,
}

impl Copies {
    pub fn new(from: PathBuf, to: PathBuf, durable: bool) -> io::Result<Copies> {
        let bytes = apparent_size(&from)?;
        Ok(Copies { from, to, durable, bytes })
    }

    /// A copy is right if its files have as many bytes.
    pub fn check_and_remove(&self) -> io::Result<()> {
        let bytes = apparent_size(&self.to)?;
        std::fs::remove_dir_all(&self.to)?;
        if bytes == self.bytes {
            return Ok(());
        }
        Err(wrong(format!("the copy has {bytes} bytes, the tree {}", self.bytes)))
    }
}

/// A tree that is to be removed.
pub struct Doomed {
    pub root: PathBuf,
}

impl Doomed {
    /// As many files as the usual tree has, or very few.
    pub fn create(place: &Path, quick: bool) -> io::Result<Arc<Doomed>> {
        let root = place.join("doomed");
        std::fs::create_dir(&root)?;
        let (dirs, files) = if quick { (20, 50) } else { (1_000, 100) };
        for dir in 0..dirs {
            let dir = root.join(format!("d{dir:04}"));
            std::fs::create_dir(&dir)?;
            (0..files).try_for_each(|file| std::fs::write(dir.join(format!("f{file:04}")), [0x5A; BLOCK]))?;
        }
        Ok(Arc::new(Doomed { root }))
    }

    pub fn check(&self, who: &str) -> io::Result<()> {
        match self.root.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(wrong(format!("{who} has left something"))),
        }
    }
}

/// The sizes of all files in sum; directories have one of their own on every file system.
fn apparent_size(root: &Path) -> io::Result<u64> {
    let mut todo = vec![root.to_path_buf()];
    let mut sum = 0;
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => todo.push(entry.path()),
                false => sum += entry.metadata()?.len(),
            }
        }
    }
    Ok(sum)
}

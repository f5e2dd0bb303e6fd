//! Reading directories.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::dir::Dir;
use crate::values::listing::{Name, read_all};
use crate::values::path::At;
use crate::{Aio, Metadata, Request};

/// From this many names on, asking in the order of inodes saves a disk more seeks than sorting costs.
const SORTED: usize = 1000;

/// What kind of file a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// The file system does not tell; `lstat` does.
    Unknown,
}

impl FileType {
    pub(crate) fn from_mode(mode: u32) -> Self {
        Self::from_rustix(rustix::fs::FileType::from_raw_mode(mode))
    }
    /// The number in a directory: `DT_REG` and so on.
    pub fn dirent(self) -> i32 {
        i32::from(match self {
            FileType::File => libc::DT_REG,
            FileType::Directory => libc::DT_DIR,
            FileType::Symlink => libc::DT_LNK,
            FileType::Fifo => libc::DT_FIFO,
            FileType::Socket => libc::DT_SOCK,
            FileType::CharDevice => libc::DT_CHR,
            FileType::BlockDevice => libc::DT_BLK,
            FileType::Unknown => libc::DT_UNKNOWN,
        })
    }
    pub(crate) fn from_rustix(t: rustix::fs::FileType) -> Self {
        use rustix::fs::FileType as T;
        match t {
            T::RegularFile => FileType::File,
            T::Directory => FileType::Directory,
            T::Symlink => FileType::Symlink,
            T::Fifo => FileType::Fifo,
            T::Socket => FileType::Socket,
            T::CharacterDevice => FileType::CharDevice,
            T::BlockDevice => FileType::BlockDevice,
            T::Unknown => FileType::Unknown,
        }
    }
}

/// The names in a directory, without `.` and `..`, in the file system's order.
#[derive(Default, Debug)]
pub struct Entries {
    names: Vec<u8>,
    items: Vec<Item>,
    stats: Vec<io::Result<Metadata>>,
    dir: Option<Dir>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    start: usize,
    len: usize,
    kind: FileType,
    ino: u64,
}

/// One name of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    list: &'a Entries,
    index: usize,
}

impl Entries {
    /// How many names there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether the directory is empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// The names, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        (0..self.items.len()).map(|index| Entry { list: self, index })
    }
    /// The directory that was read, if [`keep_open`](Request::keep_open) was asked for.
    pub fn dir(&self) -> Option<&Dir> {
        self.dir.as_ref()
    }
}

impl<'a> Entry<'a> {
    fn item(&self) -> Item {
        self.list.items[self.index]
    }
    /// The name.
    pub fn name(&self) -> &'a OsStr {
        let item = self.item();
        OsStr::from_bytes(&self.list.names[item.start..item.start + item.len])
    }
    /// The name, with a NUL at its end.
    pub fn c_name(&self) -> &'a std::ffi::CStr {
        let item = self.item();
        let name = &self.list.names[item.start..=item.start + item.len];
        std::ffi::CStr::from_bytes_with_nul(name).unwrap_or_default()
    }
    /// The kind of file, as the directory tells it.
    pub fn file_type(&self) -> FileType {
        self.item().kind
    }
    /// The inode number.
    pub fn ino(&self) -> u64 {
        self.item().ino
    }
    /// What `lstat(2)` said, if [`stat`](Request::stat) was asked for.
    pub fn metadata(&self) -> Option<&'a io::Result<Metadata>> {
        self.list.stats.get(self.index)
    }
}

/// `getdents64(2)` until the end; see [`Aio::read_dir`].
pub struct ReadDir {
    at: At,
    stat: bool,
    born: bool,
    pub(crate) keep_open: bool,
    pub(crate) kinds: bool,
    pub(crate) dirs_first: bool,
    stat_order: bool,
}

impl ReadDir {
    pub(crate) fn new(path: &Path) -> Self {
        let (stat, keep_open, kinds, dirs_first, stat_order) = (false, false, false, false, false);
        ReadDir { at: At::new(path), stat, born: true, keep_open, kinds, dirs_first, stat_order }
    }
    fn names(dir: &OwnedFd) -> io::Result<Entries> {
        let mut list = Entries::default();
        read_all(dir, |Name { name, kind, ino }| {
            let (start, kind) = (list.names.len(), FileType::from_rustix(kind));
            list.items.push(Item { start, len: name.count_bytes(), kind, ino });
            list.names.extend_from_slice(name.to_bytes_with_nul());
            Ok(())
        })?;
        Ok(list)
    }
    /// Asks for the kinds that are not known; what has gone stays so.
    fn kinds(dir: &OwnedFd, list: &mut Entries) {
        for item in list.items.iter_mut().filter(|item| item.kind == FileType::Unknown) {
            if let Ok(found) = stat(dir, &list.names[item.start..=item.start + item.len], false) {
                item.kind = found.file_type();
            }
        }
    }
    fn sort(&self, list: &mut Entries) {
        if self.stat_order {
            list.items.sort_unstable_by_key(|item| item.ino);
        }
        if self.dirs_first {
            // Where the file system does not tell, a name without a dot is more often a directory's.
            list.items.sort_by_key(|item| match item.kind {
                FileType::Directory => 0,
                FileType::Unknown => {
                    let has_dot = list.names[item.start..item.start + item.len].contains(&b'.');
                    1 + u8::from(has_dot)
                }
                _ => 3,
            });
        }
    }
    fn stats(dir: &OwnedFd, list: &mut Entries, born: bool) {
        let ask = |item: &Item| stat(dir, &list.names[item.start..=item.start + item.len], born);
        if list.items.len() < SORTED {
            list.stats = list.items.iter().map(ask).collect();
            return;
        }
        let mut order: Vec<usize> = (0..list.items.len()).collect();
        order.sort_unstable_by_key(|&i| list.items[i].ino);
        let mut stats: Vec<Option<io::Result<Metadata>>> = list.items.iter().map(|_| None).collect();
        for i in order {
            stats[i] = Some(ask(&list.items[i]));
        }
        list.stats = stats.into_iter().flatten().collect();
    }
}

/// `lstat(2)` of a name with its NUL.
fn stat(dir: &OwnedFd, name: &[u8], born: bool) -> io::Result<Metadata> {
    let name = CStr::from_bytes_with_nul(name).map_err(io::Error::other)?;
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    if born {
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        return Ok(Metadata::new(&crate::sys::fallback::statx(dir.as_fd(), name, flags, mask)?));
    }
    Ok(Metadata::without_birth(&rustix::fs::statat(dir.as_fd(), name, flags)?))
}

impl Op for ReadDir {
    type Val = Entries;
    type Out = io::Result<Entries>;
    const NAME: &'static str = "read_dir";
    fn check(&self) -> io::Result<()> {
        self.at.check()
    }
    fn run(&mut self) -> io::Result<Entries> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let dir = rustix::fs::openat(self.at.dirfd(), self.at.path(), flags, Mode::empty())?;
        let mut list = Self::names(&dir)?;
        if self.kinds {
            Self::kinds(&dir, &mut list);
        }
        self.sort(&mut list);
        if self.stat {
            Self::stats(&dir, &mut list, self.born);
        }
        list.dir = self.keep_open.then(|| dir.into());
        Ok(list)
    }
    fn finish(self, res: io::Result<Entries>) -> Self::Out {
        res
    }
}
impl PathOp for ReadDir {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, ReadDir> {
    /// Whether [`stat`](Self::stat) also asks when files were made (default: yes). Without that, an older
    /// system call does, which is 12% cheaper.
    pub fn born(mut self, yes: bool) -> Self {
        self.op.born = yes;
        self
    }
    /// Also asks `lstat(2)` of every name, on the same worker, relative to the open directory.
    pub fn stat(mut self, yes: bool) -> Self {
        self.op.stat = yes;
        self
    }
    /// Also hands out the open directory, so that what is in it can be reached without its path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let list = aio.read_dir("/etc").keep_open(true).wait()?;
    /// let etc = list.dir().expect("kept open");
    /// assert!(aio.stat("passwd").at(etc).wait()?.len() > 0);
    /// # Ok(()) }
    /// ```
    pub fn keep_open(mut self, yes: bool) -> Self {
        self.op.keep_open = yes;
        self
    }
    /// Also asks `lstat(2)` of each name whose kind the file system does not tell in its directories.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let list = ioaio::Aio::new()?.read_dir("/etc").kinds(true).wait()?;
    /// assert!(list.iter().all(|entry| entry.file_type() != ioaio::FileType::Unknown));
    /// # Ok(()) }
    /// ```
    pub fn kinds(mut self, yes: bool) -> Self {
        self.op.kinds = yes;
        self
    }
    /// Sorts directories before everything else, for programs that go into them first.
    pub fn dirs_first(mut self, yes: bool) -> Self {
        self.op.dirs_first = yes;
        self
    }
    /// Sorts by inode number, the order in which asking for the files costs a disk the fewest seeks;
    /// with [`dirs_first`](Self::dirs_first), directories and the rest each.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let list = ioaio::Aio::new()?.read_dir("/etc").stat_order(true).wait()?;
    /// assert!(list.iter().map(|entry| entry.ino()).is_sorted());
    /// # Ok(()) }
    /// ```
    pub fn stat_order(mut self, yes: bool) -> Self {
        self.op.stat_order = yes;
        self
    }
}

impl Aio {
    /// Lists a directory with types and inode numbers: `getdents64(2)`. A last symbolic link is not
    /// followed.
    ///
    /// All names are read with one descriptor, and held at once: some 50 bytes for each, 250 with
    /// [`stat`](Request::stat). What nobody makes, removes or renames meanwhile is in the list once.
    ///
    /// # Errors
    /// Those of `open(2)` with `O_DIRECTORY|O_NOFOLLOW` and of `getdents64(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let list = ioaio::Aio::new()?.read_dir("/etc").stat(true).wait()?;
    /// for entry in list.iter().take(3) {
    ///     println!("{:?} {:?}", entry.name(), entry.file_type());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn read_dir(&self, path: impl AsRef<Path>) -> Request<'_, ReadDir> {
        Request::new(self, ReadDir::new(path.as_ref()))
    }
}

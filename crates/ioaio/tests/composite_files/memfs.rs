//! A FUSE file system in memory that refuses what it is told to refuse, as network and foreign file systems do.
//!
//! It is served by a thread of the test: what forks must not touch it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    FileAttr, FileType, Filesystem, MountOption, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow,
};

/// What it refuses, each with an errno, and how coarse its times are.
#[derive(Clone, Copy, Default)]
pub struct Refusals {
    /// The `close(2)` of a file that is not empty, which loses what was written.
    pub close: Option<i32>,
    pub fsync: Option<i32>,
    pub chmod: Option<i32>,
    pub chown: Option<i32>,
    pub times: Option<i32>,
    pub link: Option<i32>,
    /// Times are cut to a multiple of it.
    pub granularity: Option<Duration>,
}

/// Mounted until it is dropped.
pub struct MemFs {
    dir: tempfile::TempDir,
    session: Option<fuser::BackgroundSession>,
}

impl MemFs {
    /// `None`, with a word about it, where nothing can be mounted.
    pub fn mount(refuses: Refusals) -> Option<MemFs> {
        let dir = tempfile::tempdir().unwrap();
        let options = [MountOption::FSName("ioaio-memfs".into()), MountOption::DefaultPermissions];
        match fuser::spawn_mount2(Memory::new(refuses), dir.path(), &options) {
            Ok(session) => Some(MemFs { dir, session: Some(session) }),
            Err(e) => {
                eprintln!("skipped: no FUSE file system can be mounted: {e}");
                None
            }
        }
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    pub fn root(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for MemFs {
    fn drop(&mut self) {
        drop(self.session.take());
        let _ = rustix::mount::unmount(self.dir.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

struct Node {
    attr: FileAttr,
    data: Vec<u8>,
    names: BTreeMap<OsString, u64>,
}

struct Memory {
    refuses: Refusals,
    nodes: HashMap<u64, Node>,
    last: u64,
}

const TTL: Duration = Duration::ZERO;

impl Memory {
    fn new(refuses: Refusals) -> Self {
        let mut memory = Memory { refuses, nodes: HashMap::new(), last: 0 };
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        memory.add(FileType::Directory, 0o755, owner);
        memory
    }
    fn add(&mut self, kind: FileType, perm: u32, (uid, gid): (u32, u32)) -> u64 {
        self.last += 1;
        let (now, perm) = (self.cut(SystemTime::now()), (perm & 0o7777) as u16);
        let attr = FileAttr {
            ino: self.last,
            size: 0,
            blocks: 0,
            atime: now,
            mtime: now,
            ctime: now,
            crtime: now,
            kind,
            perm,
            nlink: 1,
            uid,
            gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        };
        self.nodes.insert(self.last, Node { attr, data: Vec::new(), names: BTreeMap::new() });
        self.last
    }
    fn make(&mut self, req: &Request<'_>, parent: u64, name: &OsStr, kind: FileType, perm: u32) -> FileAttr {
        let ino = self.add(kind, perm, (req.uid(), req.gid()));
        self.node(parent).names.insert(name.into(), ino);
        self.node(ino).attr
    }
    fn node(&mut self, ino: u64) -> &mut Node {
        self.nodes.get_mut(&ino).expect("the kernel asks for what there is")
    }
    fn cut(&self, time: SystemTime) -> SystemTime {
        let Some(unit) = self.refuses.granularity.map(|unit| unit.as_nanos()) else { return time };
        let nanos = time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() / unit * unit;
        UNIX_EPOCH + Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
    }
    fn remove(&mut self, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        let Some(&ino) = self.node(parent).names.get(name) else { return reply.error(libc::ENOENT) };
        if !self.node(ino).names.is_empty() {
            return reply.error(libc::ENOTEMPTY);
        }
        self.node(parent).names.remove(name);
        reply.ok();
    }
}

impl Filesystem for Memory {
    fn lookup(&mut self, _req: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        match self.node(parent).names.get(name).copied() {
            Some(ino) => reply.entry(&TTL, &self.node(ino).attr, 0),
            None => reply.error(libc::ENOENT),
        }
    }
    fn getattr(&mut self, _req: &Request<'_>, ino: u64, _fh: Option<u64>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.node(ino).attr);
    }
    fn setattr(
        &mut self,
        _req: &Request<'_>,
        ino: u64,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<u64>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<u32>,
        reply: ReplyAttr,
    ) {
        let refuses = self.refuses;
        let refused = [
            refuses.chmod.filter(|_| mode.is_some()),
            refuses.chown.filter(|_| uid.is_some() || gid.is_some()),
            refuses.times.filter(|_| atime.is_some() || mtime.is_some()),
        ];
        if let Some(errno) = refused.into_iter().flatten().next() {
            return reply.error(errno);
        }
        let time = |time: Option<TimeOrNow>| {
            time.map(|time| match time {
                TimeOrNow::SpecificTime(time) => self.cut(time),
                TimeOrNow::Now => self.cut(SystemTime::now()),
            })
        };
        let (atime, mtime, now) = (time(atime), time(mtime), self.cut(SystemTime::now()));
        let node = self.node(ino);
        if let Some(size) = size {
            node.data.resize(size as usize, 0);
        }
        let attr = &mut node.attr;
        attr.perm = mode.map_or(attr.perm, |mode| (mode & 0o7777) as u16);
        (attr.uid, attr.gid) = (uid.unwrap_or(attr.uid), gid.unwrap_or(attr.gid));
        (attr.atime, attr.mtime) = (atime.unwrap_or(attr.atime), mtime.unwrap_or(attr.mtime));
        (attr.size, attr.ctime) = (node.data.len() as u64, now);
        reply.attr(&TTL, attr);
    }
    fn readlink(&mut self, _req: &Request<'_>, ino: u64, reply: ReplyData) {
        reply.data(&self.node(ino).data);
    }
    fn mknod(
        &mut self,
        req: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        let kind = match mode & libc::S_IFMT {
            libc::S_IFIFO => FileType::NamedPipe,
            libc::S_IFSOCK => FileType::Socket,
            libc::S_IFCHR => FileType::CharDevice,
            libc::S_IFBLK => FileType::BlockDevice,
            _ => FileType::RegularFile,
        };
        reply.entry(&TTL, &self.make(req, parent, name, kind, mode), 0);
    }
    fn mkdir(
        &mut self,
        req: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        reply.entry(&TTL, &self.make(req, parent, name, FileType::Directory, mode), 0);
    }
    fn unlink(&mut self, _req: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        self.remove(parent, name, reply);
    }
    fn rmdir(&mut self, _req: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        self.remove(parent, name, reply);
    }
    fn symlink(&mut self, req: &Request<'_>, parent: u64, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let ino = self.make(req, parent, name, FileType::Symlink, 0o777).ino;
        let node = self.node(ino);
        node.data = target.as_os_str().as_encoded_bytes().to_vec();
        node.attr.size = node.data.len() as u64;
        reply.entry(&TTL, &node.attr, 0);
    }
    /// It knows no flags, as FUSE file systems of old and NFS.
    fn rename(
        &mut self,
        _req: &Request<'_>,
        parent: u64,
        name: &OsStr,
        newparent: u64,
        newname: &OsStr,
        flags: u32,
        reply: ReplyEmpty,
    ) {
        if flags != 0 {
            return reply.error(libc::EINVAL);
        }
        let Some(ino) = self.node(parent).names.remove(name) else { return reply.error(libc::ENOENT) };
        self.node(newparent).names.insert(newname.into(), ino);
        reply.ok();
    }
    fn link(&mut self, _req: &Request<'_>, ino: u64, newparent: u64, newname: &OsStr, reply: ReplyEntry) {
        if let Some(errno) = self.refuses.link {
            return reply.error(errno);
        }
        self.node(newparent).names.insert(newname.into(), ino);
        let node = self.node(ino);
        node.attr.nlink += 1;
        reply.entry(&TTL, &node.attr, 0);
    }
    fn open(&mut self, _req: &Request<'_>, _ino: u64, _flags: i32, reply: ReplyOpen) {
        reply.opened(0, 0);
    }
    fn read(
        &mut self,
        _req: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        size: u32,
        _flags: i32,
        _lock_owner: Option<u64>,
        reply: ReplyData,
    ) {
        let data = &self.node(ino).data;
        let start = data.len().min(offset as usize);
        reply.data(&data[start..data.len().min(start + size as usize)]);
    }
    fn write(
        &mut self,
        _req: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        data: &[u8],
        _write_flags: u32,
        _flags: i32,
        _lock_owner: Option<u64>,
        reply: ReplyWrite,
    ) {
        let now = self.cut(SystemTime::now());
        let node = self.node(ino);
        let (start, end) = (offset as usize, offset as usize + data.len());
        let len = node.data.len().max(end);
        node.data.resize(len, 0);
        node.data[start..end].copy_from_slice(data);
        (node.attr.size, node.attr.blocks) = (len as u64, len.div_ceil(512) as u64);
        (node.attr.mtime, node.attr.ctime) = (now, now);
        reply.written(data.len() as u32);
    }
    fn flush(&mut self, _req: &Request<'_>, ino: u64, _fh: u64, _lock_owner: u64, reply: ReplyEmpty) {
        let refused = self.refuses.close;
        let node = self.node(ino);
        match refused {
            Some(errno) if !node.data.is_empty() => {
                node.data.clear();
                node.attr.size = 0;
                reply.error(errno);
            }
            _ => reply.ok(),
        }
    }
    fn fsync(&mut self, _req: &Request<'_>, _ino: u64, _fh: u64, _datasync: bool, reply: ReplyEmpty) {
        match self.refuses.fsync {
            Some(errno) => reply.error(errno),
            None => reply.ok(),
        }
    }
    fn fsyncdir(&mut self, _req: &Request<'_>, _ino: u64, _fh: u64, _datasync: bool, reply: ReplyEmpty) {
        match self.refuses.fsync {
            Some(errno) => reply.error(errno),
            None => reply.ok(),
        }
    }
    fn readdir(&mut self, _req: &Request<'_>, ino: u64, _fh: u64, offset: i64, mut reply: ReplyDirectory) {
        let dots = [(".", ino), ("..", ino)].map(|(name, ino)| (OsString::from(name), ino));
        let names: Vec<_> = self.node(ino).names.iter().map(|(name, ino)| (name.clone(), *ino)).collect();
        for (i, (name, ino)) in dots.into_iter().chain(names).enumerate().skip(offset as usize) {
            let kind = self.node(ino).attr.kind;
            if reply.add(ino, i as i64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }
    fn create(
        &mut self,
        req: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let attr = self.make(req, parent, name, FileType::RegularFile, mode);
        reply.created(&TTL, &attr, 0, 0, 0);
    }
}

//! The mounts that this thread sees: `/proc/thread-self/mountinfo`, see proc_pid_mountinfo(5).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A line of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// A number that another mount may have later, as `statx(2)` tells it with `STATX_MNT_ID`.
    id: u64,
    /// Where it is mounted.
    point: PathBuf,
    /// The type of the file system.
    kind: Vec<u8>,
    /// Of the file system, as they stand there.
    options: Vec<u8>,
}

pub(crate) struct Mounts(Vec<Mount>);

impl Mounts {
    /// `None` where there is no procfs.
    pub(crate) fn read() -> Option<Self> {
        std::fs::read("/proc/thread-self/mountinfo").ok().map(|text| Self::parse(&text))
    }
    fn parse(text: &[u8]) -> Self {
        Mounts(text.split(|&b| b == b'\n').filter_map(Mount::parse).collect())
    }
    pub(crate) fn by_id(&self, id: u64) -> Option<&Mount> {
        self.0.iter().find(|mount| mount.id == id)
    }
    /// The mount that a path leads to if there are no symbolic links on it.
    pub(crate) fn above(&self, path: &Path) -> Option<&Mount> {
        let above = self.0.iter().filter(|mount| path.starts_with(&mount.point));
        // Of several at one place the last one hides the others, and `max_by_key` gives the last of equals.
        above.max_by_key(|mount| mount.point.as_os_str().len())
    }
}

impl Mount {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&b| b == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let point = to_path(unescaped(fields.nth(3)?));
        // Optional fields end with a hyphen; then come type, source and options.
        let kind = fields.by_ref().skip_while(|field| *field != b"-").nth(1)?.to_vec();
        let options = fields.nth(1)?.to_vec();
        Some(Mount { id, point, kind, options })
    }
    pub(crate) fn kind(&self) -> &[u8] {
        &self.kind
    }
    /// The directories that an overlay is made of; `None` where not all of them are named by absolute paths.
    pub(crate) fn layers(&self) -> Option<Vec<PathBuf>> {
        let mut layers = Vec::new();
        for option in self.options.split(|&b| b == b',') {
            let Some(equals) = option.iter().position(|&b| b == b'=') else { continue };
            let value = unescaped(&option[equals + 1..]);
            match &option[..equals] {
                b"lowerdir" => layers.extend(split_at_colons(&value)),
                b"upperdir" | b"lowerdir+" | b"datadir+" => layers.push(value),
                _ => {}
            }
        }
        let layers: Vec<_> = layers.into_iter().map(to_path).collect();
        (!layers.is_empty() && layers.iter().all(|layer| layer.is_absolute())).then_some(layers)
    }
}

fn to_path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// The kernel writes what would end a field, and backslashes, as three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => plain.push(*first),
        }
    }
    plain
}

/// Lower layers are separated by colons, layers of data by two; a backslash takes a colon's meaning away.
fn split_at_colons(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => part.extend(bytes.next()),
            b':' => parts.push(std::mem::take(&mut part)),
            _ => part.push(byte),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw
40 27 0:30 / /mnt/with\\040space rw - tmpfs none rw
41 27 0:31 / /mnt/o rw - overlay overlay rw,lowerdir=/a\\134:b:/c\\054d::/data,upperdir=/up,workdir=/work,uuid=on
42 27 0:32 / /mnt/p rw - overlay overlay ro,lowerdir+=/x:y,datadir+=/z
43 27 0:33 / /mnt/q rw - overlay overlay ro,lowerdir=/x:relative
44 27 0:34 / /mnt/o rw - tmpfs none rw
broken line
45 27
";

    fn layers(id: u64) -> Option<Vec<PathBuf>> {
        Mounts::parse(TEXT).by_id(id).unwrap().layers()
    }

    #[test]
    fn mounts_are_told_by_id_and_by_path() {
        let mounts = Mounts::parse(TEXT);
        assert_eq!(mounts.0.len(), 7);
        assert_eq!(mounts.by_id(22).unwrap().kind(), b"proc");
        assert!(mounts.by_id(45).is_none());
        let above = |path: &str| mounts.above(Path::new(path)).map(|mount| mount.id);
        assert_eq!(above("/mnt/with space/x"), Some(40));
        assert_eq!(above("/mnt/without"), Some(27));
        assert_eq!(above("/mnt/o/x"), Some(44), "what was mounted last hides the other");
        assert_eq!(above("relative"), None);
    }

    #[test]
    fn layers_are_told_as_the_kernel_writes_them() {
        let paths = |paths: &[&str]| Some(paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(layers(41), paths(&["/a:b", "/c,d", "/data", "/up"]));
        assert_eq!(layers(42), paths(&["/x:y", "/z"]));
        assert_eq!(layers(43), None, "nobody knows from where");
        assert_eq!(layers(40), None, "there are none");
    }

    #[test]
    fn the_root_is_a_mount_of_this_process() {
        let mounts = Mounts::read().expect("procfs");
        assert!(mounts.above(Path::new("/")).is_some());
    }
}

//! What has an opcode is executed by the ring, if nothing else is on.

use std::collections::BTreeSet;
use std::fs;

use ioaio::{Aio, Dir, File, OFlags, Op, Request, ResolveFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::by_channel;
use crate::common::drive;

/// Opcodes of this kernel, by the names that the registry has for them.
fn supported() -> Option<BTreeSet<&'static str>> {
    use io_uring::opcode::*;
    let uring = io_uring::IoUring::new(8).ok()?;
    let mut probe = io_uring::Probe::new();
    uring.submitter().register_probe(&mut probe).ok()?;
    let codes = [
        ("OPENAT", OpenAt::CODE),
        ("OPENAT2", OpenAt2::CODE),
        ("STATX", Statx::CODE),
        ("UNLINKAT", UnlinkAt::CODE),
        ("RENAMEAT", RenameAt::CODE),
        ("MKDIRAT", MkDirAt::CODE),
        ("SYMLINKAT", SymlinkAt::CODE),
        ("LINKAT", LinkAt::CODE),
        ("FTRUNCATE", Ftruncate::CODE),
        ("GETXATTR", GetXattr::CODE),
        ("FGETXATTR", FGetXattr::CODE),
        ("SETXATTR", SetXattr::CODE),
        ("FSETXATTR", FSetXattr::CODE),
    ];
    Some(codes.into_iter().filter(|(_, code)| probe.is_supported(*code)).map(|(name, _)| name).collect())
}

#[test]
fn what_has_an_opcode_goes_to_the_ring() {
    let aio = Aio::builder().inline(false).pool(false).build().unwrap();
    let (Some(supported), true) = (supported(), aio.backend().ring) else {
        eprintln!("skipped: {}", aio.backend().ring_off.unwrap_or_default());
        return;
    };
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "").unwrap();
    let handle = Dir::open(dir.path()).unwrap();
    let file = File::from(fs::File::options().read(true).write(true).open(at("file")).unwrap());
    let open = || aio.open("file").at(&handle);
    check(&aio, &supported, "OPENAT", open());
    check(&aio, &supported, "OPENAT2", open().resolve(ResolveFlags::NO_SYMLINKS).flags(OFlags::RDWR));
    check(&aio, &supported, "OPENAT", aio.open_dir(dir.path()));
    check(&aio, &supported, "OPENAT2", aio.open_dir(".").at(&handle).resolve(ResolveFlags::NO_SYMLINKS));
    check(&aio, &supported, "STATX", aio.statx(at("file")));
    check(&aio, &supported, "STATX", aio.fstatx(&file));
    check(&aio, &supported, "MKDIRAT", aio.mkdir(at("dir")));
    check(&aio, &supported, "UNLINKAT", aio.rmdir(at("dir")));
    check(&aio, &supported, "SYMLINKAT", aio.symlink("file", at("link")));
    check(&aio, &supported, "LINKAT", aio.link(at("file"), at("second")));
    check(&aio, &supported, "RENAMEAT", aio.rename(at("second"), at("third")));
    check(&aio, &supported, "UNLINKAT", aio.unlink(at("third")));
    check(&aio, &supported, "FTRUNCATE", aio.ftruncate(&file, 5));
    check(&aio, &supported, "SETXATTR", aio.setxattr(at("file"), "user.a", "1"));
    check(&aio, &supported, "FSETXATTR", aio.fsetxattr(&file, "user.b", "2"));
    check(&aio, &supported, "GETXATTR", aio.getxattr(at("file"), "user.a"));
    check(&aio, &supported, "FGETXATTR", aio.fgetxattr(&file, "user.b"));
}

/// Without an opcode, `poll` executes it, with the same result.
fn check<O: Op<Out = std::io::Result<T>>, T: Send + 'static>(
    aio: &Aio,
    supported: &BTreeSet<&str>,
    opcode: &str,
    request: Request<'_, O>,
) {
    let before = aio.stats();
    let result = by_channel(request);
    drive(aio);
    let result = result.try_recv().expect("a result").map(|_| ());
    let no_attributes = |e: &std::io::Error| Errno::from_io_error(e) == Some(Errno::OPNOTSUPP);
    assert!(
        opcode.ends_with("XATTR") && result.as_ref().is_err_and(no_attributes) || result.is_ok(),
        "{result:?}"
    );
    let counts = (aio.stats().ring - before.ring, aio.stats().pool - before.pool);
    assert_eq!(counts, if supported.contains(opcode) { (1, 0) } else { (0, 1) }, "{opcode}");
}

//! The line about the machine: figures without it are worth nothing.

use std::fs;
use std::path::Path;

/// CPU, cores, kernel, and the file system that `path` is on.
pub fn describe(path: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{}, {cores} cores, Linux {}, {}", cpu_model(), kernel.trim(), file_system(path))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn cpu_model() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    model.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The type and device of the mount with the longest path that leads to `path`.
fn file_system(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mounts = read("/proc/self/mounts");
    let best = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (device, dir, kind) = (fields.next()?, fields.next()?, fields.next()?);
            path.starts_with(dir).then_some((dir.len(), kind, device))
        })
        .max_by_key(|&(len, ..)| len);
    match best {
        Some((_, kind, device)) => format!("{kind} on {device}"),
        None => "unknown file system".to_owned(),
    }
}

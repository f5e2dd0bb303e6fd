//! What is printed at the end.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

use super::Args;
use super::tree::Usage;
use super::walk::Found;

pub fn print(args: &Args, found: &Found, time: Duration) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let size = |usage: &Usage| size(args, if args.apparent_size { usage.apparent } else { usage.disk });
    if args.summarize {
        for (path, usage) in &found.arguments {
            line(&mut out, &size(usage), 0, path.as_os_str())?;
        }
        return out.flush();
    }
    let width = found.largest.iter().map(|(_, usage)| size(usage).len()).max().unwrap_or(0);
    for (path, usage) in &found.largest {
        line(&mut out, &size(usage), width, path.as_os_str())?;
    }
    if !found.largest.is_empty() {
        writeln!(out)?;
    }
    totals(&mut out, args, found, time)?;
    out.flush()
}

fn totals(out: &mut impl Write, args: &Args, found: &Found, time: Duration) -> io::Result<()> {
    let mut all = Usage::default();
    found.arguments.iter().for_each(|(_, usage)| all.add(*usage));
    let rate = found.entries as f64 / time.as_secs_f64();
    writeln!(out, "{} files, {} directories", HumanCount(all.files), HumanCount(all.dirs))?;
    writeln!(out, "{} on disk, {} apparent", size(args, all.disk), size(args, all.apparent))?;
    if found.vanished > 0 {
        writeln!(out, "{} went away meanwhile", HumanCount(found.vanished))?;
    }
    writeln!(
        out,
        "{} entries in {:.3} s, {} a second",
        HumanCount(found.entries),
        time.as_secs_f64(),
        HumanCount(rate as u64)
    )
}

fn size(args: &Args, bytes: u64) -> String {
    if args.bytes { bytes.to_string() } else { HumanBytes(bytes).to_string() }
}

/// Names need not be UTF-8: they are printed as they are.
fn line(out: &mut impl Write, size: &str, width: usize, path: &OsStr) -> io::Result<()> {
    write!(out, "{size:>width$}\t")?;
    out.write_all(path.as_bytes())?;
    writeln!(out)
}

//! Perl's IO::AIO, in a process of its own that lives as long as the subject; see perl/peer.pl.
//!
//! One line each way per sample. The child reads both clocks itself, around the operations and nothing else.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{Doomed, Files, Nops, Reads, wrong};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/perl/peer.pl");

pub struct Perl {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Perl {
    /// IO::AIO with that many threads.
    pub fn new(threads: usize) -> io::Result<Perl> {
        let mut command = Command::new("perl");
        command.arg(SCRIPT).arg(threads.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut perl = Perl { child, to, from };
        perl.answer()?; // it says "ok" when IO::AIO is loaded
        Ok(perl)
    }

    /// Has the child do `what` with its arguments, each on the line in hex since paths can hold anything.
    fn sample<W>(&mut self, run: &Run<W>, what: &str, args: &[&[u8]]) -> io::Result<Sample> {
        let mut line =
            format!("{what} {} {} {}", run.depth, run.ops, u8::from(run.latency && run.depth == 1));
        for arg in args {
            line.push(' ');
            line.extend(arg.iter().map(|byte| format!("{byte:02x}")));
        }
        line.push('\n');
        let to = self.to.as_mut().expect("open until drop");
        to.write_all(line.as_bytes())?;
        let answer = self.answer()?;
        let figures: Result<Vec<f64>, _> = answer.split_whitespace().map(str::parse).collect();
        let time = |seconds: &f64| Duration::from_secs_f64(*seconds);
        match figures.as_deref() {
            Ok([wall, cpu]) => Ok(Sample { ops: run.ops, wall: time(wall), cpu: time(cpu), latency: None }),
            Ok([wall, cpu, p50, p99]) => {
                let latency = Some((time(p50), time(p99)));
                Ok(Sample { ops: run.ops, wall: time(wall), cpu: time(cpu), latency })
            }
            _ => Err(io::Error::other(format!("perl said: {answer}"))),
        }
    }

    /// The rest of a line that begins with "ok"; any other is an error.
    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("ok") {
            return Ok(rest.to_owned());
        }
        if let Some(what) = line.strip_prefix("wrong ") {
            return Err(wrong(what.to_owned()));
        }
        Err(io::Error::other(if line.is_empty() { "perl has ended" } else { line }.to_owned()))
    }
}

/// A file with the offsets of a sample, in the order in which every subject has them.
struct Order(PathBuf);

impl Order {
    fn new(work: &Reads) -> io::Result<Order> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = work.file.path.with_extension(format!("order{number}"));
        let bytes: Vec<u8> = work.offsets.iter().flat_map(|offset| offset.to_ne_bytes()).collect();
        fs::write(&path, bytes)?;
        Ok(Order(path))
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Perl {
    /// The end of its input ends the child.
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.wait();
    }
}

impl Subject for Perl {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let order = Order::new(&run.work)?;
        let what = if run.work.file.direct { "direct" } else { "read" };
        let paths = [run.work.file.path.as_os_str(), order.0.as_os_str()].map(|path| path.as_encoded_bytes());
        self.sample(run, what, &paths)
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        self.files(run, "stat")
    }

    fn load(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        self.files(run, "load")
    }

    fn whole(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        self.files(run, "whole")
    }

    fn remove(&mut self, run: &Run<Doomed>) -> io::Result<Sample> {
        let sample = self.sample(run, "remove", &[run.work.root.as_os_str().as_encoded_bytes()])?;
        run.work.check("aio_rmtree")?;
        Ok(sample)
    }

    fn nop(&mut self, run: &Run<Nops>) -> io::Result<Sample> {
        self.sample(run, "nop", &[])
    }
}

impl Perl {
    fn files(&mut self, run: &Run<Files>, what: &str) -> io::Result<Sample> {
        let tree = &run.work.tree;
        let shape = format!("{} {}", tree.dirs, tree.files_per_dir);
        self.sample(run, what, &[tree.root.as_os_str().as_encoded_bytes(), shape.as_bytes()])
    }
}

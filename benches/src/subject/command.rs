//! A command that prints how much a directory uses, as `du -s` does: the whole process is measured.

use std::io;
use std::process::{self, Stdio};
use std::time::Instant;

use super::Subject;
use crate::run::{Run, Sample, cpu_time};
use crate::work::Usage;

pub struct Command {
    words: Vec<String>,
}

impl Command {
    /// `template` is split at spaces, and `{}` stands for the directory.
    pub fn new(template: &str) -> io::Result<Command> {
        let words: Vec<String> = template.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() || !template.contains("{}") {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a command with {} in it"));
        }
        Ok(Command { words })
    }
}

impl Subject for Command {
    fn usage(&mut self, run: &Run<Usage>) -> io::Result<Sample> {
        let root = run.work.tree.root.to_str().ok_or_else(|| io::Error::other("path is not UTF-8"))?;
        let words: Vec<String> = self.words.iter().map(|word| word.replace("{}", root)).collect();
        let (cpu, start) = (cpu_time(libc::RUSAGE_CHILDREN)?, Instant::now());
        for _ in 0..run.ops {
            let mut command = process::Command::new(&words[0]);
            let output = command.args(&words[1..]).stderr(Stdio::inherit()).output()?;
            if !output.status.success() {
                return Err(io::Error::other(format!("{}: {}", words[0], output.status)));
            }
            let text = String::from_utf8_lossy(&output.stdout);
            // Who prints something else than a number of KiB in front has only its exit status checked.
            if let Some(Ok(kib)) = text.split_whitespace().next().map(str::parse) {
                run.work.check(&words[0], kib)?;
            }
        }
        let (wall, cpu) = (start.elapsed(), cpu_time(libc::RUSAGE_CHILDREN)? - cpu);
        Ok(Sample { ops: run.ops, wall, cpu, latency: None })
    }
}

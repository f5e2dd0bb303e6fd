//! The command line, the same for every program.

use std::time::Duration;

const USAGE: &str = "options:
  --rounds N      rounds of one sample of each subject (default 9; the cold bench 3)
  --ops N         most operations in a sample
  --seconds S     most seconds a sample should take, by which slow subjects get fewer operations (default 0.4)
  --depth N,...   operations in flight, instead of the program's own choice
  --only S,...    only subjects whose name contains one of the strings
  --latency       print p50 and p99 at depth 1 (two readings of the clock more per operation)
  --quick         smallest files and samples: shows that everything works, its figures mean nothing
  --ours 'CMD {}' (du) a command to compare with `du -s DIR`; {} becomes the directory";

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Options {
    rounds: Option<usize>,
    ops: Option<usize>,
    seconds: Option<f64>,
    depths: Vec<usize>,
    only: Vec<String>,
    pub latency: bool,
    pub quick: bool,
    pub ours: Option<String>,
}

impl Options {
    /// Reads the process's arguments; complains and exits if they make no sense.
    pub fn from_env(program: &str) -> Options {
        match Options::parse(std::env::args().skip(1)) {
            Ok(options) => options,
            Err(what) => {
                eprintln!("{program}: {what}\n{USAGE}");
                std::process::exit(2);
            }
        }
    }

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options::default();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => options.rounds = Some(at_least_one(&value()?)?),
                "--ops" => options.ops = Some(at_least_one(&value()?)?),
                "--seconds" => options.seconds = Some(seconds(&value()?)?),
                "--depth" => {
                    for one in value()?.split(',') {
                        options.depths.push(at_least_one(one)?);
                    }
                }
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--ours" => options.ours = Some(value()?),
                "--latency" => options.latency = true,
                "--quick" => options.quick = true,
                "--help" | "-h" => {
                    println!("{USAGE}");
                    std::process::exit(0);
                }
                _ => return Err(format!("unknown option {arg}")),
            }
        }
        Ok(options)
    }

    /// How many rounds; `usual` is the program's default.
    pub fn rounds(&self, usual: usize) -> usize {
        let usual = if self.quick { usual.min(3) } else { usual };
        self.rounds.unwrap_or(usual)
    }

    /// The most operations in a sample.
    pub fn ops(&self, usual: usize) -> usize {
        let usual = if self.quick { usual.min(2_000) } else { usual };
        self.ops.unwrap_or(usual)
    }

    /// How long a sample should take at most.
    pub fn budget(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 0.02 } else { 0.4 }))
    }

    /// The depths to measure at.
    pub fn depths(&self, usual: &[usize]) -> Vec<usize> {
        if self.depths.is_empty() { usual.to_vec() } else { self.depths.clone() }
    }

    /// Whether the subject of this name takes part.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// The settings that a reader of the output has to know.
    pub fn describe(&self) -> String {
        let quick = if self.quick { "QUICK (a smoke test, the figures mean nothing), " } else { "" };
        format!(
            "{quick}samples of at most {:?}, subjects interleaved in shuffled order, medians",
            self.budget()
        )
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{text}: not a positive number")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s < 3600.0 => Ok(s),
        _ => Err(format!("{text}: not a number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn lists_and_defaults() {
        let options = parse(&["--only", "ring,pool", "--depth", "1,32", "--rounds", "5"]).unwrap();
        assert!(options.wants("ring defer") && options.wants("pool of 4") && !options.wants("a10"));
        assert_eq!(options.depths(&[64]), [1, 32]);
        assert_eq!((options.rounds(9), options.ops(70)), (5, 70));
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [&["--rounds"][..], &["--rounds", "0"], &["--depth", "1,x"], &["--fast"]] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}

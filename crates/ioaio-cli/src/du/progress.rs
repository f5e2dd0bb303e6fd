//! One line on the standard error, where that is a terminal.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the line changes at the most.
pub const INTERVAL: Duration = Duration::from_millis(100);

pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    drawn: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        let now = Instant::now();
        Progress { bar, start: now, drawn: now }
    }
    /// Shows where the walk is.
    pub fn show(&mut self, entries: u64, bytes: u64, open: usize) {
        if self.bar.is_hidden() || self.drawn.elapsed() < INTERVAL {
            return;
        }
        self.drawn = Instant::now();
        let rate = entries as f64 / self.start.elapsed().as_secs_f64();
        self.bar.set_message(format!(
            "{} entries, {}, {} a second, {open} directories to go",
            HumanCount(entries),
            HumanBytes(bytes),
            HumanCount(rate as u64),
        ));
        self.bar.tick();
    }
    /// Prints a line of its own to the standard error.
    pub fn complain(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

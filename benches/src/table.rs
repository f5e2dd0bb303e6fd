//! The tables, and the ratios under them.

use crate::harness::Seat;
use crate::run::Sample;

/// A ratio between two subjects, with or without a bound that it should keep.
pub struct Target {
    subject: &'static str,
    against: &'static str,
    metric: Metric,
    bound: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Metric {
    /// Operations a second: more is better.
    Rate,
    /// CPU time per operation: less is better.
    Cpu,
}

impl Target {
    /// `subject` should do at least `bound` times the operations a second of `against`.
    ///
    /// A name that ends in `*` stands for the best of the subjects whose names begin so.
    pub fn rate(subject: &'static str, against: &'static str, bound: f64) -> Target {
        Target { subject, against, metric: Metric::Rate, bound: Some(bound) }
    }

    /// `subject` should need at most `bound` times the CPU time of `against` for an operation.
    pub fn cpu(subject: &'static str, against: &'static str, bound: f64) -> Target {
        Target { subject, against, metric: Metric::Cpu, bound: Some(bound) }
    }

    /// Only for information.
    pub fn show(subject: &'static str, against: &'static str) -> Target {
        Target { subject, against, metric: Metric::Rate, bound: None }
    }

    fn line(&self, seats: &[Seat]) -> Option<String> {
        let (one, other) = (self.find(seats, self.subject)?, self.find(seats, self.against)?);
        let value = |sample: &Sample| match self.metric {
            Metric::Rate => sample.rate(),
            Metric::Cpu => sample.cpu_us(),
        };
        let pairs = one.samples.iter().zip(&other.samples);
        let ratio = median(pairs.map(|(a, b)| value(a) / value(b).max(1e-9)).collect());
        let (verdict, bound) = match (self.metric, self.bound) {
            (_, None) => ("    ", String::new()),
            (Metric::Rate, Some(bound)) => (pass(ratio >= bound), format!(" >= {bound}")),
            (Metric::Cpu, Some(bound)) => (pass(ratio <= bound), format!(" <= {bound}")),
        };
        let what = if self.metric == Metric::Cpu { " CPU" } else { "" };
        Some(format!("  {verdict} {ratio:>7.3}  {} / {}{what}{bound}", one.name, other.name))
    }

    fn find<'a>(&self, seats: &'a [Seat], name: &str) -> Option<&'a Seat> {
        let matches = |seat: &&Seat| match name.strip_suffix('*') {
            Some(prefix) => seat.name.starts_with(prefix),
            None => seat.name == name,
        };
        let score = |seat: &Seat| match self.metric {
            Metric::Rate => median(seat.samples.iter().map(Sample::rate).collect()),
            Metric::Cpu => -median(seat.samples.iter().map(Sample::cpu_us).collect()),
        };
        let present = seats.iter().filter(|seat| !seat.samples.is_empty()).filter(matches);
        present.max_by(|a, b| score(a).total_cmp(&score(b)))
    }
}

fn pass(yes: bool) -> &'static str {
    if yes { "PASS" } else { "MISS" }
}

/// Prints what the contest has found.
pub fn print(title: &str, seats: &[Seat], targets: &[Target]) {
    let width = seats.iter().map(|seat| seat.name.len()).max().unwrap_or(0).max(8);
    let latency = seats.iter().flat_map(|seat| &seat.samples).any(|sample| sample.latency.is_some());
    println!("## {title}");
    print!("  {:width$} {:>9} {:>19} {:>9}", "", "ops/s", "(from - to)", "CPU us/op");
    println!("{}", if latency { "    p50 us    p99 us" } else { "" });
    for seat in seats {
        println!("  {:width$} {}", seat.name, row(seat));
    }
    let lines: Vec<String> = targets.iter().filter_map(|target| target.line(seats)).collect();
    if !lines.is_empty() {
        println!("  ratios of ops/s, medians of the rounds:");
        println!("{}", lines.join("\n"));
    }
    println!();
}

fn row(seat: &Seat) -> String {
    if let Some(failure) = &seat.failure {
        return format!("does not run here: {failure}");
    }
    if seat.samples.is_empty() {
        return "no samples".to_owned();
    }
    let rates: Vec<f64> = seat.samples.iter().map(Sample::rate).collect();
    let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rates.iter().copied().fold(0.0, f64::max);
    let cpu = median(seat.samples.iter().map(Sample::cpu_us).collect());
    let spread = format!("({} - {})", number(low), number(high));
    let mut row = format!("{:>9} {spread:>19} {:>9}", number(median(rates)), number(cpu));
    let latencies: Vec<_> = seat.samples.iter().filter_map(|sample| sample.latency).collect();
    if !latencies.is_empty() {
        let p50 = median(latencies.iter().map(|l| l.0.as_secs_f64() * 1e6).collect());
        let p99 = median(latencies.iter().map(|l| l.1.as_secs_f64() * 1e6).collect());
        row += &format!(" {p50:>9.2} {p99:>9.2}");
    }
    row
}

/// Whole numbers where they are big enough to say all.
fn number(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}

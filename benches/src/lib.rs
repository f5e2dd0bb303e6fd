//! A small harness that measures file I/O libraries side by side, and the libraries it measures.
//!
//! The parts, in the order in which a reader meets them:
//!
//! * [`work`]: what is to be done (random reads, stats, loads of small files, ...), and the check of each answer.
//! * [`subject`]: who does it; one file each. A new subject is one file and its lines in `subject/mod.rs`.
//! * [`run`]: one sample: the work, depth and number of operations, and the clocks around them.
//! * [`harness`]: interleaved rounds of samples, and the tables and ratios made from them.
//! * [`fixture`]: the files on which it happens.

pub mod fixture;
pub mod harness;
pub mod machine;
pub mod options;
pub mod run;
pub mod subject;
pub mod table;
pub mod work;

pub use options::Options;

/// Runs a bench program: prints the line about the machine, then lets `body` measure.
///
/// An error, among them any wrong result of a subject, ends the program with status 1.
pub fn main(name: &str, body: impl FnOnce(&Options, &fixture::Temp) -> std::io::Result<()>) {
    let options = Options::from_env(name);
    let outcome = fixture::Temp::new().and_then(|temp| {
        println!("{name} on {}", machine::describe(temp.path()));
        println!("{}\n", options.describe());
        body(&options, &temp)
    });
    if let Err(error) = outcome {
        eprintln!("{name}: {error}");
        std::process::exit(1);
    }
}

//! The `ioaio` command: large trees, worked through with asynchronous requests.
#![forbid(unsafe_code)]

mod du;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Works through large trees of files with asynchronous requests.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Du(du::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Du(args) => du::run(&args),
    };
    match done {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("ioaio: {e}");
            ExitCode::FAILURE
        }
    }
}

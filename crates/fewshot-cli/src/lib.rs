//! The program `fewshot`, as a library: a program with families of its own registers them and calls [`main`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// `console` writes instead, and survives what these do not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod commands;
mod console;
mod failure;
mod report;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Reads the command line, does what it says, and tells how that ended: 0 done, 1 failed, 2 usage, 130 interrupted.
pub fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = fewshot_nas::run::outlive_file_size_limit() {
        console::say(format_args!("fewshot: signals cannot be handled: {error}"));
    }
    let done = match args.command {
        Command::Search(args) => commands::search::search(args),
        Command::Train(args) => commands::train::train(args),
        Command::Reproduce(args) => commands::reproduce::reproduce(args),
        Command::Resume(args) => commands::run::resume(args),
        Command::Status(args) => commands::launch::status(args),
        Command::Cancel(args) => commands::cancel::cancel(args),
        Command::Work(args) => commands::launch::work(args),
        Command::Report(args) => commands::run::report(args),
        Command::Predict(args) => commands::model::predict(args),
        Command::Eval(args) => commands::model::eval(args),
        Command::Generate(args) => commands::generate::generate(args),
        Command::Cost(args) => commands::cost::cost(args),
        Command::Export(args) => commands::model::export(args),
        Command::Rank(args) => commands::rank::rank(args),
        Command::Data(args) => commands::lists::data(args),
        Command::Spaces(args) => commands::lists::spaces(args),
        Command::Strategies(args) => commands::lists::strategies(args),
        Command::Recipes(args) => commands::lists::recipes(args),
        Command::Bench(args) => commands::bench::bench(args),
        Command::Completions(args) => commands::shell::completions(args),
        Command::Man(args) => commands::shell::man(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::say(format_args!("fewshot: {failure}"));
            failure.exit_code()
        }
    }
}

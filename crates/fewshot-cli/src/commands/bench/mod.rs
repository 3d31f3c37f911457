//! `fewshot bench`: how fast this machine trains, scores, and runs single operations.

pub mod args;
mod cells;
mod family;
mod images;
mod layers;
mod machine;
mod mbconv;
mod measure;
mod ops;
mod score;
mod separable;
mod step;
mod subject;

use self::args::{BenchArgs, BenchCommand};
use crate::failure::Failure;

pub fn bench(args: BenchArgs) -> Result<(), Failure> {
    match args.command {
        BenchCommand::Step(args) => step::step(args),
        BenchCommand::Score(args) => score::score(args),
        BenchCommand::Ops(args) => ops::ops(args),
    }
}

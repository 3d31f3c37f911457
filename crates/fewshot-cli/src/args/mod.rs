//! The command line.

mod examples;
pub mod flags;
#[cfg(test)]
mod flags_tests;
mod launch;
mod lists;
mod model;
mod number;
#[cfg(test)]
mod number_tests;
mod out;
mod reading;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use self::launch::{CancelArgs, LaunchArgs, StatusArgs, Where, WorkArgs};
pub use self::lists::{
    CompletionsArgs, CostArgs, DataArgs, DataCommand, ListArgs, Lower, ManArgs, RankArgs, RecipesArgs, RecipesCommand,
    SettingsArgs,
};
pub use self::model::{EvalArgs, ExportArgs, ExportFormat, GenerateArgs, ModelArgs, Part, PredictArgs};
pub use self::reading::ReadingArgs;
use crate::commands::bench::args::BenchArgs;

/// Few-shot neural architecture search: finds a good network for your images, on an ordinary computer.
#[derive(Debug, Parser)]
#[command(name = "fewshot", version, about, max_term_width = 110)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find a network: train a supernet, split it, search, try the best alone, train the winner, test it once
    #[command(after_help = examples::SEARCH)]
    Search(SearchArgs),
    /// Train one architecture alone and test it
    #[command(after_help = examples::TRAIN)]
    Train(TrainArgs),
    /// Redo a published comparison: table and numbers from one command
    #[command(after_help = examples::REPRODUCE)]
    Reproduce(ReproduceArgs),
    /// Go on with a run that was cut, or show the result of one that has ended
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// How the stages of a run stand: done, worked on by whom, waiting for what, failed why
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Ask the processes and jobs that share a run to save and stop
    #[command(after_help = examples::CANCEL)]
    Cancel(CancelArgs),
    /// Work on stages of a run as one of several processes: what --launch starts
    #[command(after_help = examples::WORK)]
    Work(WorkArgs),
    /// Show a run as one page: report.html, which every run that ends writes too
    #[command(after_help = examples::REPORT)]
    Report(ReportArgs),
    /// Ask a trained network what is on images
    #[command(after_help = examples::PREDICT)]
    Predict(PredictArgs),
    /// Measure a trained network on labelled images: top-1, top-5 (of more than five classes), recall per class, confusion
    #[command(after_help = examples::EVAL)]
    Eval(EvalArgs),
    /// Let a generator make images: PNG files, and all in a grid
    #[command(after_help = examples::GENERATE)]
    Generate(GenerateArgs),
    /// What a network costs: multiply-adds, parameters, milliseconds
    #[command(after_help = examples::COST)]
    Cost(CostArgs),
    /// Write a trained network for other programs: ONNX, safetensors, PyTorch
    #[command(after_help = examples::EXPORT)]
    Export(ExportArgs),
    /// How well do scores order networks? Beside #params, #MACs and chance
    #[command(after_help = examples::RANK)]
    Rank(RankArgs),
    /// Look at images
    #[command(after_help = examples::DATA)]
    Data(DataArgs),
    /// List the spaces of networks
    #[command(after_help = examples::SPACES)]
    Spaces(ListArgs),
    /// List the search strategies
    #[command(after_help = examples::STRATEGIES)]
    Strategies(ListArgs),
    /// List the presets, print one, or check a recipe of your own
    #[command(after_help = examples::RECIPES)]
    Recipes(RecipesArgs),
    /// Measure the speed of training, scoring and single operations
    #[command(after_help = examples::BENCH)]
    Bench(BenchArgs),
    /// Print what makes a shell complete the commands and flags of this program
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the man page, or write one for each command
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
}

/// Settings that all runs share; each overrides the preset's.
#[derive(Debug, Clone, ClapArgs)]
pub struct RunArgs {
    /// Images: a Parquet file or folder, CIFAR or MNIST files, or a folder of class folders [default: embedded sample]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Resize images to this side
    #[arg(long, value_name = "PIXELS", value_parser = number::side, allow_negative_numbers = true)]
    pub image_size: Option<u32>,
    /// How they are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// How much training images are changed: by the size of the data (auto), not at all (none), flip and crop (light), or flip,
    /// crop, random rectangles, zoom and light (strong)
    #[arg(long, value_enum, value_name = "HOW")]
    pub augment: Option<Augmentation>,
    /// Mirror no training images: for digits, text, anything that mirroring makes wrong
    #[arg(long)]
    pub no_flip: bool,
    /// Draw all classes equally often in training, however many images they have: better recall of rare classes, at some cost
    /// to overall accuracy
    #[arg(long)]
    pub balance: bool,
    /// Use at most this many training images
    #[arg(long, value_name = "N", value_parser = number::limit, allow_negative_numbers = true)]
    pub limit: Option<u32>,
    /// A TOML file with any part of a recipe, laid over the preset or the one it names (`base`); or a preset's name
    #[arg(long, value_name = "FILE")]
    pub recipe: Option<PathBuf>,
    /// Decides every random choice
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// Worker threads; results do not depend on it [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Where tensors live
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Where its stages are worked on.
    #[command(flatten)]
    pub launch: LaunchArgs,
    /// The run's folder, new or empty; of a comparison of several runs the folder that these are in, where those that are there are
    /// gone on with [default: a new one under runs/]
    #[arg(long, value_name = "RUN", value_parser = out::place())]
    pub out: Option<PathBuf>,
    /// Print the result as one JSON object; of a comparison of several runs one object for all, when all have ended
    #[arg(long)]
    pub json: bool,
}

/// `fewshot search`
#[derive(Debug, ClapArgs)]
pub struct SearchArgs {
    /// The recipe that the flags change [default: images; autogan where the space is that]
    #[arg(long)]
    pub preset: Option<String>,
    /// Time from when the images are read to the kept network: 20 (minutes), 1h, 90s [default: 5]
    #[arg(long, value_name = "TIME", value_parser = number::duration)]
    pub minutes: Option<f64>,
    /// The space of networks; see `fewshot spaces`
    #[arg(long)]
    pub space: Option<String>,
    /// Settings of the space.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Decisions to split on, e.g. e0 or e0,e3; one sub-supernet per combination of their options
    #[arg(long, value_name = "E[,E..]", value_delimiter = ',', conflicts_with = "splits")]
    pub split: Option<Vec<String>>,
    /// Split on the first N decisions; 0 is one-shot
    #[arg(long, value_name = "N")]
    pub splits: Option<usize>,
    /// The search strategy; see `fewshot strategies`
    #[arg(long)]
    pub strategy: Option<String>,
    /// Architectures to score
    #[arg(long, value_name = "N", value_parser = number::count_u32, allow_negative_numbers = true)]
    pub budget: Option<u32>,
    /// Train so many of the best-scored alone and take the best on held-out images [0: trust the scores]
    #[arg(long, value_name = "N")]
    pub finalists: Option<u32>,
    /// Most multiply-adds per image of the network that is trained alone, e.g. 3M
    #[arg(long, value_name = "N", value_parser = number::count, allow_negative_numbers = true)]
    pub max_macs: Option<u64>,
    /// Most parameters of the network that is trained alone, e.g. 50K
    #[arg(long, value_name = "N", value_parser = number::count, allow_negative_numbers = true)]
    pub max_params: Option<u64>,
    /// Most milliseconds for one image on one thread of this machine, by its measured blocks, e.g. 1.5 or 300us
    #[arg(long, value_name = "MS", value_parser = number::milliseconds, allow_negative_numbers = true)]
    pub max_latency_ms: Option<f64>,
    /// Find the front of accuracy against multiply-adds (by nsga2 unless --strategy says otherwise), and train N of its
    /// networks [N: 5]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "5")]
    pub pareto: Option<u32>,
    /// Train K random networks, spread over the scores, to tell how well scores order networks on these images
    #[arg(long, value_name = "K")]
    pub verify: Option<u32>,
    /// Channels of the first stage of supernets
    #[arg(long, value_name = "C")]
    pub width: Option<u32>,
    /// Cells per stage of supernets
    #[arg(long, value_name = "N")]
    pub cells: Option<u32>,
    /// Epochs of the one supernet
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Epochs of each sub-supernet
    #[arg(long, value_name = "N")]
    pub child_epochs: Option<u32>,
    /// The networks trained alone.
    #[command(flatten)]
    pub alone: AloneArgs,
    /// Random networks to train beside the found one [default: 2]
    #[arg(long, value_name = "N")]
    pub randoms: Option<u32>,
    /// Train no hand-made and no random networks to compare with
    #[arg(long)]
    pub no_references: bool,
    /// What all runs share.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Size and training of networks trained alone.
#[derive(Debug, ClapArgs)]
pub struct AloneArgs {
    /// Channels of the first stage of networks trained alone
    #[arg(long, value_name = "C")]
    pub alone_width: Option<u32>,
    /// Cells per stage of networks trained alone
    #[arg(long, value_name = "N")]
    pub alone_cells: Option<u32>,
    /// Epochs of networks trained alone
    #[arg(long, value_name = "N")]
    pub alone_epochs: Option<u32>,
}

/// `fewshot train`
#[derive(Debug, ClapArgs)]
pub struct TrainArgs {
    /// A run whose network is trained further, by its own settings and on its own images unless flags say otherwise; its held-out
    /// images tell how good it gets
    #[arg(value_name = "RUN", required_unless_present = "arch", conflicts_with_all = ["arch", "preset", "space"])]
    pub from: Option<PathBuf>,
    /// The recipe that the flags change [default: images]
    #[arg(long)]
    pub preset: Option<String>,
    /// The space of networks; see `fewshot spaces` [default: that of the architecture]
    #[arg(long)]
    pub space: Option<String>,
    /// Settings of the space.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// The architecture, in any text form of its space, or a run that found one
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Time to train: 20 (minutes), 1h, 90s [default: 5 without --epochs]
    #[arg(long, value_name = "TIME", conflicts_with = "epochs", value_parser = number::duration)]
    pub minutes: Option<f64>,
    /// Passes over the training images
    #[arg(long, value_name = "N", conflicts_with = "alone_epochs")]
    pub epochs: Option<u32>,
    /// Train RUN's network anew instead of from its weights
    #[arg(long, requires = "from")]
    pub fresh: bool,
    /// Measure RUN's network on the test images in the end; --arch always does
    #[arg(long)]
    pub test: bool,
    /// The network.
    #[command(flatten)]
    pub alone: AloneArgs,
    /// What all runs share.
    #[command(flatten)]
    pub run: RunArgs,
}

/// How much training images are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Augmentation {
    /// By the size of the data
    Auto,
    /// Not at all
    None,
    /// Flip and crop
    Light,
    /// Flip, crop, random rectangles, zoom and light
    Strong,
}

/// How much of a published comparison to redo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scale {
    /// Minutes: shows that all works, not the published numbers
    Smoke,
    /// Minutes to a night on two cores
    Laptop,
    /// The published settings
    Paper,
}

impl Scale {
    /// As it ends the names of presets.
    pub fn name(self) -> &'static str {
        match self {
            Scale::Smoke => "smoke",
            Scale::Laptop => "laptop",
            Scale::Paper => "paper",
        }
    }
}

/// `fewshot reproduce`
#[derive(Debug, ClapArgs)]
pub struct ReproduceArgs {
    /// The comparison: proof-of-concept, transfer, ablation, narrow, tuned, cell1296-truth; with CIFAR-10 (--data)
    /// cifar10-nasnet, cifar10-final, autogan, mbconv (mbconv-ofa, mbconv-proxyless and mbconv-gates in turn, each a run of its own in
    /// the folder --out); with the table of NAS-Bench-201
    /// (--truth) strategies; with that and CIFAR-10 (--data) nasbench201, nasbench201-deep, nasbench201-tuned,
    /// nasbench201-faithful, splits, ablation-nasbench201, gradient
    pub name: String,
    /// How much of it; a scale that a comparison lacks is refused with those that it has [default: the smallest that it has]
    #[arg(long, value_enum)]
    pub scale: Option<Scale>,
    /// Networks compared (of a ranking; of a truth: trained), drawn at random; 0 for all
    #[arg(long, value_name = "N")]
    pub networks: Option<u32>,
    /// Seeds to train or search with
    #[arg(long, value_name = "N")]
    pub seeds: Option<u32>,
    /// CSV file with the truth; column `arch` names the architectures
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Its columns, one per seed; their mean is the truth
    #[arg(long, value_name = "COLUMN[,COLUMN..]", value_delimiter = ',')]
    pub truth_columns: Option<Vec<String>>,
    /// Of the gradient-based methods of `gradient`, cifar10-nasnet and mbconv-gates these alone, each with the settings that it has
    /// there; one that the comparison lacks with those that all share
    #[arg(long, value_name = "METHOD[,METHOD..]", value_delimiter = ',')]
    pub methods: Option<Vec<String>>,
    /// What all runs share.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `fewshot resume`
#[derive(Debug, Clone, ClapArgs)]
pub struct ResumeArgs {
    /// The run's folder, or that of a comparison of several runs: these go on one after the other
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where the images are now, if they have moved since the run began; they must be the same
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Where the table of truths is now, likewise
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Where what is left is worked on.
    #[command(flatten)]
    pub launch: LaunchArgs,
    /// Where tensors live
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `fewshot report`
#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// The run's folder, or that of a comparison of several runs; they may be unfinished
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where to write the page [default: report.html in the run's folder]
    #[arg(long, value_name = "FILE", value_parser = out::place())]
    pub out: Option<PathBuf>,
}

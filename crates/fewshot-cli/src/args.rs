//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

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
    #[command(after_help = SEARCH_EXAMPLES)]
    Search(SearchArgs),
    /// Train one architecture alone and test it
    Train(TrainArgs),
    /// Redo a published comparison: table and numbers from one command
    Reproduce(ReproduceArgs),
    /// Go on with a run that was cut, or show the result of one that has ended
    Resume(ResumeArgs),
    /// Show a run as one page: report.html, which every run that ends writes too
    Report(ReportArgs),
    /// Ask a trained network what is on images
    #[command(after_help = "An image that cannot be read is named, the others are answered, and the exit code is 1.")]
    Predict(PredictArgs),
    /// Measure a trained network on labelled images: top-1, top-5, recall per class, confusion
    Eval(EvalArgs),
    /// Write a trained network for other programs: ONNX, safetensors, PyTorch
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// How well do scores order networks? Beside #params, #MACs and chance
    #[command(after_help = RANK_EXAMPLES)]
    Rank(RankArgs),
    /// Look at images
    Data(DataArgs),
    /// List the spaces of networks
    Spaces(ListArgs),
    /// List the search strategies
    Strategies(ListArgs),
    /// List the presets, or print one
    Recipes(RecipesArgs),
    /// Measure the speed of training, scoring and single operations
    Bench(BenchArgs),
}

const SEARCH_EXAMPLES: &str = "\
Examples:
  fewshot search                                  on the embedded sample, in minutes
  fewshot search --data photos --max-params 100000 --max-latency-ms 2
  fewshot search --data photos --pareto 6         six networks from cheap to accurate
  fewshot search --data photos --verify 10        can the ranking be believed on these photos?
  fewshot search --data cifar10 --split e0,e3 --strategy random --budget 500 --out runs/mine

Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted (`fewshot resume RUN` goes on).";

const EXPORT_EXAMPLES: &str = "\
Examples:
  fewshot export runs/search-1 --format onnx --out flowers.onnx
  fewshot export runs/search-1 --format pytorch --out flowers     model.py and its weights, needs torch alone

ONNX: input `images` [N, channels, height, width], values from 0 to 1; outputs `logits` and `probabilities` [N, classes].";

const RANK_EXAMPLES: &str = "\
Examples:
  fewshot rank runs/proof                         a run that compared scores with the truth
  fewshot rank --space nasbench201 --truth T.csv --truth-column true_acc \\
               --scores S.csv --score-column score --json";

/// Settings that all runs share; each overrides the preset's.
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// Images: a Parquet file or folder, CIFAR or MNIST files, or a folder of class folders [default: embedded sample]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Resize images to this side
    #[arg(long, value_name = "PIXELS")]
    pub image_size: Option<u32>,
    /// Use at most this many training images
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// A TOML file with any part of a recipe, laid over the preset
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
    /// The run's folder, which must not exist yet [default: a new one under runs/]
    #[arg(long, value_name = "RUN")]
    pub out: Option<PathBuf>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `fewshot search`
#[derive(Debug, ClapArgs)]
pub struct SearchArgs {
    /// The recipe that the flags change
    #[arg(long, default_value = "quick")]
    pub preset: String,
    /// The space of networks; see `fewshot spaces`
    #[arg(long)]
    pub space: Option<String>,
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
    #[arg(long, value_name = "N")]
    pub budget: Option<u32>,
    /// Train so many of the best-scored alone and take the best on held-out images [0: trust the scores]
    #[arg(long, value_name = "N")]
    pub finalists: Option<u32>,
    /// Most multiply-adds per image of the network that is trained alone
    #[arg(long, value_name = "N")]
    pub max_macs: Option<u64>,
    /// Most parameters of the network that is trained alone
    #[arg(long, value_name = "N")]
    pub max_params: Option<u64>,
    /// Most milliseconds for one image on one thread of this machine, by its measured blocks
    #[arg(long, value_name = "MS")]
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
    /// Random networks to train beside the found one
    #[arg(long, value_name = "N")]
    pub randoms: Option<u32>,
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
    /// The recipe that the flags change
    #[arg(long, default_value = "quick")]
    pub preset: String,
    /// The space of networks; see `fewshot spaces`
    #[arg(long)]
    pub space: Option<String>,
    /// The architecture, in any text form of its space
    #[arg(long)]
    pub arch: String,
    /// The network.
    #[command(flatten)]
    pub alone: AloneArgs,
    /// What all runs share.
    #[command(flatten)]
    pub run: RunArgs,
}

/// How much of a published comparison to redo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scale {
    /// Minutes: shows that all works, not the published numbers
    Smoke,
    /// A night on two cores
    Laptop,
    /// The published settings
    Paper,
}

/// `fewshot reproduce`
#[derive(Debug, ClapArgs)]
pub struct ReproduceArgs {
    /// The comparison: proof-of-concept, transfer, ablation, narrow, cell1296-truth; with the table of NAS-Bench-201 (--truth)
    /// strategies; with that and CIFAR-10 (--data) nasbench201, nasbench201-deep, nasbench201-faithful, splits,
    /// ablation-nasbench201, gradient
    pub name: String,
    /// How much of it
    #[arg(long, value_enum, default_value_t = Scale::Smoke)]
    pub scale: Scale,
    /// Networks compared (or, for a truth, trained), drawn at random; 0 for all
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
    /// The gradient-based methods of `gradient`, with the settings that all share
    #[arg(long, value_name = "METHOD[,METHOD..]", value_delimiter = ',')]
    pub methods: Option<Vec<String>>,
    /// What all runs share.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `fewshot resume`
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
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
    /// The run's folder; the run may be unfinished
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where to write the page [default: report.html in the run's folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A trained network.
#[derive(Debug, ClapArgs)]
pub struct ModelArgs {
    /// A run's folder, or a model.safetensors
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Where tensors live
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// `fewshot predict`
#[derive(Debug, ClapArgs)]
pub struct PredictArgs {
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
    /// JPEG or PNG files of any size
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    /// Show so many of the likeliest classes
    #[arg(long, value_name = "K", default_value_t = 3)]
    pub top: usize,
    /// Print one JSON object, with all logits
    #[arg(long)]
    pub json: bool,
}

/// Which images of a data set to measure on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The test images; where a data set has none, the fifth of each class that searches hold out as such
    Test,
    /// The training images
    Train,
    /// Both
    All,
}

/// `fewshot eval`
#[derive(Debug, ClapArgs)]
pub struct EvalArgs {
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Labelled images, as `fewshot search` takes them [default: embedded sample]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Which of the images
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What to export as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One file for ONNX runtimes
    Onnx,
    /// The model file of this program, checked and copied
    Safetensors,
    /// A folder with model.py and its weights
    Pytorch,
}

/// `fewshot export`
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    /// A run's folder, or a model.safetensors
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// The file, or for pytorch the folder, to write [default: model.onnx or pytorch/ beside the model]
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// ONNX: keep batch norms instead of putting them into convolutions
    #[arg(long)]
    pub keep_norms: bool,
}

/// `fewshot rank`
#[derive(Debug, ClapArgs)]
pub struct RankArgs {
    /// A run: one that compared scores with the truth, or with --truth the scores of a search
    #[arg(value_name = "RUN", conflicts_with = "scores", required_unless_present = "scores")]
    pub run: Option<PathBuf>,
    /// The space of the architectures
    #[arg(long, default_value = "nasbench201")]
    pub space: String,
    /// CSV file with the scores; column `arch` names the architectures
    #[arg(long, value_name = "FILE", requires = "score_column")]
    pub scores: Option<PathBuf>,
    /// Column of the scores
    #[arg(long, value_name = "COLUMN")]
    pub score_column: Option<String>,
    /// CSV file with the truth; column `arch` names the architectures
    #[arg(long, value_name = "FILE", requires = "truth_column", required_unless_present = "run")]
    pub truth: Option<PathBuf>,
    /// Column of the truth
    #[arg(long, value_name = "COLUMN")]
    pub truth_column: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `fewshot data`
#[derive(Debug, ClapArgs)]
pub struct DataArgs {
    /// What to do with images.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// What a data set holds: size, classes, counts, mean and deviation
    Info {
        /// A file or folder that a reader knows [default: embedded sample]
        path: Option<PathBuf>,
        /// Resize images to this side
        #[arg(long, value_name = "PIXELS")]
        image_size: Option<u32>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// `fewshot spaces`, `fewshot strategies`
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `fewshot recipes`
#[derive(Debug, ClapArgs)]
pub struct RecipesArgs {
    /// Print this preset as TOML
    #[arg(value_name = "NAME")]
    pub show: Option<String>,
}

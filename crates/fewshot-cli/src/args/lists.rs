//! Commands that run nothing: comparisons, lists, what an installed program needs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::reading::ReadingArgs;
use super::{number, out};

/// `fewshot rank`
#[derive(Debug, Args)]
pub struct RankArgs {
    /// A run: one that compared scores with the truth, or with --truth the scores of a search
    #[arg(value_name = "RUN", conflicts_with = "scores")]
    pub run: Option<PathBuf>,
    /// The space of the architectures in the tables; a run knows its own
    #[arg(long, default_value = "nasbench201", conflicts_with = "run")]
    pub space: String,
    /// Settings of the space.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// CSV file with the scores; column `arch` names the architectures
    #[arg(long, value_name = "FILE", requires = "score_column")]
    pub scores: Option<PathBuf>,
    /// Column of the scores
    #[arg(long, value_name = "COLUMN")]
    pub score_column: Option<String>,
    /// CSV file with the truth; column `arch` names the architectures
    #[arg(long, value_name = "FILE", requires = "truth_column")]
    pub truth: Option<PathBuf>,
    /// Column of the truth
    #[arg(long, value_name = "COLUMN")]
    pub truth_column: Option<String>,
    /// In which column lower is better, as in losses and errors [default: in neither; without a value: scores]
    #[arg(long, value_name = "WHICH", value_enum, num_args = 0..=1, default_missing_value = "scores", require_equals = true)]
    pub lower_is_better: Option<Lower>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Settings of a family of spaces.
#[derive(Debug, Clone, Default, Args)]
pub struct SettingsArgs {
    /// A setting of the space's networks, e.g. width=16; repeatable. `fewshot spaces` lists them
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub pairs: Vec<(String, String)>,
}

/// `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE, e.g. width=16")?;
    match key.trim() {
        "" => Err("the key is missing: give KEY=VALUE, e.g. width=16".to_string()),
        key => Ok((key.to_string(), value.trim().to_string())),
    }
}

/// `fewshot cost`
#[derive(Debug, Args)]
pub struct CostArgs {
    /// The space of the architecture; see `fewshot spaces`
    #[arg(long, default_value = "stages")]
    pub space: String,
    /// Settings of the space.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// The architecture, in any text form of its space
    #[arg(long, value_name = "ARCH")]
    pub arch: String,
    /// Side of the images in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub image_size: u32,
    /// Channels of the images
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub channels: u32,
    /// Classes
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub classes: u32,
    /// Time it too: milliseconds for one image on one thread of this machine
    #[arg(long)]
    pub latency: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Columns in which lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lower {
    /// That of the scores
    Scores,
    /// That of the truth
    Truth,
    /// Both
    Both,
}

/// `fewshot data`
#[derive(Debug, Args)]
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
        #[arg(long, value_name = "PIXELS", value_parser = number::side, allow_negative_numbers = true)]
        image_size: Option<u32>,
        /// How they are read.
        #[command(flatten)]
        reading: ReadingArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// `fewshot spaces`, `fewshot strategies`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `fewshot recipes`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RecipesArgs {
    /// What to do with recipes.
    #[command(subcommand)]
    pub command: Option<RecipesCommand>,
    /// Print this preset as TOML, as `show` does
    #[arg(value_name = "NAME")]
    pub show: Option<String>,
}

/// What to do with recipes.
#[derive(Debug, Subcommand)]
pub enum RecipesCommand {
    /// Print a preset as TOML
    Show {
        /// The preset
        name: String,
    },
    /// Say `ok`, or what is wrong with a recipe file, by line and key
    Check {
        /// A TOML file with any part of a recipe
        file: PathBuf,
        /// The preset that it is laid over, unless it names one itself (`base`)
        #[arg(long, value_name = "NAME", default_value = "images")]
        preset: String,
    },
}

/// `fewshot completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `fewshot man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write fewshot.1 and a page for each command into this folder [default: print fewshot.1]
    #[arg(long, value_name = "DIR", value_parser = out::place())]
    pub out: Option<PathBuf>,
}

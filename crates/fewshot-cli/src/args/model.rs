//! Commands that use a trained network.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{number, out};

/// A trained network.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A run's folder, or a model.safetensors
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Where tensors live
    #[arg(long, default_value = "cpu")]
    pub device: String,
}

/// `fewshot predict`
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Image files of any size, or folders: all images in them, at any depth
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    /// Show so many of the likeliest classes
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = number::at_least_one, allow_negative_numbers = true)]
    pub top: u32,
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
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Labelled images, as `fewshot search` takes them [default: those of the run; embedded sample]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Parquet: the column of the labels [default: label, labels, fine_label or the only ClassLabel]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// Parquet: the column of the images [default: img, image or the only one that can hold images]
    #[arg(long, value_name = "NAME")]
    pub image_column: Option<String>,
    /// Which of the images
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `fewshot generate`
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The generator.
    #[command(flatten)]
    pub model: ModelArgs,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = number::at_least_one, allow_negative_numbers = true)]
    pub count: u32,
    /// The folder to write to: an image each, 00000.png and so on, and all (the first 400 of more) in grid.png. One with other
    /// images is refused
    #[arg(long, value_name = "FOLDER", value_parser = out::place())]
    pub out: PathBuf,
    /// Decides the images: the same number gives the same ones
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u32,
    /// Print one JSON object, with the names of the files
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
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A run's folder, or a model.safetensors
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// The file, or for pytorch the folder, to write [default: model.onnx or pytorch/ beside the model]
    #[arg(long, value_name = "PATH", value_parser = out::place())]
    pub out: Option<PathBuf>,
    /// ONNX: keep batch norms instead of putting them into convolutions
    #[arg(long)]
    pub keep_norms: bool,
}

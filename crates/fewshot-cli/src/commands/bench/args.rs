//! The command line of `fewshot bench`.

use clap::{Args, Subcommand, ValueEnum, value_parser};
use fewshot_kernels::simd::Level;

use crate::args::SettingsArgs;

/// `fewshot bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Seconds per training step: forward, loss, backward, clipping, SGD
    #[command(after_help = STEP_EXAMPLES)]
    Step(StepArgs),
    /// Architectures scored per second by one supernet
    #[command(after_help = SCORE_EXAMPLES)]
    Score(ScoreArgs),
    /// Speed of single operations, beside what this machine can do at most
    #[command(after_help = OPS_EXAMPLES)]
    Ops(OpsArgs),
}

const STEP_EXAMPLES: &str = "\
Random images of 32x32 pixels, 10 classes; three steps of warm-up are not counted.
`peak_bytes` is the most memory that the process ever held, `step_bytes` what the
steps added to it.

Examples:
  fewshot bench step                      NAS-Bench-201, every edge conv 3x3
  fewshot bench step --op random --seed 3 --width 8 --batch 128 --threads 2 --json
  fewshot bench step --space separable    depthwise-separable cells
  fewshot bench step --space mbconv       inverted bottlenecks (k 5, e 4, d 2)
  fewshot bench step --space darts --set width=36 --set cells=20 --batch 96 --arch few-shot
  fewshot bench step --space darts --set width=16 --set cells=8 --mixed";

const SCORE_EXAMPLES: &str = "\
Random images of 32x32 pixels. With --json the architectures are listed, so that
another program can score the same ones.

Example:
  fewshot bench score --width 16 --cells 5 --archs 200 --images 1000 --threads 2 --json";

const OPS_EXAMPLES: &str = "\
GFLOP/s count a convolution as the sum that defines it (a multiply-add is two),
whatever the algorithm. The second share of the peak is by processor time, which
other programs on a busy machine do not stretch.

Examples:
  fewshot bench ops                       everything
  fewshot bench ops peak                  multiply-adds in registers; copying memory
  fewshot bench ops 'conv 3x3 s1'         what has these words in its name";

/// The machine and the output.
#[derive(Debug, Args)]
pub struct MachineArgs {
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// Instruction set of the kernels [default: the best that the machine has]
    #[arg(long, value_name = "SET")]
    pub simd: Option<Simd>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Instruction sets.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Simd {
    /// The target's baseline
    Plain,
    /// 128-bit vectors of 64-bit ARM
    Neon,
    /// 256-bit vectors
    Avx2,
    /// 512-bit vectors
    Avx512,
}

impl From<Simd> for Level {
    fn from(simd: Simd) -> Level {
        match simd {
            Simd::Plain => Level::Plain,
            Simd::Neon => Level::Neon,
            Simd::Avx2 => Level::Avx2,
            Simd::Avx512 => Level::Avx512,
        }
    }
}

/// `fewshot bench step`
#[derive(Debug, Args)]
pub struct StepArgs {
    /// nasbench201, cell1296, separable (DARTS' convolutions) or mbconv (inverted bottlenecks); with --arch or --mixed any space of
    /// `fewshot spaces`
    #[arg(long, default_value = "nasbench201")]
    pub space: String,
    /// An architecture that trains alone, or `random`
    #[arg(long, value_name = "ARCH", conflicts_with_all = ["op", "width", "cells", "mixed"])]
    pub arch: Option<String>,
    /// A step of a search by gradients (DARTS, first order): all operations mixed, architecture and weights updated
    #[arg(long, conflicts_with_all = ["op", "width", "cells"])]
    pub mixed: bool,
    /// Settings of the networks, with --arch or --mixed.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Channels of the first stage [default: 16]
    #[arg(long, value_name = "C", value_parser = value_parser!(u32).range(1..=2048))]
    pub width: Option<u32>,
    /// Cells per stage; of separable, cells in all [default: 5; separable 4]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100))]
    pub cells: Option<u32>,
    /// Images per step
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u32).range(2..=65536))]
    pub batch: u32,
    /// An operation for every edge, an architecture, or `random`; for nasbench201 and cell1296 [default: nor_conv_3x3]
    #[arg(long, value_name = "OP|ARCH")]
    pub op: Option<String>,
    /// Decides the weights, the images and the random architecture
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Steps to time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub steps: u32,
    /// The machine and the output.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// `fewshot bench score`
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// nasbench201 or cell1296
    #[arg(long, default_value = "nasbench201")]
    pub space: String,
    /// Channels of the first stage
    #[arg(long, value_name = "C", default_value_t = 16, value_parser = value_parser!(u32).range(1..=2048))]
    pub width: u32,
    /// Cells per stage
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=100))]
    pub cells: u32,
    /// Random architectures to score
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub archs: u32,
    /// Images to score each on
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(2..=1_000_000))]
    pub images: u32,
    /// Images per forward pass
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = value_parser!(u32).range(2..=65536))]
    pub batch: u32,
    /// Decides the weights, the images and the architectures
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The machine and the output.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// `fewshot bench ops`
#[derive(Debug, Args)]
pub struct OpsArgs {
    /// Only operations whose name contains this
    #[arg(value_name = "WORD", default_value = "")]
    pub word: String,
    /// Images per call
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u32).range(1..=65536))]
    pub batch: u32,
    /// The machine and the output.
    #[command(flatten)]
    pub machine: MachineArgs,
}

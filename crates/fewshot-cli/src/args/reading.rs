//! How images are read.

use clap::Args;

/// How images are read.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadingArgs {
    /// Lay transparent images on this colour: white, black, grey, or RRGGBB [default: drop their alpha channel]
    #[arg(long, value_name = "COLOUR")]
    pub ground: Option<String>,
    /// Parquet: the column of the labels [default: label, labels, fine_label or the only ClassLabel]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// Parquet: the column of the images [default: img, image or the only one that can hold images]
    #[arg(long, value_name = "NAME")]
    pub image_column: Option<String>,
}

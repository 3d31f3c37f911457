//! Image data sets to batches.
//!
//! [`open`] recognises the layout of a data set on disk ([`readers()`] lists them), reads its training images into
//! memory as bytes and seals its test images ([`SealedTest`]). [`Splits`] parts the training images for a search;
//! [`TrainLoader`] and [`EvalLoader`] turn them into normalised `f32` batches (NHWC) on a background thread.
//! [`sample()`] is a real data set that is part of the program. A data set that is larger than memory stays on disk:
//! [`open_stream`], [`StreamLoader`] and [`StreamEval`].
//!
//! Everything random is keyed by a seed and counters, so the same call gives the same bits, whatever the threads do.
//!
//! ```
//! use std::sync::Arc;
//! use fewshot_data::{Augment, Normalise, Splits, TrainLoader, sample};
//!
//! # fn main() -> Result<(), fewshot_data::DataError> {
//! let source = sample()?;
//! let train = Arc::new(source.train);
//! let splits = Splits::stratified(train.labels(), 0.5, Some(2_000), 0)?;
//! let normalise = Normalise::measure(&train, &splits.search_train)?;
//! let augment = Augment::for_shape(train.shape());
//! let loader = TrainLoader::new(train, splits.search_train.into(), normalise, augment, 64, 0)?;
//! let batch = loader.epoch(0, 0).next().expect("an epoch has at least one batch");
//! assert_eq!(batch.shape, [64, 28, 28, 1]);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod augment;
mod batch;
mod batches;
mod column_error;
mod dataset;
mod decode;
mod depth;
mod divide;
mod error;
mod files;
mod info;
mod listed;
mod load;
mod loader;
mod normalise;
mod options;
mod place;
mod plain;
mod plan;
mod png_file;
mod readers;
mod resample;
mod resize;
mod sample;
mod sealed;
mod shape;
mod sizes;
mod source;
mod split;
mod stream;
mod transparency;
mod unread;

pub use augment::{Augment, AutoAugment, AutoForm, CentreCrop, CutMix, Jitter, MixUp, ResizedCrop};
pub use batch::{Batch, Share};
pub use batches::Batches;
pub use column_error::ColumnError;
pub use dataset::Dataset;
pub use decode::Ground;
pub use divide::HOLDOUT;
pub use error::DataError;
pub use files::{has_image_name, image_files};
pub use info::{ClassInfo, Info};
pub use load::read_image;
pub use loader::{EvalLoader, TrainLoader};
pub use normalise::Normalise;
pub use options::OpenOptions;
pub use place::Place;
pub use png_file::{grid, png_bytes};
pub use readers::{UNLABELLED, readers};
pub use resample::Filter;
pub use sample::{sample, sample_part, sample_with};
pub use sealed::SealedTest;
pub use shape::Shape;
pub use sizes::{Size, SizeChoice, Sizes};
pub use source::{DataSource, Which, open, open_part};
pub use split::{Splits, stratified_subset};
pub use stream::{SealedStream, Stream, StreamBatches, StreamEval, StreamLoader, StreamSource, open_stream};
pub use transparency::ground;

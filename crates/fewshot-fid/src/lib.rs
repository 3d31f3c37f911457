//! How near generated images are to real ones: Fréchet Inception Distance and Inception Score.
//!
//! Both look at images through one frozen classifier. Its features (pooled activations, 2048 for Inception) go row by row into
//! [`Moments`], which become a [`Gaussian`]; [`frechet_distance`] compares two of them (Heusel et al. 2017, arXiv 1706.08500).
//! Its class probabilities go into an [`InceptionTally`] (Salimans et al. 2016, arXiv 1606.03498). Statistics of real images are
//! mostly computed once: [`npz`] reads and writes them in the layout that pytorch-fid, clean-fid and TTUR share.
//!
//! No tensors and no network: everything here follows from numbers. All arithmetic is in f64, on one thread, in one order.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod decompose;
mod error;
mod frechet;
mod gaussian;
mod inception;
mod limits;
mod moments;
pub mod npz;
mod rows;

pub use error::FidError;
pub use frechet::frechet_distance;
pub use gaussian::Gaussian;
pub use inception::{InceptionScore, InceptionTally, inception_score, softmax};
pub use limits::MOST_FEATURES;
pub use moments::Moments;

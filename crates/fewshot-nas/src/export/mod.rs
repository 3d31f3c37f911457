//! Trained networks for other programs: ONNX, safetensors, PyTorch.
//!
//! A [`Model`] is traced into a [`Graph`](crate::nets::Graph) by the code that also runs it, and each format is a writer of
//! graphs. No format knows a space, and a new space needs no line here.

mod error;
mod format;
pub mod onnx;
pub mod pytorch;

pub use error::ExportError;
pub use format::{Format, ONNX, PYTORCH, export};

#[cfg(test)]
mod tests;

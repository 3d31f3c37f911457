//! Why a model could not be exported.

use crate::model::ModelError;
use crate::nets::NetError;
use crate::nets::write::WriteError;
use crate::run::FileError;

/// A model could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The network has no graph.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The model cannot be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file or folder cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An operation that the format has no form for.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// More than the format can hold.
    #[error("the network takes {bytes} bytes as ONNX, whose files end at 2 GB: export it for PyTorch")]
    TooLarge {
        /// Bytes needed.
        bytes: usize,
    },
    /// The card of the model has no JSON form.
    #[error("the description of the model cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

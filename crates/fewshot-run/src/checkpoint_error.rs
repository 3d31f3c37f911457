//! What may be wrong with a checkpoint.

use super::file_error::FileError;

/// A checkpoint could not be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not as it was written.
    #[error(
        "checkpoint `{path}` is damaged ({reason}): bring back a copy of it, or delete the folder that it lies in to repeat that stage"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A safetensors file of somebody else.
    #[error("`{path}` is no checkpoint of this program: give a file that a run wrote")]
    Foreign {
        /// The file.
        path: String,
    },
    /// The file lies where another one belongs.
    #[error(
        "checkpoint `{path}` is {belongs}, and says nothing of this stage: bring back the right file, or delete the folder that it lies in to repeat that stage"
    )]
    Foreigner {
        /// The file.
        path: String,
        /// Where it belongs, in words.
        belongs: String,
    },
    /// Written in another version of the format.
    #[error("checkpoint `{path}` has format {found}, this program reads format {known}: use the version that wrote it")]
    Version {
        /// The file.
        path: String,
        /// Its format.
        found: String,
        /// The format of this program.
        known: &'static str,
    },
    /// A tensor is not of 32-bit floats.
    #[error("checkpoint `{path}`: tensor `{name}` has type {found}, not F32: this file was changed by another program")]
    Dtype {
        /// The file.
        path: String,
        /// The tensor.
        name: String,
        /// Its type, as safetensors names it.
        found: String,
    },
    /// A tensor is not there.
    #[error(
        "checkpoint `{path}` has no tensor `{name}`: it belongs to another network or another version of the program"
    )]
    Missing {
        /// The file.
        path: String,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape.
    #[error(
        "checkpoint `{path}`: tensor `{name}` has shape {found:?}, the network needs {expected:?}: it belongs to another network"
    )]
    Shape {
        /// The file.
        path: String,
        /// The tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that was asked for.
        expected: Vec<usize>,
    },
    /// A tensor that nobody asked for.
    #[error("checkpoint `{path}` has a tensor `{name}` that the network lacks: it belongs to another network")]
    Unknown {
        /// The file.
        path: String,
        /// The tensor.
        name: String,
    },
    /// The JSON part has another form than was asked for.
    #[error(
        "checkpoint `{path}`: its counters have another form ({reason}): it belongs to another version of the program"
    )]
    Meta {
        /// The file.
        path: String,
        /// What the reader said.
        reason: String,
    },
    /// Data that does not fill the shape.
    #[error("a tensor of shape {shape:?} cannot hold {len} numbers")]
    Extent {
        /// The shape.
        shape: Vec<usize>,
        /// The numbers given.
        len: usize,
    },
    /// A name that the format keeps for itself.
    #[error("a tensor cannot be named `{name}`: the file format keeps that name")]
    Name {
        /// The name.
        name: String,
    },
    /// The format cannot hold it.
    #[error("the checkpoint does not fit its file format: {reason}")]
    TooLarge {
        /// What the writer said.
        reason: String,
    },
}

//! What may be wrong with a model file.

use crate::nets::{NetError, WeightsError};
use crate::run::{CheckpointError, FileError, RunError};

/// A model could not be read, written or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder is no run, or one of another version.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The run has ended, and has left no model.
    #[error("`{path}` has no trained network: it ended as a run that leaves none, only searches and trainings do")]
    NoneLeft {
        /// The run.
        path: String,
    },
    /// The run has no model.
    #[error(
        "`{path}` has no trained network yet: `fewshot resume {path}` ends the run, if it is a search or a training"
    )]
    NoModel {
        /// The run.
        path: String,
    },
    /// The file is not as it was written.
    #[error("the model `{path}` is damaged ({reason}): bring back a copy, or export it again")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Some other file.
    #[error("`{path}` is no model of this program ({reason}): give a run's folder or its `model.safetensors`")]
    Foreign {
        /// The file.
        path: String,
        /// How one can tell.
        reason: String,
    },
    /// Written by a newer program.
    #[error(
        "the model `{path}` has format {found}, written by fewshot {program}; this program knows format {known}: use the newer program"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: u64,
        /// The format of this program.
        known: u32,
        /// The program that wrote it, as it says itself.
        program: String,
    },
    /// Of a space that this program lacks.
    #[error("the model `{path}` is of the space `{name}`, which this program lacks: use the program that made it")]
    UnknownSpace {
        /// The file.
        path: String,
        /// The space.
        name: String,
    },
    /// What the file says of itself does not fit together.
    #[error("the model `{path}` contradicts itself: {reason}")]
    Card {
        /// The file.
        path: String,
        /// What does not fit.
        reason: String,
    },
    /// The weights do not fit the network, or it cannot run or be exported.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Images that the network cannot take.
    #[error(transparent)]
    Data(#[from] fewshot_data::DataError),
    /// Images of another size.
    #[error("images of {found} for a network that takes {expected} (height x width x channels)")]
    Size {
        /// Size of the images.
        found: fewshot_data::Shape,
        /// Size that the network takes.
        expected: fewshot_data::Shape,
    },
    /// The images belong to other classes.
    #[error(
        "`{data}` has the class `{class}`, which the model does not know; its classes are {known}: \
         give images of these classes, or train on yours"
    )]
    OtherClass {
        /// The data set.
        data: String,
        /// Its class.
        class: String,
        /// The model's classes.
        known: String,
    },
    /// Classes that have no names on one side, and are not as many as on the other.
    #[error("`{data}` has {found} classes without names, the model {expected}: they cannot be the same")]
    ClassCount {
        /// The data set.
        data: String,
        /// Its classes.
        found: usize,
        /// The model's classes.
        expected: usize,
    },
    /// A generator where a network is wanted that tells what is on images.
    #[error(
        "this is a network of the space {space}, which makes images and cannot look at them: `fewshot generate` uses it"
    )]
    MakesImages {
        /// Its space.
        space: String,
    },
    /// The other way round.
    #[error("this is a network of the space {space}, which makes no images: `fewshot predict` uses it")]
    MakesNoImages {
        /// Its space.
        space: String,
    },
    /// Weights that are numbers, and too large to compute with.
    #[error("the model answers with NaN or infinity: its training diverged, or its file was changed; train it again")]
    NotFinite,
    /// The model cannot be put into its file format.
    #[error("the model cannot be written: {0}")]
    Unwritable(String),
}

impl From<WeightsError> for ModelError {
    fn from(error: WeightsError) -> Self {
        Self::Net(error.into())
    }
}

impl From<CheckpointError> for ModelError {
    /// In the words of models; a checkpoint is something else to its users.
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::File(error) => Self::File(error),
            CheckpointError::Damaged { path, reason } => Self::Damaged { path, reason },
            CheckpointError::Foreign { path } => {
                Self::Foreign { path, reason: "it does not say what it is".to_string() }
            }
            CheckpointError::Version { path, found, known } => {
                Self::Foreign { path, reason: format!("its file format is {found}, this program reads {known}") }
            }
            CheckpointError::Missing { path, name } => {
                Self::Card { path, reason: format!("it lacks the tensor `{name}`") }
            }
            CheckpointError::Unknown { path, name } => {
                Self::Card { path, reason: format!("its network has no tensor `{name}`") }
            }
            CheckpointError::Shape { path, name, found, expected } => Self::Card {
                path,
                reason: format!("tensor `{name}` has shape {found:?}, its network needs {expected:?}"),
            },
            CheckpointError::Dtype { path, name, found } => {
                Self::Card { path, reason: format!("tensor `{name}` has type {found}, not F32") }
            }
            other => Self::Unwritable(other.to_string()),
        }
    }
}

//! Why adversarial training or its measures fail.

use fewshot_fid::FidError;
use fewshot_space::RegionError;

use crate::nets::{NetError, WeightsError};
use crate::run::{CheckpointError, Interrupted};
use crate::train::ConfigError;

/// Why adversarial training, or the judgement of generated images, ended early.
#[derive(Debug, thiserror::Error)]
pub enum GanError {
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A network cannot run what it was given.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The stored state belongs to another network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The images cannot be read or resized.
    #[error(transparent)]
    Data(#[from] fewshot_data::DataError),
    /// The levels of a generator cannot be opened.
    #[error(transparent)]
    Space(#[from] fewshot_space::SpaceError),
    /// No architecture could be drawn.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A strategy failed.
    #[error(transparent)]
    Search(#[from] crate::search::SearchError),
    /// A metric cannot be computed.
    #[error(transparent)]
    Fid(#[from] FidError),
    /// The network that judges images cannot be used.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    /// The network that judges images is of another kind of image.
    #[error(
        "the network that judges images takes {expected}, and the generator makes {found} (height x width x channels): give one \
         for images of this size"
    )]
    OtherImages {
        /// What is made.
        found: String,
        /// What it takes.
        expected: String,
    },
    /// A file that is to judge is none that can.
    #[error(
        "gan.judge.model: `{path}` holds no weights that this program reads: name a run's folder or its model.safetensors, or a file that \
         `tools/inception.py convert` wrote"
    )]
    NoJudge {
        /// The file.
        path: String,
    },
    /// The network that is to judge knows one class.
    #[error(
        "gan.judge.model: the network that is to judge images knows one class, so that every image would score 1: give one of two or more"
    )]
    OneClass,
    /// The images have no classes, and the classifier that would judge learns these.
    #[error(
        "{source}. Generators need no classes, but the classifier that judges their images learns them: bring the images into class folders, \
         or give a network that judges (gan.judge.model in a recipe, docs/generators.md), and a folder of images will do"
    )]
    NoClasses {
        /// How the images were refused.
        source: fewshot_data::DataError,
    },
    /// The network that judges is another one than when the run began.
    #[error(
        "gan.judge.model: `{path}` is another network than when the run began (SHA-256 {found}, was {expected}): bring back that file, or \
         begin a new run"
    )]
    JudgeChanged {
        /// The file.
        path: String,
        /// What it is now.
        found: String,
        /// What it was.
        expected: String,
    },
    /// The file of Inception's weights cannot be used.
    #[error("the file of Inception v3's weights cannot be used ({0}): write it with `tools/inception.py convert`")]
    Inception(String),
    /// A loss is no longer a number.
    #[error("the {network}'s loss became {loss} in step {step}: lower the learning rate (`lr`)")]
    Diverged {
        /// Whose.
        network: &'static str,
        /// The loss.
        loss: f64,
        /// Step of the discriminator, from 0.
        step: u64,
    },
    /// A generated pixel is no number.
    #[error(
        "a generated image holds NaN or infinity: the generator's training diverged, lower its learning rate (`lr`)"
    )]
    NotFinite,
    /// What a checkpoint says does not fit the settings.
    #[error(
        "the stored state of a search of generators does not fit its settings ({0}): delete its stage's folder to repeat it"
    )]
    State(String),
    /// Someone asked to stop; the state is that of a whole step.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

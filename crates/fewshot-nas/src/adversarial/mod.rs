//! Adversarial training: generators and discriminators, how generated images are judged, and the search for generators.

mod config;
mod controller;
mod derive;
mod error;
mod images;
pub mod judge;
mod real;
mod reset;
mod search;
mod trainer;

pub use config::GanConfig;
pub use controller::{CellController, LstmState, Reinforce, Written};
pub use derive::{Derivation, DerivedPlan, DerivedProgress, DerivedTask, EvaluationRecord};
pub use error::GanError;
pub use images::{Drawing, GeneratorNorms, Painter};
pub use real::RealImages;
pub use reset::LossWindows;
pub use search::{
    Beam, GanSearch, IterationRecord, Phase, Proposer, Reset, Schedule, SearchPlan, SearchProgress, Task, Within,
};
pub use trainer::{Pair, StepLosses};

//! Experiments, one folder per kind: its own part of the recipe, its stages, what it ends with.
//!
//! A [`Recipe`] says an experiment; [`start`] begins it in a folder and [`resume`] goes on with it. Each kind is a bench, laid out
//! on its data, of stages that hand typed values to each other; what they are made of lies below, in `stages` and [`crate::lab`],
//! and knows no kind.
//!
//! Images can be given by value, and a family of one's own by [`crate::families::register`]:
//!
//! ```no_run
//! # use std::path::Path;
//! # use fewshot_data::Dataset;
//! # use fewshot_nas::{device, experiments::{Layers, Session, start}, lab::Images, run::{Interrupt, NoProgress}};
//! # fn search(train: Dataset, test: Dataset) -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Layers::preset("quick")?.set("space.name", "nasbench201").set("search.budget", 50).resolve()?;
//! let (interrupt, device) = (Interrupt::new(), device::by_name("cpu")?);
//! let session = Session::new(device, &interrupt, &NoProgress).on(Images::new(train, test)?);
//! let outcome = start(recipe, Path::new("runs/mine"), &session)?;
//! # Ok(())
//! # }
//! ```

mod bench;
mod earlier;
mod gan;
mod gradient;
mod mean_spread;
mod moved;
mod outcome;
mod ranking;
mod recipe;
mod run;
mod search;
mod strategies;
mod tables;
mod train;
mod truth;

pub use earlier::{recipe_of, space_of};
pub use gan::{
    Candidate, ControlsRecipe, DerivedRecipe, DerivedRow, GanRecipe, GanResult, JudgeFacts, JudgeRecipe, ORIGINS,
    OriginDifference, OriginRow, RankedNetwork, RankingFacts, SearchRow,
};
pub use gradient::{AloneRecipe, Flag, GradientRecipe, GradientResult, GradientRow, Mode, PartRow, RandomRow, Skips};
pub use mean_spread::MeanSpread;
pub use moved::Moved;
pub use outcome::Outcome;
pub use ranking::{ArmRecipe, COLUMNS, FoundRow, FreeRow, InPart, Randoms, RankingResult, RankingRow, RegionRow};
pub use recipe::{
    CheckedRecipe, Difference, Experiment, Layers, Recipe, Setting, preset_names, preset_text, series, series_names,
};
pub use run::{Session, check_files, resume, start, work};
pub use search::{
    Finalist, FrontNetwork, HistoryEntry, MoreTime, RandomNetwork, Reference, SearchResult, Verdict, Verified,
    VerifiedNetwork,
};
pub use strategies::{CurvePoint, ModeRecipe, Quantiles, StrategiesRecipe, StrategiesResult, StrategyRow};
pub use train::TrainResult;
pub use truth::{Spread, TruthResult};

pub use crate::lab::{ExperimentError, metric};
pub use crate::stages::{AUGMENTED, NetworkRow, Reached, Trained, UNSEEN};

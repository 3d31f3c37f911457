//! Recipes: a TOML file that says a whole experiment.
//!
//! A recipe is resolved before anything runs: a preset, then the user's file, then the program's flags, each laid over
//! the one before; what comes out has every setting written down and is kept in the run folder.

mod differences;
mod document;
mod keys;
mod layers;
mod presets;
mod unread;
mod whole;

pub use differences::Difference;
pub use document::{CheckedRecipe, Experiment, Recipe};
pub use layers::{Layers, Setting};
pub use presets::{names as preset_names, series, series_names, text as preset_text};

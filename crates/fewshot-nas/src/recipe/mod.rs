//! What a recipe says whatever its kind: images, networks, their training, scoring, limits, seeds.
//!
//! A whole recipe is one of these and what one kind of experiment has to itself ([`crate::experiments::Recipe`]). All that stands
//! below the experiments knows this part alone.

mod budget;
mod check;
mod check_split;
mod common;
mod error;
mod launch;
mod places;
mod sections;
pub(crate) mod shrink;
mod spaces;
mod split;

pub use budget::{BudgetPlan, BudgetRecipe};
pub(crate) use check::known_strategy;
pub(crate) use check_split::SplitKeys;
pub use common::{CommonRecipe, Kind};
pub(crate) use error::RECIPE;
pub use error::RecipeError;
pub use launch::LaunchRecipe;
pub(crate) use places::{Places, line};
pub use sections::{
    DataRecipe, FineTuneRecipe, RankingRecipe, ScoringRecipe, SearchRecipe, SpaceRecipe, SplitRecipe, StandaloneRecipe,
    Strength, SupernetReduction,
};
pub use shrink::ShrinkPhase;
pub use split::SplitError;
pub(crate) use split::parts;

//! What recipes of every kind have in common.

use serde::{Deserialize, Serialize};

use super::budget::BudgetRecipe;
use super::launch::LaunchRecipe;
use super::sections::{
    DataRecipe, RankingRecipe, ScoringRecipe, SearchRecipe, SpaceRecipe, SplitRecipe, StandaloneRecipe,
};
use super::shrink::ShrinkPhase;
use crate::latency::LatencyTable;
use crate::train::TrainConfig;

/// What a run does, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Finds a network: supernet, split, search, training alone, test.
    Search,
    /// Trains one architecture alone and tests it.
    Train,
    /// Compares supernets' scores with the truth of a table.
    Ranking,
    /// Makes such a table: trains networks alone, each with several seeds, and tests them.
    Truth,
    /// Searches by gradients, one-shot and few-shot.
    Gradient,
    /// Compares search strategies on the scores and the truth of tables.
    Strategies,
    /// Finds generators of images, one-shot and few-shot.
    Gan,
}

/// The settings that no kind of experiment has to itself, every one written out.
#[derive(Debug, Clone, PartialEq)]
pub struct CommonRecipe {
    /// Decides every random choice.
    pub seed: u64,
    /// Worker threads, to 1024; 0 takes one per core. Results do not depend on it.
    pub threads: usize,
    /// What a search or a training may take.
    pub budget: BudgetRecipe,
    /// How it is spread over processes and machines.
    pub launch: LaunchRecipe,
    /// The images.
    pub data: DataRecipe,
    /// The networks.
    pub space: SpaceRecipe,
    /// Training of the one supernet.
    pub supernet: TrainConfig,
    /// Phases of it, where it does not have all of its networks from the beginning.
    pub shrink: Vec<ShrinkPhase>,
    /// Where it is split.
    pub split: SplitRecipe,
    /// Training of each sub-supernet after transfer.
    pub children: TrainConfig,
    /// How supernets score.
    pub scoring: ScoringRecipe,
    /// What is searched, and how.
    pub search: SearchRecipe,
    /// Networks trained alone.
    pub standalone: StandaloneRecipe,
    /// What scores are compared with, or what a truth is made of, and the seeds of either.
    pub ranking: RankingRecipe,
    /// Latency of the blocks of this space's networks; measured when a limit needs it and the recipe lacks it.
    pub latency: Option<LatencyTable>,
}

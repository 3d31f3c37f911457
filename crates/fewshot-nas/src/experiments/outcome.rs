//! What experiments end with.

use serde::Serialize;

use super::gan::result::GanResult;
use super::gradient::result::GradientResult;
use super::ranking::result::RankingResult;
use super::search::result::SearchResult;
use super::strategies::result::StrategiesResult;
use super::train::result::TrainResult;
use super::truth::result::TruthResult;
use crate::recipe::Kind;
use crate::run::{RunError, RunReader};

/// What a run ended with; the same object is in `result.json`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Of a search.
    Search(Box<SearchResult>),
    /// Of one architecture trained alone.
    Train(TrainResult),
    /// Of a comparison of scores with the truth.
    Ranking(RankingResult),
    /// Of networks trained alone to be compared with.
    Truth(TruthResult),
    /// Of gradient-based searches.
    Gradient(GradientResult),
    /// Of a comparison of search strategies.
    Strategies(StrategiesResult),
    /// Of a search for generators.
    Gan(Box<GanResult>),
}

impl Outcome {
    /// What a run ended with of which nothing is left to do.
    pub(super) fn of_ended(kind: Kind, run: &RunReader) -> Result<Option<Self>, RunError> {
        Ok(match kind {
            Kind::Search => run.ended()?.map(|result| Outcome::Search(Box::new(result))),
            Kind::Train => run.ended()?.map(Outcome::Train),
            Kind::Ranking => run.ended()?.map(Outcome::Ranking),
            Kind::Truth => run.ended()?.map(Outcome::Truth),
            Kind::Gradient => run.ended()?.map(Outcome::Gradient),
            Kind::Strategies => run.ended()?.map(Outcome::Strategies),
            Kind::Gan => run.ended()?.map(|result| Outcome::Gan(Box::new(result))),
        })
    }
}

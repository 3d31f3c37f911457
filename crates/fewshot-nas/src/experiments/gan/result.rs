//! What a search for generators ends with.

use serde::{Deserialize, Serialize};

use crate::adversarial::judge::Judgement;
use crate::adversarial::{EvaluationRecord, IterationRecord, Reset};

/// The result of a run of kind `gan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GanResult {
    /// The space.
    pub space: String,
    /// The architecture of the generator that is kept: the one whose images are nearest to real ones.
    pub arch: String,
    /// What its images are worth.
    pub judgement: Judgement,
    /// Multiply-adds per image of the generator.
    pub macs: u64,
    /// Its trainable parameters.
    pub params: u64,
    /// Who judged.
    pub judge: JudgeFacts,
    /// Each search.
    pub searches: Vec<SearchRow>,
    /// What was kept of all parts together, best first.
    pub pooled: Vec<Candidate>,
    /// Each generator that was trained alone.
    pub derived: Vec<DerivedRow>,
    /// How well shared generators order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<RankingFacts>,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The run's seed.
    pub seed: u64,
}

/// The network that judged. Numbers of different ones cannot be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeFacts {
    /// What its score and its distance are called.
    pub names: [String; 2],
    /// SHA-256 of it.
    pub digest: String,
    /// Numbers per image.
    pub features: usize,
    /// Share of held-out images that it tells rightly, where it was trained in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// What real training images are worth.
    pub training: Judgement,
    /// What real test images are worth: no generator should be better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Judgement>,
}

impl JudgeFacts {
    /// The beginning of the digest: enough to tell judges apart.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }
}

/// One search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchRow {
    /// `one-shot`, a part's region, or `equal cost`.
    pub name: String,
    /// Iterations at each level.
    pub iterations: Vec<u64>,
    /// The best of it, best first.
    pub best: Vec<Candidate>,
    /// Networks that were begun anew.
    pub resets: Vec<Reset>,
    /// A record per iteration.
    pub history: Vec<IterationRecord>,
}

/// An architecture and what a shared generator's images of it scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// As text.
    pub arch: String,
    /// Of the images.
    pub score: f64,
    /// The search whose generator it was, by its name.
    pub search: String,
}

/// A generator trained alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DerivedRow {
    /// How it was found: `one-shot`, `few-shot`, `equal cost`, `random`.
    pub found_by: String,
    /// As text.
    pub arch: String,
    /// Of the training.
    pub seed: u64,
    /// The evaluation with the lowest distance.
    pub best: EvaluationRecord,
    /// All of them.
    pub evaluations: Vec<EvaluationRecord>,
}

/// Scores by shared generators beside the distances of the same architectures trained alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankingFacts {
    /// The architectures, each with its distance after a short training alone, its score by the parent, and by the part that owns it.
    pub networks: Vec<RankedNetwork>,
    /// Kendall's tau-b of the parent's scores with nearness; absent where it is undefined.
    pub parent: Option<f64>,
    /// Of the parts' scores.
    pub parts: Option<f64>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedNetwork {
    /// As text.
    pub arch: String,
    /// After a short training alone.
    pub distance: f64,
    /// By the parent.
    pub parent: f64,
    /// By the part that owns it, where there are parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<f64>,
}

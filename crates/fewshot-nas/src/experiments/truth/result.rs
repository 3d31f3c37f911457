//! What the making of a truth ends with.

use std::fmt;

use fewshot_guard::{counted, printable};
use serde::{Deserialize, Serialize};

use crate::lab::metric;
use crate::task::Metric;

/// Means over networks of what two seeds make of the same network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean accuracy in percent.
    pub mean: f64,
    /// Lowest accuracy of any network, mean over seeds.
    pub min: f64,
    /// Highest, likewise.
    pub max: f64,
    /// Mean tau-b between the seeds; absent with one seed.
    pub tau_between_seeds: Option<f64>,
    /// Largest difference between the same network and seed here and in the table that the recipe names; absent when it
    /// names none.
    pub largest_difference_to_table: Option<f64>,
}

/// What a run of kind `truth` ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthResult {
    /// The space.
    pub space: String,
    /// Networks measured, as codes.
    pub networks: usize,
    /// Functions among them, each trained once per seed.
    pub functions: usize,
    /// Seeds, each of which trained all of them.
    pub seeds: u64,
    /// What came out.
    #[serde(flatten)]
    pub spread: Spread,
    /// Working time of all processes of the run.
    pub seconds: f64,
    /// The first seed.
    pub seed: u64,
}

impl fmt::Display for TruthResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { mean, min, max, tau_between_seeds, largest_difference_to_table } = &self.spread;
        let Self { networks, functions, space, seeds, seed, .. } = self;
        let space = printable::line(space);
        let Metric { name, unit, .. } = metric();
        let (functions, seeds) = (counted(functions, "function"), counted(seeds, "seed"));
        writeln!(f, "networks         {networks} of {space} ({functions}), {seeds} from {seed}")?;
        writeln!(f, "test {name:<12}{mean:.2} {unit} on average, {min:.2} to {max:.2} {unit}")?;
        if let Some(tau) = tau_between_seeds {
            writeln!(f, "between seeds    tau-b {tau:.3}")?;
        }
        if let Some(difference) = largest_difference_to_table {
            writeln!(f, "to the table     {difference:.2} points at most")?;
        }
        write!(f, "took             {:.0} s", self.seconds)
    }
}

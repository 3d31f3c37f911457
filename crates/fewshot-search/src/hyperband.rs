//! Hyperband.

use fewshot_space::{Arch, Region, RegionError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::brackets::Brackets;
use super::draws::{Draws, START};
use super::saved::{frame, unframe};
use super::told::Told;
use super::{SearchError, Strategy};

/// Hyperband (Li et al. 2018, <https://arxiv.org/abs/1603.06560>) with the brackets that few-shot NAS ran (Zhao et al.
/// 2021): 9 random architectures, the best 3 again, the best again; 3 and 1; 3.
///
/// Scores here have no budget, as they had none there: a promoted architecture is evaluated again, at the price of an
/// evaluation, for the score it has. So this is random search that repeats a quarter of itself.
#[derive(Debug, Clone)]
pub(super) struct Hyperband {
    region: Region,
    seed: u64,
    draws: Draws,
    brackets: Brackets,
}

/// A saved [`Hyperband`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    brackets: Brackets,
}

impl Hyperband {
    /// Its name.
    pub const NAME: &'static str = "hyperband";

    /// Hyperband in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64) -> Result<Hyperband, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        Ok(Hyperband { region, seed, draws, brackets: Brackets::default() })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        self.brackets.next(|| self.draws.next())
    }
}

impl Strategy for Hyperband {
    fn name(&self) -> &'static str {
        Hyperband::NAME
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    /// Scores of architectures that it did not ask for make no difference.
    fn tell(&mut self, arch: &Arch, score: f64) {
        if let Some(told) = Told::new(&self.region, arch, score) {
            self.brackets.tell(&told);
        }
    }

    fn state(&self) -> Value {
        let data = Data { random: self.draws.drawn(), brackets: self.brackets.clone() };
        frame(Hyperband::NAME, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = Hyperband::NAME;
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        data.brackets.check(&self.region).map_err(|problem| SearchError::State { strategy, problem })?;
        self.draws = self.draws.at(data.random)?;
        self.brackets = data.brackets;
        Ok(())
    }
}

//! Searches that learn a model of all scores and ask it for architectures.

use std::collections::HashMap;
use std::sync::Arc;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draws::{Draws, START, listed};
use super::saved::{frame, unframe};
use super::told::Told;
use super::{SearchError, Strategy};

/// What tells one such search from another.
pub(super) trait Learner: Copy + Send + 'static {
    /// What is learned.
    type Model: Send;

    /// Name of the strategy.
    fn name(&self) -> &'static str;

    /// Random architectures before anything is learned, at least 1.
    fn start(&self) -> usize;

    /// Scores told between two models, at least 1.
    fn refit(&self) -> usize;

    /// Learns; `None` where there is nothing to be learned.
    fn fit(&self, known: &Known<'_>, rng: &mut ChaCha8Rng) -> Result<Option<Self::Model>, RegionError>;

    /// The next architecture, in canonical form; `None` for a random one. `known` is what the model was made of.
    fn propose(
        &self,
        model: &mut Self::Model,
        known: &Known<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Arch>, RegionError>;
}

/// What a model is made of: all that was told until then.
pub(super) struct Known<'a> {
    pub region: &'a Region,
    /// In the order of telling, at least one.
    pub told: &'a [Told],
    /// Which decisions are active in each.
    pub active: &'a [Vec<bool>],
    first: &'a HashMap<Arch, usize>,
    members: Option<&'a [Arch]>,
}

impl Known<'_> {
    /// Whether the architecture has been told.
    pub fn contains(&self, arch: &Arch) -> bool {
        self.first.get(arch).is_some_and(|&position| position < self.told.len())
    }

    /// Up to `count` different architectures of the region that have not been told: drawn uniformly, or where filters make
    /// drawing slow, by walks of mutations from told ones.
    pub fn candidates(&self, count: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Arch>, RegionError> {
        let mut found: Vec<Arch> = match self.members {
            Some(members) => {
                let chosen = index::sample(rng, members.len(), count.min(members.len()));
                chosen.into_iter().map(|at| members[at].clone()).collect()
            }
            None if self.region.filters().is_empty() => {
                (0..count).map(|_| self.region.sample(rng)).collect::<Result<_, _>>()?
            }
            None => (0..count).map(|_| self.walk(rng)).collect::<Result<_, _>>()?,
        };
        found.sort_unstable();
        found.dedup();
        found.retain(|arch| !self.contains(arch));
        Ok(found)
    }

    fn walk(&self, rng: &mut ChaCha8Rng) -> Result<Arch, RegionError> {
        let mut arch = self.told[rng.random_range(0..self.told.len())].arch.clone();
        for _ in 0..rng.random_range(1..=arch.options().len().max(1)) {
            match neighbour(self.region, &arch, rng)? {
                Some(next) => arch = next,
                None => break,
            }
        }
        Ok(arch)
    }

    /// The scores; a failed evaluation counts as the worst that succeeded. `None` where none did.
    pub fn scores(&self) -> Option<Vec<f64>> {
        let worst = self.told.iter().filter_map(|told| told.score).min_by(f64::total_cmp)?;
        Some(self.told.iter().map(|told| told.score.unwrap_or(worst)).collect())
    }
}

/// A mutation, `None` where the region has none.
pub(super) fn neighbour(region: &Region, arch: &Arch, rng: &mut ChaCha8Rng) -> Result<Option<Arch>, RegionError> {
    match region.mutate(arch, rng) {
        Err(RegionError::NoNeighbour { .. }) => Ok(None),
        arch => arch.map(Some),
    }
}

/// The search with a [`Learner`].
///
/// The first architectures are random and distinct, until as many have been asked for or told as the learner wants. A
/// model is a function of what was told until it was learned, and a proposal of the model and of those before it from the
/// same model: so a saved search needs what was told and two numbers, and learns its model once more.
pub(super) struct Modelled<L: Learner> {
    learner: L,
    region: Region,
    seed: u64,
    /// Random architectures, and how many were asked for.
    draws: Draws,
    /// All members, where they are few enough to be listed.
    members: Option<Arc<[Arch]>>,
    told: Vec<Told>,
    active: Vec<Vec<bool>>,
    /// Where each architecture was told first; only looked up, never iterated.
    first: HashMap<Arch, usize>,
    /// How many had been told when the model was made; `None` before the first.
    fitted: Option<usize>,
    /// How often the model was asked.
    asked: u64,
    model: Option<L::Model>,
}

/// A saved [`Modelled`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    fitted: Option<usize>,
    asked: u64,
    told: Vec<Told>,
}

impl<L: Learner> Modelled<L> {
    /// The search in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, learner: L) -> Result<Modelled<L>, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        let members = listed(&region).map(Arc::from);
        Ok(Modelled {
            learner,
            region,
            seed,
            draws,
            members,
            told: Vec::new(),
            active: Vec::new(),
            first: HashMap::new(),
            fitted: None,
            asked: 0,
            model: None,
        })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        let begun = self.draws.drawn().max(self.told.len() as u64);
        if begun < self.learner.start() as u64 || self.told.is_empty() {
            return self.draws.next();
        }
        if self.fitted.is_none_or(|fitted| self.told.len() - fitted >= self.learner.refit()) {
            self.fit(self.told.len())?;
        }
        match self.propose()? {
            Some(arch) => Ok(arch),
            None => self.draws.next(),
        }
    }

    /// Makes the model of the first `count` told.
    fn fit(&mut self, count: usize) -> Result<(), RegionError> {
        let mut rng = stream(self.seed, self.learner.name(), count as u64, 0);
        self.model = self.learner.fit(&self.known(count), &mut rng)?;
        self.fitted = Some(count);
        self.asked = 0;
        Ok(())
    }

    fn propose(&mut self) -> Result<Option<Arch>, RegionError> {
        let count = self.fitted.unwrap_or_default();
        self.asked += 1;
        // The counters of a fit end in 0, those of proposals count up from 1.
        let mut rng = stream(self.seed, self.learner.name(), count as u64, self.asked);
        let Some(mut model) = self.model.take() else { return Ok(None) };
        let proposed = self.learner.propose(&mut model, &self.known(count), &mut rng);
        self.model = Some(model);
        proposed
    }

    fn known(&self, count: usize) -> Known<'_> {
        let (told, active) = (&self.told[..count], &self.active[..count]);
        Known { region: &self.region, told, active, first: &self.first, members: self.members.as_deref() }
    }

    /// Lets a test look into the model, which there must be.
    #[cfg(test)]
    pub fn with_model<T>(&mut self, look: impl FnOnce(&mut L::Model, &Known<'_>) -> T) -> T {
        let mut model = self.model.take().unwrap();
        let looked = look(&mut model, &self.known(self.fitted.unwrap()));
        self.model = Some(model);
        looked
    }

    fn push(&mut self, told: Told) {
        self.first.entry(told.arch.clone()).or_insert(self.told.len());
        self.active.push(self.region.space().active(&told.arch));
        self.told.push(told);
    }
}

impl<L: Learner> Strategy for Modelled<L> {
    fn name(&self) -> &'static str {
        self.learner.name()
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        if let Some(told) = Told::new(&self.region, arch, score) {
            self.push(told);
        }
    }

    fn state(&self) -> Value {
        let (random, fitted, asked) = (self.draws.drawn(), self.fitted, self.asked);
        let data = Data { random, fitted, asked, told: self.told.clone() };
        frame(self.learner.name(), &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.learner.name();
        let refuse = |problem| SearchError::State { strategy, problem };
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        Told::check(&data.told, &self.region).map_err(refuse)?;
        if data.fitted.is_some_and(|fitted| fitted == 0 || fitted > data.told.len()) {
            return Err(refuse("it is damaged (its model was made of more than was told)".to_owned()));
        }
        let mut restored = Modelled {
            region: self.region.clone(),
            draws: self.draws.at(data.random)?,
            members: self.members.clone(),
            told: Vec::new(),
            active: Vec::new(),
            first: HashMap::new(),
            fitted: None,
            asked: 0,
            model: None,
            ..*self
        };
        data.told.into_iter().for_each(|told| restored.push(told));
        if let Some(fitted) = data.fitted {
            restored.fit(fitted)?;
            while restored.asked < data.asked {
                restored.propose()?;
            }
        }
        *self = restored;
        Ok(())
    }
}

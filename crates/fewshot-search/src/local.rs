//! Local search.

use std::collections::HashMap;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draws::{Draws, START};
use super::modelled::neighbour;
use super::saved::{frame, unframe};
use super::told::{Told, is_member};
use super::{SearchError, Strategy};

/// Mutations drawn in vain until a neighbourhood counts as tried whole: of 24 neighbours the last one is missed with a
/// probability of 0.0002.
const DRAWS: u64 = 200;

/// Parameters of [`Local`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LocalConfig {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Whether to move to the first better neighbour, or only when all are known, to the best.
    pub first: bool,
}

impl LocalConfig {
    /// Moves at once: gets further within some hundred evaluations.
    pub const DEFAULT: LocalConfig = LocalConfig { name: "local", first: true };

    /// Looks at all neighbours, as White et al. (2021) ran it.
    pub const PUBLISHED: LocalConfig = LocalConfig { name: "local.published", first: false };
}

/// Local search (White, Nolen and Savani 2021, <https://arxiv.org/abs/2005.02960>): from a random architecture to better
/// neighbours, which differ in one decision, until there is none; then from another random one.
///
/// What is known is not asked for again. While all neighbours of the present architecture are out, random ones are asked
/// for.
#[derive(Debug, Clone)]
pub(super) struct Local {
    region: Region,
    seed: u64,
    config: LocalConfig,
    draws: Draws,
    /// Neighbours looked for: the counter of random numbers.
    looked: u64,
    /// The last score of each architecture; only looked up, never iterated.
    known: HashMap<Arch, Option<f64>>,
    /// The same architectures in the order in which they were told first.
    order: Vec<Arch>,
    climb: Option<Climb>,
}

/// Where the search stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Climb {
    centre: Told,
    /// Neighbours known or asked for.
    tried: Vec<Arch>,
    /// Whether these are all.
    whole: bool,
}

/// A saved [`Local`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    random: u64,
    looked: u64,
    told: Vec<Told>,
    climb: Option<Climb>,
}

impl Local {
    /// Local search in `region`.
    ///
    /// # Errors
    /// [`SearchError::Region`] when the region is found to be empty.
    pub fn new(region: Region, seed: u64, config: LocalConfig) -> Result<Local, SearchError> {
        let draws = Draws::new(region.clone(), seed, START)?;
        let (known, order) = (HashMap::new(), Vec::new());
        Ok(Local { region, seed, config, draws, looked: 0, known, order, climb: None })
    }

    fn next(&mut self) -> Result<Arch, RegionError> {
        // Ends: each round tries a further neighbour, or moves to a better architecture, or gives the climb up.
        while let Some(climb) = &self.climb {
            if !climb.whole {
                match self.untried()? {
                    Some(arch) => {
                        let known = self.known.get(&arch).copied();
                        if let Some(climb) = &mut self.climb {
                            climb.tried.push(arch.clone());
                        }
                        match known {
                            None => return Ok(arch),
                            Some(score) if self.config.first => self.consider(&Told { arch, score }),
                            Some(_) => {}
                        }
                    }
                    None => {
                        if let Some(climb) = &mut self.climb {
                            climb.whole = true;
                        }
                    }
                }
            } else if climb.tried.iter().all(|arch| self.known.contains_key(arch)) {
                self.climb = self.best_neighbour().map(|centre| Climb { centre, tried: Vec::new(), whole: false });
            } else {
                break;
            }
        }
        self.draws.next()
    }

    /// A neighbour of the centre that has not been tried, `None` when there seems to be none.
    fn untried(&mut self) -> Result<Option<Arch>, RegionError> {
        let Some(climb) = &self.climb else { return Ok(None) };
        self.looked = self.looked.wrapping_add(1);
        for attempt in 0..DRAWS {
            let mut rng = stream(self.seed, self.config.name, self.looked, attempt);
            match neighbour(&self.region, &climb.centre.arch, &mut rng)? {
                Some(arch) if !climb.tried.contains(&arch) => return Ok(Some(arch)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }

    /// The best of all neighbours, if it is better than the centre.
    fn best_neighbour(&self) -> Option<Told> {
        let climb = self.climb.as_ref()?;
        let mut best = climb.centre.clone();
        for arch in &climb.tried {
            let score = self.known.get(arch).copied().flatten();
            if score > best.score {
                best = Told { arch: arch.clone(), score };
            }
        }
        (best.arch != climb.centre.arch).then_some(best)
    }

    /// Moves to a neighbour that is better than the centre.
    fn consider(&mut self, told: &Told) {
        if let Some(climb) = &self.climb
            && told.score > climb.centre.score
            && climb.tried.contains(&told.arch)
        {
            self.climb = Some(Climb { centre: told.clone(), tried: Vec::new(), whole: false });
        }
    }

    fn learn(&mut self, told: &Told) {
        if self.known.insert(told.arch.clone(), told.score).is_none() {
            self.order.push(told.arch.clone());
        }
    }
}

impl Strategy for Local {
    fn name(&self) -> &'static str {
        self.config.name
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        Ok((0..n).map(|_| self.next()).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let Some(told) = Told::new(&self.region, arch, score) else { return };
        self.learn(&told);
        match &self.climb {
            None => self.climb = Some(Climb { centre: told, tried: Vec::new(), whole: false }),
            Some(_) if self.config.first => self.consider(&told),
            Some(_) => {}
        }
    }

    fn state(&self) -> Value {
        let told = |arch: &Arch| Told { arch: arch.clone(), score: self.known.get(arch).copied().flatten() };
        let data = Data {
            random: self.draws.drawn(),
            looked: self.looked,
            told: self.order.iter().map(told).collect(),
            climb: self.climb.clone(),
        };
        frame(self.config.name, &self.region, self.seed, data)
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let strategy = self.config.name;
        let refuse = |problem| SearchError::State { strategy, problem };
        let data: Data = unframe(state, strategy, &self.region, self.seed)?;
        let told = data.told.iter().chain(data.climb.iter().map(|climb| &climb.centre));
        Told::check(told, &self.region).map_err(refuse)?;
        let mut tried = data.climb.iter().flat_map(|climb| &climb.tried);
        if !tried.all(|arch| is_member(arch, &self.region)) {
            return Err(refuse("it is damaged (an architecture is not of the region)".to_owned()));
        }
        self.draws = self.draws.at(data.random)?;
        self.looked = data.looked;
        self.known.clear();
        self.order.clear();
        data.told.iter().for_each(|told| self.learn(told));
        self.climb = data.climb;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::landscape;
    use crate::testing::landscape::Chain;
    use fewshot_rank::testing::space;

    /// Asks one at a time and tells the number of decisions that take the last option.
    fn climb(config: LocalConfig, steps: usize) -> Vec<(Arch, f64)> {
        let mut search = Local::new(Region::full(space()), 2, config).unwrap();
        let mut seen = Vec::new();
        for _ in 0..steps {
            let arch = search.ask(1).unwrap().remove(0);
            let score = arch.options().iter().filter(|&&option| option == 4).count() as f64;
            search.tell(&arch, score);
            seen.push((arch, score));
        }
        seen
    }

    #[test]
    fn the_best_of_all_neighbours_is_next() {
        let seen = climb(LocalConfig::PUBLISHED, 26);
        let differ = |a: &Arch, b: &Arch| a.options().iter().zip(b.options()).filter(|(a, b)| a != b).count();
        let (start, neighbours) = (&seen[0].0, &seen[1..25]);
        assert!(neighbours.iter().all(|(arch, _)| differ(start, arch) == 1));
        let mut distinct: Vec<_> = neighbours.iter().map(|(arch, _)| arch).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), 24, "all neighbours");
        // The first of the best neighbours is the new centre.
        let best = neighbours.iter().fold(&neighbours[0], |best, next| if next.1 > best.1 { next } else { best });
        assert_eq!(differ(&best.0, &seen[25].0), 1);
    }

    #[test]
    fn a_better_neighbour_is_next_at_once_and_nothing_is_asked_twice() {
        let seen = climb(LocalConfig::DEFAULT, 150);
        assert!(seen.iter().take(100).any(|(_, score)| *score == 6.0), "no local optimum but the best");
        let mut distinct: Vec<_> = seen.iter().map(|(arch, _)| arch).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len());
    }

    #[test]
    fn a_local_optimum_ends_the_climb() {
        // Two slots: all of it is soon known, and the search goes on drawing.
        let mut search = Local::new(Chain::region(2), 3, LocalConfig::DEFAULT).unwrap();
        let mut best = 0.0;
        for _ in 0..200 {
            let arch = search.ask(1).unwrap().remove(0);
            best = f64::max(best, landscape::score(&arch));
            search.tell(&arch, landscape::score(&arch));
        }
        assert_eq!(best, 2.0);
        assert_eq!(search.order.len(), 21, "the whole region");
    }
}

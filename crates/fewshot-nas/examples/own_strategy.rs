//! A search strategy of one's own beside random search, both on the truth that comes with the program.
//!
//! `cargo run --release --example own_strategy`

use std::{error::Error, path::Path, sync::Arc};

use fewshot_nas::search::{SearchError, Strategy, build, frame, unframe};
use fewshot_nas::table::{Table, embedded};
use fewshot_space::{Arch, CellSkeleton, CellSpace, Region, Space, random};
use serde_json::Value;

/// Changes the best so far, after some random draws. What it does next depends on its state and the seed alone.
struct Climb {
    region: Region,
    seed: u64,
    asked: u64,
    best: Option<(f64, Arch)>,
}

fn climb(region: Region, seed: u64) -> Result<Box<dyn Strategy>, SearchError> {
    Ok(Box::new(Climb { region, seed, asked: 0, best: None }))
}

impl Strategy for Climb {
    fn name(&self) -> &'static str {
        "climb"
    }

    fn ask(&mut self, n: usize) -> Result<Vec<Arch>, SearchError> {
        let draw = |_| {
            let mut rng = random::stream(self.seed, "search/climb", self.asked, 0);
            self.asked += 1;
            match &self.best {
                // Where it has no neighbour, another draw.
                Some((_, best)) if self.asked > 10 => {
                    self.region.mutate(best, &mut rng).or_else(|_| self.region.sample(&mut rng))
                }
                _ => self.region.sample(&mut rng),
            }
        };
        Ok((0..n).map(draw).collect::<Result<_, _>>()?)
    }

    fn tell(&mut self, arch: &Arch, score: f64) {
        let counts = score.is_finite() && self.region.contains(arch);
        if counts && self.best.as_ref().is_none_or(|(best, _)| score >= *best) {
            self.best = Some((score, arch.clone()));
        }
    }

    fn state(&self) -> Value {
        frame("climb", &self.region, self.seed, (self.asked, &self.best))
    }

    fn restore(&mut self, state: &Value) -> Result<(), SearchError> {
        let (asked, best): (u64, Option<(f64, Arch)>) = unframe(state, "climb", &self.region, self.seed)?;
        if best.as_ref().is_some_and(|(_, arch)| !self.region.contains(arch)) {
            return Err(SearchError::State { strategy: "climb", problem: "its best is not of the region".into() });
        }
        (self.asked, self.best) = (asked, best);
        Ok(())
    }
}

/// Evaluations of each search.
const BUDGET: usize = 60;
const SEEDS: u64 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let space: Arc<dyn Space> = Arc::new(CellSpace::by_name("cell1296", CellSkeleton::default_for("cell1296")?)?);
    let text = embedded("cell1296").ok_or("the program has no such table")?;
    let truth = Table::parse(text, Path::new("cell1296"), &space, "seed0")?;
    let whole = Region::full(space.clone());
    println!("best of {} networks: {:.2} %", truth.len(), truth.iter().map(|(_, truth)| truth).fold(0.0, f64::max));
    for name in ["random", "climb"] {
        let mut sum = 0.0;
        for seed in 0..SEEDS {
            let mut search = match name {
                "climb" => climb(whole.clone(), seed)?,
                _ => build(name, whole.clone(), seed)?,
            };
            let mut best: f64 = 0.0;
            for _ in 0..BUDGET {
                let asked = search.ask(1)?;
                for (arch, score) in asked.iter().zip(truth.lookup(&asked)?) {
                    search.tell(arch, score);
                    best = best.max(score);
                }
            }
            sum += best;
        }
        println!("{name:<8} {:.2} % after {BUDGET} evaluations, mean of {SEEDS} searches", sum / SEEDS as f64);
    }
    Ok(())
}

/// What every strategy must hold to, and that this one searches: run by `cargo test`.
#[cfg(test)]
mod tests {
    use fewshot_nas::search::testing::{check_search, check_seeded, check_strategy};

    use super::climb;

    #[test]
    fn climb_keeps_the_contract() {
        check_strategy(climb);
    }

    #[test]
    fn climb_follows_its_seed_and_the_scores() {
        check_seeded(climb);
        check_search(climb);
    }
}

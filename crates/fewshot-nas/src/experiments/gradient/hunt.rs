//! Search strategies on the supernets of a method that trains uniform paths: one search over the whole space for each seed, whose
//! networks are scored by the supernet that owns them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::job::Job;
use crate::estimate::{Estimator, FewShot, OneShot, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{Counter, Handle, StageContext};
use crate::search;
use crate::stages::{Piecework, load_from, load_json, save_json, side_by_side, slug};

/// Architectures asked for at a time.
const BATCH: usize = 8;
/// At most this much work is lost by a kill.
const SAVE_EVERY: Duration = Duration::from_secs(15);

/// One strategy on the supernets of one job.
pub struct Hunt {
    /// Its stage, which leaves what was found per seed.
    pub stage: Handle<Vec<Caught>>,
    /// The strategy's name.
    pub strategy: String,
    /// Position of the job.
    pub job: usize,
}

/// What one search left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Caught {
    /// The best-scored networks, one of each function, the best first.
    pub best: Vec<Scored>,
    /// Networks asked for, repeats included.
    pub evaluations: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Seconds of the search.
    pub seconds: f64,
}

/// A network with its score.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scored {
    /// The architecture.
    pub arch: String,
    /// Accuracy in the supernet that owns it, on held-out images, 0 to 1.
    pub score: f64,
}

/// A search under way: the strategy, and what was told to it.
#[derive(Serialize, Deserialize)]
struct State {
    strategy: Value,
    history: Vec<Scored>,
    seconds: f64,
}

/// The searches of all seeds.
pub fn run(lab: &Lab, context: &StageContext<'_>, hunt: &Hunt, job: &Job) -> Result<Vec<Caught>, ExperimentError> {
    let seeds: Vec<u64> = (0..lab.recipe().ranking.seeds).collect();
    let budget = lab.recipe().search.budget;
    let work = Work { lab, context, hunt, job, set: Arc::new(lab.score_set()?), counter: None };
    let mut done = 0;
    for seed in &seeds {
        let is_done = context.file(&work.name(*seed, "json")).exists();
        let under_way = load_json::<State>(&work.state_file(*seed))?.map_or(0, |state| state.history.len());
        done += if is_done { budget } else { under_way };
    }
    let counter = context.counter("search", "architectures", done as u64, Some((budget * seeds.len()) as u64));
    side_by_side(context, &Work { counter: Some(counter), ..work }, &seeds)
}

struct Work<'a> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    hunt: &'a Hunt,
    job: &'a Job,
    set: Arc<ScoreSet>,
    /// Counts the architectures of all seeds.
    counter: Option<Counter<'a>>,
}

impl Piecework for Work<'_> {
    /// Repetition.
    type Piece = u64;
    type Value = Caught;

    fn value_file(&self, repetition: &u64) -> PathBuf {
        self.context.file(&self.name(*repetition, "json"))
    }

    fn leftovers(&self, repetition: &u64) -> Vec<PathBuf> {
        vec![self.state_file(*repetition)]
    }

    fn work(&self, repetition: &u64) -> Result<Caught, ExperimentError> {
        let (lab, whole) = (self.lab, self.job.partition.whole());
        let space = lab.alone_space();
        let seed = lab.seed_of(*repetition, "strategy");
        let mut strategy = search::build(&self.hunt.strategy, whole.clone(), seed)?;
        let (mut history, mut before) = (Vec::new(), 0.0);
        if let Some(state) = load_json::<State>(&self.state_file(*repetition))? {
            strategy.restore(&state.strategy)?;
            (history, before) = (state.history, state.seconds);
        }
        let mut scores = BTreeMap::new();
        for Scored { arch, score } in &history {
            scores.insert(space.parse(arch)?, *score);
        }
        let mut supernets = self.supernets(*repetition)?;
        let budget = lab.recipe().search.budget;
        let began = Instant::now();
        let mut saved = Instant::now();
        while history.len() < budget {
            let asked = strategy.ask(BATCH.min(budget - history.len()))?;
            self.score(&mut supernets, &asked, &mut scores)?;
            for arch in asked {
                let score = scores[&arch];
                strategy.tell(&arch, score);
                history.push(Scored { arch: space.format(&arch), score });
                self.counter.iter().for_each(|counter| counter.add(1));
            }
            let interrupted = self.context.interrupt().check();
            if interrupted.is_err() || saved.elapsed() > SAVE_EVERY {
                let seconds = before + began.elapsed().as_secs_f64();
                let state = State { strategy: strategy.state(), history: history.clone(), seconds };
                save_json(&self.state_file(*repetition), &state)?;
                self.context.keeps()?;
                saved = Instant::now();
            }
            interrupted?;
        }
        Ok(Caught {
            best: self.best(history)?,
            evaluations: budget,
            distinct: scores.len(),
            seconds: before + began.elapsed().as_secs_f64(),
        })
    }
}

impl Work<'_> {
    fn name(&self, repetition: u64, end: &str) -> String {
        format!("seed{repetition}.{end}")
    }

    fn state_file(&self, repetition: u64) -> PathBuf {
        self.context.file(&self.name(repetition, "search.json"))
    }

    /// Scores those that have no score yet.
    fn score(
        &self,
        supernets: &mut FewShot,
        asked: &[Arch],
        scores: &mut BTreeMap<Arch, f64>,
    ) -> Result<(), ExperimentError> {
        let new: BTreeSet<&Arch> = asked.iter().filter(|arch| !scores.contains_key(*arch)).collect();
        let new: Vec<Arch> = new.into_iter().cloned().collect();
        let found = supernets.estimate(&new)?;
        scores.extend(new.into_iter().zip(found));
        Ok(())
    }

    fn supernets(&self, repetition: u64) -> Result<FewShot, ExperimentError> {
        let (lab, job) = (self.lab, self.job);
        let members = job.partition.regions().iter().enumerate().map(|(part, region)| {
            let file = self.context.input_file(job.stage.name(), &job.weights(repetition, part))?;
            let seed = lab.seed_of(repetition, "supernet weights");
            let net = Net::supernet(job.space.clone(), region.clone(), lab.device(), seed);
            let net = load_from(&self.context.load(&file)?, net)?;
            Ok(OneShot::new(net, self.set.clone(), lab.recipe().scoring.norm))
        });
        Ok(FewShot::new(job.partition.clone(), members.collect::<Result<_, ExperimentError>>()?))
    }

    /// The finalists: of equal scores the earlier.
    fn best(&self, mut history: Vec<Scored>) -> Result<Vec<Scored>, ExperimentError> {
        let (space, count) = (self.lab.alone_space(), self.lab.recipe().search.finalists.max(1));
        history.sort_by(|a, b| b.score.total_cmp(&a.score));
        let (mut best, mut seen) = (Vec::new(), BTreeSet::new());
        for scored in history {
            if best.len() < count && seen.insert(space.structure(&space.parse(&scored.arch)?)) {
                best.push(scored);
            }
        }
        self.context.event("found", json!({ "best": best.first().map(|best| best.score) }))?;
        Ok(best)
    }
}

/// Every strategy of the recipe on the supernets of every job that is there for them.
pub fn hunts(jobs: &[Job], strategies: &[String]) -> Vec<Hunt> {
    let hunted = jobs.iter().enumerate().filter(|(_, job)| job.is_hunted);
    let of_strategy = |strategy: &String| {
        let hunt = |(position, job): (usize, &Job)| {
            let stage = Handle::named(format!("{}-{}", slug(strategy), job.slug()));
            Hunt { stage, strategy: strategy.clone(), job: position }
        };
        hunted.clone().map(hunt).collect::<Vec<_>>()
    };
    strategies.iter().flat_map(of_strategy).collect()
}

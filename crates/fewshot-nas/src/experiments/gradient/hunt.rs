//! Search strategies on the supernets of a method that trains uniform paths: one search over the whole space for each seed, whose
//! networks are scored by the supernet that owns them.

use std::path::PathBuf;
use std::sync::Arc;

use super::job::Job;
use crate::estimate::{FewShot, OneShot, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{Counter, Handle, StageContext};
use crate::stages::{Caught, Piecework, Quest, asked_for, hunt, load_from, side_by_side, slug};

/// One strategy on the supernets of one job.
pub struct Hunt {
    /// Its stage, which leaves what was found per seed.
    pub stage: Handle<Vec<Caught>>,
    /// The strategy's name.
    pub strategy: String,
    /// Position of the job.
    pub job: usize,
}

/// The searches of all seeds.
pub fn run(lab: &Lab, context: &StageContext<'_>, hunt: &Hunt, job: &Job) -> Result<Vec<Caught>, ExperimentError> {
    let seeds: Vec<u64> = (0..lab.recipe().ranking.seeds).collect();
    let budget = lab.recipe().search.budget;
    let work = Work { lab, context, hunt, job, set: Arc::new(lab.score_set()?), counter: None };
    let mut done = 0;
    for seed in &seeds {
        let is_done = context.file(&work.name(*seed, "json")).exists();
        let under_way = asked_for(&work.state_file(*seed))?;
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
        let recipe = self.lab.recipe();
        let quest = Quest {
            strategy: &self.hunt.strategy,
            region: self.job.training.partition.whole(),
            seed: self.lab.seed_of(*repetition, "strategy"),
            budget: recipe.search.budget,
            kept: recipe.search.finalists.max(1),
        };
        let mut supernets = self.supernets(*repetition)?;
        hunt(self.context, &quest, &mut supernets, &self.state_file(*repetition), self.counter.as_ref())
    }
}

impl Work<'_> {
    fn name(&self, repetition: u64, end: &str) -> String {
        format!("seed{repetition}.{end}")
    }

    fn state_file(&self, repetition: u64) -> PathBuf {
        self.context.file(&self.name(repetition, "search.json"))
    }

    fn supernets(&self, repetition: u64) -> Result<FewShot, ExperimentError> {
        let (lab, job, training) = (self.lab, self.job, &self.job.training);
        let members = training.partition.regions().iter().enumerate().map(|(part, region)| {
            let file = self.context.input_file(job.stage.name(), &training.weights(repetition, part))?;
            let seed = lab.seed_of(repetition, "supernet weights");
            let net = Net::supernet(training.space.clone(), region.clone(), lab.device(), seed);
            let net = load_from(&self.context.load(&file)?, net)?;
            Ok(OneShot::new(net, self.set.clone(), lab.recipe().scoring.norm))
        });
        Ok(FewShot::new(training.partition.clone(), members.collect::<Result<_, ExperimentError>>()?))
    }
}

/// Every strategy of the recipe on the supernets of every job that is there for them.
pub fn hunts(jobs: &[Job], strategies: &[String]) -> Vec<Hunt> {
    let hunted = jobs.iter().enumerate().filter(|(_, job)| job.training.is_hunted);
    let of_strategy = |strategy: &String| {
        let hunt = |(position, job): (usize, &Job)| {
            let stage = Handle::named(format!("{}-{}", slug(strategy), job.slug()));
            Hunt { stage, strategy: strategy.clone(), job: position }
        };
        hunted.clone().map(hunt).collect::<Vec<_>>()
    };
    strategies.iter().flat_map(of_strategy).collect()
}

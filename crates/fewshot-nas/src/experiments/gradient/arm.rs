//! What is compared: a method, or a strategy on its supernets, in one mode.

use fewshot_space::Arch;

use super::hunt::Hunt;
use super::job::Job;
use crate::lab::{ExperimentError, Lab};
use crate::run::{Handle, StageContext};
use crate::stages::{Course, Decided, halve};

/// One row of the comparison, for all seeds.
pub struct Arm {
    /// The method or the strategy.
    pub name: String,
    /// Position of the job whose supernets it looked at.
    pub job: usize,
    /// Position of the search on them, where it is one.
    pub hunt: Option<usize>,
    /// Stage that decides between its finalists by networks trained alone.
    pub decided: Handle<Vec<Decided>>,
}

/// All of them: what strategies search stands in the place of the job's own choice.
pub fn arms(jobs: &[Job], hunts: &[Hunt]) -> Vec<Arm> {
    let arm = |name: &str, job: usize, hunt: Option<usize>, stage: &str| Arm {
        name: name.to_string(),
        job,
        hunt,
        decided: Handle::named(format!("{stage}-finalists")),
    };
    let own = jobs.iter().enumerate().filter(|(_, job)| !job.training.is_hunted);
    let own = own.map(|(position, job)| arm(&job.training.settings.name, position, None, job.stage.name()));
    let hunted = hunts.iter().enumerate();
    let hunted = hunted.map(|(position, hunt)| arm(&hunt.strategy, hunt.job, Some(position), hunt.stage.name()));
    own.chain(hunted).collect()
}

impl Arm {
    /// Per seed, the architectures among which it has to choose.
    pub fn finalists(
        &self,
        context: &StageContext<'_>,
        jobs: &[Job],
        hunts: &[Hunt],
    ) -> Result<Vec<Vec<String>>, ExperimentError> {
        match self.hunt {
            Some(hunt) => {
                let caught = context.value(&hunts[hunt].stage)?;
                Ok(caught.into_iter().map(|one| one.best.into_iter().map(|scored| scored.arch).collect()).collect())
            }
            None => {
                let job = &jobs[self.job];
                let found = context.value(&job.stage)?;
                let parts = job.training.partition.regions().len();
                Ok(found.chunks(parts).map(|seed| seed.iter().map(|found| found.arch.clone()).collect()).collect())
            }
        }
    }

    /// Name of the stage that leaves them.
    pub fn source(&self, jobs: &[Job], hunts: &[Hunt]) -> String {
        match self.hunt {
            Some(hunt) => hunts[hunt].stage.name().to_string(),
            None => jobs[self.job].stage.name().to_string(),
        }
    }
}

/// Takes one finalist of each seed by successive halving.
pub fn decide(
    lab: &Lab,
    context: &StageContext<'_>,
    finalists: &[Vec<String>],
    sees_unscored: bool,
) -> Result<Vec<Decided>, ExperimentError> {
    let space = lab.alone_space();
    let parsed = |seed: &Vec<String>| -> Result<Vec<Arch>, ExperimentError> {
        seed.iter().map(|text| Ok(space.parse(text)?)).collect()
    };
    let groups = finalists.iter().map(parsed).collect::<Result<Vec<_>, _>>()?;
    let recipe = &lab.recipe().standalone;
    let loader = |repetition: usize| {
        let seed = lab.seed_of(repetition as u64, "finalist images");
        match sees_unscored {
            true => lab.unscored_loader(&recipe.train, seed),
            false => lab.search_loader(&recipe.train, seed),
        }
    };
    let loaders = (0..groups.len()).map(loader).collect::<Result<Vec<_>, ExperimentError>>()?;
    let set = lab.score_set()?;
    let course = Course { config: &recipe.train, halving: recipe.halving, loaders, set: &set };
    halve(lab, context, &groups, &course)
}

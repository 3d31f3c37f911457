//! The searches: the parent's, the parts', and one of equal cost.

use std::sync::Arc;

use fewshot_space::{Arch, Region};

use super::Gan;
use super::judging::JUDGE;
use super::result::{Candidate, SearchRow};
use crate::adversarial::{GanError, GanSearch, SearchProgress, Task};
use crate::lab::ExperimentError;
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{CHECKPOINT, Keeper, position};

/// The search through the whole region.
pub static PARENT: Handle<SearchRow> = Handle::new("search");
/// The same for as long as parent and parts together.
pub static EQUAL_COST: Handle<SearchRow> = Handle::new("equal-cost");
/// What all parts keep, scored again.
pub static POOL: Handle<Vec<Candidate>> = Handle::new("pool");

/// The search through a part.
pub fn part_stage(part: usize) -> Handle<SearchRow> {
    Handle::named(format!("part-{part}"))
}

/// A search under way, as checkpoints say it.
type Position = (SearchProgress, [u64; 2], u64);

impl Gan {
    /// What a search through `region` is given. `purpose` keys all that it draws.
    pub(super) fn task(&self, region: &Region, iterations: &[u64], purpose: &str) -> Result<Task, ExperimentError> {
        Ok(Task {
            skeleton: self.shared.clone(),
            judge_channels: self.recipe.discriminator,
            within: self.within(region)?,
            images: self.lab.image_handle().clone(),
            indices: self.lab.all_indices().into(),
            config: self.recipe.train,
            plan: self.recipe.plan(iterations),
            device: self.lab.device().clone(),
            seed: self.lab.seed(purpose),
            parent: None,
        })
    }

    pub(super) fn parent_task(&self) -> Result<Task, ExperimentError> {
        self.task(self.lab.partition().whole(), &self.recipe.search.iterations, "generators")
    }

    /// The search of a part, from the parent's weights, in a stage that waits for [`PARENT`].
    fn part_task(&self, context: &StageContext<'_>, part: usize) -> Result<Task, ExperimentError> {
        let region = &self.lab.partition().regions()[part];
        let parent = context.load(&context.input_file(PARENT.name(), CHECKPOINT)?)?.tensors;
        let task = self.task(region, &self.recipe.part_iterations, &format!("generators of part {part}"))?;
        Ok(Task { parent: Some(Arc::new(parent)), ..task })
    }

    pub(super) fn parent_stage(&self) -> Stage<'_> {
        let name = "one-shot";
        Stage::of(&PARENT, move |context| self.search(context, self.parent_task()?, name))
            .after([&JUDGE])
            .produces([CHECKPOINT])
    }

    pub(super) fn part_stage(&self, part: usize) -> Stage<'_> {
        let handle = part_stage(part);
        let stage = Stage::of(&handle, move |context| {
            let name = self.lab.partition().regions()[part].label();
            self.search(context, self.part_task(context, part)?, &name)
        });
        stage.after([String::from(&JUDGE), String::from(&PARENT)]).produces([CHECKPOINT])
    }

    pub(super) fn equal_cost_stage(&self) -> Stage<'_> {
        let stage = Stage::of(&EQUAL_COST, move |context| {
            let iterations = self.recipe.equal_cost(self.lab.partition().regions().len());
            let task = self.task(self.lab.partition().whole(), &iterations, "generators of equal cost")?;
            self.search(context, task, "equal cost")
        });
        stage.after([&JUDGE]).produces([CHECKPOINT])
    }

    fn search(&self, context: &StageContext<'_>, task: Task, name: &str) -> Result<SearchRow, ExperimentError> {
        let mut judge = self.judge(context)?;
        let file = context.file(CHECKPOINT);
        let (plan, all) = (task.plan.clone(), task.plan.pieces());
        let mut search = GanSearch::new(task)?;
        let done = position::<Position>(context, &file)?.0.pieces;
        let counter = context.counter("searching", "steps", done, Some(all.max(done)));
        let mut keeper = Keeper::resume(context, &file, &counter, &mut search)?;
        while !search.is_done() {
            let before = search.progress().history.len();
            if let Err(error) = search.step(judge.as_mut(), context.interrupt()) {
                if matches!(error, GanError::Interrupted(_)) {
                    keeper.keep(&search)?;
                }
                return Err(error.into());
            }
            if let Some(last) = search.progress().history.get(before) {
                let reset = if last.was_reset { ", begun anew: its losses stood still" } else { "" };
                let text = format!(
                    "{name}: iteration {}, level {}: score {:.3}, losses {:.3} and {:.3}{reset}",
                    last.iteration + 1,
                    last.level,
                    last.score,
                    last.losses[0],
                    last.losses[1]
                );
                context.progress().message(&text);
            }
            keeper.after_step(&search)?;
        }
        keeper.keep(&search)?;
        let progress = search.progress();
        let candidate = |options: &[u8], score: f64| Candidate {
            arch: self.lab.alone_space().format(&Arch::new(options.to_vec())),
            score,
            search: name.to_string(),
        };
        Ok(SearchRow {
            name: name.to_string(),
            iterations: plan.schedule.iterations,
            best: progress.beams.iter().map(|beam| candidate(&beam.options, beam.score)).collect(),
            resets: progress.resets.clone(),
            history: progress.history.clone(),
        })
    }

    pub(super) fn pool_stage(&self) -> Stage<'_> {
        let parts = self.lab.partition().regions().len();
        let inputs = [&JUDGE].into_iter().map(String::from).chain([String::from(&PARENT)]);
        let inputs = inputs.chain((0..parts).map(|part| String::from(&part_stage(part))));
        Stage::of(&POOL, |context| self.pool(context)).after(inputs)
    }

    /// Scores what each part keeps by that part's generator, all on the same latent numbers, and keeps the best. An architecture that
    /// a part keeps twice counts once.
    fn pool(&self, context: &StageContext<'_>) -> Result<Vec<Candidate>, ExperimentError> {
        let mut judge = self.judge(context)?;
        let seed = self.lab.seed("pooled latent");
        let mut pooled: Vec<Candidate> = Vec::new();
        for part in 0..self.lab.partition().regions().len() {
            let row = context.value(&part_stage(part))?;
            let mut search = self.ended(context, part)?;
            for candidate in row.best {
                if pooled.iter().any(|known| known.arch == candidate.arch) {
                    continue;
                }
                let arch = self.lab.alone_space().parse(&candidate.arch)?;
                let score = search.score(&arch, judge.as_mut(), seed, context.interrupt())?.score;
                pooled.push(Candidate { score, ..candidate });
            }
        }
        pooled.sort_by(|a, b| b.score.total_cmp(&a.score));
        pooled.truncate(self.recipe.keep);
        Ok(pooled)
    }

    /// The search of a part, at its end.
    pub(super) fn ended(&self, context: &StageContext<'_>, part: usize) -> Result<GanSearch, ExperimentError> {
        let mut search = GanSearch::new(self.part_task(context, part)?)?;
        search.restore(&context.load(&context.input_file(part_stage(part).name(), CHECKPOINT)?)?)?;
        Ok(search)
    }

    /// The parent's search, at its end.
    pub(super) fn ended_parent(&self, context: &StageContext<'_>) -> Result<GanSearch, ExperimentError> {
        let mut search = GanSearch::new(self.parent_task()?)?;
        search.restore(&context.load(&context.input_file(PARENT.name(), CHECKPOINT)?)?)?;
        Ok(search)
    }
}

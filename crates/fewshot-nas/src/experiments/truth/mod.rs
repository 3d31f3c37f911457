//! Experiments of kind `truth`: networks trained alone, each with several seeds, and tested.
//!
//! Codes of one function ([`Space::structure`]) are one network: the cheapest of them is trained, and all have its truth.
//! What comes out is the yardstick of rankings. It chooses nothing, so each network is tested as soon as it is trained.

pub(super) mod result;

pub use result::{Spread, TruthResult};

use std::collections::BTreeMap;

use fewshot_space::{Arch, Space};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bench::Bench;
use super::outcome::Outcome;
use super::recipe::{Experiment, Recipe};
use crate::estimate::{NormPolicy, ScoreSet};
use crate::lab::{ExperimentError, Lab, all_networks, tau_between};
use crate::nets::Net;
use crate::run::{Checked, Fingerprint, Handle, Interrupt, JsonLines, RunFolder, Stage, StageContext, in_lanes};
use crate::stages::{Shards, value};
use crate::table;
use crate::train::{Observer, TrainError, Trainer};

/// Stage that trains and tests.
static NETWORKS: Handle<Spread> = Handle::new("networks");
/// Its state: one line per network and seed, in the order in which they ended.
const MEASURED: &str = "measured.jsonl";
/// The table, in the run folder.
const TABLE: &str = "truth.csv";

/// One function trained with one seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    /// The code that was trained.
    arch: String,
    seed: u64,
    /// Top-1 accuracy on the test images in percent.
    accuracy: f64,
}

/// The measurement of networks on their images.
pub(super) struct Measurement {
    lab: Lab,
    archs: Vec<Arch>,
}

impl Measurement {
    /// The networks that the recipe asks for.
    ///
    /// # Errors
    /// When the space has too many networks to measure all.
    pub fn open(lab: Lab) -> Result<Self, ExperimentError> {
        let archs = match lab.recipe().ranking.networks {
            0 => all_networks(lab.alone_space().clone(), "draw some at random (`ranking.networks`, --networks)")?,
            count => lab.random_archs("measured networks", count)?,
        };
        Ok(Self { lab, archs })
    }

    fn functions(&self) -> BTreeMap<String, &Arch> {
        functions(self.lab.alone_space().as_ref(), &self.archs)
    }

    /// What is trained: each function with each seed.
    fn trainings(&self) -> Vec<(&Arch, u64)> {
        let functions = self.functions();
        let seeds = 0..self.lab.recipe().ranking.seeds;
        seeds.flat_map(|seed| functions.values().map(move |arch| (*arch, seed))).collect()
    }

    /// How they are dealt out to stages.
    fn shards(&self) -> Shards {
        let functions = self.functions().len();
        Shards::new(functions * self.lab.recipe().ranking.seeds as usize, self.lab.recipe().launch.shards)
    }

    /// Trains and tests these, and gives what they reach in their order.
    fn measure(&self, context: &StageContext<'_>, wanted: &[(&Arch, u64)]) -> Result<Vec<Measured>, ExperimentError> {
        let lab = &self.lab;
        let space = lab.alone_space();
        let log = JsonLines::open(&context.file(MEASURED))?;
        let known = log.read()?.into_iter().map(|Checked(one): Checked<Measured>| ((one.arch.clone(), one.seed), one));
        let mut measured: BTreeMap<(String, u64), Measured> = known.collect();
        let key = |(arch, seed): &(&Arch, u64)| (space.format(arch), *seed);
        let is_left = |one: &(&Arch, u64)| !measured.contains_key(&key(one));
        let left: Vec<(&Arch, u64)> = wanted.iter().copied().filter(is_left).collect();
        let done = (wanted.len() - left.len()) as u64;
        let counter = context.counter("training", "networks", done, Some(wanted.len() as u64));
        let set = lab.open_test()?;
        let work = |(arch, seed): &(&Arch, u64)| one(lab, context.interrupt(), arch, *seed, &set);
        in_lanes(context.interrupt(), &left, work, |_, done| {
            log.append(&Checked(&done))?;
            context.keeps()?;
            measured.insert((done.arch.clone(), done.seed), done);
            counter.add(1);
            Ok::<_, ExperimentError>(())
        })?;
        log.sync()?;
        Ok(wanted.iter().filter_map(|one| measured.remove(&key(one))).collect())
    }

    /// Leaves the table, and tells how what was measured is spread.
    fn tell(&self, context: &StageContext<'_>, measured: &[Measured]) -> Result<Spread, ExperimentError> {
        let Self { lab, archs } = self;
        let (space, ranking) = (lab.alone_space(), &lab.recipe().ranking);
        let functions = self.functions();
        let by_code: BTreeMap<(&str, u64), f64> =
            measured.iter().map(|m| ((m.arch.as_str(), m.seed), m.accuracy)).collect();
        let column = |seed: u64| {
            let of = |arch: &Arch| {
                let trained = functions.get(&space.structure(arch)).map(|trained| space.format(trained));
                trained.and_then(|code| by_code.get(&(code.as_str(), seed)).copied()).unwrap_or(f64::NAN)
            };
            archs.iter().map(of).collect::<Vec<f64>>()
        };
        let columns: Vec<Vec<f64>> = (0..ranking.seeds).map(column).collect();
        let names: Vec<String> = (0..ranking.seeds).map(|seed| format!("seed{seed}")).collect();
        let macs: Vec<f64> = archs.iter().map(|arch| space.cost(arch).macs as f64).collect();
        let params: Vec<f64> = archs.iter().map(|arch| space.cost(arch).params as f64).collect();
        let mut table: Vec<(&str, &[f64])> =
            names.iter().map(String::as_str).zip(columns.iter().map(Vec::as_slice)).collect();
        table.extend([("macs", macs.as_slice()), ("params", params.as_slice())]);
        let path = context.publish_folder().join(TABLE);
        table::write(&path, space.as_ref(), archs, &table)?;
        context.publish(&path);
        self.spread(&columns)
    }

    fn spread(&self, columns: &[Vec<f64>]) -> Result<Spread, ExperimentError> {
        let Self { lab, archs } = self;
        let mean_of = |index: usize| columns.iter().map(|column| column[index]).sum::<f64>() / columns.len() as f64;
        let means: Vec<f64> = (0..archs.len()).map(mean_of).collect();
        let mut largest = None;
        if let Some(truth) = lab.truth() {
            for (known, column) in truth.each(archs)?.iter().zip(columns) {
                let differences = known.iter().zip(column).map(|(a, b)| (a - b).abs());
                largest = Some(differences.fold(largest.unwrap_or(0.0), f64::max));
            }
        }
        Ok(Spread {
            mean: means.iter().sum::<f64>() / means.len().max(1) as f64,
            min: means.iter().copied().fold(f64::INFINITY, f64::min),
            max: means.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            tau_between_seeds: tau_between(columns)?,
            largest_difference_to_table: largest,
        })
    }
}

impl Bench for Measurement {
    fn lab(&self) -> Option<&Lab> {
        Some(&self.lab)
    }

    fn fingerprint(&self) -> Fingerprint {
        self.lab.fingerprint()
    }

    fn recipe(&self) -> Recipe {
        Recipe { experiment: Experiment::Truth, common: self.lab.recipe().clone() }
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError> {
        let shards = self.shards();
        if !shards.is_cut() {
            let stage = Stage::of(&NETWORKS, |context| self.tell(context, &self.measure(context, &self.trainings())?));
            return Ok(vec![stage.publishes([TABLE])]);
        }
        let handles: Vec<Handle<Vec<Measured>>> = shards.handles(NETWORKS.name());
        let (space, all) = (self.lab.alone_space(), self.trainings());
        let shard = |(shard, handle): (usize, &Handle<Vec<Measured>>)| {
            // All see the same images as often.
            let cost: f64 = shards.pieces(shard).map(|piece| space.cost(all[piece].0).macs as f64).sum();
            let stage = Stage::of(handle, move |context| {
                let all = self.trainings();
                let own: Vec<(&Arch, u64)> = shards.pieces(shard).map(|piece| all[piece]).collect();
                self.measure(context, &own)
            });
            stage.costs(cost)
        };
        let mut stages: Vec<Stage<'_>> = handles.iter().enumerate().map(shard).collect();
        let inputs: Vec<String> = handles.iter().map(String::from).collect();
        let all = Stage::of(&NETWORKS, move |context| self.tell(context, &shards.gather(context, &handles)?));
        stages.push(all.after(inputs).publishes([TABLE]));
        Ok(stages)
    }

    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError> {
        Ok(Outcome::Truth(TruthResult {
            space: self.lab.alone_space().name().to_string(),
            networks: self.archs.len(),
            functions: self.functions().len(),
            seeds: self.lab.recipe().ranking.seeds,
            spread: value(values, &NETWORKS)?,
            seconds: run.seconds()?,
            seed: self.lab.recipe().seed,
        }))
    }
}

/// The cheapest code of each function, the first of them where several cost the same.
fn functions<'a>(space: &dyn Space, archs: &'a [Arch]) -> BTreeMap<String, &'a Arch> {
    let mut functions: BTreeMap<String, &Arch> = BTreeMap::new();
    for arch in archs {
        let cheapest = functions.entry(space.structure(arch)).or_insert(arch);
        if space.cost(arch).macs < space.cost(cheapest).macs {
            *cheapest = arch;
        }
    }
    functions
}

/// Trains one network with one seed on all training images, and tests it. Nothing of it is kept: it is repeated when it is cut.
fn one(lab: &Lab, interrupt: &Interrupt, arch: &Arch, seed: u64, set: &ScoreSet) -> Result<Measured, ExperimentError> {
    interrupt.check()?;
    let config = &lab.recipe().standalone.train;
    let loader = lab.alone_loader(config, lab.seed_of(seed, "alone images"))?;
    let net = Net::standalone(lab.alone_blueprint(), arch, lab.device(), lab.seed_of(seed, "alone weights"))?;
    let mut trainer = Trainer::new(net, config.clone(), lab.seed_of(seed, "alone paths"))?;
    trainer.run(&loader, &mut StopWhenAsked(interrupt))?;
    let accuracy = set.metric(&mut trainer.into_net(), arch, NormPolicy::Running)?;
    // Two decimals are more than 2,000 or 10,000 test images give.
    let accuracy = (10_000.0 * accuracy).round() / 100.0;
    Ok(Measured { arch: lab.alone_space().format(arch), seed, accuracy })
}

struct StopWhenAsked<'a>(&'a Interrupt);

impl Observer for StopWhenAsked<'_> {
    fn step_done(&mut self, _: &Trainer, _: usize) -> Result<(), TrainError> {
        Ok(self.0.check()?)
    }
}

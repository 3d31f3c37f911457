//! Runs of kind `truth`: networks trained alone, each with several seeds, and tested.
//!
//! Codes of one function ([`Space::structure`]) are one network: the cheapest of them is trained, and all have its truth.
//! What comes out is the yardstick of rankings. It chooses nothing, so each network is tested as soon as it is trained.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fewshot_guard::printable;
use fewshot_space::{Arch, Space};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::region::all_networks;
use super::super::{Lab, PipelineError, stages, standalone};
use crate::estimate::ScoreSet;
use crate::run::{Checked, JsonLines, RunFolder, Stage, StageContext, in_lanes};
use crate::table;

/// Stage that trains and tests.
const NETWORKS: &str = "networks";
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

/// The one stage.
pub fn stages(lab: &Lab) -> Vec<Stage<'_>> {
    vec![stages::stage(NETWORKS, move |context| measure(lab, context)).publishes([TABLE])]
}

fn networks(lab: &Lab) -> Result<Vec<Arch>, PipelineError> {
    match lab.recipe().ranking.networks {
        0 => all_networks(lab.alone_space().clone(), "draw some at random (`ranking.networks`, --networks)"),
        count => lab.random_archs("measured networks", count),
    }
}

fn measure(lab: &Lab, context: &StageContext<'_>) -> Result<Spread, PipelineError> {
    let space = lab.alone_space();
    let ranking = &lab.recipe().ranking;
    let archs = networks(lab)?;
    let functions = functions(space.as_ref(), &archs);
    let log = JsonLines::open(&context.file(MEASURED))?;
    let mut measured: Vec<Measured> = log.read()?.into_iter().map(|Checked(one)| one).collect();
    let known: BTreeSet<(String, u64)> = measured.iter().map(|m| (m.arch.clone(), m.seed)).collect();
    let all = (0..ranking.seeds).flat_map(|seed| functions.values().map(move |arch| (*arch, seed)));
    let left: Vec<(&Arch, u64)> = all.filter(|(arch, seed)| !known.contains(&(space.format(arch), *seed))).collect();
    let total = functions.len() as u64 * ranking.seeds;
    let counter = context.counter("training", "networks", measured.len() as u64, Some(total));
    let set = lab.open_test()?;
    let work = |(arch, seed): &(&Arch, u64)| one(lab, context, arch, *seed, &set);
    in_lanes(context.interrupt(), &left, work, |_, done| {
        log.append(&Checked(&done))?;
        context.keeps()?;
        measured.push(done);
        counter.add(1);
        Ok::<_, PipelineError>(())
    })?;
    log.sync()?;

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
    let path = context.run().path().join(TABLE);
    table::write(&path, space.as_ref(), &archs, &table)?;
    context.publish(&path);
    spread(lab, &archs, &columns)
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

/// Trains one network with one seed on all training images, and tests it.
fn one(
    lab: &Lab,
    context: &StageContext<'_>,
    arch: &Arch,
    seed: u64,
    set: &ScoreSet,
) -> Result<Measured, PipelineError> {
    context.interrupt().check()?;
    let accuracy = standalone::train_and_test(lab, arch, seed, set, context.interrupt())?;
    // Two decimals are more than 2,000 or 10,000 test images give.
    let accuracy = (10_000.0 * accuracy).round() / 100.0;
    Ok(Measured { arch: lab.alone_space().format(arch), seed, accuracy })
}

fn spread(lab: &Lab, archs: &[Arch], columns: &[Vec<f64>]) -> Result<Spread, PipelineError> {
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
        tau_between_seeds: super::tau_between(columns)?,
        largest_difference_to_table: largest,
    })
}

/// The result, from the value of the stage.
pub fn result(lab: &Lab, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<TruthResult, PipelineError> {
    let archs = networks(lab)?;
    Ok(TruthResult {
        space: lab.alone_space().name().to_string(),
        networks: archs.len(),
        functions: functions(lab.alone_space().as_ref(), &archs).len(),
        seeds: lab.recipe().ranking.seeds,
        spread: stages::value(values, NETWORKS)?,
        seconds: run.seconds()?,
        seed: lab.recipe().seed,
    })
}

impl fmt::Display for TruthResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { mean, min, max, tau_between_seeds, largest_difference_to_table } = &self.spread;
        let Self { networks, functions, space, seeds, seed, .. } = self;
        let space = printable::line(space);
        writeln!(f, "networks         {networks} of {space} ({functions} functions), {seeds} seed(s) from {seed}")?;
        writeln!(f, "test accuracy    {mean:.2} % on average, {min:.2} to {max:.2} %")?;
        if let Some(tau) = tau_between_seeds {
            writeln!(f, "between seeds    tau-b {tau:.3}")?;
        }
        if let Some(difference) = largest_difference_to_table {
            writeln!(f, "to the table     {difference:.2} points at most")?;
        }
        write!(f, "took             {:.0} s", self.seconds)
    }
}

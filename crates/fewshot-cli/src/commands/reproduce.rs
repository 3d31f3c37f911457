//! Comparisons that ship with the program.

use std::path::{Path, PathBuf};

use fewshot_nas::experiments::{self, CheckedRecipe, ExperimentError, Layers, Recipe, preset_names};
use fewshot_nas::recipe::Kind;
use fewshot_nas::run::RunReader;

use super::comparison::comparison;
use super::folders::{fresh_folder, is_run};
use super::layered::{absolute, base, tell_anew};
use super::run::{begin, begun, resumed};
use super::series::Told;
use crate::args::flags;
use crate::args::{ReproduceArgs, ResumeArgs, RunArgs};
use crate::console::say;
use crate::failure::Failure;

/// Settings that are named of those that differ.
const SHOWN: usize = 3;

/// A flag that not all comparisons read.
struct Meant {
    flag: &'static str,
    is_given: bool,
    /// The kinds of those that do.
    kinds: &'static [Kind],
    /// Them in words.
    what: &'static str,
}

impl Meant {
    /// Whether the comparison that begins from these settings reads it. A kind that there is not is told when they are checked.
    fn is_read(&self, layers: &Layers) -> bool {
        let kind = layers.text("kind").and_then(|kind| serde_json::from_value::<Kind>(kind.into()).ok());
        kind.is_none_or(|kind| self.kinds.contains(&kind))
    }
}

pub fn reproduce(args: ReproduceArgs) -> Result<(), Failure> {
    if let Some(parts) = experiments::series(&args.name) {
        return reproduce_all(&args, parts);
    }
    let recipe = recipe_of(&args, &args.name)?;
    if let Some(out) = args.run.out.as_deref().filter(|out| is_run(out)) {
        refuse_another(out, &recipe)?;
    }
    begin(recipe, &args.run)
}

/// The recipe of the comparison called `name`, at the scale that was asked for.
fn recipe_of(args: &ReproduceArgs, name: &str) -> Result<CheckedRecipe, Failure> {
    let (preset, told) = comparison(name, args.scale, &preset_names())?;
    told.iter().for_each(say);
    let layers = base(&preset, &args.run)?;
    tell_anew(&layers, &preset, &format!("the comparison {name}"), &args.run);
    refuse_unmeant(args, &layers, name)?;
    let layers = flags::NETWORKS.lay(layers, args.networks);
    let layers = flags::SEEDS.lay(layers, args.seeds);
    let layers = flags::TRUTH.lay(layers, args.truth.as_deref().map(absolute));
    let layers = flags::TRUTH_COLUMNS.lay(layers, args.truth_columns.clone());
    let layers = match &args.methods {
        Some(methods) => flags::METHODS.choose(layers, methods),
        None => layers,
    };
    Ok(layers.resolve().map_err(ExperimentError::from)?)
}

/// Refuses flags that the comparison does not read, by their names: what they set would be refused by a key that nobody wrote, or by
/// nobody.
fn refuse_unmeant(args: &ReproduceArgs, layers: &Layers, name: &str) -> Result<(), Failure> {
    let refused = meant(args).into_iter().find(|meant| meant.is_given && !meant.is_read(layers));
    let Some(meant) = refused else { return Ok(()) };
    let (flag, what, kind) = (meant.flag, meant.what, layers.text("kind").unwrap_or_default());
    // Of a series another part may read it.
    let parts = experiments::series(&args.name).unwrap_or_default().iter();
    let others: Vec<String> = parts
        .filter(|part| {
            let preset = comparison(part, args.scale, &preset_names())
                .and_then(|(preset, _)| Layers::preset(&preset).map_err(|error| ExperimentError::from(error).into()));
            preset.is_ok_and(|layers| meant.is_read(&layers))
        })
        .map(|part| format!("`fewshot reproduce {part} {flag} ..`"))
        .collect();
    let instead = if others.is_empty() { String::new() } else { format!(", or give it to {}", others.join(" or ")) };
    Err(Failure::Usage(format!("{flag} is for {what}, and {name} is of kind `{kind}`: leave it out{instead}")))
}

/// Which comparisons each of the flags is for that `reproduce` alone has.
fn meant(args: &ReproduceArgs) -> [Meant; 5] {
    const TABLES: &[Kind] = &[Kind::Ranking, Kind::Gradient, Kind::Strategies];
    const SEEDED: &[Kind] = &[Kind::Ranking, Kind::Truth, Kind::Gradient, Kind::Strategies, Kind::Gan];
    let with_tables = "comparisons with a table of truths (kinds `ranking`, `gradient`, `strategies`)";
    [
        Meant {
            flag: "--networks",
            is_given: args.networks.is_some(),
            kinds: &[Kind::Ranking, Kind::Truth],
            what: "comparisons of many networks (kinds `ranking`, `truth`)",
        },
        Meant {
            flag: "--seeds",
            is_given: args.seeds.is_some(),
            kinds: SEEDED,
            what: "comparisons that are repeated with other seeds",
        },
        Meant { flag: "--truth", is_given: args.truth.is_some(), kinds: TABLES, what: with_tables },
        Meant { flag: "--truth-columns", is_given: args.truth_columns.is_some(), kinds: TABLES, what: with_tables },
        Meant {
            flag: "--methods",
            is_given: args.methods.is_some(),
            kinds: &[Kind::Gradient],
            what: "comparisons of gradient-based methods (kind `gradient`)",
        },
    ]
}

/// Several comparisons one after the other, each in a folder of its own within the one that was named. Those that are there already
/// are gone on with.
fn reproduce_all(args: &ReproduceArgs, parts: &[&str]) -> Result<(), Failure> {
    if args.run.recipe.is_some() {
        let hint = format!(
            "--recipe changes one run, and {} is several with recipes of their own: give it to one of them ({})",
            args.name,
            parts.join(", ")
        );
        return Err(Failure::Usage(hint));
    }
    let out = args.run.out.clone().unwrap_or_else(|| fresh_folder(&args.name));
    // What is wrong with any of them is told before the first one's hours.
    let mut all: Vec<(PathBuf, CheckedRecipe)> = Vec::with_capacity(parts.len());
    for part in parts {
        let (folder, recipe) = (out.join(part), recipe_of(args, part)?);
        if is_run(&folder) {
            refuse_another(&folder, &recipe)?;
        }
        all.push((folder, recipe));
    }
    let mut told = Told::new(&args.name, args.run.json);
    let done = all.into_iter().try_for_each(|(folder, recipe)| {
        let outcome = match is_run(&folder) {
            true => {
                say(format_args!("run: {}, which is there and is gone on with", folder.display()));
                let RunArgs { device, json, launch, .. } = args.run.clone();
                resumed(&ResumeArgs { run: folder.clone(), data: None, truth: None, launch, device, json })?
            }
            false => begun(recipe, &RunArgs { out: Some(folder.clone()), ..args.run.clone() })?.1,
        };
        told.tell(&folder, &outcome)
    });
    // What was refused before anything began is refused again.
    let has_begun = parts.iter().any(|part| is_run(&out.join(part)));
    done.inspect_err(|_| {
        let (name, out) = (&args.name, out.display());
        if has_begun {
            say(format_args!("the same command with `--out {out}` goes on with all runs of {name}"));
        }
    })?;
    told.end()
}

/// Refuses a run that began with other settings than these, and says which.
fn refuse_another(run: &Path, wanted: &Recipe) -> Result<(), Failure> {
    let differences = RunReader::open(run)?.recipe::<Recipe>()?.differences(wanted);
    if differences.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = differences.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = differences.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(", and {more} more differ") } else { String::new() };
    Err(Failure::Usage(format!(
        "{} is a run with other settings than these ({}{more}): give the scale and the flags that it began with, or another --out",
        run.display(),
        named.join(", ")
    )))
}

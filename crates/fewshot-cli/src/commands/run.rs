//! Commands that begin or go on with a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fewshot_guard::printable;
use fewshot_nas::device;
use fewshot_nas::experiments::{
    self, CheckedRecipe, ExperimentError, Layers, Moved, Outcome, Recipe, Session, UNSEEN, preset_names,
};
use fewshot_nas::families;
use fewshot_nas::model::MODEL;
use fewshot_nas::recipe::CommonRecipe;
use fewshot_nas::run::{Interrupt, Launcher, Progress, RunReader};

use super::launch::launcher;
use super::outcome::{end, shown};
use super::settings::given;
use super::{print, use_threads};
use crate::args::flags;
use crate::args::{AloneArgs, Augmentation, ReportArgs, ResumeArgs, RunArgs, SearchArgs, SettingsArgs, TrainArgs};
use crate::console::say;
use crate::failure::Failure;
use crate::report;
use crate::terminal::Terminal;

/// What searches begin with, unless something else is said.
const DEFAULT_PRESET: &str = "images";
/// The settings of a run, in its folder.
pub(super) const RUN_FILE: &str = "run.toml";

pub fn search(args: SearchArgs) -> Result<(), Failure> {
    let layers = base(own_preset(&args), &args.run)?;
    // The first decisions are set below; they are all that is split on then.
    let layers = match args.splits {
        Some(_) => unsplit(layers),
        None => layers,
    };
    let layers = match args.space {
        Some(space) => flags::SPACE.lay(layers.for_space(&space), Some(space)),
        None => layers,
    };
    let layers = with_settings(layers, &args.settings)?;
    tell_unused(&layers, &[("--width", args.width), ("--cells", args.cells)], &args.alone);
    let layers = flags::WIDTH.lay(layers, args.width);
    let layers = flags::CELLS.lay(layers, args.cells);
    let layers = flags::EPOCHS.lay(layers, args.epochs);
    let layers = flags::CHILD_EPOCHS.lay(layers, args.child_epochs);
    let layers = match args.pareto {
        Some(1..) => flags::PARETO.lay_at("search.strategy", layers, "nsga2"),
        _ => layers,
    };
    let layers = flags::STRATEGY.lay(layers, args.strategy);
    let layers = flags::BUDGET.lay(layers, args.budget);
    let layers = flags::FINALISTS.lay(layers, args.finalists);
    let layers = flags::MAX_MACS.lay(layers, args.max_macs.map(clamp));
    let layers = flags::MAX_PARAMS.lay(layers, args.max_params.map(clamp));
    let layers = flags::MAX_LATENCY_MS.lay(layers, args.max_latency_ms);
    if args.pareto.is_some_and(|count| count > 0) && args.finalists.is_some() {
        say("--finalists changed nothing: a front is trained whole, and no finalists are chosen from (--pareto)");
    }
    let layers = flags::PARETO.lay(layers, args.pareto);
    let layers = flags::VERIFY.lay(layers, args.verify);
    let layers = flags::MINUTES.lay(layers, args.minutes.map(|seconds| seconds / 60.0));
    let layers = flags::NO_REFERENCES.lay(layers, args.no_references.then_some(false));
    let layers = match args.no_references {
        true => flags::NO_REFERENCES.lay_at("standalone.randoms", layers, 0),
        false => layers,
    };
    let layers = flags::RANDOMS.lay(layers, args.randoms);
    let layers = match args.split {
        // Decisions take the place of parts that a file lists.
        Some(_) => flags::SPLIT.lay_at("split.parts", layers, Vec::<String>::new()),
        None => layers,
    };
    let layers = flags::SPLIT.lay(layers, args.split);
    let layers = match args.splits {
        Some(count) => {
            let space = layers.text("space.name").unwrap_or_default();
            flags::SPLITS.lay(layers, Some(first_decisions(&space, count)?))
        }
        None => layers,
    };
    let layers = alone(layers, &args.alone);
    if let Some(line) = layers.told() {
        say(printable::line(&line));
    }
    begin(layers.resolve().map_err(ExperimentError::from)?, &args.run)
}

/// The preset that was named; else the one that the space's family searches by, where it has one.
fn own_preset(args: &SearchArgs) -> &str {
    let family = args.space.as_deref().and_then(|space| families::family(space).ok());
    let own = family.and_then(families::Family::preset);
    args.preset.as_deref().or(own).unwrap_or(DEFAULT_PRESET)
}

pub fn train(args: TrainArgs) -> Result<(), Failure> {
    let found = match (&args.from, &args.arch) {
        (Some(run), _) => Some((run.as_path(), found_in(run)?)),
        (None, Some(text)) if Path::new(text).join(RUN_FILE).exists() => {
            Some((Path::new(text.as_str()), found_in(Path::new(text))?))
        }
        _ => None,
    };
    let mut layers = match (&args.from, &args.preset) {
        // Its own settings.
        (Some(run), _) => Layers::preset("images")
            .and_then(|layers| layers.file(&run.join(RUN_FILE)))
            .map_err(ExperimentError::from)?
            .without_plan(),
        (None, preset) => Layers::preset(preset.as_deref().unwrap_or("images")).map_err(ExperimentError::from)?,
    };
    // One network is split nowhere.
    layers = unsplit(layered(layers, &args.run)?.set("kind", "train"));
    if args.from.is_none()
        && let Some((run, _)) = &found
    {
        // The size of the network is part of what the run found.
        let recipe: Recipe = RunReader::open(run)?.recipe()?;
        layers = layers.set("standalone.width", recipe.common.standalone.width as u32);
        layers = layers.set("standalone.cells", recipe.common.standalone.cells as u32);
        // What chose it matters on the same images.
        let is_same = layers.text("data.path").is_some_and(|path| path == recipe.common.data.path);
        layers = layers.set("scoring.on_test", recipe.common.scoring.sees_test() && is_same);
    }
    let text = args.arch.clone().unwrap_or_default();
    let (space, arch) = match found {
        Some((_, found)) => found,
        None => (args.space.clone().unwrap_or_else(|| space_of(&text)), text),
    };
    layers = layers.sized_for(args.space.as_deref().unwrap_or(&space));
    // What a run found is the run's own, whatever flag named the run.
    layers = match args.space {
        Some(space) => flags::SPACE.lay(layers, Some(space)),
        None => layers.set("space.name", space),
    };
    layers = match args.arch {
        Some(_) => flags::ARCH.lay(layers, Some(arch)),
        None => layers.set("standalone.arch", arch),
    };
    let is_resized = args.alone.alone_width.or(args.alone.alone_cells).is_some() || !args.settings.pairs.is_empty();
    if args.from.is_some() && !args.fresh && is_resized {
        let message =
            "a network of another size cannot go on from the run's weights: add --fresh, or leave its size as it is";
        return Err(Failure::Usage(message.to_string()));
    }
    layers = with_settings(layers, &args.settings)?;
    tell_unused(&layers, &[], &args.alone);
    match &args.from {
        Some(run) => {
            layers = flags::TEST.lay(layers, Some(args.test));
            if !args.fresh {
                let files = [UNSEEN, MODEL].map(|name| run.join(name));
                let weights = files.iter().find(|file| file.exists());
                if weights.is_some_and(|file| file.ends_with(MODEL)) {
                    say(
                        "the run's network was trained on all images: what held-out ones say of it flatters it (--fresh)",
                    );
                }
                if let Some(file) = weights {
                    layers = layers.set("standalone.from", absolute(file));
                }
            }
        }
        // Nothing is chosen, so no images are held out, unless a recipe says so.
        None if args.run.recipe.is_none() => layers = layers.set("standalone.all_images_from", 0.0),
        None => {}
    }
    let by_epochs = args.epochs.map(|epochs| (flags::TRAIN_EPOCHS, epochs));
    let by_epochs = by_epochs.or(args.alone.alone_epochs.map(|epochs| (flags::ALONE_EPOCHS, epochs)));
    layers = match (args.minutes, by_epochs) {
        (Some(seconds), _) => {
            let layers = flags::TRAIN_MINUTES.lay(layers, Some(seconds / 60.0));
            flags::TRAIN_MINUTES.lay_at("standalone.train.epochs", layers, 0)
        }
        (None, Some((flag, epochs))) => flag.lay(flag.lay_at("budget.minutes", layers, 0.0), Some(epochs)),
        // As long as the run had planned.
        (None, None) if args.from.is_some() => layers.set("budget.minutes", 0.0),
        (None, None) => layers,
    };
    let layers = alone(layers, &AloneArgs { alone_epochs: None, ..args.alone });
    let images = layers.text("data.path").filter(|path| !path.is_empty() && !Path::new(path).exists());
    let recipe = layers.resolve().map_err(ExperimentError::from)?;
    if let (Some(run), false) = (&args.from, recipe.common.standalone.from.is_empty()) {
        same_split(&recipe.common, &RunReader::open(run)?.recipe::<Recipe>()?.common)?;
    }
    begin(recipe, &args.run).map_err(|failure| match (failure, args.from) {
        // The run says where its images were; a path that was given just now needs no such hint.
        (Failure::Pipeline(source @ ExperimentError::Data(_)), Some(run))
            if images.is_some() && args.run.data.is_none() =>
        {
            let (source, run) = (Box::new(source), run.display().to_string());
            ExperimentError::Gone { source, command: "train", run, flag: "--data PATH" }.into()
        }
        (failure, _) => failure,
    })
}

/// Whether a training that goes on from the weights of a run holds out the same images: of others it has seen most.
fn same_split(going_on: &CommonRecipe, run: &CommonRecipe) -> Result<(), Failure> {
    let changed = [
        ("--seed", going_on.seed != run.seed),
        ("--limit", going_on.data.limit != run.data.limit),
        ("data.val_fraction", going_on.data.val_fraction != run.data.val_fraction),
    ];
    match changed.iter().find(|(_, is_changed)| *is_changed) {
        None => Ok(()),
        Some((what, _)) => Err(Failure::Usage(format!(
            "{what} holds out images that the run's weights were trained on, which would tell nothing then: leave it as it was in the run, \
             or add --fresh"
        ))),
    }
}

/// Space and architecture of what a run found or trained.
fn found_in(run: &Path) -> Result<(String, String), Failure> {
    let Some(result) = RunReader::open(run)?.result::<serde_json::Value>()? else {
        let hint = format!("{} has no result yet: `fewshot resume {0}` brings it to its end", run.display());
        return Err(Failure::Usage(hint));
    };
    match (result["space"].as_str(), result["arch"].as_str()) {
        (Some(space), Some(arch)) => Ok((space.to_string(), arch.to_string())),
        _ => Err(Failure::Usage(format!("{} has found no network: it is no search and no training", run.display()))),
    }
}

/// The first space that can read an architecture; the default one where none can, whose error then says why.
fn space_of(arch: &str) -> String {
    let reads = |name: &&str| families::default_space(name).is_ok_and(|space| space.parse(arch).is_ok());
    // The form of cells begins with a bar, or with a bracket as in the tables.
    let looks_like_cells = arch.trim_start().starts_with(['|', '[']);
    let fallback = if looks_like_cells { "cell1296" } else { "stages" };
    families::names().into_iter().find(reads).unwrap_or(fallback).to_string()
}

pub fn resume(args: ResumeArgs) -> Result<(), Failure> {
    let recipe = RunReader::open(&args.run)?.recipe::<Recipe>()?.checked().map_err(ExperimentError::from)?;
    use_threads(recipe.common.threads)?;
    let moved = Moved { data: args.data, truth: args.truth };
    let launcher = launcher(&args.launch, &args.device, &recipe.common)?;
    let outcome =
        in_session(&args.device, launcher.as_ref(), |session| experiments::resume(&args.run, &moved, session))?;
    end(&outcome, &args.run, args.json)
}

pub fn report(args: ReportArgs) -> Result<(), Failure> {
    let path = report::write(&args.run, args.out.as_deref())?;
    print(&shown(&path))
}

pub(super) fn begin(recipe: CheckedRecipe, args: &RunArgs) -> Result<(), Failure> {
    let kind = || format!("{:?}", recipe.kind()).to_lowercase();
    let out = args.out.clone().unwrap_or_else(|| fresh_folder(&kind()));
    let launcher = launcher(&args.launch, &args.device, &recipe.common)?;
    use_threads(recipe.common.threads)?;
    say(format_args!("run: {}", out.display()));
    let started = in_session(&args.device, launcher.as_ref(), |session| experiments::start(recipe, &out, session));
    let outcome = started.inspect_err(|_| {
        if out.join("run.toml").exists() {
            say(format_args!("what is done is kept: `fewshot resume {}` goes on", out.display()));
        }
    })?;
    end(&outcome, &out, args.json)
}

fn in_session(
    device: &str,
    launcher: &dyn Launcher,
    work: impl FnOnce(&Session<'_>) -> Result<Outcome, ExperimentError>,
) -> Result<Outcome, Failure> {
    let device = device::by_name(device).map_err(|error| Failure::Usage(error.to_string()))?;
    let terminal = Arc::new(Terminal::new());
    let heard = Arc::clone(&terminal);
    let interrupt = Interrupt::install(move |line| heard.line(line))?;
    Ok(work(&Session::new(device, &interrupt, terminal.as_ref()).launched_by(launcher))?)
}

/// Preset, recipe file and the flags that all runs share.
pub(super) fn base(preset: &str, args: &RunArgs) -> Result<Layers, Failure> {
    layered(Layers::preset(preset).map_err(ExperimentError::from)?, args)
}

/// The recipe file and the flags that all runs share, over what is there.
fn layered(mut layers: Layers, args: &RunArgs) -> Result<Layers, Failure> {
    if let Some(file) = &args.recipe {
        // A file of that name comes first.
        let preset = file.to_str().filter(|name| !file.exists() && preset_names().contains(name));
        let laid = match preset {
            Some(name) => Layers::preset(name),
            None => layers.file(file),
        };
        layers = laid.map_err(ExperimentError::from)?;
    }
    let path = args.data.as_deref().map(absolute);
    let layers = flags::DATA.lay(layers, path);
    let layers = flags::IMAGE_SIZE.lay(layers, args.image_size);
    let layers = flags::GROUND.lay(layers, args.reading.ground.clone());
    let layers = flags::LABEL_COLUMN.lay(layers, args.reading.label_column.clone());
    let layers = flags::IMAGE_COLUMN.lay(layers, args.reading.image_column.clone());
    let layers = flags::LIMIT.lay(layers, args.limit);
    let layers = match args.augment {
        Some(how) => augmented(layers, how),
        None => layers,
    };
    let layers = flags::NO_FLIP.lay(layers, args.no_flip.then_some(false));
    let layers = flags::BALANCE.lay(layers, args.balance.then_some(true));
    let layers = flags::SEED.lay(layers, args.seed);
    Ok(flags::THREADS.lay(layers, args.threads))
}

fn augmented(layers: Layers, how: Augmentation) -> Layers {
    let (flip, crop, cutout, erase, zoom, light) = match how {
        Augmentation::Auto => {
            let layers = flags::AUGMENT.lay(layers, Some("by_size"));
            return flags::AUGMENT.lay_at("data.flip", layers, true);
        }
        Augmentation::None => (false, 0.0, 0.0, 0.0, 0.0, 0.0),
        Augmentation::Light => (true, 0.125, 0.0, 0.0, 0.0, 0.0),
        Augmentation::Strong => (true, 0.125, 0.0, 0.5, 0.15, 0.2),
    };
    let layers = flags::AUGMENT.lay(layers, Some("given"));
    let layers = flags::AUGMENT.lay_at("data.flip", layers, flip);
    let shares = [
        ("data.crop", crop),
        ("data.cutout", cutout),
        ("data.erase", erase),
        ("data.zoom", zoom),
        ("data.light", light),
    ];
    shares.into_iter().fold(layers, |layers, (key, share)| flags::AUGMENT.lay_at(key, layers, share))
}

/// A run is resumed from anywhere, so it keeps the absolute path of its images.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

fn alone(layers: Layers, args: &AloneArgs) -> Layers {
    let layers = flags::ALONE_WIDTH.lay(layers, args.alone_width);
    let layers = flags::ALONE_CELLS.lay(layers, args.alone_cells);
    flags::ALONE_EPOCHS.lay(layers, args.alone_epochs)
}

/// TOML has signed integers only; no network has more.
fn clamp(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What was given of the space's settings, for supernets and networks alone alike. Where these have a size of their own, that is
/// what is set, so that flags for one of them lie over it.
fn with_settings(mut layers: Layers, args: &SettingsArgs) -> Result<Layers, Failure> {
    let space = layers.text("space.name").unwrap_or_default();
    for (key, value) in given(&space, args)? {
        layers = match key.as_str() {
            "width" | "cells" if value.is_u64() => {
                let layers = flags::SET.lay_at(&format!("space.{key}"), layers, value.clone());
                flags::SET.lay_at(&format!("standalone.{key}"), layers, value)
            }
            key => flags::SET.lay_at(&format!("space.settings.{key}"), layers, value),
        };
    }
    Ok(layers)
}

/// Tells which flags on sizes change nothing, since the space decides these itself.
fn tell_unused(layers: &Layers, flags: &[(&str, Option<u32>)], alone: &AloneArgs) {
    let space = layers.text("space.name").unwrap_or_default();
    let Ok(family) = families::family(&space) else { return };
    let settings = family.settings();
    let of_alone = [("--alone-width", alone.alone_width), ("--alone-cells", alone.alone_cells)];
    let is_unused = |flag: &str| !families::is_count(&settings, flag.rsplit('-').next().unwrap_or(flag));
    let unused = flags.iter().copied().chain(of_alone).filter(|(flag, value)| value.is_some() && is_unused(flag));
    let unused: Vec<&str> = unused.map(|(flag, _)| flag).collect();
    if !unused.is_empty() {
        let flags = unused.join(", ");
        say(format_args!("{flags} changed nothing: sizes of the space {} are no settings", printable::line(&space)));
    }
}

/// Nothing to split on, neither decisions nor a feature, and no parts.
fn unsplit(layers: Layers) -> Layers {
    let none = Vec::<String>::new;
    let layers = layers.set("split.decisions", none()).set("split.feature", "").set("split.bounds", none());
    layers.set("split.parts", none())
}

fn first_decisions(space: &str, count: usize) -> Result<Vec<String>, Failure> {
    let space = families::default_space(space).map_err(ExperimentError::from)?;
    let names: Vec<String> = space.decisions().iter().map(|d| d.name.clone()).collect();
    if count > names.len() {
        let message = format!("--splits {count}: the space has {} decisions, {}", names.len(), names.join(", "));
        return Err(Failure::Usage(message));
    }
    Ok(names.into_iter().take(count).collect())
}

/// `runs/KIND-N` with the first free N.
pub(super) fn fresh_folder(what: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let folder = PathBuf::from(format!("runs/{what}-{number}"));
        if !folder.exists() {
            return folder;
        }
        number += 1;
    }
}

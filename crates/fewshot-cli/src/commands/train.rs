//! `fewshot train`: its flags over a preset, or over the settings of the run that it goes on from.

use std::path::Path;

use fewshot_nas::experiments::{ExperimentError, Layers, Recipe, UNSEEN};
use fewshot_nas::families;
use fewshot_nas::model::MODEL;
use fewshot_nas::recipe::CommonRecipe;
use fewshot_nas::run::RunReader;

use super::folders::{RUN_FILE, is_run};
use super::layered::{absolute, alone, base, layered, tell_anew, tell_unused, unsplit, with_settings};
use super::run::begin;
use crate::args::flags;
use crate::args::{AloneArgs, TrainArgs};
use crate::console::say;
use crate::failure::Failure;

pub fn train(args: TrainArgs) -> Result<(), Failure> {
    if let Some(text) = args.arch.clone().filter(|text| !is_run(Path::new(text))) {
        let space = args.space.clone().unwrap_or_else(|| space_of(&text));
        if families::family(&space).is_ok_and(families::Family::makes_images) {
            return generator(args, &space, text);
        }
    }
    let found = match (&args.from, &args.arch) {
        (Some(run), _) => Some((run.as_path(), found_in(run)?)),
        (None, Some(text)) if is_run(Path::new(text)) => Some((Path::new(text.as_str()), found_in(Path::new(text))?)),
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
    if let Some(preset) = &args.preset {
        tell_anew(&layers, preset, &format!("--preset {preset}"), &args.run);
    }
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
    let (run, (space, arch)) = match found {
        Some((run, found)) => (Some(run), found),
        None => (None, (args.space.clone().unwrap_or_else(|| space_of(&text)), text)),
    };
    if let (Some(run), true) = (run, families::family(&space).is_ok_and(families::Family::makes_images)) {
        let run = run.display();
        return Err(Failure::Usage(format!(
            "{run} found a generator of images, and `fewshot train` trains networks that tell what is on images: `fewshot search --space {space}` \
             finds and trains generators, `fewshot generate {run} --out FOLDER` uses this one"
        )));
    }
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

/// Trains a generator of images that is given, as a search for generators trains those that it finds.
fn generator(args: TrainArgs, space: &str, arch: String) -> Result<(), Failure> {
    let unread = [
        ("--minutes", args.minutes.is_some()),
        ("--epochs", args.epochs.is_some()),
        ("--alone-epochs", args.alone.alone_epochs.is_some()),
        ("--test", args.test),
    ];
    if let Some((flag, _)) = unread.into_iter().find(|(_, is_given)| *is_given) {
        let message = format!(
            "{flag}: generators are trained for steps, and looked at beside the test images in the end whatever is asked: \
             gan.derived.plan.generator_steps in a recipe says how many"
        );
        return Err(Failure::Usage(message));
    }
    let own = families::family(space).ok().and_then(families::Family::preset).unwrap_or("autogan");
    let preset = args.preset.as_deref().unwrap_or(own);
    let layers = base(preset, &args.run)?;
    if let Some(preset) = &args.preset {
        tell_anew(&layers, preset, &format!("--preset {preset}"), &args.run);
    }
    let layers = layers.for_space(space);
    let layers = match args.space {
        Some(space) => flags::SPACE.lay(layers, Some(space)),
        None => flags::ARCH.lay_at("space.name", layers, space),
    };
    let layers = with_settings(layers, &args.settings)?;
    let layers = flags::ARCH.lay_at("gan.given", layers, vec![arch]);
    begin(alone(layers, &args.alone).resolve().map_err(ExperimentError::from)?, &args.run)
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

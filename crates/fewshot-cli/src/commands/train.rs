//! `fewshot train`: its flags over a preset, or over the settings of the run that it goes on from.

use std::path::Path;

use fewshot_nas::experiments::{ExperimentError, Layers, Recipe, UNSEEN, recipe_of};
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

/// What names the network.
enum Source<'a> {
    /// A run, whose settings are those of the training too.
    Run(Found<'a>),
    /// A run that found it, under settings of the training's own.
    FoundBy(Found<'a>),
    /// An architecture as text.
    Arch(&'a str),
}

/// A run, and the network that it found or trained.
struct Found<'a> {
    run: &'a Path,
    /// Its recipe, with its data where that is now.
    recipe: Recipe,
    space: String,
    arch: String,
}

pub fn train(args: TrainArgs) -> Result<(), Failure> {
    if let Some(text) = args.arch.clone().filter(|text| !is_run(Path::new(text))) {
        let space = args.space.clone().unwrap_or_else(|| space_of(&text));
        if families::family(&space).is_ok_and(families::Family::makes_images) {
            return generator(args, &space, text);
        }
    }
    let source = Source::of(&args)?;
    let layers = source.begun(&args)?;
    let layers = source.named(layers, &args)?;
    let layers = source.starting(layers, &args)?;
    let layers = alone(timed(layers, &args), &AloneArgs { alone_epochs: None, ..args.alone });
    let images = layers.text("data.path").filter(|path| !path.is_empty() && !Path::new(path).exists());
    let recipe = layers.resolve().map_err(ExperimentError::from)?;
    let Source::Run(found) = &source else { return begin(recipe, &args.run) };
    if !recipe.common.standalone.from.is_empty() {
        same_split(&recipe.common, &found.recipe.common)?;
    }
    begin(recipe, &args.run).map_err(|failure| match failure {
        // The run says where its images were; a path that was given just now needs no such hint.
        Failure::Pipeline(source @ ExperimentError::Data(_)) if images.is_some() && args.run.data.is_none() => {
            let (source, run) = (Box::new(source), found.run.display().to_string());
            ExperimentError::Gone { source, command: "train", run, flag: "--data PATH" }.into()
        }
        failure => failure,
    })
}

impl<'a> Source<'a> {
    fn of(args: &'a TrainArgs) -> Result<Self, Failure> {
        Ok(match (&args.from, &args.arch) {
            (Some(run), _) => Source::Run(Found::of(run)?),
            (None, Some(text)) if is_run(Path::new(text)) => Source::FoundBy(Found::of(Path::new(text))?),
            (None, text) => Source::Arch(text.as_deref().unwrap_or_default()),
        })
    }

    /// The run, where one names the network.
    fn found(&self) -> Option<&Found<'a>> {
        match self {
            Source::Run(found) | Source::FoundBy(found) => Some(found),
            Source::Arch(_) => None,
        }
    }

    /// The settings that it begins with, the recipe file over them, and the flags that all runs share.
    fn begun(&self, args: &TrainArgs) -> Result<Layers, Failure> {
        let preset = |name: &str| Layers::preset(name).map_err(ExperimentError::from);
        let layers = match self {
            Source::Run(Found { run, recipe, .. }) => {
                let own = preset("images")?.file(&run.join(RUN_FILE)).map_err(ExperimentError::from)?.without_plan();
                let now = &recipe.common;
                own.set("data.path", now.data.path.as_str()).set("ranking.truth", now.ranking.truth.as_str())
            }
            _ => preset(args.preset.as_deref().unwrap_or("images"))?,
        };
        // One network is split nowhere.
        let layers = unsplit(layered(layers, &args.run)?.set("kind", "train"));
        if let Some(preset) = &args.preset {
            tell_anew(&layers, preset, &format!("--preset {preset}"), &args.run);
        }
        let Source::FoundBy(Found { recipe, .. }) = self else { return Ok(layers) };
        // The size of the network is part of what the run found.
        let found_by = &recipe.common;
        let layers = layers.set("standalone.width", found_by.standalone.width as u32);
        let layers = layers.set("standalone.cells", found_by.standalone.cells as u32);
        // What chose it matters on the same images.
        let is_same = layers.text("data.path").is_some_and(|path| path == found_by.data.path);
        Ok(layers.set("scoring.on_test", found_by.scoring.sees_test() && is_same))
    }

    /// With space, architecture and size of the network.
    fn named(&self, layers: Layers, args: &TrainArgs) -> Result<Layers, Failure> {
        let (space, arch) = match self {
            Source::Run(found) | Source::FoundBy(found) => (found.space.clone(), found.arch.clone()),
            Source::Arch(text) => (args.space.clone().unwrap_or_else(|| space_of(text)), (*text).to_string()),
        };
        if let Some(Found { run, .. }) = self.found()
            && families::family(&space).is_ok_and(families::Family::makes_images)
        {
            let run = run.display();
            return Err(Failure::Usage(format!(
                "{run} found a generator of images, and `fewshot train` trains networks that tell what is on images: `fewshot search --space {space}` \
                 finds and trains generators, `fewshot generate {run} --out FOLDER` uses this one"
            )));
        }
        let layers = layers.sized_for(args.space.as_deref().unwrap_or(&space));
        // What a run found is the run's own, whatever flag named the run.
        let layers = match &args.space {
            Some(space) => flags::SPACE.lay(layers, Some(space.as_str())),
            None => layers.set("space.name", space),
        };
        let layers = match &args.arch {
            Some(_) => flags::ARCH.lay(layers, Some(arch)),
            None => layers.set("standalone.arch", arch),
        };
        let layers = with_settings(layers, &args.settings)?;
        tell_unused(&layers, &[], &args.alone);
        Ok(layers)
    }

    /// With the weights that it starts from, and what is done with the images that are held out and those of the test.
    fn starting(&self, layers: Layers, args: &TrainArgs) -> Result<Layers, Failure> {
        let Source::Run(Found { run, .. }) = self else {
            // Nothing is chosen, so no images are held out, unless a recipe says so.
            let is_said = args.run.recipe.is_some();
            return Ok(if is_said { layers } else { layers.set("standalone.all_images_from", 0.0) });
        };
        let layers = flags::TEST.lay(layers, Some(args.test));
        if args.fresh {
            return Ok(layers);
        }
        if args.alone.alone_width.or(args.alone.alone_cells).is_some() || !args.settings.pairs.is_empty() {
            let message = "a network of another size cannot go on from the run's weights: add --fresh, or leave its size as it is";
            return Err(Failure::Usage(message.to_string()));
        }
        let Some(weights) = [UNSEEN, MODEL].map(|name| run.join(name)).into_iter().find(|file| file.exists()) else {
            return Ok(layers);
        };
        if weights.ends_with(MODEL) {
            say("the run's network was trained on all images: what held-out ones say of it flatters it (--fresh)");
        }
        Ok(layers.set("standalone.from", absolute(&weights)))
    }
}

/// With how long it takes.
fn timed(layers: Layers, args: &TrainArgs) -> Layers {
    let by_epochs = args.epochs.map(|epochs| (flags::TRAIN_EPOCHS, epochs));
    let by_epochs = by_epochs.or(args.alone.alone_epochs.map(|epochs| (flags::ALONE_EPOCHS, epochs)));
    match (args.minutes, by_epochs) {
        (Some(seconds), _) => {
            let layers = flags::TRAIN_MINUTES.lay(layers, Some(seconds / 60.0));
            flags::TRAIN_MINUTES.lay_at("standalone.train.epochs", layers, 0)
        }
        (None, Some((flag, epochs))) => flag.lay(flag.lay_at("budget.minutes", layers, 0.0), Some(epochs)),
        // As long as the run had planned.
        (None, None) if args.from.is_some() => layers.set("budget.minutes", 0.0),
        (None, None) => layers,
    }
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

impl<'a> Found<'a> {
    /// Space and architecture of what a run found or trained.
    fn of(run: &'a Path) -> Result<Self, Failure> {
        let reader = RunReader::open(run)?;
        let Some(result) = reader.result::<serde_json::Value>()? else {
            let hint = format!("{} has no result yet: `fewshot resume {0}` brings it to its end", run.display());
            return Err(Failure::Usage(hint));
        };
        match (result["space"].as_str(), result["arch"].as_str()) {
            (Some(space), Some(arch)) => {
                let (space, arch) = (space.to_string(), arch.to_string());
                Ok(Self { run, recipe: recipe_of(&reader)?, space, arch })
            }
            _ => {
                Err(Failure::Usage(format!("{} has found no network: it is no search and no training", run.display())))
            }
        }
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

//! What commands that begin a run lay over a preset alike: a recipe file, the flags that they share.

use std::path::Path;

use fewshot_guard::printable;
use fewshot_nas::experiments::{ExperimentError, Layers, preset_names};
use fewshot_nas::families;

use super::settings::given;
use crate::args::flags;
use crate::args::{AloneArgs, Augmentation, RunArgs, SettingsArgs};
use crate::console::say;
use crate::failure::Failure;

/// Preset, recipe file and the flags that all runs share.
pub fn base(preset: &str, args: &RunArgs) -> Result<Layers, Failure> {
    layered(Layers::preset(preset).map_err(ExperimentError::from)?, args)
}

/// The recipe file and the flags that all runs share, over what is there.
pub fn layered(mut layers: Layers, args: &RunArgs) -> Result<Layers, Failure> {
    if let Some(file) = &args.recipe {
        // A file of that name comes first.
        let preset = file.to_str().filter(|name| !file.exists() && preset_names().contains(name));
        let laid = match preset {
            Some(name) => layers.anew(name),
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

/// Tells where the recipe file begins from something else than what `what` is, which was asked for: nothing of that stays.
pub fn tell_anew(layers: &Layers, preset: &str, what: &str, args: &RunArgs) {
    if let (Some(anew), Some(file)) = (layers.began_anew().filter(|anew| *anew != preset), &args.recipe) {
        let line = format!("--recipe {} begins from {anew}: nothing of {what} stays", file.display());
        say(printable::line(&line));
    }
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
pub fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

pub fn alone(layers: Layers, args: &AloneArgs) -> Layers {
    let layers = flags::ALONE_WIDTH.lay(layers, args.alone_width);
    let layers = flags::ALONE_CELLS.lay(layers, args.alone_cells);
    flags::ALONE_EPOCHS.lay(layers, args.alone_epochs)
}

/// What was given of the space's settings, for supernets and networks alone alike. Where these have a size of their own, that is
/// what is set, so that flags for one of them lie over it.
pub fn with_settings(mut layers: Layers, args: &SettingsArgs) -> Result<Layers, Failure> {
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
pub fn tell_unused(layers: &Layers, flags: &[(&str, Option<u32>)], alone: &AloneArgs) {
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
pub fn unsplit(layers: Layers) -> Layers {
    let none = Vec::<String>::new;
    let layers = layers.set("split.decisions", none()).set("split.feature", "").set("split.bounds", none());
    layers.set("split.parts", none())
}

//! `fewshot search`: its flags over a preset.

use fewshot_guard::printable;
use fewshot_nas::experiments::ExperimentError;
use fewshot_nas::families;

use super::layered::{alone, base, tell_anew, tell_unused, unsplit, with_settings};
use super::run::begin;
use crate::args::SearchArgs;
use crate::args::flags;
use crate::console::say;
use crate::failure::Failure;

/// What searches begin with, unless something else is said.
const DEFAULT_PRESET: &str = "images";

pub fn search(args: SearchArgs) -> Result<(), Failure> {
    let layers = base(own_preset(&args), &args.run)?;
    if let Some(preset) = &args.preset {
        tell_anew(&layers, preset, &format!("--preset {preset}"), &args.run);
    }
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
    // What a search for generators does as others do has keys of its own there.
    let kind = layers.text("kind").unwrap_or_default();
    let of_generators = kind == "gan";
    let layers = match args.strategy {
        // The controller is no strategy.
        Some(_) if of_generators => flags::STRATEGY.lay_at("gan.proposer", layers, "uniform"),
        _ => layers,
    };
    let layers = flags::STRATEGY.lay_in(&kind, layers, args.strategy);
    let layers = flags::BUDGET.lay_in(&kind, layers, args.budget);
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
    let layers = flags::RANDOMS.lay_in(&kind, layers, args.randoms);
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
    if of_generators && args.alone.alone_epochs.is_some() {
        let message = "--alone-epochs: generators alone are trained for steps (gan.derived.plan.generator_steps in a recipe); how long the \
                       classifier that judges is trained stands in standalone.train.epochs";
        return Err(Failure::Usage(message.to_string()));
    }
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

/// TOML has signed integers only; no network has more.
fn clamp(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
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

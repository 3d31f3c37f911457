//! Which flag sets which keys of the recipe: a row each.
//!
//! Commands lay flags over a recipe by these rows alone, so that errors about a key name the flag that set it. Tests hold the
//! rows against the commands as clap knows them, against the presets, and against what the documents say.

use fewshot_nas::experiments::{Layers, Setting};

/// A flag of some commands, and what it sets.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without the dashes.
    pub long: &'static str,
    /// The commands that have it with this meaning.
    pub commands: &'static [&'static str],
    /// The keys that it sets; the first takes its value, where it has one.
    pub keys: &'static [&'static str],
}

impl Flag {
    /// Lays what was given for the flag, if anything was, over its first key.
    pub fn lay(&self, layers: Layers, value: Option<impl Setting>) -> Layers {
        match value {
            Some(value) => self.lay_at(self.keys[0], layers, value),
            None => layers,
        }
    }

    /// Lays what was given for the flag, if anything was, over its first key in the table `own`, where it has one there, and else over
    /// its first key: some kinds of runs have keys of their own for what others have too.
    pub fn lay_in(&self, own: &str, layers: Layers, value: Option<impl Setting>) -> Layers {
        let is_own = |key: &&&str| key.split('.').next() == Some(own);
        match value {
            Some(value) => self.lay_at(self.keys.iter().find(is_own).unwrap_or(&self.keys[0]), layers, value),
            None => layers,
        }
    }

    /// Lays a value that follows from the flag over one of its keys, or over a setting in the table that such a key is.
    pub fn lay_at(&self, key: &str, layers: Layers, value: impl Setting) -> Layers {
        debug_assert!(self.sets(key), "--{} is not said to set {key}", self.long);
        layers.set_by(&format!("--{}", self.long), key, value)
    }

    /// Takes those entries of the list under its first key that are named so.
    pub fn choose(&self, layers: Layers, names: &[String]) -> Layers {
        layers.choose(&format!("--{}", self.long), self.keys[0], names)
    }

    fn sets(&self, key: &str) -> bool {
        self.keys
            .iter()
            .any(|known| key.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}

/// A command whose help says of each flag which keys it sets.
pub fn with_keys(command: clap::Command) -> clap::Command {
    let name = command.get_name().to_string();
    command.mut_args(|arg| {
        let is_meant = |flag: &&Flag| Some(flag.long) == arg.get_long() && flag.commands.contains(&name.as_str());
        let Some(flag) = ALL.iter().find(is_meant) else { return arg };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.help(format!("{help} (sets {})", flag.keys.join(", ")))
    })
}

macro_rules! flags {
    ($($name:ident: $long:literal of $commands:expr => $keys:expr;)*) => {
        $(pub const $name: Flag = Flag { long: $long, commands: &$commands, keys: &$keys };)*

        /// Every flag that sets a key.
        pub const ALL: &[Flag] = &[$($name),*];
    };
}

/// The commands that begin a run.
const RUNS: [&str; 3] = ["search", "train", "reproduce"];
/// Those of them that train networks alone, of a size that flags say.
const ALONE: [&str; 2] = ["search", "train"];

flags! {
    DATA: "data" of RUNS => ["data.path"];
    IMAGE_SIZE: "image-size" of RUNS => ["data.image_size"];
    GROUND: "ground" of RUNS => ["data.ground"];
    LABEL_COLUMN: "label-column" of RUNS => ["data.label_column"];
    IMAGE_COLUMN: "image-column" of RUNS => ["data.image_column"];
    LIMIT: "limit" of RUNS => ["data.limit"];
    AUGMENT: "augment" of RUNS => [
        "data.augment", "data.flip", "data.crop", "data.cutout", "data.erase", "data.zoom", "data.light"
    ];
    NO_FLIP: "no-flip" of RUNS => ["data.flip"];
    BALANCE: "balance" of RUNS => ["data.balance"];
    SEED: "seed" of RUNS => ["seed"];
    THREADS: "threads" of RUNS => ["threads"];

    SPACE: "space" of ALONE => ["space.name", "split.decisions"];
    SET: "set" of ALONE => [
        "space.settings", "space.width", "space.cells", "standalone.width", "standalone.cells"
    ];
    ALONE_WIDTH: "alone-width" of ALONE => ["standalone.width"];
    ALONE_CELLS: "alone-cells" of ALONE => ["standalone.cells"];
    ALONE_EPOCHS: "alone-epochs" of ALONE => ["standalone.train.epochs", "budget.minutes"];

    MINUTES: "minutes" of ["search"] => ["budget.minutes"];
    SPLIT: "split" of ["search"] => ["split.decisions", "split.parts"];
    SPLITS: "splits" of ["search"] => ["split.decisions", "split.feature", "split.bounds", "split.parts"];
    STRATEGY: "strategy" of ["search"] => ["search.strategy", "gan.strategy", "gan.proposer"];
    BUDGET: "budget" of ["search"] => ["search.budget", "gan.budget"];
    FINALISTS: "finalists" of ["search"] => ["search.finalists"];
    MAX_MACS: "max-macs" of ["search"] => ["search.max_macs"];
    MAX_PARAMS: "max-params" of ["search"] => ["search.max_params"];
    MAX_LATENCY_MS: "max-latency-ms" of ["search"] => ["search.max_latency_ms"];
    PARETO: "pareto" of ["search"] => ["search.pareto", "search.strategy"];
    VERIFY: "verify" of ["search"] => ["search.verify"];
    WIDTH: "width" of ["search"] => ["space.width"];
    CELLS: "cells" of ["search"] => ["space.cells"];
    EPOCHS: "epochs" of ["search"] => ["supernet.epochs"];
    CHILD_EPOCHS: "child-epochs" of ["search"] => ["children.epochs"];
    RANDOMS: "randoms" of ["search"] => ["standalone.randoms", "gan.controls.randoms"];
    NO_REFERENCES: "no-references" of ["search"] => ["standalone.references", "standalone.randoms"];

    ARCH: "arch" of ["train"] => ["standalone.arch", "space.name", "standalone.width", "standalone.cells", "gan.given"];
    TRAIN_MINUTES: "minutes" of ["train"] => ["budget.minutes", "standalone.train.epochs"];
    TRAIN_EPOCHS: "epochs" of ["train"] => ["standalone.train.epochs", "budget.minutes"];
    FRESH: "fresh" of ["train"] => ["standalone.from"];
    TEST: "test" of ["train"] => ["standalone.test"];

    NETWORKS: "networks" of ["reproduce"] => ["ranking.networks"];
    SEEDS: "seeds" of ["reproduce"] => ["ranking.seeds"];
    TRUTH: "truth" of ["reproduce"] => ["ranking.truth"];
    TRUTH_COLUMNS: "truth-columns" of ["reproduce"] => ["ranking.columns"];
    METHODS: "methods" of ["reproduce"] => ["gradient.methods"];
}

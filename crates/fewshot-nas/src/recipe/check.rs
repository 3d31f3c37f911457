//! Ranges and names of what recipes of every kind have in common.

use super::check_split::SplitKeys;
use super::common::{CommonRecipe, Kind};
use super::error::RecipeError;
use super::shrink;
use crate::estimate::{Measure, NormPolicy};
use crate::families::{self, Skeleton};
use crate::search;
use crate::train::{ConfigError, TrainConfig};

/// More worker threads than any machine makes use of.
const MOST_THREADS: usize = 1024;

impl CommonRecipe {
    /// Checks all ranges and names for an experiment of this kind.
    ///
    /// # Errors
    /// The first setting that is out of its range, or names what there is not.
    pub fn check(&self, kind: Kind) -> Result<(), RecipeError> {
        self.check_training(kind)?;
        self.check_scoring(kind)?;
        self.check_names(kind)?;
        self.check_ranges(kind)
    }

    fn check_training(&self, kind: Kind) -> Result<(), RecipeError> {
        let setting = |section| move |source| RecipeError::range(section, source);
        self.budget.check().map_err(setting("budget"))?;
        self.launch.check().map_err(setting("launch"))?;
        for (section, train) in
            [("supernet", &self.supernet), ("children", &self.children), ("standalone.train", &self.standalone.train)]
        {
            // A budget fills in what is left open, and a training has no supernets.
            let is_open = self.budget.is_set() || (kind == Kind::Train && section != "standalone.train");
            let epochs = if is_open { train.epochs.max(1) } else { train.epochs };
            TrainConfig { epochs, ..train.clone() }.check().map_err(setting(section))?;
            // Epochs that were chosen, or are yet to be, are no fault of who wrote the recipe.
            let is_read = kind != Kind::Train || section == "standalone.train";
            let is_chosen = self.budget.plan.is_some() || (is_open && train.epochs == 0);
            if is_read && !is_chosen {
                train.check_warmup().map_err(setting(section))?;
            }
            if train.precise_norms > 0 && section != "standalone.train" {
                let problem = "the norms of supernets are measured when they score: scoring.norm = \"recalibrated\"";
                return Err(RecipeError::setting(format!("{section}.precise_norms"), problem));
            }
        }
        if self.threads > MOST_THREADS {
            let problem = format!("threads = {} is out of range: 0 (one per core) to {MOST_THREADS}", self.threads);
            return Err(RecipeError::setting("threads", problem));
        }
        Ok(())
    }

    fn check_scoring(&self, kind: Kind) -> Result<(), RecipeError> {
        let scoring = &self.scoring;
        if scoring.predictor > 0 && !(kind == Kind::Ranking && self.ranking.find) {
            let problem = "scoring.predictor: a predictor is for rankings that search, with ranking.find = true; elsewhere it is 0";
            return Err(RecipeError::setting("scoring.predictor", problem));
        }
        scoring.fine_tune.check().map_err(|source| RecipeError::range("scoring.fine_tune", source))?;
        if scoring.norm == NormPolicy::Recalibrated && scoring.calibration_batches == 0 {
            return Err(RecipeError::setting(
                "scoring.calibration_batches",
                "scoring.calibration_batches = 0: norm = \"recalibrated\" needs batches to recalibrate with, 1 or more",
            ));
        }
        if scoring.measure == Measure::Speed && scoring.fine_tune.steps == 0 {
            let problem = "`speed` is that of fine-tuning: set scoring.fine_tune.steps";
            return Err(RecipeError::setting("scoring.measure", problem));
        }
        Ok(())
    }

    /// Whether there is what the recipe names. What only some kinds of run read is checked where they do.
    fn check_names(&self, kind: Kind) -> Result<(), RecipeError> {
        let name = &self.space.name;
        let Ok(family) = families::family(name) else {
            return Err(RecipeError::unknown("space.name", "space", name, &families::names()));
        };
        if family.makes_images() != (kind == Kind::Gan) {
            let problem = match family.makes_images() {
                true => format!(
                    "networks of {name} make images: only experiments of kind `gan` are for them (`fewshot search --space {name}`)"
                ),
                false => format!("networks of {name} make no images: an experiment of kind `gan` needs `autogan`"),
            };
            return Err(RecipeError::setting("space.name", format!("space.name: {problem}")));
        }
        let known = family.settings();
        if let Some(key) = self.space.settings.keys().find(|key| !known.contains_key(*key)) {
            let (key, problem) = (format!("space.settings.{key}"), families::no_setting(key, &known));
            return Err(RecipeError::setting(&*key, format!("{key}: the space {name} has {problem}")));
        }
        let settings = self.space.settings.clone();
        let space =
            families::open(name, Skeleton { settings: settings.clone(), ..Skeleton::of_images([32, 32, 3], 10) })
                .map_err(|error| RecipeError::setting("space.settings", format!("space.settings: {error}")))?;
        shrink::check(&self.shrink, space.blueprint().as_ref())?;
        self.check_phases(kind)?;
        if kind != Kind::Strategies {
            self.check_image_size()?;
            let keys = SplitKeys { decisions: "split.decisions", parts: "split.parts", within: "split" };
            self.check_split(&keys, &self.split, self.has_limits())?;
        }
        known_strategy("search.strategy", &self.search.strategy)
    }

    /// Whether the rate of each phase of the supernet rises within it, where the epochs are given.
    fn check_phases(&self, kind: Kind) -> Result<(), RecipeError> {
        let shares: f64 = self.shrink.iter().map(|phase| phase.share).sum();
        if kind == Kind::Train || self.supernet.epochs == 0 || self.budget.plan.is_some() {
            return Ok(());
        }
        for (index, phase) in self.shrink.iter().enumerate() {
            let section = format!("shrink[{index}]");
            phase
                .config(&self.supernet, shares)
                .check_warmup()
                .map_err(|source| RecipeError::range(&section, source))?;
        }
        Ok(())
    }

    fn check_ranges(&self, kind: Kind) -> Result<(), RecipeError> {
        let Self { data, space, scoring, search, standalone, ranking, .. } = self;
        let (share, width, cells) = (0.0..=1.0, 1..=4096, 1..=64);
        let budget_is_open = search.budget == 0 && (self.budget.is_set() || kind == Kind::Train);
        let verifies = search.verify == 0 || (5..=1000).contains(&search.verify);
        let latency = search.max_latency_ms;
        let above = |value: f64| value > 0.0;
        let mixes = kind != Kind::Gradient && scoring.fine_tune.steps == 0;
        let ranges = [
            ("data.crop", data.crop, (0.0..=0.5).contains(&data.crop), "0 to 0.5"),
            ("data.cutout", data.cutout, share.contains(&data.cutout), "0 to 1"),
            ("data.erase", data.erase, share.contains(&data.erase), "0 to 1"),
            ("data.zoom", data.zoom, (0.0..=0.9).contains(&data.zoom), "0 to 0.9"),
            ("data.light", data.light, (0.0..=0.9).contains(&data.light), "0 to 0.9"),
            ("data.cut_mix", data.cut_mix, share.contains(&data.cut_mix), "0 (none) to 1"),
            ("data.cut_mix", data.cut_mix, data.cut_mix == 0.0 || mixes, MIXES),
            ("data.mix_up", data.mix_up, (0.0..=100.0).contains(&data.mix_up), "0 (none) to 100"),
            ("data.mix_up", data.mix_up, data.mix_up == 0.0 || mixes, MIXES),
            ("data.mix_up", data.mix_up, data.mix_up == 0.0 || data.cut_mix == 0.0, "0 where data.cut_mix is above 0"),
            (
                "data.val_fraction",
                data.val_fraction,
                above(data.val_fraction) && data.val_fraction < 1.0,
                "above 0 and below 1",
            ),
            ("space.width", space.width as f64, width.contains(&space.width), "1 to 4096"),
            ("space.cells", space.cells as f64, cells.contains(&space.cells), "1 to 64"),
            ("standalone.width", standalone.width as f64, width.contains(&standalone.width), "1 to 4096"),
            ("standalone.cells", standalone.cells as f64, cells.contains(&standalone.cells), "1 to 64"),
            ("scoring.batch", scoring.batch as f64, (2..=65_536).contains(&scoring.batch), "2 to 65536"),
            (
                "scoring.calibration_batches",
                scoring.calibration_batches as f64,
                scoring.calibration_batches <= 100_000,
                "0 to 100000",
            ),
            (
                "scoring.predictor",
                scoring.predictor as f64,
                scoring.predictor <= 1_000_000,
                "0 (no predictor) to 1000000",
            ),
            ("scoring.rescored", scoring.rescored as f64, (1..=10_000).contains(&scoring.rescored), "1 to 10000"),
            ("search.finalists", search.finalists as f64, search.finalists <= 1000, "0 (trust the scores) to 1000"),
            ("standalone.randoms", standalone.randoms as f64, standalone.randoms <= 1000, "0 to 1000"),
            ("ranking.networks", ranking.networks as f64, ranking.networks <= 1_000_000, "0 (all) to 1000000"),
            ("search.max_latency_ms", latency, latency >= 0.0 && latency.is_finite(), "0 (no limit) or more"),
            ("search.pareto", search.pareto as f64, search.pareto <= 1000, "0 (one network) to 1000"),
            ("search.verify", search.verify as f64, verifies, "0 (none), or 5 to 1000: fewer tell nothing"),
            (
                "search.budget",
                search.budget as f64,
                (1..=1_000_000).contains(&search.budget) || budget_is_open,
                "1 to 1000000 (0 under a budget of time)",
            ),
            ("search.fill", search.fill, share.contains(&search.fill), "0 to 1"),
            (
                "standalone.halving",
                standalone.halving,
                above(standalone.halving) && standalone.halving <= 1.0,
                "above 0, to 1",
            ),
            (
                "standalone.all_images_from",
                standalone.all_images_from,
                share.contains(&standalone.all_images_from),
                "0 to 1",
            ),
            ("ranking.seeds", ranking.seeds as f64, (1..=1000).contains(&ranking.seeds), "1 to 1000"),
            ("ranking.alone", ranking.alone as f64, ranking.alone <= 1000, "0 (a table) to 1000"),
            (
                "ranking.networks",
                ranking.networks as f64,
                ranking.alone == 0 || ranking.networks > 1,
                "2 or more, to be trained alone",
            ),
            (
                "ranking.within",
                ranking.within as f64,
                ranking.within == 0 || (2..=ranking.networks).contains(&ranking.within),
                "0 (all), or 2 to ranking.networks",
            ),
        ];
        for (key, value, fits, allowed) in ranges {
            if !fits {
                let range = ConfigError { key, value: value.to_string(), allowed };
                return Err(RecipeError::setting(key, range.to_string()));
            }
        }
        let has_table = !ranking.truth.is_empty();
        let tables = [
            (
                "ranking.truth",
                has_table && ranking.alone > 0,
                "the compared networks are trained alone to have their truth (`ranking.alone`): leave the table out (--truth), or set that to 0",
            ),
            (
                "ranking.columns",
                has_table && ranking.columns.is_empty(),
                "nothing of the table would be read: name its columns (--truth-columns), or leave the table out (--truth)",
            ),
        ];
        if let Some((key, _, problem)) = tables.into_iter().find(|(_, is_wrong, _)| *is_wrong) {
            return Err(RecipeError::setting(key, format!("{key}: {problem}")));
        }
        let of_rankings = [
            ("ranking.alone", ranking.alone > 0),
            ("ranking.within", ranking.within > 0),
            ("ranking.find", ranking.find),
        ];
        if self.data.unlabelled && kind != Kind::Gan {
            let problem = "data.unlabelled: only searches for generators can do without classes (`fewshot search --space autogan`): leave it out";
            return Err(RecipeError::setting("data.unlabelled", problem));
        }
        match of_rankings.into_iter().find(|(_, is_set)| *is_set && kind != Kind::Ranking) {
            Some((key, _)) => {
                let problem = "only experiments of kind `ranking` have it: leave it out, or set it to its default";
                Err(RecipeError::setting(key, format!("{key}: {problem}")))
            }
            None => Ok(()),
        }
    }
}

/// What images that are mixed need.
const MIXES: &str = "0: steps of gradient-based searches and of scoring.fine_tune know one class for each image";

/// Whether there is a strategy of this name; `key` is where it stands.
pub fn known_strategy(key: &str, name: &str) -> Result<(), RecipeError> {
    let known: Vec<&str> = search::names().collect();
    match known.contains(&name) {
        true => Ok(()),
        false => Err(RecipeError::unknown(key, "strategy", name, &known)),
    }
}

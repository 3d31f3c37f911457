//! Tests of `layers.rs`.

use super::super::document::{Experiment, Recipe};
use super::*;
use crate::experiments::gradient::recipe::GradientRecipe;
use crate::experiments::ranking::recipe::ArmRecipe;

#[test]
fn flags_and_files_override_single_settings() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, "seed = 7\n[search]\nbudget = 5\n").unwrap();
    let base = Layers::preset("quick").unwrap().resolve().unwrap();
    let recipe = Layers::preset("quick").unwrap().file(&file).unwrap().set("search.budget", 9).resolve().unwrap();
    assert_eq!((recipe.common.seed, recipe.common.search.budget), (7, 9));
    assert_eq!(recipe.common.search.strategy, base.common.search.strategy);
    assert_eq!(recipe.common.supernet, base.common.supernet);
}

#[test]
fn a_strength_of_changes_that_is_given_stays() {
    use crate::recipe::Strength;
    let data = |text: &str| laid_over("images", text).unwrap().common.data;
    assert_eq!(data("seed = 1").augment, Strength::BySize);
    assert_eq!((data("data.erase = 0.9").augment, data("data.erase = 0.9").erase), (Strength::Given, 0.9));
    assert_eq!(data("data.erase = 0.9\ndata.augment = \"by_size\"").augment, Strength::BySize);
}

#[test]
fn what_a_flag_set_is_told_by_its_flag() {
    let refused = Layers::preset("quick").unwrap().set_by("--verify", "search.verify", 3).resolve().unwrap_err();
    assert!(refused.to_string().starts_with("--verify: search.verify = 3 is out of range"), "{refused}");
}

#[test]
fn a_run_is_repeated_from_its_own_settings() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Layers::preset("quick").unwrap().set("seed", 7).set("search.budget", 9).resolve().unwrap();
    let run = crate::run::RunFolder::create(&dir.path().join("run"), &*recipe, &"".into()).unwrap();
    let file = run.path().join("run.toml");
    for preset in ["paper", "images"] {
        assert_eq!(Layers::preset(preset).unwrap().file(&file).unwrap().resolve().unwrap(), recipe, "over {preset}");
    }
}

#[test]
fn a_file_may_name_the_preset_it_lies_over() {
    let file = "base = \"splits-smoke\"\nranking.networks = 7\n";
    let expected = Layers::preset("splits-smoke").unwrap().set("ranking.networks", 7).resolve().unwrap();
    assert_eq!(laid_over("quick", file).unwrap(), *expected);
    // Nothing stays of what it was laid over.
    let dir = tempfile::tempdir().unwrap();
    let (other, mine) = (dir.path().join("other.toml"), dir.path().join("mine.toml"));
    std::fs::write(&other, "seed = 9\nsupernet.lr = 0.3\n").unwrap();
    std::fs::write(&mine, file).unwrap();
    let layers = Layers::preset("quick").unwrap().file(&other).and_then(|layers| layers.file(&mine)).unwrap();
    assert_eq!(layers.places.of("supernet.lr"), "recipe");
    assert_eq!(layers.resolve().unwrap(), expected);
    for name in presets::names() {
        let shipped = Layers::preset(name).and_then(Layers::resolve).unwrap();
        assert_eq!(laid_over("quick", presets::text(name).unwrap()).unwrap(), *shipped, "{name}");
    }
    let error = refused("quick", "seed = 1\nbase = \"splits-smok\"\n");
    assert!(error.starts_with("mine.toml, line 2: no preset `splits-smok`, did you mean `splits-smoke`?"), "{error}");
    assert_eq!(refused("quick", "base = 3"), "mine.toml, line 1: base: expected the name of a preset");
}

#[test]
fn another_space_is_split_on_its_own_decisions() {
    let split = |text: &str| laid_over("images", text).unwrap().common.split.decisions;
    assert_eq!(split("seed = 1"), ["stem"]);
    assert_eq!(split("space.name = \"nasbench201\""), ["e0"]);
    assert_eq!(split("space.name = \"nasbench201\"\nsplit.decisions = [\"e3\"]"), ["e3"]);
    let error = laid_over("images", "space.name = \"nasbench201\"\nsplit.decisions = [\"stem\"]").unwrap_err();
    assert!(error.to_string().contains("has no decision `stem`"), "{error}");
}

#[test]
fn misspelt_keys_are_pointed_at() {
    let error = refused("quick", "[search]\nbugdet = 5\n");
    assert_eq!(error, "mine.toml, line 2: unknown key `search.bugdet`, did you mean `budget`?");
    // A table of which no column is read is no truth.
    let error = refused("proof-of-concept-smoke", "ranking.columns = []\n");
    assert!(error.contains("ranking.columns: nothing of the table would be read: name its columns"), "{error}");
    let error = refused("mbconv-ofa-smoke", "ranking.truth = \"t.csv\"\nranking.columns = [\"a\"]\n");
    assert!(error.contains("ranking.truth: the compared networks are trained alone"), "{error}");
    // Also where only some presets have the key.
    let error = refused("quick", "[split]\npart = 1\n");
    assert_eq!(error, "mine.toml, line 2: unknown key `split.part`, did you mean `parts`?");
}

/// A recipe file of this text, laid over a preset.
pub fn laid_over(preset: &str, text: &str) -> Result<Recipe, RecipeError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, text).unwrap();
    Layers::preset(preset).unwrap().file(&file).and_then(Layers::resolve).map(CheckedRecipe::into_inner)
}

/// What is wrong with it, without the folder it lies in.
fn refused(preset: &str, text: &str) -> String {
    let error = laid_over(preset, text).unwrap_err().to_string();
    error.find("mine.toml").map_or(error.clone(), |at| error[at..].to_string())
}

#[test]
fn wrong_values_are_told_with_line_and_key() {
    for (text, expected) in [
        ("[supernet]\nlr = \"fast\"", "line 2: supernet.lr: expected a number, found string \"fast\""),
        (
            "[supernet]\n\nepochs = -3",
            "line 3: supernet.epochs: expected a whole number, 0 or more, found integer `-3`",
        ),
        ("data.flip = 1", "line 1: data.flip: expected true or false, found integer `1`"),
        ("[split]\ndecisions = \"e0\"", "line 2: split.decisions: expected a list, found string \"e0\""),
        ("[split]\ndecisions = [\n  \"e0\",\n  1]", "line 4: split.decisions[1]: expected a string, found integer `1`"),
        ("search = 3", "line 1: search: expected a table, found integer `3`"),
        (
            "[children]\nsampling = \"per_netwrok\"",
            "line 2: children.sampling: it cannot be `per_netwrok`, did you mean `per_network`?",
        ),
        ("kind = \"serach\"", "line 1: kind: it cannot be `serach`, did you mean `search`?"),
        ("[search]\nstrategy = \"reaa\"", "line 2: search.strategy: no strategy `reaa`, did you mean `rea`?"),
        ("[space]\nname = \"nasbench20l\"", "line 2: space.name: no space `nasbench20l`, did you mean `nasbench201`?"),
        (
            "split.decisions = [\"e7\"]",
            "line 1: split.decisions[0]: the space cell1296 has no decision `e7`; it has e0, e1, e2, e3",
        ),
        ("[split]\nfeature = \"live_conv\"", "line 2: split.feature: "),
        (
            "split.decisions = []\nsplit.parts = [{ e7 = [\"none\"] }, { e0 = [\"none\"] }]",
            "line 2: split.parts[0]: no decision `e7` of the space cell1296 has the option `none`",
        ),
        ("[ranking]\nwithin = 1", "line 2: ranking.within = 1 is out of range: 0 (all), or 2 to ranking.networks"),
        ("[ranking]\nfind = true", "line 2: ranking.find: only experiments of kind `ranking` have it"),
        ("[supernet]\nepochs = 0", "line 2: supernet.epochs = 0 is out of range: 1 to 1000000"),
        (
            "[scoring]\nnorm = \"recalibrated\"\ncalibration_batches = 0",
            "line 3: scoring.calibration_batches = 0: norm = \"recalibrated\" needs batches",
        ),
        ("[standalone]\n[standalone.train]\nmomentum = 1.5", "line 3: standalone.train.momentum = 1.5 is out of range"),
        ("[data]\nval_fraction = 2.0", "line 2: data.val_fraction = 2 is out of range: above 0 and below 1"),
        // The preset's `lr_min` is too high for this rate: the table that the file has is pointed at.
        ("\n[supernet]\nlr = 0.0001", "line 2: supernet.lr_min = 0.001 is out of range: from 0 to lr"),
    ] {
        let error = refused("quick", text);
        assert!(error.starts_with(&format!("mine.toml, {expected}")), "{text}: {error}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line_in_one() {
    let error = refused("quick", "seed = 1\n[search\nbudget = 5\n");
    assert!(error.starts_with("mine.toml, line 2: ") && !error.contains('\n'), "{error}");
}

#[test]
fn what_flags_and_presets_say_is_not_blamed_on_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, "[supernet]\nepochs = 5\n").unwrap();
    let layers = Layers::preset("quick").unwrap().file(&file).unwrap();
    let error = layers.clone().set("supernet.epochs", 0).resolve().unwrap_err().to_string();
    assert_eq!(error, "recipe: supernet.epochs = 0 is out of range: 1 to 1000000");
    let error = layers.set("search.budget", "many").resolve().unwrap_err().to_string();
    assert_eq!(error, "recipe: search.budget: expected a whole number, 0 or more, found string \"many\"");
}

#[test]
fn arms_and_methods_are_told_with_their_lines() {
    for (preset, text, expected) in [
        (
            "proof-of-concept-smoke",
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nfrom = \"c\"",
            "line 5: arm `b`: from",
        ),
        ("proof-of-concept-smoke", "[[arms]]\nname = \"a\"\ntrain.lr = -1.0", "line 3: arm `a`: train.lr = -1 is"),
        (
            "proof-of-concept-smoke",
            "[[arms]]\nname = \"a\"\nwdith = 3",
            "line 3: unknown key `arms[0].wdith`, did you mean `width`?",
        ),
        ("proof-of-concept-smoke", "seed = 1\n[[arms]]\nwidth = 3", "line 2: arms[0]: missing field `name`"),
        (
            "gradient-smoke",
            "[gradient]\n[gradient.settings]\ntrain.lr = -1.0",
            "line 3: gradient: darts-v1: train.lr = -1 is",
        ),
        (
            "gradient-smoke",
            "[gradient]\nmethods = [\n\"gdas\",\n\"dart-v1\"]",
            "line 4: gradient: no gradient-based method `dart-v1`",
        ),
        ("gradient-smoke", "[gradient]\npart_share = 0.0", "line 2: gradient: part_share = 0 is"),
        (
            "strategies-smoke",
            "[strategies]\nnames = [\"random\", \"reas\"]",
            "line 2: strategies.names[1]: no strategy `reas`",
        ),
    ] {
        let error = refused(preset, text);
        assert!(error.starts_with(&format!("mine.toml, {expected}")), "{text}: {error}");
    }
}

#[test]
fn every_preset_resolves() {
    for name in presets::names() {
        Layers::preset(name).and_then(Layers::resolve).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn arms(recipe: &Recipe) -> &[ArmRecipe] {
    let Experiment::Ranking(arms) = &recipe.experiment else { panic!("a ranking") };
    arms
}

#[test]
fn arms_are_written_out_from_the_rest_of_the_recipe() {
    let recipe = Layers::preset("proof-of-concept-laptop").unwrap().set("children.lr", 0.01).resolve().unwrap();
    let arm = |name: &str| arms(&recipe).iter().find(|arm| arm.name == name).unwrap();
    assert_eq!(arm("one-shot").train, recipe.common.supernet);
    assert_eq!(arm("1 edge split").train, recipe.common.children);
    assert_eq!(
        (arm("1 edge split").width, arm("1 edge split").cells),
        (recipe.common.space.width, recipe.common.space.cells)
    );
    let narrow = Layers::preset("narrow-laptop").unwrap().resolve().unwrap();
    let narrow = arms(&narrow).iter().find(|arm| arm.name == "width 4").unwrap();
    assert_eq!((narrow.width, narrow.train.epochs), (4, 160));
    // Written out once, they stay as they are.
    assert_eq!(laid_over("quick", &toml::to_string(&*recipe).unwrap()).unwrap(), *recipe);
}

#[test]
fn sizes_of_a_preset_give_way_where_a_space_cannot_have_them() {
    let sizes = |layers: Layers| {
        let recipe = layers.resolve().unwrap();
        let (space, standalone) = (&recipe.common.space, &recipe.common.standalone);
        (space.width, space.cells, standalone.width, standalone.cells)
    };
    let quick = || Layers::preset("quick").unwrap();
    assert_eq!(sizes(quick().split_for("darts").sized_for("darts").set("space.name", "darts")), (8, 5, 12, 5));
    // What a flag gave stays, and is refused when networks are built.
    let given = quick().set("space.cells", 2).split_for("darts").sized_for("darts").set("space.name", "darts");
    assert_eq!(sizes(given), (8, 2, 12, 5));
    assert_eq!(sizes(quick().sized_for("nasbench201")), sizes(quick()));
    assert_eq!(sizes(quick().sized_for("stages")), sizes(quick()));
    let recipe = laid_over("quick", "[space]\nname = \"darts\"\ncells = 8").unwrap().common;
    assert_eq!((recipe.space.cells, recipe.standalone.cells), (8, 5));
    assert_eq!(recipe.split.decisions, ["normal.0-2"]);
}

#[test]
fn arms_that_cannot_be_are_told_by_name() {
    for (text, hint) in [
        ("[[arms]]\nname = \"a\"\n[[arms]]\nname = \"a\"", "another arm has this name"),
        ("[[arms]]\nname = \"a\"\nfrom = \"b\"", "from = \"b\" names no arm before it"),
        ("[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nfrom = \"a\"\nwidth = 5", "as wide as `a`"),
        (
            "[[arms]]\nname = \"a\"\nchoose = 1\n[[arms]]\nname = \"b\"\nfrom = \"a\"",
            "cannot start from `a`, which is split in many ways",
        ),
        ("[[arms]]\nname = \"a\"\nchoose = 1\nsplit.decisions = [\"e0\"]", "exclude each other"),
        ("[[arms]]\nname = \"a\"\nsplit.parts = [{ e0 = [\"none\"] }]", "one part is no split"),
        (
            "[[arms]]\nname = \"a\"\nsplit = { decisions = [\"e1\"], parts = [{ e0 = [\"none\"] }, { e1 = [\"none\"] }] }",
            "leave out `decisions`, or, where a base has it, set `decisions = []`",
        ),
        ("[[arms]]\nname = \"a\"\nsplit.parts = [{ e0 = [\"none\"] }, {}]", "each part names one option or more"),
        ("[[arms]]\nname = \"a\"\ntrain.lr = -1.0", "lr = -1 is out of range"),
        ("[[arms]]\nname = \"a\"\ntrain.epochs = 0", "epochs = 0 is out of range"),
        (
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nfrom = \"a\"\ntrain.epochs = 0\n[[arms]]\n\
             name = \"c\"\nfrom = \"b\"",
            "`b`, which trains no supernet",
        ),
        ("[[arms]]\nname = \"a\"\nby_function = \"b\"", "by_function = \"b\" names no arm before it"),
        (
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nby_function = \"a\"\nfrom = \"a\"",
            "`by_function` and from exclude each other",
        ),
        (
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nby_function = \"a\"\nchoose = 1",
            "`by_function` and a split exclude each other",
        ),
        (
            "[[arms]]\nname = \"a\"\nchoose = 1\n[[arms]]\nname = \"b\"\nby_function = \"a\"",
            "cannot take the scores of `a`",
        ),
        (
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nby_function = \"a\"\n[[arms]]\nname = \"c\"\n\
             from = \"b\"",
            "`b`, which trains no supernet",
        ),
        ("[[arms]]\nname = \"a\"\nfine_tune.lr = 0", "fine_tune.lr = 0 is out of range"),
        ("[[arms]]\nname = \"a\"\nmeasure = \"speed\"", "set fine_tune.steps"),
        ("[[arms]]\nname = \"a\"\nwdith = 3", "wdith"),
    ] {
        let error = laid_over("proof-of-concept-smoke", text).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
    }
}

fn gradient(recipe: &Recipe) -> &GradientRecipe {
    let Experiment::Gradient(gradient) = &recipe.experiment else { panic!("a gradient-based search") };
    gradient
}

fn gradient_with(text: &str) -> Result<Recipe, RecipeError> {
    laid_over("gradient-smoke", text)
}

#[test]
fn settings_lie_over_the_published_ones_and_entries_over_both() {
    let text = "[gradient]\n[gradient.settings]\ntrain.epochs = 7\n[[gradient.methods]]\nname = \"enas\"\n\
                [[gradient.methods]]\nname = \"pc-darts\"\ntrain.epochs = 3\narch.lr = 0.5\n";
    let recipe = gradient_with(text).unwrap();
    let methods = &gradient(&recipe).methods;
    let enas = &methods[0];
    assert_eq!((enas.train.epochs, enas.half_period, enas.arch.beta1), (7, 10, 0.0));
    let pc_darts = &methods[1];
    assert_eq!((pc_darts.train.epochs, pc_darts.arch.lr, pc_darts.arch.beta1), (3, 0.5, 0.5));
    // Written out once, it stays as it is.
    assert_eq!(gradient_with(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
}

#[test]
fn what_cannot_be_is_told() {
    for (text, hint) in [
        ("[gradient]\nmethods = [\"dart-v1\"]", "darts-v1"),
        ("[gradient]\nmethods = []", "at least one"),
        ("[gradient]\nmethods = [\"gdas\", \"gdas\"]", "twice"),
        ("[gradient]\nmethods = [3]", "name or a table"),
        ("[gradient]\nmodes = [\"few_shot_transfer\"]", "name both"),
        ("[gradient]\npart_share = 0.0", "part_share"),
        (
            "[gradient]\nmodes = [\"one_shot\", \"few_shot_transfer\"]\n[[gradient.methods]]\nname = \"gdas\"\n\
             transfer_from = \"warm_up\"",
            "0 of 2 epochs",
        ),
        ("[gradient]\n[[gradient.methods]]\nname = \"pc-darts-original\"\nwarm_up = 2", "warm_up = 2"),
        ("[gradient]\n[[gradient.methods]]\nname = \"pc-darts-original\"\nwarm_up = \"long\"", "number of epochs"),
        ("[space]\nwidth = 6\n[gradient]\nmethods = [\"pc-darts\"]", "multiple of 4"),
        ("[search]\nmax_params = 5", "cannot keep `search.max_params`"),
        ("[search]\nmax_latency_ms = 5.0", "cannot keep `search.max_latency_ms`"),
        (
            "[gradient]\n[gradient.settings]\ntrain.ema = 0.1",
            "darts-v1: train.ema = 0.1 is out of range: trainings of this",
        ),
        ("[gradient]\n[gradient.settings]\ntrain.freeze_split_edge = true", "train.freeze_split_edge = true"),
        ("[gradient]\n[gradient.settings]\ntrain.paths = 4", "train.paths = 4"),
        ("[gradient]\n[gradient.settings]\ntrain.sampling = \"per_cell\"", "train.sampling = \"per_cell\""),
        ("[gradient]\n[gradient.settings]\ntrain.lr = -1.0", "lr"),
        ("[gradient]\n[gradient.settings]\ntrain.lrr = 1.0", "lrr"),
    ] {
        let error = gradient_with(text).unwrap_err().to_string();
        assert!(error.contains(hint), "{text}: {error}");
    }
}

#[test]
fn tables_of_other_kinds_are_not_looked_at() {
    let ranking = Layers::preset("proof-of-concept-smoke").unwrap();
    let search = ranking.clone().set("kind", "search").resolve().unwrap();
    assert_eq!(search.experiment, Experiment::Search);
    assert!(!toml::to_string(&*search).unwrap().contains("[[arms]]"));
    // A run's own settings may have them.
    let text = toml::to_string(&*ranking.resolve().unwrap()).unwrap();
    assert!(text.contains("[[arms]]"));
    let text = text.replacen("kind = \"ranking\"", "kind = \"search\"", 1);
    assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), *search);
    let error = toml::from_str::<Recipe>(&text.replacen("\"search\"", "\"gradient\"", 1)).unwrap_err();
    assert!(error.to_string().contains("needs the section [gradient]"), "{error}");
}

#[test]
fn a_space_has_settings_of_its_own_that_files_and_flags_lie_over() {
    for space in crate::families::classifiers() {
        for preset in ["quick", "images"] {
            // Presets of spaces that can be listed become some of spaces that cannot.
            let layers = Layers::preset(preset).unwrap().for_space(space).set("space.name", space);
            let told = layers.told();
            let recipe = layers.resolve().unwrap().into_inner().common;
            let size = fewshot_space::Region::full(crate::families::default_space(space).unwrap()).size();
            let listed = size.is_ok_and(|size| size <= crate::train::LISTED);
            assert!(listed || !recipe.supernet.sampling.lists(), "{space} {preset}");
            // What is as the preset says is none of its own.
            let own: &[&str] = match preset {
                "quick" => &["stages", "darts", "ofa-mbv3", "proxyless"],
                _ => &["ofa-mbv3", "proxyless"],
            };
            let is_other = own.contains(&space);
            assert_eq!(told.is_some(), is_other, "{space} {preset}: {told:?}");
        }
    }
    let ofa = || Layers::preset("quick").unwrap().set("supernet.lr", 0.5).for_space("ofa-mbv3");
    let recipe = ofa().set("space.name", "ofa-mbv3").resolve().unwrap().into_inner().common;
    assert_eq!((recipe.supernet.lr, recipe.children.lr, recipe.children.paths), (0.5, 0.0025, 2));
    assert_eq!((recipe.split.decisions.as_slice(), recipe.shrink.len()), (&["s2.b1.k".to_string()][..], 6));
    // What a flag sets behind it is not told as the space's.
    let told = ofa().set("space.name", "ofa-mbv3").set("children.lr", 0.1).told().unwrap();
    assert!(
        told.contains("children.paths") && !told.contains("children.lr") && !told.contains("supernet.lr,"),
        "{told}"
    );
    let file = laid_over("quick", "space.name = \"ofa-mbv3\"\nshrink = []\nchildren.paths = 1").unwrap().common;
    assert_eq!((file.shrink.len(), file.children.paths, file.children.distill), (0, 1, 1.0));
    // Stages that images below 96 pixels do not have.
    laid_over("quick", "space.name = \"ofa-mbv3\"\nsplit.decisions = [\"s5.b1.k\"]").unwrap();
    assert_eq!(laid_over("quick", &toml::to_string(&recipe_of(ofa())).unwrap()).unwrap(), recipe_of(ofa()));
}

fn recipe_of(layers: Layers) -> Recipe {
    layers.set("space.name", "ofa-mbv3").resolve().unwrap().into_inner()
}

#[test]
fn a_rate_that_never_gets_there_and_a_training_of_nothing_are_refused() {
    for section in ["supernet", "children", "standalone.train"] {
        let text = format!("[{section}]\nepochs = 3\nwarmup = 3.5\n");
        let words = format!("mine.toml, line 3: {section}.warmup = 3.5 with epochs = 3 is out of range");
        assert!(refused("quick", &text).starts_with(&words), "{}", refused("quick", &text));
        laid_over("quick", &text.replace("3.5", "3")).unwrap();
    }
    // What a budget of time decides is told when it is decided.
    let open = "budget.minutes = 1\n[standalone.train]\nepochs = 0\nwarmup = 50\n";
    laid_over("images", open).unwrap();
    assert!(refused("images", &open.replace("epochs = 0", "epochs = 4")).contains("warmup = 50 with epochs = 4"));
    let error = refused("images", "kind = \"train\"");
    assert!(error.contains("standalone.arch: a run of kind \"train\" needs an architecture"), "{error}");
}

#[test]
fn phases_that_cannot_be_are_told_by_key() {
    let phase = |text: &str| format!("space.name = \"ofa-mbv3\"\n[[shrink]]\nname = \"a\"\nshare = 1\n{text}");
    for (text, words) in [
        ("last.kernel = 1", "shrink[0].last: ofa-mbv3 has no decisions `kernel`"),
        ("last.k = 0", "k = 0: 1 or more"),
        ("last.k = 1", "shrink[0].last: the last phase trains all networks"),
        ("paths = 65", "shrink[0].paths: 65 is out of range: 1 to 64"),
        ("lr = 0", "shrink[0].lr: 0 is out of range: above 0"),
        ("warmup = -1", "shrink[0].warmup: -1 is out of range"),
        ("warmup = 9999", "shrink[0].warmup = 9999 with epochs = "),
        ("distill = 1", "shrink[0].distill: the first phase trains the teacher"),
        ("[[shrink]]\nname = \"a\"\nshare = 1", "shrink[1].name: `a`: give each phase a name of its own"),
        ("[[shrink]]\nname = \"B\"\nshare = 1", "shrink[1].name"),
        ("last.k = 2\n[[shrink]]\nname = \"b\"\nshare = 1\nlast.k = 1", "no less than in the phase before"),
        ("[[shrink]]\nname = \"b\"\nshare = 1\nlast.k = 1", "no less than in the phase before"),
        ("depth = 1", "depth"),
    ] {
        let error = laid_over("quick", &phase(text)).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    laid_over("quick", &phase("last.k = 1\n[[shrink]]\nname = \"b\"\nshare = 1")).unwrap();
}

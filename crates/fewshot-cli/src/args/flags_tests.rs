//! The rows of `flags.rs` against clap's commands, the presets, and the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::CommandFactory;
use fewshot_nas::experiments::{Layers, preset_names};
use toml::{Table, Value};

use super::Args;
use super::flags::{ALL, Flag};

/// Flags of commands that begin runs which set no key.
const NO_KEY: &[(&str, &str)] = &[
    ("preset", "names the recipe that the others change"),
    ("recipe", "a file that sets any keys"),
    ("scale", "a part of a preset's name"),
    ("device", "where tensors live is up to each process of a run"),
    ("out", "the run's folder is no part of what it does"),
    ("json", "how the result is printed"),
    ("launch", "what comes out does not depend on where it is worked on"),
    ("workers", "likewise"),
    ("sbatch-args", "likewise"),
    ("prologue", "likewise"),
    ("wrapper", "likewise"),
];

/// Commands that have no recipe to change.
const NO_RECIPE: &[(&str, &str)] = &[
    ("resume", "the run has its recipe; what has moved is noted beside it"),
    ("status", "reads a run"),
    ("cancel", "stops a run"),
    ("work", "the run has its recipe"),
    ("report", "reads a run"),
    ("predict", "asks a trained network"),
    ("eval", "asks a trained network"),
    ("generate", "asks a trained generator"),
    ("cost", "looks at one network"),
    ("export", "copies a trained network"),
    ("rank", "compares columns"),
    ("data", "looks at images"),
    ("spaces", "lists"),
    ("strategies", "lists"),
    ("recipes", "lists, or checks a file"),
    ("bench", "measures speed"),
    ("completions", "for the shell"),
    ("man", "for the reader"),
];

/// Flags that documents name of other programs: cargo, and the tools of this repository.
const FOREIGN: &[&str] = &[
    "release",
    "path",
    "workspace",
    "bin",
    "target",
    "list-reasons",
    "features",
    "example",
    "network",
    "model",
    "lr",
    "locked",
    "test",
    "time",
    "cpus-per-task",
    "partition",
    "gres",
    "account",
    "mem",
    "constraint",
    "container",
    "container-image",
    "comment",
    "array",
    "requeue",
];

/// Flags of each command by name, with their help.
fn of_clap() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut root = Args::command();
    root.build();
    let mut commands: Vec<(String, clap::Command)> =
        root.get_subcommands().map(|command| (command.get_name().to_string(), command.clone())).collect();
    while let Some((name, command)) = commands.pop() {
        let inner = command.get_subcommands();
        commands.extend(inner.map(|command| (format!("{name} {}", command.get_name()), command.clone())));
        let help = |arg: &clap::Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
        let flags = command.get_arguments().filter_map(|arg| Some((arg.get_long()?.to_string(), help(arg))));
        found.insert(name, flags.filter(|(long, _)| !["help", "version"].contains(&long.as_str())).collect());
    }
    found
}

fn rows(command: &str, long: &str) -> Vec<&'static Flag> {
    ALL.iter().filter(|flag| flag.long == long && flag.commands.contains(&command)).collect()
}

/// A preset with what it lies over.
fn preset(name: &str) -> Table {
    Table::try_from(&*Layers::preset(name).and_then(Layers::resolve).unwrap()).unwrap()
}

fn value<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

#[test]
fn every_flag_of_every_command_has_its_row_or_a_reason_to_have_none() {
    let commands = of_clap();
    for (command, flags) in commands.iter().filter(|(name, _)| !name.contains(' ') && *name != "help") {
        let has_recipe = ["search", "train", "reproduce"].contains(&command.as_str());
        let has_none = NO_RECIPE.iter().any(|(name, _)| name == command);
        assert!(has_recipe != has_none, "{command}");
        for long in flags.keys() {
            let is_excused = has_none || NO_KEY.iter().any(|(name, _)| name == long);
            assert_eq!(rows(command, long).len(), usize::from(!is_excused), "{command} --{long}");
        }
    }
    for Flag { long, commands: of, .. } in ALL {
        for command in *of {
            assert!(commands[*command].contains_key(*long), "{command} has no --{long}");
        }
    }
    for (long, _) in NO_KEY {
        assert!(commands.values().any(|flags| flags.contains_key(*long)), "--{long}");
    }
}

/// The default preset with a text under a key.
fn with_text(key: &str) -> Table {
    let recipe = Layers::preset("images").unwrap().set(key, "white").resolve();
    recipe.map(|recipe| Table::try_from(&*recipe).unwrap()).unwrap_or_default()
}

#[test]
fn every_row_sets_keys_that_recipes_have() {
    let presets: Vec<Table> = preset_names().into_iter().map(preset).collect();
    for Flag { long, keys, .. } in ALL {
        assert!(!keys.is_empty(), "--{long}");
        for key in *keys {
            // A whole recipe leaves out texts that are empty, a table without settings, a list without parts or architectures.
            let is_known = ["space.settings", "split.parts", "gan.given"].contains(key)
                || presets.iter().any(|preset| value(preset, key).is_some());
            let is_known = is_known || value(&with_text(key), key).is_some();
            assert!(is_known, "--{long} sets {key}, which no recipe has");
        }
    }
}

#[test]
fn defaults_in_the_help_are_those_of_the_preset() {
    let (commands, images) = (of_clap(), preset("images"));
    let mut compared = BTreeSet::new();
    for (long, help) in commands["search"].iter().chain(&commands["train"]) {
        let Some((_, default)) = help.split_once("[default: ") else { continue };
        let word = default.split([']', ' ']).next().unwrap_or_default();
        let (Ok(said), Some(flag)) = (word.parse::<f64>(), rows("search", long).first().copied()) else { continue };
        let set =
            value(&images, flag.keys[0]).and_then(|value| value.as_float().or(value.as_integer().map(|n| n as f64)));
        assert_eq!(Some(said), set, "--{long}: {help}");
        compared.insert(long.as_str());
    }
    assert_eq!(compared, BTreeSet::from(["minutes", "randoms"]));
    let Value::String(name) = &images["space"]["name"] else { panic!("{images}") };
    assert_eq!(name, "stages");
}

#[test]
fn documents_name_no_flag_that_there_is_not() {
    let known: BTreeSet<String> = of_clap().into_values().flat_map(BTreeMap::into_keys).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut seen = 0;
    for path in documents.chain([root.join("README.md")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("--") {
            let is_inside = text[..at].ends_with(|letter: char| letter == '-' || letter.is_alphanumeric());
            let rest = &text[at + 2..];
            let end = rest.find(|letter: char| !letter.is_ascii_lowercase() && letter != '-').unwrap_or(rest.len());
            let long = rest[..end].trim_end_matches('-');
            if is_inside || !long.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                continue;
            }
            seen += 1;
            let is_known = known.contains(long) || FOREIGN.contains(&long) || ["help", "version"].contains(&long);
            assert!(is_known, "{} names --{long}", path.display());
        }
    }
    assert!(seen > 50, "only {seen} flags seen");
}

/// Keys of a table and those within, with their values.
fn leaves(table: &Table, prefix: &str, found: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => leaves(inner, &format!("{key}."), found),
            other => drop(found.insert(key, other.to_string())),
        }
    }
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// What a whole recipe of the default preset leaves out, with what holds then; tables of `trainings` have the same keys.
fn left_out(trainings: &[&str]) -> Vec<(String, Value)> {
    let recipe = Layers::preset("images").unwrap().resolve().unwrap();
    let (data, launch, ranking) = (&recipe.common.data, &recipe.common.launch, &recipe.common.ranking);
    let text = |text: &String| Value::from(text.as_str());
    let count = |count: usize| Value::from(count as i64);
    let mut all = vec![
        ("data.label_column".to_string(), text(&data.label_column)),
        ("data.image_column".into(), text(&data.image_column)),
        ("data.ground".into(), text(&data.ground)),
        ("data.unlabelled".into(), Value::from(data.unlabelled)),
        ("data.used".into(), count(data.used)),
        ("data.cut_mix".into(), Value::from(data.cut_mix)),
        ("data.mix_up".into(), Value::from(data.mix_up)),
        ("launch.shards".into(), count(launch.shards)),
        ("launch.partition".into(), text(&launch.partition)),
        ("launch.account".into(), text(&launch.account)),
        ("launch.qos".into(), text(&launch.qos)),
        ("launch.time".into(), text(&launch.time)),
        ("launch.memory".into(), text(&launch.memory)),
        ("launch.constraint".into(), text(&launch.constraint)),
        ("launch.gpus".into(), Value::from(launch.gpus)),
        ("launch.cpus".into(), Value::from(launch.cpus)),
        ("launch.at_once".into(), Value::from(launch.at_once)),
        ("launch.stages_per_task".into(), count(launch.stages_per_task)),
        ("ranking.alone".into(), count(ranking.alone as usize)),
        ("ranking.within".into(), count(ranking.within)),
        ("ranking.find".into(), Value::from(ranking.find)),
    ];
    let configs = [&recipe.common.supernet, &recipe.common.children, &recipe.common.standalone.train];
    for (of, train) in trainings.iter().zip(configs) {
        all.extend([
            (format!("{of}.precise_norms"), count(train.precise_norms)),
            (format!("{of}.auxiliary"), Value::from(train.auxiliary)),
            (format!("{of}.distill"), Value::from(train.distill)),
            (format!("{of}.paths"), count(train.paths)),
        ]);
    }
    all
}

#[test]
fn the_page_of_settings_has_every_key_with_its_default_and_its_flags() {
    /// Whose trainings have their keys in one table.
    const TRAININGS: [&str; 3] = ["supernet", "children", "standalone.train"];
    let mut defaults = BTreeMap::new();
    leaves(&preset("images"), "", &mut defaults);
    // The table of generators stands in the presets of that kind.
    let mut of_generators = BTreeMap::new();
    leaves(&preset("autogan"), "", &mut of_generators);
    defaults.extend(of_generators.into_iter().filter(|(key, _)| key.starts_with("gan.")));
    // Files leave these out where they say nothing.
    let left_out = left_out(&TRAININGS);
    defaults.extend(left_out.into_iter().map(|(key, value)| (key, value.to_string())));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut told = BTreeSet::new();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    for cells in rows.map(|line| line.split(" | ").collect::<Vec<_>>()) {
        let [key, default, flags, _] = cells[..] else { panic!("four cells: {cells:?}") };
        let key = quoted(key)[0];
        let is_of_one = key.contains('.') || defaults.contains_key(key);
        let keys = if is_of_one { vec![key.to_string()] } else { TRAININGS.map(|of| format!("{of}.{key}")).to_vec() };
        let known: Vec<&String> = keys.iter().filter_map(|key| defaults.get(key)).collect();
        let is_one_for_all = known.windows(2).all(|pair| pair[0] == pair[1]);
        let expected = if is_one_for_all { known.first().into_iter().copied().collect() } else { known };
        assert_eq!(quoted(default), expected, "default of {key}");
        assert!(!expected.is_empty() || default == "none", "default of {key}: {default}");
        let sets = |flag: &&Flag| flag.keys.iter().any(|set| keys.iter().any(|key| key == set));
        let expected: BTreeSet<String> = ALL.iter().filter(sets).map(|flag| format!("--{}", flag.long)).collect();
        assert_eq!(quoted(flags).into_iter().map(String::from).collect::<BTreeSet<_>>(), expected, "flags of {key}");
        told.extend(keys);
    }
    let untold: Vec<&String> = defaults.keys().filter(|key| !told.contains(*key)).collect();
    assert!(untold.is_empty(), "docs/settings.md lacks {untold:?}");
    let set_by_flags = ALL.iter().flat_map(|flag| flag.keys);
    let untold: Vec<&&str> =
        set_by_flags.filter(|key| !told.contains(**key) && !key.starts_with("gradient.")).collect();
    assert!(untold.is_empty(), "docs/settings.md lacks {untold:?}");
}

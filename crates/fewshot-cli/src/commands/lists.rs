//! Commands that only tell what there is.

use fewshot_data::{Info, OpenOptions};
use fewshot_guard::{counted, printable};
use fewshot_nas::experiments::{ExperimentError, Layers, check_files, preset_names, preset_text};
use fewshot_nas::families::{self, Settings};
use fewshot_nas::search;
use fewshot_space::{Decision, Region, suggest};
use serde::Serialize;

use super::{print, print_json, use_threads};
use crate::args::{DataArgs, DataCommand, ListArgs, ReadingArgs, RecipesArgs, RecipesCommand};
use crate::failure::Failure;

/// One line of `fewshot spaces`.
#[derive(Serialize)]
struct SpaceLine {
    name: &'static str,
    about: &'static str,
    architectures: u128,
    decisions: Vec<String>,
    options: Vec<String>,
    /// Settings with their defaults.
    settings: Settings,
}

pub fn spaces(args: ListArgs) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for family in families::all() {
        let name = family.name();
        let space = families::default_space(name).map_err(ExperimentError::from)?;
        let decisions = space.decisions();
        lines.push(SpaceLine {
            name,
            about: family.about(),
            architectures: Region::full(space.clone()).size().map_err(ExperimentError::from)?,
            decisions: decisions.iter().map(|decision| decision.name.clone()).collect(),
            options: options(decisions),
            settings: family.settings(),
        });
    }
    if args.json {
        return print_json(&lines);
    }
    let text: Vec<String> = lines.iter().map(SpaceLine::text).collect();
    print(&text.join("\n"))
}

impl SpaceLine {
    fn text(&self) -> String {
        let SpaceLine { name, about, architectures, .. } = self;
        let (decisions, options) = (self.decisions.join(" "), self.options.join(" "));
        let settings =
            self.settings.iter().map(|(key, value)| format!(" --set {key}={}", value.to_string().trim_matches('"')));
        let settings: String = settings.collect();
        let settings = if settings.is_empty() { String::new() } else { format!("   settings:{settings}") };
        format!(
            "{name:<12} {architectures:>7} architectures   decisions: {decisions}   options: {options}{settings}\n{:>13}{about}",
            ""
        )
    }
}

/// The options of all decisions, each once: most decisions of a space share theirs.
fn options(decisions: &[Decision]) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    for option in decisions.iter().flat_map(|decision| &decision.options) {
        if !options.contains(option) {
            options.push(option.clone());
        }
    }
    options
}

/// One line of `fewshot strategies`.
#[derive(Serialize)]
struct StrategyLine {
    name: &'static str,
    about: &'static str,
}

pub fn strategies(args: ListArgs) -> Result<(), Failure> {
    let lines = search::strategies().iter().map(|strategy| StrategyLine { name: strategy.name, about: strategy.about });
    let lines: Vec<StrategyLine> = lines.collect();
    if args.json {
        return print_json(&lines);
    }
    let text: Vec<String> = lines.iter().map(|line| format!("{:<20} {}", line.name, line.about)).collect();
    print(&text.join("\n"))
}

pub fn recipes(args: RecipesArgs) -> Result<(), Failure> {
    match (args.command, args.show) {
        (None, None) => print(&preset_names().join("\n")),
        (Some(RecipesCommand::Show { name }), _) | (None, Some(name)) => {
            let unknown = || Failure::Usage(format!("no preset `{name}`, {}", suggest::hint(&name, preset_names())));
            print(preset_text(&name).ok_or_else(unknown)?)
        }
        (Some(RecipesCommand::Check { file, preset }), _) => {
            use_threads(0)?;
            let checked = Layers::preset(&preset).and_then(|layers| layers.file(&file)).and_then(Layers::resolve);
            check_files(&checked.map_err(ExperimentError::from)?)?;
            print("ok")
        }
    }
}

pub fn data(args: DataArgs) -> Result<(), Failure> {
    let DataCommand::Info { path, image_size, reading, json } = args.command;
    use_threads(0)?;
    let ReadingArgs { ground, label_column, image_column } = reading;
    let options = OpenOptions {
        image_size: image_size.map(|side| (side as usize, side as usize)),
        ground: ground.as_deref().map(fewshot_data::ground).transpose()?,
        label_column,
        image_column,
        ..OpenOptions::default()
    };
    let source = match path {
        None => fewshot_data::sample_with(&options)?,
        Some(path) => fewshot_data::open(path, &options)?,
    };
    source.test.check()?;
    let info = source.info()?;
    if json { print_json(&info) } else { print(&info_text(&info)) }
}

fn info_text(info: &Info) -> String {
    let Info { name, reader, height, width, channels, sizes, train_images, test_images, .. } = info;
    let mut lines = vec![
        format!("{}, read as {reader}", printable::line(name)),
        format!(
            "{train_images} training and {} of {height}x{width}, {}",
            counted(test_images, "test image"),
            counted(channels, "channel")
        ),
        format!("on disk: {sizes}"),
        format!("mean {:.4?}, standard deviation {:.4?}", info.mean, info.std),
        format!(
            "{:.1} MB in memory, and at most {:.0} MB more while reading; fingerprint {}",
            info.bytes as f64 / 1e6,
            info.reading_bytes as f64 / 1e6,
            info.fingerprint
        ),
        format!("{}:", counted(info.classes.len(), "class")),
    ];
    lines.splice(3..3, info.notes.iter().map(|note| printable::line(note).into_owned()));
    lines.extend(
        info.classes.iter().map(|class| format!("  {:>8}  {}", class.train_images, printable::line(&class.name))),
    );
    lines.join("\n")
}

//! A run's folder as the report reads it.

use std::path::Path;

use fewshot_nas::estimate::Measure;
use fewshot_nas::experiments::Trained;
use fewshot_nas::recipe::Kind;
use fewshot_nas::run::{Event, RecordedStage, RunReader};
use serde::Deserialize;

use crate::failure::Failure;

/// What a run left in its folder so far.
pub struct Record {
    /// The folder.
    pub run: RunReader,
    /// What the report needs of the recipe.
    pub recipe: RecipeFacts,
    /// The stages in the order of their numbers; empty if the run never started one.
    pub stages: Vec<RecordedStage>,
    /// What happened when.
    pub events: Vec<Event>,
}

/// The few settings that the report itself mentions. Others may come and go between versions of the program.
#[derive(Debug, Deserialize)]
pub struct RecipeFacts {
    /// What the run does.
    pub kind: Kind,
    /// Decides every random choice.
    pub seed: u64,
    /// The images.
    pub data: DataFacts,
    /// The networks.
    pub space: SpaceFacts,
    /// What scores are made on.
    #[serde(default)]
    pub scoring: ScoringFacts,
}

/// The images of a run.
#[derive(Debug, Deserialize)]
pub struct DataFacts {
    /// Where they are; empty for the embedded sample.
    pub path: String,
}

/// How a run scores.
#[derive(Debug, Default, Deserialize)]
pub struct ScoringFacts {
    /// Whether supernets are judged on the test images.
    #[serde(default)]
    pub on_test: bool,
    /// What a score is.
    #[serde(default)]
    pub measure: Measure,
}

impl ScoringFacts {
    /// Which images scores are made on, in a word.
    pub fn images(&self) -> &'static str {
        match self.measure {
            Measure::Speed => "training",
            _ => self.judging_images(),
        }
    }

    /// Which images networks are judged on that are trained alone to be compared with their scores, in a word.
    pub fn judging_images(&self) -> &'static str {
        if self.on_test { "test" } else { "held-out" }
    }

    /// Whether scores are made on the test images.
    pub fn sees_test(&self) -> bool {
        self.images() == "test"
    }
}

/// The space of a run.
#[derive(Debug, Deserialize)]
pub struct SpaceFacts {
    /// Its name.
    pub name: String,
}

impl Record {
    /// Reads the folder `path`. The run may be unfinished, or another process may be working on it.
    ///
    /// # Errors
    /// When it is no run's folder, another version of the program wrote it, or a file in it is damaged.
    pub fn open(path: &Path) -> Result<Record, Failure> {
        let run = RunReader::open(path)?;
        Ok(Record { recipe: run.recipe()?, stages: run.stages()?, events: run.events()?, run })
    }

    /// How many stages are done.
    pub fn done(&self) -> usize {
        self.stages.iter().filter(|stage| stage.value.is_some()).count()
    }

    /// Stages that trained a network and are done, by name.
    pub fn trained(&self) -> Vec<(&str, Trained)> {
        let trained = |stage: &RecordedStage| Trained::deserialize(stage.value.as_ref()?).ok();
        self.stages.iter().filter_map(|stage| Some((stage.name.as_str(), trained(stage)?))).collect()
    }

    /// Stages that are done, by name, with the seconds that their last process worked on them.
    pub fn seconds(&self) -> Vec<(&str, f64)> {
        let done = self.events.iter().filter(|event| event.kind == "done");
        done.filter_map(|event| Some((event.stage.as_deref()?, event.data.get("seconds")?.as_f64()?))).collect()
    }

    /// The images in words.
    pub fn images(&self) -> &str {
        if self.recipe.kind == Kind::Strategies {
            return "none: scores and truth come from tables";
        }
        if self.recipe.data.path.is_empty() { "embedded Fashion-MNIST sample" } else { &self.recipe.data.path }
    }

    /// A command that does the same run again.
    pub fn repeat_command(&self) -> String {
        let settings = self.run.path().join("run.toml");
        let settings = quoted(&settings.display().to_string());
        match self.recipe.kind {
            Kind::Search => format!("fewshot search --recipe {settings}"),
            Kind::Train => {
                let arch = self.trained().into_iter().find_map(|(_, trained)| trained.arch).unwrap_or_default();
                format!("fewshot train --recipe {settings} --arch {}", quoted(&arch))
            }
            Kind::Ranking => format!("fewshot reproduce proof-of-concept --recipe {settings}"),
            Kind::Truth => format!("fewshot reproduce cell1296-truth --recipe {settings}"),
            Kind::Gradient => format!("fewshot reproduce gradient --recipe {settings}"),
            Kind::Strategies => format!("fewshot reproduce strategies --recipe {settings}"),
            Kind::Gan => format!("fewshot reproduce autogan --recipe {settings}"),
        }
    }
}

/// The text as one word of a shell's command line.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A stage's name without the number that tells it from others of its kind.
pub fn family(stage: &str) -> &str {
    match stage.rsplit_once('-') {
        Some((family, number)) if number.parse::<usize>().is_ok() => family,
        _ => stage,
    }
}

/// What the stages of a family do, in words.
pub fn words(family: &str) -> &str {
    match family {
        "supernet" => "supernet",
        "child" => "sub-supernets",
        "search" => "search",
        "finalist" => "finalists, trained alone",
        "finalists" => "finalists, halved until one is left",
        "reference-plain" => "plain network made by hand",
        "reference-residual" => "residual network made by hand",
        "reference-separable" => "separable network made by hand",
        "final" => "choice among the finalists",
        "front" => "the front's networks, trained alone",
        "verify" => "check of the ranking",
        "winner" => "found network, trained alone",
        "random" => "random networks, trained alone",
        "networks" | "truth" => "networks trained alone for the truth",
        "found" => "found networks, trained alone",
        "curves" => "table of the curves",
        "compare" => "comparison with the truth",
        "train" => "network, trained alone",
        "test" => "test",
        other => other,
    }
}

/// The items by family, in the order in which families come first.
pub fn by_family<'a, T>(items: impl IntoIterator<Item = (&'a str, T)>) -> Vec<(&'a str, Vec<(&'a str, T)>)> {
    let mut families: Vec<(&str, Vec<(&str, T)>)> = Vec::new();
    for (name, item) in items {
        match families.iter_mut().find(|(known, _)| *known == family(name)) {
            Some((_, members)) => members.push((name, item)),
            None => families.push((family(name), vec![(name, item)])),
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_stages_are_of_one_family() {
        assert_eq!(["child-12", "supernet", "few-shot", "a-1-2"].map(family), ["child", "supernet", "few-shot", "a-1"]);
        let families = by_family([("child-0", 1), ("test", 2), ("child-1", 3)]);
        assert_eq!(families, [("child", vec![("child-0", 1), ("child-1", 3)]), ("test", vec![("test", 2)])]);
    }

    #[test]
    fn shells_read_back_what_is_quoted() {
        assert_eq!(quoted("runs/search-1/run.toml"), "runs/search-1/run.toml");
        assert_eq!(quoted("my runs/it's"), r"'my runs/it'\''s'");
        assert_eq!(quoted("|none~0|"), "'|none~0|'");
        assert_eq!(quoted(""), "''");
    }
}

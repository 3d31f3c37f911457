//! `run.toml`: what a run was begun with.

use serde::{Deserialize, Serialize};

use super::error::RunError;

/// The part of `run.toml` that says which program wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Versions {
    /// Version of the program.
    pub(super) program: String,
    /// Processor and system, as in `x86_64-linux`: bits are equal only on the same.
    pub(super) target: String,
    /// The instruction set that the kernels use, since results of two differ by rounding; absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) instructions: Option<String>,
}

impl Versions {
    /// Of this program, on kernels that use `instructions`.
    pub(super) fn current(instructions: Option<&str>) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            instructions: instructions.map(str::to_owned),
        }
    }

    /// What differs from `current` as far as it is known, in words; nothing where results are the same bits.
    pub(super) fn difference(&self, current: &Versions) -> Option<String> {
        let other = |known: &Versions| known.instructions.is_some() && known.instructions != current.instructions;
        let differs = self.program != current.program || self.target != current.target || other(self);
        differs.then(|| format!("{self} and goes on with {current}"))
    }
}

impl std::fmt::Display for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fewshot {} on {}", self.program, self.target)?;
        self.instructions.iter().try_for_each(|instructions| write!(f, " ({instructions})"))
    }
}

/// Names the content of a run's data, wherever it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Of what is learned from: training images, or tables.
    #[serde(rename = "fingerprint")]
    pub training: String,
    /// Of the test images, where it is known.
    #[serde(default, rename = "test_fingerprint", skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

impl From<&str> for Fingerprint {
    fn from(training: &str) -> Self {
        Self { training: training.to_owned(), test: None }
    }
}

/// What a run begins with besides its recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The data.
    pub data: Fingerprint,
    /// The instruction set that computes, since results of two differ by rounding; `None` where no result depends on it.
    pub instructions: Option<String>,
}

impl From<&str> for Origin {
    fn from(training: &str) -> Self {
        Self { data: training.into(), instructions: None }
    }
}

/// `run.toml` without the recipe.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) versions: Versions,
    pub(super) data: Fingerprint,
}

/// Just enough to tell a file of another format from a broken one.
#[derive(Debug, Deserialize)]
pub(super) struct FormatOnly {
    pub(super) format: u32,
    #[serde(default)]
    versions: ProgramOnly,
}

#[derive(Debug, Default, Deserialize)]
struct ProgramOnly {
    program: Option<String>,
}

impl FormatOnly {
    pub(super) fn program(&self) -> &str {
        self.versions.program.as_deref().unwrap_or("(version unknown)")
    }
}

#[derive(Serialize)]
struct Whole<'a, R> {
    #[serde(flatten)]
    header: &'a Header,
    recipe: &'a R,
}

/// The recipe alone; deserialised from the whole text, so that errors point at its lines.
#[derive(Deserialize)]
pub(super) struct RecipeOnly<R> {
    pub(super) recipe: R,
}

/// The text of `run.toml`.
pub(super) fn compose<R: Serialize>(header: &Header, recipe: &R) -> Result<String, RunError> {
    let whole = Whole { header, recipe };
    let body = toml::to_string_pretty(&whole).map_err(|e| RunError::Unwritable { reason: e.to_string() })?;
    Ok(format!("# Written when the run began; `fewshot resume` goes on from exactly these settings.\n{body}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::toml_file::parse_toml;
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Recipe {
        space: String,
        train: Train,
        limit: Option<u64>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Train {
        lr: f64,
        steps: u32,
    }

    fn header(data: &str) -> Header {
        Header { format: 1, versions: Versions::current(Some("plain")), data: Fingerprint::from(data) }
    }

    fn text() -> String {
        let train = Train { lr: 0.025, steps: 300 };
        let recipe = Recipe { space: String::from("cell1296"), train, limit: None };
        compose(&header("abc"), &recipe).unwrap()
    }

    fn error(text: &str) -> String {
        let result = parse_toml::<RecipeOnly<Recipe>>(Path::new("r/run.toml"), text);
        let text = result.err().unwrap().to_string();
        assert!(!text.contains('\n'), "one line: {text}");
        text
    }

    #[test]
    fn what_is_written_is_read() {
        let read: RecipeOnly<Recipe> = parse_toml(Path::new("run.toml"), &text()).unwrap();
        let train = Train { lr: 0.025, steps: 300 };
        assert_eq!(read.recipe, Recipe { space: String::from("cell1296"), train, limit: None });
        let header: Header = parse_toml(Path::new("run.toml"), &text()).unwrap();
        assert_eq!(header.versions, Versions::current(Some("plain")));
        assert_eq!((header.format, header.data.training.as_str()), (1, "abc"));
    }

    #[test]
    fn errors_point_at_the_line_and_the_key() {
        let good = text();
        let line = 1 + good.lines().position(|l| l.starts_with("lr")).unwrap();
        let wrong = good.replace("0.025", "\"fast\"");
        let message = error(&wrong);
        assert!(message.contains(&format!("line {line} (`lr = \"fast\"`)")), "{message}");
        assert!(message.starts_with("`r/run.toml`"), "{message}");

        let message = error(&good.replace("lr =", "rl ="));
        assert!(message.contains(&format!("line {line} (`rl = 0.025`)")), "{message}");
        assert!(message.contains("unknown field `rl`"), "{message}");

        let message = error(&good.replace("lr = 0.025\n", ""));
        assert!(message.contains("missing field `lr`"), "{message}");
        assert!(message.contains("[recipe.train]"), "{message}");

        let message = error(&good.replace("300", "300 steps"));
        assert!(message.contains("steps = 300 steps"), "{message}");
    }

    #[test]
    fn a_value_that_toml_lacks_is_refused() {
        let pairs = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = compose(&header(""), &pairs).unwrap_err();
        assert!(matches!(error, RunError::Unwritable { .. }), "{error}");
    }

    #[test]
    fn another_version_target_or_instruction_set_is_told_and_what_is_not_known_is_none() {
        let current = Versions::current(Some("plain"));
        assert_eq!(current.difference(&current), None);
        let older = Versions { instructions: None, ..current.clone() };
        assert_eq!(older.difference(&current), None);
        for other in [
            Versions { program: "9.9.9".into(), ..current.clone() },
            Versions { target: "mips-plan9".into(), ..older.clone() },
            Versions { instructions: Some("mmx".into()), ..current.clone() },
        ] {
            let told = other.difference(&current).unwrap();
            assert!(told.contains(&other.to_string()) && told.contains(&current.to_string()), "{told}");
        }
    }

    #[test]
    fn numbers_come_back_exactly() {
        let numbers = (u64::MAX, i64::MIN, 0.1 + 0.2, 1e-300, 0.1f32);
        let text = compose(&header(""), &numbers).unwrap();
        let read: RecipeOnly<(u64, i64, f64, f64, f32)> = parse_toml(Path::new("run.toml"), &text).unwrap();
        assert_eq!(read.recipe, numbers, "{text}");
    }
}

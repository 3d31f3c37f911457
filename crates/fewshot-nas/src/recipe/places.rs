//! Where the settings of a recipe come from, so that errors can point there.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::RECIPE;

/// The place of every setting that a file or a flag gave; all others are the preset's.
#[derive(Debug, Clone, Default)]
pub struct Places {
    of: BTreeMap<String, String>,
}

impl Places {
    /// Notes file and line of every key in `text`; `origin` is what to call the file. Where the recipe is a table `root` of
    /// the file, only what is in there counts.
    pub fn read(&mut self, text: &str, origin: &str, root: Option<&str>) -> Result<(), toml::de::Error> {
        let table = DeTable::parse(text)?;
        let mut lines = Vec::new();
        walk(table.get_ref(), "", &mut lines);
        let root = root.map(|root| format!("{root}.")).unwrap_or_default();
        for (key, offset, is_list) in lines {
            let Some(key) = key.strip_prefix(&root) else { continue };
            if is_list {
                self.forget(key);
            }
            self.of.insert(key.to_string(), format!("{origin}, line {}", line(text, offset)));
        }
        Ok(())
    }

    /// Notes that no file says this setting any more, but `origin`: a flag, say.
    pub fn set(&mut self, key: &str, origin: &str) {
        self.forget(key);
        self.of.insert(key.to_string(), origin.to_string());
    }

    /// Whether a file or a flag gave just this setting.
    pub fn gives(&self, key: &str) -> bool {
        self.of.contains_key(key)
    }

    /// The settings that a file or a flag gave which are this one or stand in the table of this name, with their places.
    pub fn given<'a>(&'a self, key: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_meant =
            move |known: &str| known.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let entries = self.of.iter().filter(move |(known, _)| is_meant(known));
        entries.map(|(known, place)| (known.as_str(), place.as_str()))
    }

    /// A list is replaced as a whole.
    fn forget(&mut self, key: &str) {
        let inside =
            |other: &str| other.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.of.retain(|other, _| !inside(other));
    }

    /// The place of a setting, else that of the table or list that it is in.
    pub fn of(&self, key: &str) -> &str {
        // What `[gradient.settings]` says is written into every method when the recipe is resolved.
        let shared = key.strip_prefix("gradient.methods[").and_then(|rest| rest.split_once(']'));
        let shared = shared.map(|(_, rest)| format!("gradient.settings{rest}"));
        let exact = self.of.get(key).or_else(|| self.of.get(&shared?));
        let around = std::iter::successors(Some(key), |key| Some(&key[..key.rfind(['.', '['])?]));
        let place = exact.or_else(|| around.skip(1).find_map(|key| self.of.get(key)));
        place.map_or(RECIPE, String::as_str)
    }
}

/// The line, from 1, of a byte.
pub fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// Lists every key with the byte where it stands, and whether it is a list.
fn walk(table: &DeTable<'_>, prefix: &str, lines: &mut Vec<(String, usize, bool)>) {
    for (key, value) in table.iter() {
        let path = format!("{prefix}{}", key.get_ref());
        lines.push((path.clone(), key.span().start, value.get_ref().is_array()));
        match value.get_ref() {
            DeValue::Table(table) => walk(table, &format!("{path}."), lines),
            DeValue::Array(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    lines.push((path.clone(), entry.span().start, false));
                    if let DeValue::Table(table) = entry.get_ref() {
                        walk(table, &format!("{path}."), lines);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "seed = 1\n[supernet]\nlr = 0.1\n\n[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ntrain.lr = 1\n\
                        [split]\ndecisions = [\n  \"e0\",\n  \"e1\"]\n";

    #[test]
    fn every_key_has_its_line_and_what_is_not_there_the_line_of_its_table() {
        let mut places = Places::default();
        places.read(TEXT, "mine.toml", None).unwrap();
        for (key, line) in [
            ("seed", 1),
            ("supernet", 2),
            ("supernet.lr", 3),
            ("supernet.lr_min", 2),
            ("arms[0]", 5),
            ("arms[0].name", 6),
            ("arms[1].train.lr", 9),
            ("arms[1].width", 7),
            ("split.decisions[1]", 13),
        ] {
            assert_eq!(places.of(key), format!("mine.toml, line {line}"), "{key}");
        }
        assert_eq!(places.of("children.lr"), RECIPE);
        assert_eq!(places.of("super"), RECIPE);
    }

    #[test]
    fn flags_and_later_files_take_over() {
        let mut places = Places::default();
        places.read(TEXT, "mine.toml", None).unwrap();
        places.set("supernet.lr", RECIPE);
        places.set("supernet.epochs", "--epochs");
        places.read("[[arms]]\nname = \"c\"\n", "other.toml", None).unwrap();
        assert_eq!(places.of("supernet.lr"), RECIPE);
        assert_eq!(places.of("supernet.epochs"), "--epochs");
        assert_eq!(places.of("arms[0].name"), "other.toml, line 2");
        assert!(places.gives("supernet.lr") && places.gives("seed") && !places.gives("supernet.lr_min"));
        assert_eq!(places.of("arms[1].train.lr"), "other.toml, line 1");
    }

    #[test]
    fn a_runs_own_settings_hold_the_recipe_as_a_table() {
        let mut places = Places::default();
        places
            .read("format = 1\n[data]\nfingerprint = \"x\"\n[recipe.data]\nlimit = 0\n", "run.toml", Some("recipe"))
            .unwrap();
        assert_eq!(places.of("data.limit"), "run.toml, line 5");
        assert_eq!(places.of("data"), "run.toml, line 4");
    }
}

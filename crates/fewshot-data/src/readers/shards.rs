//! The files of a data set that hold many images each (Parquet, tar), and the part that each belongs to.
//!
//! ```text
//! train-00000-of-00002.parquet      default/train/0000.parquet       split=train/label=ant/part-0.parquet
//! data/test.parquet                 default/test/0000.parquet        label=bee/part-0.parquet
//! imagenet1k-train-0000.tar         train/0.tar
//! ```
//!
//! The part is a word of the file's name or, if that has none, of the nearest folder's. Folders `key=value` (Hive's
//! partitions) are columns that the file itself lacks.

use std::path::{Path, PathBuf};

use crate::DataError;
use crate::readers::folder::entries_or_none;

/// Folders are looked through so deep for shards.
const DEEPEST: usize = 5;

/// What shards are told by.
pub(super) struct Kind {
    /// Several of them, as people call them.
    pub called: &'static str,
    /// Extensions of their names, in lower case.
    pub extensions: &'static [&'static str],
    /// Whether a file of another name, given by itself, is one: a look at its first bytes.
    pub told_by: fn(&Path) -> bool,
}

/// One file of many images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    pub path: PathBuf,
    part: Option<Split>,
    /// Columns that the folders above it stand for, outermost first.
    pub partitions: Vec<(String, String)>,
    /// Folders above it that name neither a part nor a partition: one of several data sets.
    set: Vec<String>,
}

/// The shards of each part.
pub(super) struct Parts {
    pub train: Vec<Shard>,
    /// Those that may be the test part, best first, with their names; none where no file names a part.
    pub tests: [(&'static str, Vec<Shard>); 2],
}

/// The shards of the data set at `path` by their parts; if no file names a part, all are the training part.
pub(super) fn parts(path: &Path, kind: &Kind, notes: &mut Vec<String>) -> Result<Parts, DataError> {
    let shards = one_set(path, find(path, kind))?;
    let of =
        |split: Split| -> Vec<Shard> { shards.iter().filter(|shard| shard.part == Some(split)).cloned().collect() };
    let (mut train, mut test, mut validation) = (of(Split::Train), of(Split::Test), of(Split::Validation));
    if path.is_file() || [&train, &test, &validation].iter().all(|part| part.is_empty()) {
        (train, test, validation) = (shards, Vec::new(), Vec::new());
    } else {
        let other: Vec<&Shard> = shards.iter().filter(|shard| shard.part.is_none()).collect();
        if let Some(first) = other.first() {
            let name = first.path.file_name().unwrap_or_default().to_string_lossy();
            notes.push(format!("{} {} of no known part are not used, e.g. `{name}`", other.len(), kind.called));
        }
        [&train, &test, &validation].into_iter().try_for_each(|part| all_there(part))?;
    }
    Ok(Parts { train, tests: [("test", test), ("validation", validation)] })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    Train,
    Test,
    Validation,
}

/// The part that a word of `name` names.
fn split_of(name: &str) -> Option<Split> {
    let lower = name.to_ascii_lowercase();
    lower.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| match word {
        "train" | "training" => Some(Split::Train),
        "test" | "testing" => Some(Split::Test),
        "validation" | "valid" | "val" | "dev" => Some(Split::Validation),
        _ => None,
    })
}

/// The shards of the data set at `path`, in the order of their paths; none if it is no such data set.
pub(super) fn find(path: &Path, kind: &Kind) -> Vec<Shard> {
    if path.is_file() {
        let shard = Shard { path: path.to_owned(), part: None, partitions: Vec::new(), set: Vec::new() };
        let is_one = kind.names(path) || (kind.told_by)(path);
        return if is_one { vec![shard] } else { Vec::new() };
    }
    let mut shards = Vec::new();
    look(path, kind, &mut Vec::new(), &mut shards);
    // `data` is where the hub keeps them, and what the folder holds directly comes before what lies deeper.
    let direct = |shard: &Shard| shard.set.is_empty();
    if shards.iter().any(direct) {
        shards.retain(direct);
    }
    shards
}

impl Kind {
    /// Whether the name says that `file` is one.
    fn names(&self, file: &Path) -> bool {
        let extension = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        self.extensions.contains(&extension.as_str())
    }
}

fn look(folder: &Path, kind: &Kind, above: &mut Vec<String>, shards: &mut Vec<Shard>) {
    for entry in entries_or_none(folder) {
        if entry.is_folder {
            if above.len() < DEEPEST {
                above.push(entry.name);
                look(&entry.path, kind, above, shards);
                above.pop();
            }
        } else if kind.names(&entry.path) {
            shards.push(shard(entry.path, above));
        }
    }
}

fn shard(path: PathBuf, above: &[String]) -> Shard {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let (mut partitions, mut set, mut part) = (Vec::new(), Vec::new(), split_of(&stem));
    for name in above {
        match name.split_once('=') {
            Some(("split", value)) => part = part.or(split_of(value)),
            Some((key, value)) => partitions.push((key.to_owned(), unquoted(value))),
            None if name == "data" => {}
            None => match split_of(name) {
                Some(split) => part = part.or(Some(split)),
                None => set.push(name.clone()),
            },
        }
    }
    Shard { path, part, partitions, set }
}

/// The files of one data set: where a folder holds several (configurations of the hub), one must be chosen.
fn one_set(root: &Path, shards: Vec<Shard>) -> Result<Vec<Shard>, DataError> {
    let mut sets: Vec<String> =
        shards.iter().map(|shard| root.join(shard.set.iter().collect::<PathBuf>()).display().to_string()).collect();
    sets.sort();
    sets.dedup();
    match sets.len() {
        0 | 1 => Ok(shards),
        _ => Err(DataError::SeveralSets { path: root.to_owned(), found: sets }),
    }
}

/// Where the names count shards (`train-00001-of-00003`), none may be missing: a partial download would pass for a
/// small set.
fn all_there(shards: &[Shard]) -> Result<(), DataError> {
    let Some(first) = shards.first() else { return Ok(()) };
    let stem = first.path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = first.path.extension().unwrap_or_default().to_string_lossy();
    let Some((start, number, total)) = counted(&stem) else { return Ok(()) };
    let Ok(count) = total.parse::<usize>() else { return Ok(()) };
    for (index, shard) in (0..count).zip(shards.iter().map(Some).chain(std::iter::repeat(None))) {
        let name = format!("{start}-{index:0width$}-of-{total}.{extension}", width = number.len());
        // The files come sorted by name, so shard by shard.
        if shard.and_then(|shard| shard.path.file_name()).is_none_or(|found| found != name.as_str()) {
            let folder = first.path.parent().unwrap_or(Path::new("")).to_owned();
            return Err(DataError::MissingFile { path: folder, wanted: format!("`{name}`") });
        }
    }
    Ok(())
}

/// `train-00001-of-00003` in its parts: `train`, `00001`, `00003`.
fn counted(stem: &str) -> Option<(&str, &str, &str)> {
    let (start, total) = stem.rsplit_once("-of-")?;
    let (start, number) = start.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(number) && digits(total) && number.len() < 20).then_some((start, number, total))
}

/// The value of a partition as it was before its special characters were written as `%20`.
fn unquoted(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let quoted = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match quoted.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_partitions_come_from_names() {
        let of = |path: &str| {
            let path = Path::new(path);
            let above: Vec<String> =
                path.parent().unwrap().iter().map(|step| step.to_str().unwrap().to_owned()).collect();
            let Shard { part, partitions, set, .. } = shard(path.to_owned(), &above);
            (part, partitions, set)
        };
        assert_eq!(of("train-00000-of-00002.parquet"), (Some(Split::Train), vec![], vec![]));
        assert_eq!(of("default/partial-train/0000.parquet"), (Some(Split::Train), vec![], vec!["default".into()]));
        assert_eq!(of("data/val.parquet"), (Some(Split::Validation), vec![], vec![]));
        let label = vec![("label".to_owned(), "a cat".to_owned())];
        assert_eq!(of("split=test/label=a%20cat/part-0.parquet"), (Some(Split::Test), label, vec![]));
        assert_eq!(unquoted("100%"), "100%");
    }
}

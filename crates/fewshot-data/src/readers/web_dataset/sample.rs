//! From the files of an archive to samples: an image and its label each.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::members::{self, Contents, Member, Other};
use crate::files::has_image_name;
use crate::readers::labels::Labels;
use crate::{ColumnError, DataError, OpenOptions, Place};

/// An archive whose images were found.
pub(super) struct Archive {
    pub path: Arc<Path>,
    pub images: Vec<ImageAt>,
    /// Their names in the archive.
    pub names: Names,
}

/// Where the bytes of an image lie in its archive.
pub(super) struct ImageAt {
    pub offset: u64,
    pub length: u32,
}

/// Many names, in one piece of memory: a million of them of their own would take thrice as much.
#[derive(Default)]
pub(super) struct Names {
    text: String,
    ends: Vec<u64>,
}

impl Names {
    fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len() as u64);
    }

    pub fn get(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        &self.text[start..self.ends[number] as usize]
    }
}

/// What was left out, with one example of each kind.
#[derive(Default)]
pub(super) struct LeftOut {
    no_files: usize,
    no_images: (usize, Option<String>),
}

impl LeftOut {
    pub fn notes(self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.no_files > 0 {
            notes.push(format!("left out: {} links, devices and files with holes in archives", self.no_files));
        }
        if let (count, Some(example)) = self.no_images {
            notes.push(format!("left out: {count} samples without an image in archives, e.g. `{example}`"));
        }
        notes
    }
}

/// Fields of a `.json` that hold the label, the first that exists counts.
const FIELDS: [&str; 3] = ["label", "cls", "class"];
/// Most bytes that a label, or the description that holds it, may have.
const LONGEST_LABEL: u64 = 1 << 20;
/// Most bytes of an encoded image: more are no image of at most 134 million pixels.
const LARGEST_IMAGE: u64 = 1 << 29;

/// Files that follow each other and have one key.
#[derive(Default)]
struct Sample {
    /// The path up to the first dot of the file's name.
    key: String,
    /// Extension and file of each image.
    images: Vec<(String, Member)>,
    label: Option<Label>,
}

#[derive(Debug, Clone, PartialEq)]
enum Label {
    Number(i64),
    Name(String),
}

/// Where labels are looked for.
struct Search<'a> {
    path: Arc<Path>,
    /// The label of all, if folders above the archive say it (`label=ant/`).
    hive: Option<String>,
    label_column: Option<&'a str>,
    image_column: Option<&'a str>,
}

/// Reads the archive at `path`: where its images lie, and their labels. Numbers mean `names`.
pub(super) fn read(
    path: &Path,
    hive: Option<String>,
    names: Option<Vec<String>>,
    options: &OpenOptions,
    left_out: &mut LeftOut,
) -> Result<(Archive, Labels), DataError> {
    let search = Search {
        path: path.into(),
        hive,
        label_column: options.label_column.as_deref(),
        image_column: options.image_column.as_deref(),
    };
    let mut found = Found { images: Vec::new(), names: Names::default(), numbers: Vec::new(), words: Vec::new() };
    let (mut sample, mut no_files) = (Sample::default(), 0);
    members::each(
        path,
        &mut |member, read| {
            let Some((key, extension)) = key_and_extension(&member.name) else { return Ok(()) };
            let repeated = sample.images.iter().any(|(other, _)| *other == extension);
            if key != sample.key || repeated {
                let done = std::mem::replace(&mut sample, Sample { key: key.to_owned(), ..Sample::default() });
                search.finish(done, &mut found, left_out)?;
            }
            if has_image_name(Path::new(&member.name)) {
                sample.images.push((extension, member));
            } else if let Some(label) = search.label(&extension, &member, read)? {
                // The first of `FIELDS` and `.cls` agree in published sets; a `.cls` is the plainer one.
                if extension == "cls" || sample.label.is_none() {
                    sample.label = Some(label);
                }
            }
            Ok(())
        },
        &mut |other| no_files += usize::from(other == Other::NoFile),
    )?;
    search.finish(sample, &mut found, left_out)?;
    left_out.no_files += no_files;
    let Found { images, names: of_images, numbers, words } = found;
    let labels = match (numbers.is_empty(), words.is_empty()) {
        (_, true) => Labels::Numbers { values: numbers, names },
        (true, false) => Labels::Names(words),
        (false, false) => {
            let found = "a name in one sample and a number in another".to_owned();
            return Err(DataError::LabelValue { place: Place::file(path), found });
        }
    };
    Ok((Archive { path: search.path, images, names: of_images }, labels))
}

/// What was found in an archive so far.
struct Found {
    images: Vec<ImageAt>,
    names: Names,
    numbers: Vec<i64>,
    words: Vec<String>,
}

impl Search<'_> {
    /// The label that a file which is no image holds.
    fn label(&self, extension: &str, member: &Member, read: &mut Contents<'_>) -> Result<Option<Label>, DataError> {
        let is_text = match self.label_column {
            Some(column) => extension == column,
            None => extension == "cls",
        };
        if !is_text && extension != "json" {
            return Ok(None);
        }
        let place = || Place::file(self.path.join(&member.name));
        let wrong = |found: String| DataError::LabelValue { place: place(), found };
        if member.length > LONGEST_LABEL {
            return Err(wrong(format!("in a file of {} bytes, more than {LONGEST_LABEL}", member.length)));
        }
        let text =
            String::from_utf8(read(member, LONGEST_LABEL)?).map_err(|_| wrong("bytes that are no text".into()))?;
        if is_text {
            let text = text.trim();
            let label = || text.parse().map_or_else(|_| Label::Name(text.to_owned()), Label::Number);
            return if text.is_empty() { Err(wrong("empty".into())) } else { Ok(Some(label())) };
        }
        let json: Value =
            serde_json::from_str(&text).map_err(|error| wrong(format!("in a file that is no JSON: {error}")))?;
        let field = match self.label_column {
            Some(column) => json.get(column),
            None => FIELDS.iter().find_map(|field| json.get(field)),
        };
        match field {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => Ok(Some(Label::Name(name.clone()))),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(Label::Number(number))),
                None => Err(wrong(value.to_string())),
            },
        }
    }

    /// Enters a sample that is complete.
    fn finish(&self, sample: Sample, found: &mut Found, left_out: &mut LeftOut) -> Result<(), DataError> {
        let Sample { key, mut images, label } = sample;
        if let Some(column) = self.image_column {
            images.retain(|(extension, _)| extension == column);
        }
        if images.is_empty() {
            if !key.is_empty() {
                let (count, example) = &mut left_out.no_images;
                *count += 1;
                example.get_or_insert_with(|| self.path.join(&key).display().to_string());
            }
            return Ok(());
        }
        // In a folder of its class `17.a.jpg` and `17.b.jpg` are images of their own.
        if images.len() > 1 && label.is_some() {
            return Err(ColumnError::Ambiguous {
                path: self.path.join(&key),
                what: "image of the sample",
                columns: images.into_iter().map(|(extension, _)| extension).collect(),
                flag: "--image-column",
            }
            .into());
        }
        // Who names where the label is means no other one.
        let hive = self.hive.as_ref().filter(|_| self.label_column.is_none_or(|column| column == "label"));
        for (_, member) in images {
            let of_folder = || self.label_column.is_none().then(|| folder(&member.name)).flatten();
            let label = label.clone().or_else(|| hive.cloned().map(Label::Name)).or_else(of_folder);
            let label = label.ok_or_else(|| DataError::MissingFile {
                path: self.path.join(&member.name),
                wanted: match self.label_column {
                    Some(column) => format!("its label: `{key}.{column}`, or the field `{column}` of `{key}.json`"),
                    None => format!(
                        "its label: `{key}.cls`, one of the fields {} of `{key}.json`, or a folder that is called as its class",
                        FIELDS.join(", ")
                    ),
                },
            })?;
            if member.length > LARGEST_IMAGE {
                let reason = format!("it has {} bytes, more than {LARGEST_IMAGE}", member.length);
                return Err(DataError::Image { place: Place::file(self.path.join(&member.name)), reason });
            }
            found.images.push(ImageAt { offset: member.offset, length: member.length as u32 });
            found.names.push(&member.name);
            match label {
                Label::Number(number) => found.numbers.push(number),
                Label::Name(name) => found.words.push(name),
            }
        }
        Ok(())
    }
}

/// A path up to the first dot of the file's name, and what comes after it, in lower case. `None` for hidden files.
fn key_and_extension(name: &str) -> Option<(&str, String)> {
    let base = name.rfind('/').map_or(0, |at| at + 1);
    let hidden = name.split('/').any(|step| step.starts_with('.') && step != "." && step != "..");
    let dot = base + name.get(base..)?.find('.')?;
    (!hidden && dot > base).then(|| (&name[..dot], name[dot + 1..].to_lowercase()))
}

/// The folder that a file lies in.
fn folder(name: &str) -> Option<Label> {
    let folder = name.rsplit('/').nth(1).filter(|folder| !folder.is_empty() && *folder != ".")?;
    Some(Label::Name(folder.to_owned()))
}

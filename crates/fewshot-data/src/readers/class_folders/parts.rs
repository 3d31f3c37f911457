//! Which folders are the training part, which the test part, and which are classes.
//!
//! Published sets name and nest their parts in many ways (`Training`, `seg_train/seg_train`, `train/images`,
//! `daisy/train`), and a class may be called `train` too. The rules, in this order:
//!
//! 1. A folder with a single folder of class folders in it is looked through (`archive/flowers/..`).
//! 2. A folder whose name is that of a part, alone (`train`, `Training`, `test_set`), is one if it holds class folders.
//! 3. Where all folders have a part's word in their name (`seg_train`, `seg_test`, `seg_pred`), so are they.
//! 4. Where all folders hold nothing but such folders (`daisy/train`, `daisy/test`), the classes are above the parts.
//! 5. Else the folders are the classes, whatever their names.
//!
//! A test part without class folders has no labels: then `val` is taken, else a part is held out. What is not used is
//! told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::DataError;
use crate::files::Tree;

/// Class names with their images.
pub(super) type Classes = BTreeMap<String, Vec<PathBuf>>;

/// The classes of each part.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub train: Option<Classes>,
    pub test: Option<Classes>,
}

/// Parts by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Train,
    Test,
    Validation,
    /// Images without labels, or that are to be left alone.
    Other,
}

/// How much of a folder's name is the name of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    /// All of it, apart from words like `set` or `images`.
    Alone(Name),
    /// One word of several.
    Among(Name),
    /// None.
    No,
}

const TRAIN: [&str; 3] = ["train", "training", "trn"];
const TEST: [&str; 4] = ["test", "testing", "tests", "tst"];
const VALIDATION: [&str; 7] = ["val", "valid", "validation", "validate", "dev", "eval", "evaluation"];
const OTHER: [&str; 7] = ["pred", "prediction", "predict", "unlabeled", "unlabelled", "unsup", "extra"];
/// Words that say nothing about which part it is.
const FILLERS: [&str; 13] =
    ["set", "sets", "data", "dataset", "images", "image", "imgs", "img", "split", "part", "folder", "files", "photos"];

fn called(name: &str) -> Called {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let part = |word: &str| {
        let plain = FILLERS.iter().find_map(|filler| word.strip_suffix(filler)).filter(|rest| !rest.is_empty());
        [Some(word), plain].into_iter().flatten().find_map(|word| match word {
            word if TRAIN.contains(&word) => Some(Name::Train),
            word if TEST.contains(&word) => Some(Name::Test),
            word if VALIDATION.contains(&word) => Some(Name::Validation),
            word if OTHER.contains(&word) => Some(Name::Other),
            _ => None,
        })
    };
    let telling: Vec<&&str> = words.iter().filter(|word| !FILLERS.contains(*word)).collect();
    match (telling.as_slice(), words.iter().find_map(|word| part(word))) {
        ([only], Some(name)) if part(only).is_some() => Called::Alone(name),
        (_, Some(name)) => Called::Among(name),
        (_, None) => Called::No,
    }
}

/// Whether a folder holds folders of images.
fn has_classes(folder: &Tree) -> bool {
    folder.with_images().next().is_some()
}

/// Looks through folders that hold nothing but one folder of class folders, as far as the inner one is not to be `kept`.
fn unwrapped(mut folder: &Tree, kept: impl Fn(&Tree) -> bool) -> &Tree {
    loop {
        let mut inside = folder.with_images();
        match (inside.next(), inside.next()) {
            (Some(only), None) if folder.images.is_empty() && has_classes(only) && !kept(only) => folder = only,
            _ => return folder,
        }
    }
}

pub(super) fn find(root: &Tree, notes: &mut Vec<String>) -> Result<Parts, DataError> {
    // A part alone is a part, not something to look through: `photos/test/cat`.
    let top = unwrapped(root, |folder| matches!(called(&folder.name), Called::Alone(_)));
    let folders: Vec<&Tree> = top.with_images().collect();
    if folders.is_empty() {
        return match top.images.len() {
            0 => Err(empty(top)),
            images => Err(DataError::NoClassFolders { path: top.path.clone(), images }),
        };
    }
    if let Some(parts) = in_parts(top, &folders, notes)? {
        return Ok(parts);
    }
    if let Some(parts) = parts_below_classes(top, &folders, notes)? {
        return Ok(parts);
    }
    Ok(Parts { train: Some(classes(top, notes)?), test: None })
}

/// What to say of a folder without any image.
fn empty(folder: &Tree) -> DataError {
    let train = folder.folders.iter().find(|folder| called(&folder.name) == Called::Alone(Name::Train));
    let first = folder.folders.iter().find(|folder| folder.is_empty());
    match (train, first) {
        (Some(train), _) => DataError::MissingFile { path: train.path.clone(), wanted: "class folders".into() },
        (None, Some(class)) => DataError::EmptyClass { path: folder.path.clone(), class: class.name.clone() },
        (None, None) => DataError::NoImages { path: folder.path.clone() },
    }
}

/// The parts, if some of `folders`, which lie in `top`, are parts.
fn in_parts(top: &Tree, folders: &[&Tree], notes: &mut Vec<String>) -> Result<Option<Parts>, DataError> {
    let alone = |folder: &Tree, name: Name| called(&folder.name) == Called::Alone(name);
    let name_of = |folder: &Tree| match called(&folder.name) {
        Called::Alone(name) | Called::Among(name) => Some(name),
        Called::No => None,
    };
    let is_train = |folder: &&&Tree| alone(folder, Name::Train) && has_classes(folder);
    let others_alone =
        folders.iter().any(|folder| [Name::Test, Name::Validation].iter().any(|&name| alone(folder, name)));
    let strays = folders.iter().filter(|folder| name_of(folder).is_none()).count();
    let trains = folders.iter().filter(is_train).count();
    let all_are_parts = folders.iter().all(|folder| name_of(folder).is_some());
    let only_tests = folders.iter().all(|folder| {
        matches!(called(&folder.name), Called::Alone(Name::Test | Name::Validation)) && has_classes(folder)
    });
    // One of several folders that is called `train` and holds folders might be a class all the same (steam, diesel);
    // a part beside it, or nothing else, says that it is none.
    let by_name = trains == 1 && (others_alone || strays == 0);
    let by_words = trains == 0
        && all_are_parts
        && folders.iter().filter(|folder| name_of(folder) == Some(Name::Train) && has_classes(folder)).count() == 1;
    if !(by_name || by_words || only_tests) {
        // `train` of loose images beside nothing but parts: no class folders anywhere.
        let loose = folders.iter().find(|folder| alone(folder, Name::Train) && !has_classes(folder));
        return match loose.filter(|_| all_are_parts) {
            Some(train) => Err(DataError::NoClassFolders { path: train.path.clone(), images: train.images.len() }),
            None => Ok(None),
        };
    }
    let part = |name: Name| {
        folders.iter().copied().find(|folder| {
            if by_words {
                name_of(folder) == Some(name)
            } else {
                alone(folder, name) && (name != Name::Train || has_classes(folder))
            }
        })
    };
    let train = part(Name::Train).map(|train| classes(unwrapped(train, |_| false), notes)).transpose()?;
    let mut used: Vec<&Tree> = part(Name::Train).into_iter().collect();
    let mut test = None;
    for candidate in [part(Name::Test), part(Name::Validation)].into_iter().flatten() {
        if test.is_some() {
            continue;
        }
        let inner = unwrapped(candidate, |_| false);
        let labelled = match &train {
            Some(train) => inner.with_images().any(|folder| train.contains_key(&folder.name)),
            None => has_classes(inner),
        };
        used.push(candidate);
        if labelled {
            test = Some(classes(inner, notes)?);
        } else {
            notes.push(format!(
                "`{}` ({} images) has no folders of the training classes, so no labels: it is not the test part",
                candidate.name,
                candidate.count()
            ));
        }
    }
    for folder in folders.iter().filter(|folder| !used.iter().any(|used| std::ptr::eq(*used, **folder))) {
        notes.push(format!("`{}` ({} images) is not used", folder.name, folder.count()));
    }
    loose_images(top, notes);
    Ok(Some(Parts { train, test }))
}

/// The parts, if every one of `folders` is a class that holds nothing but parts.
fn parts_below_classes(top: &Tree, folders: &[&Tree], notes: &mut Vec<String>) -> Result<Option<Parts>, DataError> {
    let of = |folder: &Tree| match called(&folder.name) {
        Called::Alone(name) => Some(name),
        _ => None,
    };
    let holds_parts = |class: &&Tree| {
        class.images.is_empty()
            && class.with_images().all(|folder| of(folder).is_some())
            && class.with_images().any(|folder| of(folder) == Some(Name::Train))
    };
    if folders.len() < 2 || !folders.iter().all(holds_parts) {
        return Ok(None);
    }
    let gather = |name: Name| -> Classes {
        let images = |class: &Tree| -> Vec<_> {
            class.with_images().filter(|folder| of(folder) == Some(name)).flat_map(Tree::all_images).collect()
        };
        folders
            .iter()
            .map(|class| (class.name.clone(), images(class)))
            .filter(|(_, images)| !images.is_empty())
            .collect()
    };
    let count = |classes: &Classes| classes.values().map(Vec::len).sum::<usize>();
    let (train, test, validation) = (gather(Name::Train), gather(Name::Test), gather(Name::Validation));
    let (test, unused) = if test.is_empty() { (validation, Classes::new()) } else { (test, validation) };
    if !unused.is_empty() {
        notes.push(format!("the validation folders ({} images) are not used", count(&unused)));
    }
    loose_images(top, notes);
    Ok(Some(Parts { train: Some(train), test: Some(test).filter(|test| !test.is_empty()) }))
}

/// The folders in `folder` as classes. An empty one is an error (something is missing), one of other files is told.
fn classes(folder: &Tree, notes: &mut Vec<String>) -> Result<Classes, DataError> {
    let mut classes = Classes::new();
    for class in &folder.folders {
        let images = class.all_images();
        if !images.is_empty() {
            classes.insert(class.name.clone(), images);
        } else if class.is_empty() {
            return Err(DataError::EmptyClass { path: folder.path.clone(), class: class.name.clone() });
        } else {
            notes.push(format!("the folder `{}` holds no image and is no class", class.name));
        }
    }
    loose_images(folder, notes);
    Ok(classes)
}

fn loose_images(folder: &Tree, notes: &mut Vec<String>) {
    if let Some(first) = folder.images.first() {
        let name = first.file_name().unwrap_or_default().to_string_lossy();
        notes.push(format!(
            "left out: {} images that lie in `{}` itself, in no class folder, e.g. `{name}`",
            folder.images.len(),
            folder.name
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of empty image files.
    fn tree(paths: &[&str]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, [0xFF, 0xD8]).unwrap();
        }
        let tree = Tree::read(folder.path()).unwrap().0;
        (folder, tree)
    }

    /// `class: images` of each part in one line, and the notes.
    fn found(paths: &[&str]) -> (String, Vec<String>) {
        let (_folder, tree) = tree(paths);
        let mut notes = Vec::new();
        let Parts { train, test } = find(&tree, &mut notes).unwrap();
        let line = |part: Option<Classes>| match part {
            None => "-".to_owned(),
            Some(classes) => {
                let classes: Vec<_> = classes.iter().map(|(name, images)| format!("{name} {}", images.len())).collect();
                classes.join(", ")
            }
        };
        (format!("{} | {}", line(train), line(test)), notes)
    }

    #[test]
    fn every_naming_and_nesting_of_parts_is_found() {
        for (paths, expected) in [
            (&["a/1.jpg", "b/1.jpg", "b/2.jpg"][..], "a 1, b 2 | -"),
            (&["train/a/1.jpg", "train/b/1.jpg", "test/a/2.jpg"], "a 1, b 1 | a 1"),
            (&["Training/a/1.jpg", "Training/b/1.jpg", "Testing/b/2.jpg"], "a 1, b 1 | b 1"),
            (&["training_set/a/1.jpg", "training_set/b/1.jpg", "test_set/a/2.jpg"], "a 1, b 1 | a 1"),
            (&["trainset/a/1.jpg", "trainset/b/1.jpg", "valset/a/2.jpg"], "a 1, b 1 | a 1"),
            (&["set/train/a/1.jpg", "set/train/b/1.jpg", "set/valid/a/2.jpg"], "a 1, b 1 | a 1"),
            (
                &["seg_train/seg_train/a/1.jpg", "seg_train/seg_train/b/1.jpg", "seg_test/seg_test/a/2.jpg"],
                "a 1, b 1 | a 1",
            ),
            (&["train/images/a/1.jpg", "train/images/b/1.jpg", "val/images/a/2.jpg"], "a 1, b 1 | a 1"),
            (&["train/a/images/1.jpg", "train/b/images/1.jpg", "val/images/1.jpg"], "a 1, b 1 | -"),
            (&["a/train/1.jpg", "a/test/2.jpg", "b/train/1.jpg", "b/val/3.jpg"], "a 1, b 1 | a 1"),
            (&["archive/flowers/a/1.jpg", "archive/flowers/b/1.jpg"], "a 1, b 1 | -"),
            (&["cat/1.jpg", "dog/1.jpg", "dog/husky/2.jpg", "dog/poodle/deep/3.jpg"], "cat 1, dog 3 | -"),
            (&["bus/1.jpg", "car/1.jpg", "train/1.jpg"], "bus 1, car 1, train 1 | -"),
            (&["bus/1.jpg", "train/steam/1.jpg", "train/diesel/1.jpg"], "bus 1, train 2 | -"),
            (&["test/a/1.jpg", "test/b/1.jpg"], "- | a 1, b 1"),
            (&["test tube/1.jpg", "train station/1.jpg"], "test tube 1, train station 1 | -"),
            (&["train/a/1.jpg", "train/b/1.jpg", "test/1.jpg", "val/b/1.jpg"], "a 1, b 1 | b 1"),
            (&["train/a/1.jpg", "train/b/1.jpg", "test/unknown/1.jpg"], "a 1, b 1 | -"),
            (&["only/1.jpg"], "only 1 | -"),
        ] {
            assert_eq!(found(paths).0, expected, "{paths:?}");
        }
    }

    #[test]
    fn what_is_not_used_is_told() {
        let (_, notes) =
            found(&["train/a/1.jpg", "train/b/1.jpg", "train/loose.jpg", "test/1.jpg", "val/b/1.jpg", "misc/1.jpg"]);
        assert_eq!(
            notes,
            [
                "left out: 1 images that lie in `train` itself, in no class folder, e.g. `loose.jpg`",
                "`test` (1 images) has no folders of the training classes, so no labels: it is not the test part",
                "`misc` (1 images) is not used",
            ]
        );
        let (_, notes) = found(&["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "val/b/1.jpg"]);
        assert_eq!(notes, ["`val` (1 images) is not used"]);
    }

    #[test]
    fn images_without_class_folders_are_refused() {
        for paths in [&["1.jpg", "2.jpg"][..], &["train/1.jpg", "test/1.jpg"]] {
            let (_folder, tree) = tree(paths);
            let message = find(&tree, &mut Vec::new()).unwrap_err().to_string();
            assert!(message.contains("but no class folders"), "{message}");
        }
    }
}

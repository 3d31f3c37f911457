//! Which folders are the training part, which the test part, and which are classes.
//!
//! Published sets name and nest their parts in many ways (`Training`, `seg_train/seg_train`, `train/images`,
//! `daisy/train`), and a class may be called `train` too. The rules, in this order:
//!
//! 1. A folder with a single folder of class folders in it is looked through (`archive/flowers/..`).
//! 2. A folder whose name is that of a part, alone (`train`, `Training`, `test_set`) or with a number (`train2017`), is one if it
//!    holds class folders.
//! 3. Where all folders have a part's word in their name (`seg_train`, `seg_test`, `seg_pred`), so are they.
//! 4. Where all folders hold nothing but such folders (`daisy/train`, `daisy/test`), the classes are above the parts.
//! 5. Else the folders are the classes, whatever their names; [`mistaken`] says where they look like none.
//!
//! A test part without class folders has no labels: then `val` is taken, else a part is held out. What is not used is
//! told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fewshot_guard::counted;

use super::super::part_name::{Called, Name, called};
use super::mistaken;
use crate::DataError;
use crate::files::Tree;

/// The one class of images that lie in no class folders.
pub const UNLABELLED: &str = "images";

/// Class names with their images.
pub(super) type Classes = BTreeMap<String, Vec<PathBuf>>;

/// The classes of each part.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub train: Option<Classes>,
    pub test: Option<Classes>,
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
    Ok(Parts { train: Some(training_classes(top, notes)?), test: None })
}

/// The images that lie in no class folders, as one class: those of the folder itself, or of `train`, and of `test` or `val` beside it.
pub(super) fn loose(root: &Tree, notes: &mut Vec<String>) -> Parts {
    let of = |images: Vec<PathBuf>| (!images.is_empty()).then(|| Classes::from([(UNLABELLED.to_owned(), images)]));
    if !root.images.is_empty() {
        for folder in root.with_images() {
            notes.push(format!("`{}` ({}) is not used", folder.name, counted(folder.count(), "image")));
        }
        return Parts { train: of(root.images.clone()), test: None };
    }
    let part = |name: Name| {
        let folder = root.folders.iter().find(|folder| called(&folder.name).is(name) && !folder.images.is_empty());
        of(folder.map(|folder| folder.images.clone()).unwrap_or_default())
    };
    Parts { train: part(Name::Train), test: part(Name::Test).or_else(|| part(Name::Validation)) }
}

/// What to say of a folder without any image.
fn empty(folder: &Tree) -> DataError {
    let train = folder.folders.iter().find(|folder| called(&folder.name).is(Name::Train));
    let first = folder.folders.iter().find(|folder| folder.is_empty());
    match (train, first) {
        (Some(train), _) => DataError::MissingFile { path: train.path.clone(), wanted: "class folders".into() },
        (None, Some(class)) => DataError::EmptyClass { path: folder.path.clone(), class: class.name.clone() },
        (None, None) => DataError::NoImages { path: folder.path.clone() },
    }
}

/// The parts, if some of `folders`, which lie in `top`, are parts.
fn in_parts(top: &Tree, folders: &[&Tree], notes: &mut Vec<String>) -> Result<Option<Parts>, DataError> {
    let is = |folder: &Tree, name: Name| called(&folder.name).is(name);
    let name_of = |folder: &Tree| called(&folder.name).part();
    let trains_called = |called_so: Called| {
        folders.iter().filter(|folder| called(&folder.name) == called_so && has_classes(folder)).count()
    };
    // A name with a number counts where there is none without: `train` beside `train2` is the part.
    let trains = match trains_called(Called::Alone(Name::Train)) {
        0 => trains_called(Called::Numbered(Name::Train)),
        count => count,
    };
    let others_alone = folders.iter().any(|folder| [Name::Test, Name::Validation].iter().any(|&name| is(folder, name)));
    let strays = folders.iter().filter(|folder| name_of(folder).is_none()).count();
    let all_are_parts = strays == 0;
    let only_tests = folders.iter().all(|folder| {
        let is_one_of = |name: Name| is(folder, name) && folders.iter().filter(|other| is(other, name)).count() == 1;
        let is_alone = matches!(called(&folder.name), Called::Alone(Name::Test | Name::Validation));
        (is_alone || is_one_of(Name::Test) || is_one_of(Name::Validation)) && has_classes(folder)
    });
    // One of several folders that is called `train` and holds folders might be a class all the same (steam, diesel);
    // a part beside it, or nothing else, says that it is none.
    let by_name = trains == 1 && (others_alone || strays == 0);
    let by_words = trains == 0
        && all_are_parts
        && folders.iter().filter(|folder| name_of(folder) == Some(Name::Train) && has_classes(folder)).count() == 1;
    if !(by_name || by_words || only_tests) {
        // `train` of loose images beside nothing but parts: no class folders anywhere. `train1` and `train2` may be classes.
        let loose = folders.iter().find(|folder| is(folder, Name::Train) && !has_classes(folder));
        let is_no_class =
            |folder: &&&Tree| all_are_parts && (others_alone || called(&folder.name) == Called::Alone(Name::Train));
        return match loose.filter(is_no_class) {
            Some(train) => Err(DataError::NoClassFolders { path: train.path.clone(), images: train.images.len() }),
            None => Ok(None),
        };
    }
    let part = |name: Name| {
        let called_so = |wanted: Called| {
            let fits = |folder: &&Tree| called(&folder.name) == wanted && (name != Name::Train || has_classes(folder));
            folders.iter().copied().find(fits)
        };
        match by_words {
            true => folders.iter().copied().find(|folder| name_of(folder) == Some(name)),
            false => called_so(Called::Alone(name)).or_else(|| called_so(Called::Numbered(name))),
        }
    };
    let train = part(Name::Train).map(|train| training_classes(unwrapped(train, |_| false), notes)).transpose()?;
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
                "`{}` ({}) has no folders of the training classes, so no labels: it is not the test part",
                candidate.name,
                counted(candidate.count(), "image")
            ));
        }
    }
    for folder in folders.iter().filter(|folder| !used.iter().any(|used| std::ptr::eq(*used, **folder))) {
        notes.push(format!("`{}` ({}) is not used", folder.name, counted(folder.count(), "image")));
    }
    loose_images(top, notes);
    Ok(Some(Parts { train, test }))
}

/// The parts, if every one of `folders` is a class that holds nothing but parts.
fn parts_below_classes(top: &Tree, folders: &[&Tree], notes: &mut Vec<String>) -> Result<Option<Parts>, DataError> {
    let of = |folder: &Tree| called(&folder.name).part().filter(|&name| called(&folder.name).is(name));
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
        notes.push(format!("the validation folders ({}) are not used", counted(count(&unused), "image")));
    }
    let others = count(&gather(Name::Other));
    if others > 0 {
        notes.push(format!(
            "the folders that are neither for training nor for tests ({}) are not used",
            counted(others, "image")
        ));
    }
    loose_images(top, notes);
    Ok(Some(Parts { train: Some(train), test: Some(test).filter(|test| !test.is_empty()) }))
}

/// The folders in `folder` as the classes to train on, unless they are none for certain.
fn training_classes(folder: &Tree, notes: &mut Vec<String>) -> Result<Classes, DataError> {
    let folders: Vec<&Tree> = folder.with_images().collect();
    notes.extend(mistaken::look(folder, &folders)?);
    classes(folder, notes)
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
        } else if !class.holds_runs() {
            // Runs are told as such.
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
            "left out: {} in no class folder, but in `{}` itself, e.g. `{name}`",
            counted(folder.images.len(), "image"),
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
            // With numbers.
            (&["train2023/a/1.jpg", "train2023/b/1.jpg", "val2023/a/2.jpg"], "a 1, b 1 | a 1"),
            (&["train_1/a/1.jpg", "train_1/b/1.jpg", "test_1/b/2.jpg"], "a 1, b 1 | b 1"),
            (&["train/a/1.jpg", "train/b/1.jpg", "test1/2.jpg"], "a 1, b 1 | -"),
            (&["train/a/1.jpg", "train/b/1.jpg", "train2/a/2.jpg", "val2/b/1.jpg"], "a 1, b 1 | b 1"),
            (&["a/train2023/1.jpg", "b/train2023/1.jpg", "b/val2023/3.jpg"], "a 1, b 1 | b 1"),
            (&["test2017/a/1.jpg", "val2017/a/1.jpg", "val2017/b/1.jpg"], "- | a 1"),
            (&["train1/1.jpg", "train2/1.jpg"], "train1 1, train2 1 | -"),
            (&["fold1/1.jpg", "fold2/1.jpg"], "fold1 1, fold2 1 | -"),
            (&["a/fold1/1.jpg", "a/fold2/2.jpg", "b/fold1/1.jpg", "b/fold2/2.jpg"], "a 2, b 2 | -"),
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
                "left out: 1 image in no class folder, but in `train` itself, e.g. `loose.jpg`",
                "`test` (1 image) has no folders of the training classes, so no labels: it is not the test part",
                "`misc` (1 image) is not used",
            ]
        );
        let (_, notes) = found(&["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "val/b/1.jpg"]);
        assert_eq!(notes, ["`val` (1 image) is not used"]);
        let (_, notes) = found(&["train/a/1.jpg", "train/b/1.jpg", "test1/2.jpg", "train2/a/1.jpg"]);
        assert_eq!(
            notes,
            [
                "`test1` (1 image) has no folders of the training classes, so no labels: it is not the test part",
                "`train2` (1 image) is not used",
            ]
        );
        let (_, notes) = found(&["a/train/1.jpg", "a/unlabeled/2.jpg", "b/train/1.jpg"]);
        assert_eq!(notes, ["the folders that are neither for training nor for tests (1 image) are not used"]);
    }

    #[test]
    fn classes_that_look_like_what_lies_above_them_are_doubted() {
        let (classes, notes) =
            found(&["left/cat/1.jpg", "left/dog/1.jpg", "right/cat/2.jpg", "right/dog/2.jpg", "right/dog/3.jpg"]);
        assert_eq!(classes, "left 2, right 3 | -");
        assert!(notes.len() == 1 && notes[0].contains("2 folders that are taken for classes"), "{notes:?}");
        assert!(notes[0].contains("the same folders (`cat`, `dog`)") && notes[0].contains("/left`)"), "{notes:?}");
        for usual in [
            // One folder inside says nothing, other ones neither, nor do parts or images beside them.
            &["cat/images/1.jpg", "dog/images/1.jpg"][..],
            &["cat/big/1.jpg", "cat/small/1.jpg", "dog/big/1.jpg", "dog/tiny/1.jpg"],
            &["cat/fold1/1.jpg", "cat/fold2/1.jpg", "dog/fold1/1.jpg", "dog/fold2/1.jpg"],
            &["cat/big/1.jpg", "cat/small/1.jpg", "dog/big/1.jpg", "dog/small/1.jpg", "dog/1.jpg"],
        ] {
            assert_eq!(found(usual).1, [""; 0], "{usual:?}");
        }
    }

    #[test]
    fn parts_are_refused_as_classes_where_that_is_certain() {
        for (paths, words) in [
            (
                &["fold1/cat/1.jpg", "fold1/dog/1.jpg", "fold2/cat/1.jpg", "fold2/dog/1.jpg"][..],
                &["`fold1`, `fold2` are called as parts", "`cat`, `dog` below each of them"][..],
            ),
            (
                &["train/part_0/a/1.jpg", "train/part_0/b/1.jpg", "train/part_1/a/1.jpg", "train/part_1/b/1.jpg"],
                &["/train`: the folders `part_0`, `part_1` are called"],
            ),
            (
                &["train1/a/1.jpg", "train1/b/1.jpg", "train2/a/1.jpg", "val1/b/1.jpg"],
                &["`train1`, `train2`, `val1` are called as parts"],
            ),
        ] {
            let (_folder, tree) = tree(paths);
            let message = find(&tree, &mut Vec::new()).unwrap_err().to_string();
            assert!(words.iter().all(|words| message.contains(words)), "{message}");
        }
    }

    #[test]
    fn images_without_class_folders_are_of_one_class_where_that_is_asked_for() {
        for (paths, wanted) in [
            (&["1.jpg", "2.jpg"][..], [Some(2), None]),
            (&["train/1.jpg", "train/2.jpg", "test/1.jpg"], [Some(2), Some(1)]),
            (&["train2017/1.jpg", "val2017/1.jpg"], [Some(1), Some(1)]),
            (&["other/1.jpg"], [None, None]),
        ] {
            let (_folder, tree) = tree(paths);
            let Parts { train, test } = loose(&tree, &mut Vec::new());
            let count = |part: Option<Classes>| part.map(|classes| classes[UNLABELLED].len());
            assert_eq!([count(train), count(test)], wanted, "{paths:?}");
        }
    }

    #[test]
    fn images_without_class_folders_are_refused() {
        for paths in [
            &["1.jpg", "2.jpg"][..],
            &["train/1.jpg", "test/1.jpg"],
            &["train2017/1.jpg", "val2017/1.jpg"],
            &["train/1.jpg", "test1/1.jpg"],
        ] {
            let (_folder, tree) = tree(paths);
            let message = find(&tree, &mut Vec::new()).unwrap_err().to_string();
            assert!(message.contains("but no class folders"), "{message}");
        }
    }
}

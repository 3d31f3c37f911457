//! Which images are trained on and which are the test part: classes by name, a test part held out where there is none.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::dataset::hexadecimal;
use crate::load::Images;
use crate::readers::{Found, Part, doubt};
use crate::split::{counts, hold_out, stratified_subset};
use crate::{DataError, OpenOptions, unread};

/// Share of the images that is held out as test part where a data set has none.
pub const HOLDOUT: f64 = 0.2;

/// Training images of a class up to which that is told: one or two of them train, and one says how well the class is known.
const FEW: usize = 3;

/// Most classes that are accepted: more are rather numbers to regress or identifiers.
const MAX_CLASSES: usize = 10_000;

/// Some images of a part, of which none is read yet.
pub(crate) struct Chosen {
    pub images: Arc<dyn Images>,
    /// Which of them, ascending.
    pub rows: Vec<u32>,
    /// One label a row, an index into the classes of the training part.
    pub labels: Vec<u32>,
}

/// What is trained on and what is sealed.
pub(crate) struct Divided {
    pub classes: Vec<String>,
    pub train: Chosen,
    pub test: Chosen,
    pub notes: Vec<String>,
}

/// Tells the training images from the test images, of what a reader `found`: classes by name, a test part held out where there
/// is none, a choice where there is a limit.
pub(crate) fn divide(path: &Path, found: Found, options: &OpenOptions) -> Result<Divided, DataError> {
    let Found { train, test, mut notes } = found;
    let mut train = train.ok_or_else(|| DataError::NoTraining { path: path.to_owned() })?;
    for part in [Some(&train), test.as_ref()].into_iter().flatten() {
        if part.labels.is_empty() {
            return Err(DataError::NoImages { path: part.path.clone() });
        }
    }
    notes.extend(drop_unused_classes(&mut train));
    let classes = std::mem::take(&mut train.classes);
    let fewest = if options.unlabelled { 1 } else { 2 };
    if !(fewest..=MAX_CLASSES).contains(&classes.len()) {
        let advice = unread::advice(path);
        return Err(DataError::ClassCount { path: path.to_owned(), found: classes.len(), most: MAX_CLASSES, advice });
    }
    notes.extend(doubt(&classes));
    let test_labels = test.as_ref().map(|test| labels_among(test, &classes)).transpose()?;
    let (mut rows, test) = match test.zip(test_labels) {
        Some((test, labels)) => (all_rows(&train), Chosen { rows: all_rows(&test), images: test.images, labels }),
        None => {
            let (kept, rows) = held_out(&train, path, options)?;
            let labels = pick(&train.labels, &rows);
            (kept, Chosen { images: Arc::clone(&train.images), rows, labels })
        }
    };
    if let Some(limit) = options.limit {
        let labels = pick(&train.labels, &rows);
        let chosen = stratified_subset(&labels, limit, options.limit_seed)?;
        rows = chosen.into_iter().map(|at| rows[at as usize]).collect();
    }
    let labels = pick(&train.labels, &rows);
    notes.extend(few_images(&classes, &counts(&labels, classes.len())));
    Ok(Divided { classes, train: Chosen { images: train.images, rows, labels }, test, notes })
}

/// What to say of classes with hardly any image.
fn few_images(classes: &[String], counts: &[usize]) -> Option<String> {
    const NAMED: usize = 5;
    let mut few: Vec<(usize, &String)> =
        counts.iter().copied().zip(classes).filter(|(count, _)| *count <= FEW).collect();
    // The fewest first; else in the order of the classes.
    few.sort_by_key(|(count, _)| *count);
    let (first, _) = *few.first()?;
    let mut named: Vec<String> = few.iter().take(NAMED).map(|(count, class)| format!("`{class}` {count}")).collect();
    if few.len() > NAMED {
        named.push("..".to_owned());
    }
    let single = if first <= 1 { "; of a class with one, none is held out to choose networks by" } else { "" };
    Some(format!(
        "{} of {} classes have at most {FEW} training images ({}): too few to learn them, or to tell how well they are known{single}; \
         add images, or leave these classes out",
        few.len(),
        classes.len(),
        named.join(", ")
    ))
}

pub(crate) fn all_rows(part: &Part) -> Vec<u32> {
    (0..).zip(&part.labels).map(|(row, _)| row).collect()
}

/// See [`SealedTest::fingerprint`](crate::SealedTest::fingerprint).
pub(crate) fn identity(
    classes: &[String],
    images: &dyn Images,
    rows: &[u32],
    labels: &[u32],
) -> Result<String, DataError> {
    let mut hash = Sha256::new();
    hash.update(b"fewshot-data test 1\0");
    for class in classes {
        hash.update((class.len() as u64).to_le_bytes());
        hash.update(class);
    }
    for number in rows.iter().chain(labels) {
        hash.update(number.to_le_bytes());
    }
    images.identify(rows, &mut hash)?;
    Ok(hexadecimal(&hash.finalize()))
}

/// Rows of a training part that are kept, and those that are held out for lack of a test part.
pub(crate) fn held_out(train: &Part, path: &Path, options: &OpenOptions) -> Result<(Vec<u32>, Vec<u32>), DataError> {
    let everything = all_rows(train);
    if everything.is_empty() {
        return Err(DataError::NoImages { path: path.to_owned() });
    }
    let (kept, held) = hold_out(&train.labels, &everything, HOLDOUT, "data/holdout", options.holdout_seed);
    if held.is_empty() {
        let wanted = "such that a class can spare one as test image (there is no test part)";
        return Err(DataError::setting("the number of images", kept.len(), wanted));
    }
    Ok((kept, held))
}

/// Takes the classes without images out of the training part, and says which they were.
fn drop_unused_classes(train: &mut Part) -> Option<String> {
    const NAMED: usize = 5;
    let counts = counts(&train.labels, train.classes.len());
    if counts.iter().all(|&count| count > 0) {
        return None;
    }
    let all = train.classes.len();
    let mut index = vec![u32::MAX; all];
    let (mut used, mut unused) = (Vec::new(), Vec::new());
    for (class, name) in std::mem::take(&mut train.classes).into_iter().enumerate() {
        if counts[class] > 0 {
            index[class] = used.len() as u32;
            used.push(name);
        } else {
            unused.push(name);
        }
    }
    train.classes = used;
    train.labels.iter_mut().for_each(|label| *label = index[*label as usize]);
    let mut named: Vec<&str> = unused.iter().take(NAMED).map(String::as_str).collect();
    if unused.len() > NAMED {
        named.push("..");
    }
    Some(format!(
        "{} of {all} named classes have no training image and are left out: {}",
        unused.len(),
        named.join(", ")
    ))
}

/// The labels of a part as indices into `classes`; classes of the part that no image has do not matter.
fn labels_among(part: &Part, classes: &[String]) -> Result<Vec<u32>, DataError> {
    let place: std::collections::HashMap<&str, u32> =
        (0..).zip(classes).map(|(index, name)| (name.as_str(), index)).collect();
    let index: Vec<Option<u32>> = part.classes.iter().map(|name| place.get(name.as_str()).copied()).collect();
    let label = |&label: &u32| {
        index[label as usize].ok_or_else(|| DataError::UnknownClass {
            path: part.path.clone(),
            class: part.classes[label as usize].clone(),
            classes: classes.to_vec(),
        })
    };
    part.labels.iter().map(label).collect()
}

/// The same for a network's classes: where either side has only numbers for names, by their order.
pub(crate) fn labels_known(part: &Part, classes: &[String]) -> Result<Vec<u32>, DataError> {
    let number = |name: &String| name.parse::<u32>().ok();
    let numbered = |names: &[String]| names.iter().all(|name| number(name).is_some());
    if part.classes.len() == classes.len() && (numbered(&part.classes) || numbered(classes)) {
        return Ok(part.labels.clone());
    }
    let values: Vec<u32> = part.classes.iter().filter_map(number).collect();
    let are_indices =
        values.len() == part.classes.len() && values.iter().all(|&value| (value as usize) < classes.len());
    if are_indices && !numbered(classes) {
        return Ok(part.labels.iter().map(|&label| values[label as usize]).collect());
    }
    labels_among(part, classes)
}

pub(crate) fn pick(labels: &[u32], rows: &[u32]) -> Vec<u32> {
    rows.iter().map(|&row| labels[row as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_with_hardly_any_image_are_told() {
        let told = |counts: &[usize]| {
            let classes: Vec<String> = (0..counts.len()).map(|class| format!("c{class}")).collect();
            few_images(&classes, counts)
        };
        assert_eq!(told(&[4, 100]), None);
        let note = told(&[3, 50, 2]).unwrap();
        assert!(note.starts_with("2 of 3 classes have at most 3 training images (`c2` 2, `c0` 3): too few"), "{note}");
        assert!(!note.contains("held out"), "{note}");
        let note = told(&[1; 7]).unwrap();
        assert!(note.contains("7 of 7") && note.contains("`c4` 1, ..)") && note.contains("none is held out"), "{note}");
    }
}

//! Labels as they come from the columns of Parquet files and the members of archives, brought to classes by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::readers::parquet_file::{ParquetFile, Values};
use crate::{ColumnError, DataError, Place};

/// Labels of one file: numbers, of which the file may know the names, or names.
#[derive(Debug, Clone)]
pub(super) enum Labels {
    Numbers { values: Vec<i64>, names: Option<Vec<String>> },
    Names(Vec<String>),
}

impl Labels {
    /// All values of `column`, which must have one in every row.
    pub fn read(file: &ParquetFile, column: &str, names: Option<Vec<String>>) -> Result<Labels, DataError> {
        match file.values(column)? {
            Values::Integers(values) => Ok(Labels::Numbers { values: present(file, column, values)?, names }),
            Values::Text(values) => Ok(Labels::Names(present(file, column, values)?)),
        }
    }

    /// Whether every label is the -1 that marks a part without labels.
    pub fn are_withheld(&self) -> bool {
        matches!(self, Labels::Numbers { values, .. } if !values.is_empty() && values.iter().all(|&label| label == -1))
    }

    pub fn names(&self) -> Option<&Vec<String>> {
        match self {
            Labels::Numbers { names, .. } => names.as_ref(),
            Labels::Names(_) => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Labels::Numbers { values, .. } => values.len(),
            Labels::Names(names) => names.len(),
        }
    }
}

fn present<T>(file: &ParquetFile, column: &str, values: Vec<Option<T>>) -> Result<Vec<T>, DataError> {
    let null =
        |row: usize| ColumnError::Null { place: Place::record(file.path(), row as u64), column: column.to_owned() };
    (0..).zip(values).map(|(row, value)| Ok(value.ok_or_else(|| null(row))?)).collect()
}

/// The names of the classes 0, 1, ..: those that occur several times get the number of their class (ImageNet has two kinds of `crane`,
/// and published lists for zero-shot classification have such).
pub(super) fn distinct(names: Vec<String>) -> Vec<String> {
    let mut count: BTreeMap<&String, usize> = BTreeMap::new();
    names.iter().for_each(|name| *count.entry(name).or_default() += 1);
    let named = |(number, name): (usize, &String)| match count[name] {
        1 => name.clone(),
        _ => format!("{name} ({number})"),
    };
    names.iter().enumerate().map(named).collect()
}

/// Classes of one part, and a label an image.
pub(super) struct Classed {
    pub classes: Vec<String>,
    pub labels: Vec<u32>,
}

/// Brings the labels of several files together by the names of their classes: each file may number them its own way.
///
/// Files whose numbers have no names take those of `known`; where nobody knows any, the numbers are the names. The
/// classes come in the order of the first file that has names, those of other files after them; numbers by value, other
/// names by their bytes.
pub(super) fn together(files: &[(Arc<Path>, Labels)], known: Option<&Vec<String>>) -> Result<Classed, DataError> {
    let mut order: Vec<String> = Vec::new();
    let mut place: BTreeMap<String, u32> = BTreeMap::new();
    let mut enter = |name: &str| {
        if !place.contains_key(name) {
            place.insert(name.to_owned(), order.len() as u32);
            order.push(name.to_owned());
        }
    };
    for (_, labels) in files {
        labels
            .names()
            .or(known.filter(|_| matches!(labels, Labels::Numbers { .. })))
            .into_iter()
            .flatten()
            .for_each(|name| enter(name));
    }
    let (mut numbers, mut words) = (Vec::new(), Vec::new());
    for (path, labels) in files {
        match labels {
            Labels::Numbers { values, names } if names.is_none() && known.is_none() => {
                if let Some(row) = values.iter().position(|&label| label < 0) {
                    let place = Place::record(Arc::clone(path), row as u64);
                    return Err(DataError::NegativeLabel { place, label: values[row] });
                }
                numbers.extend(values);
            }
            Labels::Numbers { .. } => {}
            Labels::Names(names) => words.extend(names.iter().map(String::as_str)),
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers.iter().for_each(|number: &i64| enter(&number.to_string()));
    words.sort_unstable();
    words.dedup();
    words.iter().for_each(|name| enter(name));

    let mut all = Vec::with_capacity(files.iter().map(|(_, labels)| labels.len()).sum());
    for (path, labels) in files {
        match labels {
            Labels::Names(names) => all.extend(names.iter().map(|name| place[name])),
            Labels::Numbers { values, names } => match names.as_ref().or(known) {
                None => all.extend(values.iter().map(|number| place[&number.to_string()])),
                Some(names) => {
                    let index: Vec<u32> = names.iter().map(|name| place[name]).collect();
                    for (row, &label) in (0..).zip(values) {
                        let found = usize::try_from(label).ok().and_then(|label| index.get(label));
                        let place = || Place::record(Arc::clone(path), row);
                        let wrong = || DataError::Label { place: place(), label, classes: names.len() };
                        all.push(*found.ok_or_else(wrong)?);
                    }
                }
            },
        }
    }
    Ok(Classed { classes: order, labels: all })
}

/// What to say of numbers without names that leave some out: that is how a damaged label shows itself.
pub(super) fn gap(classes: &[String]) -> Option<String> {
    let numbers: Vec<i64> = classes.iter().map(|name| name.parse().ok()).collect::<Option<_>>()?;
    let gap = numbers.windows(2).find(|pair| pair[1].checked_sub(pair[0]) != Some(1))?;
    Some(format!(
        "the labels have no names and are no consecutive numbers: after {} comes {}; each of the {} numbers is a class",
        gap[0],
        gap[1],
        numbers.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[i64], names: Option<&[&str]>) -> (Arc<Path>, Labels) {
        let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        (Path::new("x.parquet").into(), Labels::Numbers { values: values.to_vec(), names })
    }

    fn joined(files: &[(Arc<Path>, Labels)]) -> Vec<String> {
        let Classed { classes, labels } = together(files, None).unwrap();
        labels.iter().map(|&label| classes[label as usize].clone()).collect()
    }

    #[test]
    fn classes_of_equal_names_stay_apart() {
        let names = distinct(["crane", "jay", "crane"].map(str::to_owned).to_vec());
        assert_eq!(names, ["crane (0)", "jay", "crane (2)"]);
    }

    #[test]
    fn files_are_matched_by_name() {
        let files = [numbers(&[0, 1], Some(&["a", "b"])), numbers(&[0, 1, 2], Some(&["c", "b", "a"]))];
        assert_eq!(joined(&files), ["a", "b", "c", "b", "a"]);
        assert_eq!(together(&files, None).unwrap().classes, ["a", "b", "c"]);
    }

    #[test]
    fn numbers_are_ordered_by_value_and_gaps_are_told() {
        let Classed { classes, labels } = together(&[numbers(&[10, 2, 2], None)], None).unwrap();
        assert_eq!((classes.clone(), labels), (vec!["2".to_owned(), "10".to_owned()], vec![1, 0, 0]));
        assert!(gap(&classes).unwrap().contains("after 2 comes 10"));
        assert_eq!(gap(&["3".into(), "4".into()]), None);
        assert_eq!(gap(&["a".into()]), None);
    }

    #[test]
    fn labels_beyond_the_names_are_refused() {
        let wrong = together(&[numbers(&[0, 3], Some(&["a", "b"]))], None).err().unwrap().to_string();
        assert!(wrong.contains("record 1") && wrong.contains("label 3"), "{wrong}");
        let known = vec!["a".to_owned()];
        assert!(together(&[numbers(&[-1], None)], Some(&known)).is_err());
        assert!(together(&[numbers(&[-1, 0], None)], None).is_err());
    }
}

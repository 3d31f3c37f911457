//! Labels that are numbers without names.

use std::path::Path;

use crate::DataError;

/// Classes for labels that have no names.
pub(super) struct Numbered {
    /// Label of class 0.
    pub first: i64,
    /// The numbers as names.
    pub names: Vec<String>,
}

/// Labels without names must be consecutive numbers (0 to 9, or 1 to 26): they become the names. A gap is refused,
/// because it is how a damaged label shows itself.
pub(super) fn number_classes(path: &Path, labels: &[i64]) -> Result<Numbered, DataError> {
    let mut distinct = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    for pair in distinct.windows(2) {
        if pair[1].checked_sub(pair[0]) != Some(1) {
            return Err(DataError::LabelGap { path: path.to_owned(), before: pair[0], after: pair[1] });
        }
    }
    let first = distinct.first().copied().unwrap_or(0);
    Ok(Numbered { first, names: distinct.iter().map(i64::to_string).collect() })
}

/// The class index of a label of `classes` classes, the first of which has the label `first`.
pub(super) fn class_index(label: i64, first: i64, classes: usize) -> Option<u32> {
    let index = label.checked_sub(first)?;
    u32::try_from(index).ok().filter(|&index| (index as usize) < classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_classes() {
        let path = Path::new("labels");
        let classes = number_classes(path, &[3, 1, 2, 2, 1]).unwrap();
        assert_eq!((classes.first, classes.names), (1, vec!["1".into(), "2".into(), "3".into()]));
        let message = number_classes(path, &[0, 1, 200]).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("after 1 comes 200"), "{message}");
        assert!(number_classes(path, &[i64::MIN, i64::MAX]).is_err());
    }

    #[test]
    fn class_indices() {
        assert_eq!(class_index(3, 1, 3), Some(2));
        assert_eq!(class_index(4, 1, 3), None);
        assert_eq!(class_index(0, 1, 3), None);
        assert_eq!(class_index(i64::MIN, 1, 3), None);
    }
}

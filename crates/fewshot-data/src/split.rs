//! Stratified, seeded parts of a labelled set.

use std::collections::BTreeMap;

use fewshot_space::random;
use rand::seq::SliceRandom;

use crate::DataError;

/// The training images, parted for a search: one part trains the shared weights, the other scores architectures.
///
/// The test images are elsewhere (see [`SealedTest`](crate::SealedTest)), so that a search cannot see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// Indices of the images that train, ascending.
    pub search_train: Vec<u32>,
    /// Indices of the images that validate, ascending. Disjoint from `search_train`.
    pub search_val: Vec<u32>,
}

impl Splits {
    /// Parts the images with the given `labels`, every class in (nearly) the same proportion.
    ///
    /// - `val_fraction`: share of the validation part, above 0 and below 1. NAS-Bench-201 uses 0.5.
    /// - `limit`: use only so many images, themselves a stratified choice; the two parts cover just those. `None`: all.
    /// - `seed`: same seed, same parts.
    ///
    /// The validation part has `round(val_fraction * n)` of the `n` images, apart from this: every class with at least
    /// two images has at least one in each part, and a class with a single image only trains.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `val_fraction` or `limit` is out of range (`limit` must leave every class an image),
    /// or if there are too few images for two parts.
    pub fn stratified(labels: &[u32], val_fraction: f64, limit: Option<usize>, seed: u64) -> Result<Splits, DataError> {
        if !(val_fraction > 0.0 && val_fraction < 1.0) {
            return Err(DataError::setting("the validation fraction", val_fraction, "above 0 and below 1"));
        }
        let used = match limit {
            Some(limit) => stratified_subset(labels, limit, seed)?,
            None => all(labels),
        };
        let (search_train, search_val) = hold_out(labels, &used, val_fraction, "data/split", seed);
        if search_val.is_empty() {
            return Err(DataError::setting(
                "the number of images",
                used.len(),
                "such that some class has two (one to train, one to validate)",
            ));
        }
        Ok(Splits { search_train, search_val })
    }
}

/// `count` of the images with the given `labels`, every class in (nearly) the same proportion; indices ascending.
///
/// Every class keeps at least two of its images (all, if it has fewer) where `count` allows two a class, else one.
/// With a `count` of `labels.len()` or more: all of them.
///
/// # Errors
/// [`DataError::Setting`] if `count` is smaller than the number of classes that occur.
pub fn stratified_subset(labels: &[u32], count: usize, seed: u64) -> Result<Vec<u32>, DataError> {
    if count >= labels.len() {
        return Ok(all(labels));
    }
    let mut by_class = group(labels, &all(labels));
    let sizes: Vec<usize> = by_class.iter().map(|(_, members)| members.len()).collect();
    let present = sizes.len();
    if count < present {
        return Err(DataError::setting("the limit on images", count, format!("at least {present}, one a class")));
    }
    let floor = if count >= 2 * present { 2 } else { 1 };
    let quota = apportion(&sizes, count, |size| size.min(floor), |size| size);
    let mut chosen = Vec::with_capacity(count);
    for ((class, members), quota) in by_class.iter_mut().zip(quota) {
        members.shuffle(&mut random::stream(seed, "data/subset", u64::from(*class), 0));
        chosen.extend_from_slice(&members[..quota]);
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// Parts `used` (indices into `labels`) into (kept, held out), both ascending; `fraction` of them is held out.
///
/// A class with at least two images has at least one in each part; a class with one keeps it.
pub(crate) fn hold_out(labels: &[u32], used: &[u32], fraction: f64, purpose: &str, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut by_class = group(labels, used);
    let sizes: Vec<usize> = by_class.iter().map(|(_, members)| members.len()).collect();
    let wanted = (fraction * used.len() as f64).round() as usize;
    let quota = apportion(&sizes, wanted, |size| usize::from(size >= 2), |size| size.saturating_sub(1));
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for ((class, members), quota) in by_class.iter_mut().zip(quota) {
        members.shuffle(&mut random::stream(seed, purpose, u64::from(*class), 0));
        held.extend_from_slice(&members[..quota]);
        kept.extend_from_slice(&members[quota..]);
    }
    kept.sort_unstable();
    held.sort_unstable();
    (kept, held)
}

/// As many of `indices` (into `labels`) as there are, some perhaps several times, so that all classes among them come
/// equally often, or once more than others: which do is drawn anew for each epoch.
///
/// A class with many images gives some of them. One with few gives all of them, over and over, none more than once more
/// often than another. Of exactly balanced classes each image comes once.
pub(crate) fn balanced(labels: &[u32], indices: &[u32], seed: u64, epoch: u64) -> Vec<u32> {
    let stream = |counter| random::stream(seed, "data/balance", epoch, counter);
    let mut classes = group(labels, indices);
    classes.shuffle(&mut stream(0));
    let (each, rest) = (indices.len() / classes.len().max(1), indices.len() % classes.len().max(1));
    let mut chosen = Vec::with_capacity(indices.len());
    for (place, (class, members)) in classes.iter_mut().enumerate() {
        members.shuffle(&mut stream(1 + u64::from(*class)));
        chosen.extend(members.iter().cycle().take(each + usize::from(place < rest)));
    }
    chosen
}

/// Number of images of each of `classes` classes; larger labels are not counted.
pub(crate) fn counts(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for &label in labels {
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    counts
}

/// The indices of all labels.
fn all(labels: &[u32]) -> Vec<u32> {
    (0..).zip(labels).map(|(index, _)| index).collect()
}

/// `used` by class: (label, members in order), labels ascending; classes without members do not occur.
fn group(labels: &[u32], used: &[u32]) -> Vec<(u32, Vec<u32>)> {
    let mut groups = BTreeMap::<u32, Vec<u32>>::new();
    for &index in used {
        groups.entry(labels[index as usize]).or_default().push(index);
    }
    groups.into_iter().collect()
}

/// Shares `total` among groups in proportion to their `sizes`, by largest remainders (Hamilton's method), each share
/// between `least(size)` and `most(size)`; ties go to the first group. Sums to `total` wherever those bounds allow it.
fn apportion(
    sizes: &[usize],
    total: usize,
    least: impl Fn(usize) -> usize,
    most: impl Fn(usize) -> usize,
) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    // `total * size` in u128: exact, and the comparison of remainders needs no floats.
    let ideal = |size: usize| (total as u128 * size as u128, all.max(1) as u128);
    let mut shares: Vec<usize> = sizes
        .iter()
        .map(|&size| {
            let (product, all) = ideal(size);
            ((product / all) as usize).clamp(least(size), most(size))
        })
        .collect();
    // How far a share lies below its ideal, times `all`.
    let deficit = |size: usize, share: usize| {
        let (product, all) = ideal(size);
        product as i128 - (share as u128 * all) as i128
    };
    let mut sum: usize = shares.iter().sum();
    while sum != total {
        let grow = sum < total;
        let candidate = (0..sizes.len())
            .filter(|&group| match grow {
                true => shares[group] < most(sizes[group]),
                false => shares[group] > least(sizes[group]),
            })
            .max_by_key(|&group| {
                let deficit = deficit(sizes[group], shares[group]);
                (if grow { deficit } else { -deficit }, std::cmp::Reverse(group))
            });
        match candidate {
            Some(group) if grow => (shares[group], sum) = (shares[group] + 1, sum + 1),
            Some(group) => (shares[group], sum) = (shares[group] - 1, sum - 1),
            None => break, // all at their bounds
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Labels of unbalanced classes, shuffled; a class may be absent, or have one image.
    fn labels() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![Just(0_usize), Just(1), Just(2), 3..60_usize], 2..12)
            .prop_map(|sizes| -> Vec<u32> {
                (0..).zip(sizes).flat_map(|(class, size): (u32, usize)| vec![class; size]).collect()
            })
            .prop_shuffle()
            .prop_filter("some class has two images", |labels| counts(labels, 12).iter().any(|&count| count > 1))
    }

    fn classes_of(labels: &[u32], part: &[u32]) -> Vec<usize> {
        let labels: Vec<u32> = part.iter().map(|&index| labels[index as usize]).collect();
        counts(&labels, 12)
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_cover_and_keep_proportions(
            labels in labels(),
            fraction in 0.05..0.95_f64,
            seed in any::<u64>(),
        ) {
            let Splits { search_train, search_val } = Splits::stratified(&labels, fraction, None, seed).unwrap();
            let mut both = [search_train.clone(), search_val.clone()].concat();
            both.sort_unstable();
            prop_assert_eq!(both, all(&labels));
            prop_assert!(search_train.is_sorted() && search_val.is_sorted());
            let sizes = counts(&labels, 12);
            let held = classes_of(&labels, &search_val);
            for (&size, &held) in sizes.iter().zip(&held) {
                match size {
                    0 | 1 => prop_assert_eq!(held, 0),
                    _ => prop_assert!(held >= 1 && held < size),
                }
            }
            // No class that is large enough for its bounds not to matter is far from its share.
            if sizes.iter().all(|&size| size == 0 || size as f64 * fraction.min(1.0 - fraction) >= 2.0) {
                prop_assert_eq!(search_val.len(), (fraction * labels.len() as f64).round() as usize);
                for (&size, &held) in sizes.iter().zip(&held) {
                    prop_assert!((held as f64 - fraction * size as f64).abs() < 1.5);
                }
            }
        }

        #[test]
        fn subsets_have_the_size_asked_for_and_every_class(
            labels in labels(),
            part in 0.0..1.2_f64,
            seed in any::<u64>(),
        ) {
            let sizes = counts(&labels, 12);
            let present = sizes.iter().filter(|&&size| size > 0).count();
            let count = (part * labels.len() as f64) as usize;
            match stratified_subset(&labels, count, seed) {
                Ok(subset) => {
                    prop_assert_eq!(subset.len(), count.min(labels.len()));
                    prop_assert!(subset.is_sorted_by(|a, b| a < b));
                    let floor = if count >= 2 * present { 2 } else { 1 };
                    for (kept, size) in classes_of(&labels, &subset).into_iter().zip(sizes) {
                        prop_assert!(kept >= size.min(floor));
                    }
                }
                Err(error) => {
                    prop_assert!(count < present, "{}", error);
                    prop_assert!(error.to_string().contains("one a class"));
                }
            }
        }
    }

    #[test]
    fn balanced_classes_part_exactly() {
        let labels: Vec<u32> = (0..1000).map(|index| index % 10).collect();
        let splits = Splits::stratified(&labels, 0.5, None, 7).unwrap();
        assert_eq!(classes_of(&labels, &splits.search_train)[..10], [50; 10]);
        assert_eq!(classes_of(&labels, &splits.search_val)[..10], [50; 10]);
        let limited = Splits::stratified(&labels, 0.25, Some(200), 7).unwrap();
        assert_eq!(classes_of(&labels, &limited.search_train)[..10], [15; 10]);
        assert_eq!(classes_of(&labels, &limited.search_val)[..10], [5; 10]);
    }

    #[test]
    fn the_seed_decides() {
        let labels: Vec<u32> = (0..300).map(|index| index % 3).collect();
        let split = |seed| Splits::stratified(&labels, 0.2, None, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn unusable_settings_are_refused() {
        let labels = [0, 0, 1, 1];
        for fraction in [0.0, 1.0, -0.5, f64::NAN] {
            let error = Splits::stratified(&labels, fraction, None, 0).unwrap_err();
            assert!(error.to_string().contains("above 0 and below 1"), "{error}");
        }
        let error = Splits::stratified(&labels, 0.5, Some(1), 0).unwrap_err();
        assert!(error.to_string().contains("at least 2, one a class"), "{error}");
        let error = Splits::stratified(&[0, 1, 2], 0.5, None, 0).unwrap_err();
        assert!(error.to_string().contains("some class has two"), "{error}");
    }

    #[test]
    fn shares_follow_largest_remainders() {
        let free = |sizes: &[usize], total| apportion(sizes, total, |_| 0, |size| size);
        assert_eq!(free(&[50, 30, 20], 10), [5, 3, 2]);
        assert_eq!(free(&[1, 1, 1], 2), [1, 1, 0]); // a tie goes to the first
        assert_eq!(free(&[6, 6, 1], 7), [3, 3, 1]); // 3.23, 3.23, 0.54
        assert_eq!(apportion(&[97, 2, 1], 3, |size| size.min(1), |size| size), [1, 1, 1]);
        assert_eq!(free(&[2, 2], 9), [2, 2]); // no more than there is
    }
}

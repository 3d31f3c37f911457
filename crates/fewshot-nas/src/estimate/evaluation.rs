//! How well a trained network tells classes apart.

use serde::{Deserialize, Serialize};

use crate::task::likeliest;

/// Classes that the label may be among, for the wider accuracy.
const TOP: usize = 5;

/// What a network made of labelled images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: u64,
    /// Share of images whose likeliest class is the right one, 0 to 1.
    pub top1: f64,
    /// Share of images whose right class is among the five likeliest, 0 to 1; absent up to five classes, where it is always 1.
    /// Results of older versions have it for five classes too: [`Evaluation::top5`] does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// Mean of `recall` over the classes that have images, 0 to 1: accuracy as if all had equally many.
    pub balanced_accuracy: f64,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Per class, the share of its images that were given it, 0 to 1; `None` without images.
    pub recall: Vec<Option<f64>>,
    /// Images by class (row) and by the class that they were given (column).
    pub confusion: Vec<Vec<u64>>,
}

impl Evaluation {
    /// The share of images whose right class is among the five likeliest, where that says anything: with more than five classes.
    pub fn top5(&self) -> Option<f64> {
        self.top5.filter(|_| self.classes.len() > TOP)
    }

    /// Whether there is a row, a column and a recall for every class; files may say anything.
    pub fn is_whole(&self) -> bool {
        let classes = self.classes.len();
        let square = self.confusion.len() == classes && self.confusion.iter().all(|row| row.len() == classes);
        square && self.recall.len() == classes
    }

    /// Classes that are taken for another, as (right class, given class, images), the most frequent first.
    pub fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let cells = self
            .confusion
            .iter()
            .enumerate()
            .flat_map(|(right, row)| row.iter().enumerate().map(move |(given, &images)| (right, given, images)));
        let mut mistakes: Vec<_> = cells.filter(|&(right, given, images)| right != given && images > 0).collect();
        mistakes.sort_by_key(|&(right, given, images)| (std::cmp::Reverse(images), right, given));
        mistakes
    }
}

/// Counts, image by image.
#[derive(Debug, Clone)]
pub struct Tally {
    confusion: Vec<Vec<u64>>,
    in_top: u64,
}

impl Tally {
    /// Nothing yet, for so many classes.
    pub fn new(classes: usize) -> Self {
        Self { confusion: vec![vec![0; classes]; classes], in_top: 0 }
    }

    /// Counts images: `logits` row by row, one label a row, below the number of classes.
    pub fn add(&mut self, logits: &[f32], labels: &[u32]) {
        for (row, &label) in logits.chunks(self.confusion.len().max(1)).zip(labels) {
            let label = label as usize;
            let ahead =
                |&(class, value): &(usize, &f32)| *value > row[label] || (*value == row[label] && class < label);
            self.in_top += u64::from(row.iter().enumerate().filter(ahead).count() < TOP);
            self.confusion[label][likeliest(row)] += 1;
        }
    }

    /// The figures.
    pub fn finish(self, classes: &[String]) -> Evaluation {
        let of_class: Vec<u64> = self.confusion.iter().map(|row| row.iter().sum()).collect();
        let images: u64 = of_class.iter().sum();
        let right = |class: usize| self.confusion[class][class];
        let recall: Vec<Option<f64>> = of_class
            .iter()
            .enumerate()
            .map(|(class, &all)| (all > 0).then(|| right(class) as f64 / all as f64))
            .collect();
        let present: Vec<f64> = recall.iter().flatten().copied().collect();
        let hits: u64 = (0..self.confusion.len()).map(right).sum();
        let share = |count: u64| count as f64 / images.max(1) as f64;
        Evaluation {
            images,
            top1: share(hits),
            top5: (classes.len() > TOP).then(|| share(self.in_top)),
            balanced_accuracy: present.iter().sum::<f64>() / present.len().max(1) as f64,
            classes: classes.to_vec(),
            recall,
            confusion: self.confusion,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(classes: usize, rows: &[(&[f32], u32)]) -> Evaluation {
        let mut tally = Tally::new(classes);
        for (row, label) in rows {
            tally.add(row, &[*label]);
        }
        tally.finish(&(0..classes).map(|class| format!("c{class}")).collect::<Vec<_>>())
    }

    #[test]
    fn figures_by_hand() {
        // Class 0: two right, one taken for 2; class 1: none; class 2: one of one right.
        let rows: [(&[f32], u32); 4] =
            [(&[3., 0., 0.], 0), (&[1., 0., -1.], 0), (&[0., 0., 1.], 0), (&[0., 0., 9.], 2)];
        let found = evaluation(3, &rows);
        assert_eq!(found.confusion, [vec![2, 0, 1], vec![0, 0, 0], vec![0, 0, 1]]);
        assert_eq!((found.images, found.top1, found.top5), (4, 0.75, None));
        assert_eq!(found.recall, [Some(2.0 / 3.0), None, Some(1.0)]);
        assert_eq!(found.balanced_accuracy, (2.0 / 3.0 + 1.0) / 2.0);
        assert_eq!(found.mistakes(), [(0, 2, 1)]);
    }

    #[test]
    fn the_label_is_among_five_or_not_and_equal_logits_go_to_the_first() {
        let row: &[f32] = &[6., 5., 4., 3., 2., 1.];
        let found = evaluation(6, &[(row, 4), (row, 5), (&[0.; 6], 5), (&[0.; 6], 4), (&[0.; 6], 0)]);
        assert_eq!(found.top5, Some(3.0 / 5.0));
        assert_eq!(found.top1, 1.0 / 5.0);
    }

    #[test]
    fn five_classes_have_no_likelier_five() {
        let five = evaluation(5, &[(&[0., 1., 0., 0., 0.], 1), (&[0., 1., 0., 0., 0.], 3)]);
        assert_eq!((five.top5, five.top5()), (None, None));
        assert!(!serde_json::to_string(&five).unwrap().contains("top5"));
        // As older versions wrote it.
        let older = Evaluation { top5: Some(1.0), ..five };
        let read: Evaluation = serde_json::from_str(&serde_json::to_string(&older).unwrap()).unwrap();
        assert_eq!((read.top5, read.top5()), (Some(1.0), None));
    }

    #[test]
    fn json_comes_back_as_it_was() {
        for classes in [5, 6] {
            let found = evaluation(classes, &[(&[0., 1., 0., 0., 0., 0.][..classes], 1), (&[0.; 6][..classes], 3)]);
            assert_eq!(found.top5().is_some(), classes == 6);
            let text = serde_json::to_string(&found).unwrap();
            assert_eq!(serde_json::from_str::<Evaluation>(&text).unwrap(), found);
        }
    }
}

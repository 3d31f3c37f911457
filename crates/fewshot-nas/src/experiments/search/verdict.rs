//! What a search was worth: ahead of hand-made networks or behind them, and what more time would bring.

use serde::{Deserialize, Serialize};

use super::references::Reference;
use crate::estimate::Evaluation;
use crate::stages::Trained;
use crate::stats::{CurvePoint, Difference, Gain, LearningCurve, difference};

/// The found network beside the best of the hand-made ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which one: `plain`, `residual`, `separable`.
    pub best: String,
    /// Its accuracy on the test images, 0 to 1.
    pub best_test_accuracy: f64,
    /// The found network's accuracy less that one's, with a 95 % interval for as many test images (Newcombe 1998, method 10). That
    /// it is the best of several makes it look better than it is.
    pub ahead: Difference,
    /// Whether the interval holds 0.
    pub may_be_chance: bool,
}

/// What training for longer would bring, by the curve through the accuracies on held-out images. A rough guess: it takes the
/// averaged weights for what a finished training would have been, and that the learning rate falls meanwhile helps them more
/// than more time alone would; the interval does not know of that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoreTime {
    /// Epochs that the curve is followed to: twice those of the training.
    pub epochs: u64,
    /// What they would bring.
    pub gain: Gain,
}

/// The found network beside the best reference.
pub fn compare(found: &Evaluation, references: &[Reference]) -> Option<Verdict> {
    // Of equals the first.
    let better = |best: &&Reference, other: &&Reference| best.test_accuracy.total_cmp(&other.test_accuracy);
    let best = references.iter().rev().max_by(better)?;
    let correct = |accuracy: f64| (accuracy * found.images as f64).round() as u64;
    let ahead = difference(correct(found.top1), found.images, correct(best.test_accuracy), found.images);
    Some(Verdict {
        best: best.name.clone(),
        best_test_accuracy: best.test_accuracy,
        may_be_chance: ahead.may_be_chance(),
        ahead,
    })
}

/// What a training of twice the length would bring, from looks at `images` held-out images; `None` after too few looks.
pub fn more_time(trained: &Trained, images: u64) -> Option<MoreTime> {
    let epochs = trained.history.len() as u64;
    let point = |(index, accuracy): (usize, f64)| CurvePoint { at: (index + 1) as f64, accuracy, images };
    let looks = trained.history.iter().enumerate().filter_map(|(index, epoch)| Some((index, epoch.held_out?)));
    let points: Vec<CurvePoint> = looks.map(point).collect();
    let gain = LearningCurve::fit(&points)?.gain(epochs as f64, 2.0 * epochs as f64);
    Some(MoreTime { epochs: 2 * epochs, gain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::EpochRecord;

    fn reference(name: &str, test_accuracy: f64) -> Reference {
        Reference { name: name.into(), arch: String::new(), macs: 1, params: 1, epochs: 1, test_accuracy }
    }

    fn evaluation(images: u64, top1: f64) -> Evaluation {
        Evaluation {
            images,
            top1,
            top5: None,
            balanced_accuracy: top1,
            classes: Vec::new(),
            recall: Vec::new(),
            confusion: Vec::new(),
        }
    }

    #[test]
    fn the_best_reference_counts_and_few_images_tell_little() {
        let references = [reference("plain", 0.78), reference("residual", 0.81), reference("separable", 0.81)];
        let few = compare(&evaluation(600, 0.82), &references).unwrap();
        assert_eq!((few.best.as_str(), few.may_be_chance), ("residual", true));
        assert!((few.ahead.points - 0.01).abs() < 1e-9);
        let many = compare(&evaluation(600_000, 0.82), &references).unwrap();
        assert!(!many.may_be_chance && many.ahead.interval[0] > 0.0);
        assert_eq!(compare(&evaluation(600, 0.82), &[]), None);
    }

    #[test]
    fn a_curve_needs_some_looks() {
        let trained = |looks: &[f64]| Trained {
            arch: None,
            region: String::new(),
            held_params: 1,
            networks: None,
            history: (0..)
                .zip(looks)
                .map(|(epoch, look)| EpochRecord {
                    epoch,
                    lr: 0.1,
                    loss: 1.0,
                    accuracy: 0.5,
                    held_out: Some(*look),
                    held_out_last: None,
                })
                .collect(),
        };
        assert!(more_time(&trained(&[0.5, 0.6]), 500).is_none());
        let told = more_time(&trained(&[0.5, 0.6, 0.66, 0.7, 0.72, 0.74]), 500).unwrap();
        assert!(told.epochs == 12 && told.gain.points > 0.0 && told.gain.interval[0] <= told.gain.points);
    }
}

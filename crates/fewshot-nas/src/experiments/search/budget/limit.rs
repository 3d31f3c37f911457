//! How large networks may be where the user has set no limit.

use fewshot_space::{Feature, Filter};

use crate::lab::{ExperimentError, Lab, within};
use crate::stages::{BRIEFLY, alone_epoch_seconds, step_of};

/// Share of the budget in which the largest network is to be trained.
const TRAINED_IN: f64 = 0.6;
/// Images that a training should see at least, repeats counted.
const SEEN: f64 = 2e6;
/// Fewest and most epochs that are aimed at.
const EPOCHS: (f64, f64) = (30.0, 200.0);
/// Fewest and most multiply-adds per pixel that are chosen.
const MACS_PER_PIXEL: (f64, f64) = (100.0, 40_000.0);
/// Most multiply-adds per pixel of the network by which time is told from size.
const TIMED_MACS_PER_PIXEL: f64 = 3000.0;

/// Multiply-adds to allow where the user set no limit and the size of networks is a decision.
pub fn unlimited(lab: &Lab, budget: f64) -> Result<Option<u64>, ExperimentError> {
    let is_open = lab.partition().whole().filters().is_empty() && lab.has_hand_made();
    if !is_open {
        return Ok(None);
    }
    let pixels = (lab.images().height() * lab.images().width()) as f64;
    let probe = Filter::at_most(Feature::Macs, (TIMED_MACS_PER_PIXEL * pixels) as u64);
    let made = within(lab.alone_space().as_ref(), &[probe]);
    let Some(network) = made.first() else { return Ok(None) };
    let epoch = alone_epoch_seconds(lab, step_of(lab, &network.arch, BRIEFLY)?)?.all;
    let seconds_per_mac = epoch / lab.alone_space().cost(&network.arch).macs as f64;
    let epochs = match lab.recipe().standalone.train.epochs {
        0 => (SEEN / lab.training_images() as f64).clamp(EPOCHS.0, EPOCHS.1),
        epochs => epochs as f64,
    };
    let macs = TRAINED_IN * budget / (epochs * seconds_per_mac);
    Ok(Some(macs.clamp(MACS_PER_PIXEL.0 * pixels, MACS_PER_PIXEL.1 * pixels) as u64))
}

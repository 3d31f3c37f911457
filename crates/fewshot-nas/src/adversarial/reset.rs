//! Losses that stand still: how a collapsed training is noticed.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The last losses of one network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Window(VecDeque<f32>);

impl Window {
    fn push(&mut self, loss: f64, size: usize) {
        self.0.push_back(loss as f32);
        while self.0.len() > size {
            self.0.pop_front();
        }
    }

    /// Population variance.
    fn variance(&self) -> f64 {
        let count = self.0.len().max(1) as f64;
        let mean = self.0.iter().map(|&loss| f64::from(loss)).sum::<f64>() / count;
        self.0.iter().map(|&loss| (f64::from(loss) - mean).powi(2)).sum::<f64>() / count
    }
}

/// The last losses of both networks (AutoGAN, "dynamic resetting").
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LossWindows {
    discriminator: Window,
    generator: Window,
}

impl LossWindows {
    /// Notes the loss of a step of the discriminator, and of the generator where it had one; `size` losses of each are kept.
    pub fn push(&mut self, discriminator: f64, generator: Option<f64>, size: usize) {
        self.discriminator.push(discriminator, size);
        if let Some(loss) = generator {
            self.generator.push(loss, size);
        }
    }

    /// Whether either network's loss varies by less than `threshold`. Only said once the generator's window is full: the
    /// discriminator's loss hardly moves at the start.
    pub fn stand_still(&self, size: usize, threshold: f64) -> bool {
        self.generator.0.len() >= size
            && [&self.discriminator, &self.generator].into_iter().any(|window| window.variance() < threshold)
    }

    /// Forgets all losses.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_still_is_noticed_once_the_generators_window_is_full() {
        let mut windows = LossWindows::default();
        for step in 0..40_u64 {
            assert!(!windows.stand_still(10, 1e-3), "{step}");
            // The discriminator's losses are all the same, those of the generator move.
            windows.push(2.0, step.is_multiple_of(5).then_some(step as f64), 10);
        }
        for step in 40..50 {
            windows.push(2.0, Some(f64::from(step)), 10);
        }
        assert!(windows.stand_still(10, 1e-3));
        windows.clear();
        assert!(!windows.stand_still(10, 1e-3));
    }

    #[test]
    fn moving_losses_are_none() {
        let mut windows = LossWindows::default();
        for step in 0..50 {
            windows.push(f64::from(step % 3), Some(f64::from(step % 2)), 10);
        }
        assert!(!windows.stand_still(10, 1e-3) && windows.stand_still(10, 10.0));
    }
}

//! What tells one image's random numbers from those of all others.

use fewshot_space::random;
use rand::Rng;

/// Seed of the loader, epoch, and position in its order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub seed: u64,
    pub epoch: u64,
    pub position: u64,
}

impl Key {
    /// The random numbers for `purpose`: other purposes draw others, so what one draws moves nothing of another.
    pub fn stream(self, purpose: &str) -> impl Rng + use<> {
        random::stream(self.seed, purpose, self.epoch, self.position)
    }

    /// The key of the changes of an image's partner number `number`, counted from 0: beyond those of all images, of which
    /// there are fewer than 2^32.
    pub fn of_partner(self, number: usize) -> Key {
        Key { position: self.position | (number as u64 + 1) << 32, ..self }
    }
}

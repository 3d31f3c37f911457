//! Random members of a region, each once before any comes again.

use std::collections::BTreeSet;

use fewshot_space::random::stream;
use fewshot_space::{Arch, Region, RegionError};
use rand::seq::SliceRandom;

/// Regions of up to this many members are listed and shuffled; larger ones are drawn from and
/// repeats rejected. 65,536 architectures of twenty decisions take some 4 MB.
const LISTED: u128 = 1 << 16;

/// What strategies draw their first architectures for: those of one seed begin alike, so that what they do then compares.
pub(super) const START: &str = "search/start";

/// Draws in a large region until a repeat is accepted. When 99 % of the region were drawn already,
/// all of these are repeats with probability 0.00004.
const DRAWS: u64 = 1_000;

/// All members, in the order of listing, of a region that is small enough to be listed.
pub(super) fn listed(region: &Region) -> Option<Vec<Arch>> {
    matches!(region.size(), Ok(0..=LISTED)).then(|| region.iter().collect())
}

/// An endless sequence of members of a region in random order, a function of (region, seed,
/// purpose) and of nothing else.
///
/// A region of up to 65,536 members (by [`Region::size`]) comes whole before any member comes
/// again, then whole in another order. In a larger one, and in one whose filters forbid counting,
/// a repeat comes only when 1,000 draws in a row brought nothing new.
#[derive(Debug, Clone)]
pub(super) struct Draws {
    region: Region,
    seed: u64,
    purpose: &'static str,
    drawn: u64,
    order: Order,
}

#[derive(Debug, Clone)]
enum Order {
    /// All members, in the order of the current round once it has begun; never empty.
    Listed(Vec<Arch>),
    /// What was drawn so far.
    Rejecting(BTreeSet<Arch>),
}

impl Draws {
    /// The sequence from its beginning.
    ///
    /// # Errors
    /// [`RegionError::Empty`] when the region has no member.
    pub(super) fn new(region: Region, seed: u64, purpose: &'static str) -> Result<Draws, RegionError> {
        let order = match listed(&region) {
            Some(members) if members.is_empty() => {
                // Fails, and says which values the filters saw.
                region.sample(&mut stream(seed, purpose, 0, 0))?;
                Order::Rejecting(BTreeSet::new())
            }
            Some(members) => Order::Listed(members),
            None => Order::Rejecting(BTreeSet::new()),
        };
        Ok(Draws { region, seed, purpose, drawn: 0, order })
    }

    /// How many members were taken.
    pub(super) fn drawn(&self) -> u64 {
        self.drawn
    }

    /// The next member.
    ///
    /// # Errors
    /// As [`Region::sample`].
    pub(super) fn next(&mut self) -> Result<Arch, RegionError> {
        let arch = match &mut self.order {
            Order::Listed(members) => {
                let count = members.len() as u64;
                let (round, place) = (self.drawn / count, (self.drawn % count) as usize);
                if place == 0 {
                    shuffle(members, self.seed, self.purpose, round);
                }
                members[place].clone()
            }
            Order::Rejecting(seen) => {
                let draw = |attempt| {
                    let mut rng = stream(self.seed, self.purpose, self.drawn, attempt);
                    self.region.sample(&mut rng)
                };
                let mut arch = draw(0)?;
                for attempt in 1..DRAWS {
                    if !seen.contains(&arch) {
                        break;
                    }
                    arch = draw(attempt)?;
                }
                seen.insert(arch.clone());
                arch
            }
        };
        self.drawn = self.drawn.saturating_add(1);
        Ok(arch)
    }

    /// The same sequence after its first `drawn` members.
    ///
    /// A large region's are drawn once more, which costs no more than the first time: a saved
    /// search then needs one number, not a list that grows with every question.
    ///
    /// # Errors
    /// As [`Region::sample`].
    pub(super) fn at(&self, drawn: u64) -> Result<Draws, RegionError> {
        let mut draws = self.clone();
        match &mut draws.order {
            Order::Listed(members) => {
                let count = members.len() as u64;
                // At a round's first place the next member begins it, with a shuffle of its own.
                shuffle(members, self.seed, self.purpose, drawn / count);
                draws.drawn = drawn;
            }
            Order::Rejecting(seen) => {
                if drawn < draws.drawn {
                    seen.clear();
                    draws.drawn = 0;
                }
                while draws.drawn < drawn {
                    draws.next()?;
                }
            }
        }
        Ok(draws)
    }
}

/// The order of a round: sorted first, so that it does not depend on the round before.
fn shuffle(members: &mut [Arch], seed: u64, purpose: &str, round: u64) {
    members.sort_unstable();
    members.shuffle(&mut stream(seed, purpose, round, 0));
}

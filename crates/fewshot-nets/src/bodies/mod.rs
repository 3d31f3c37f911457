//! The bodies of the spaces that come with the program.

mod autogan;
mod cells;
mod darts;
mod mbconv;
mod stages;

pub use autogan::DiscriminatorNet;
pub use cells::halves_evenly;
pub use darts::{DartsNetworks, DartsSwitches};

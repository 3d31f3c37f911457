//! Gradient-based architecture search on a supernet.
//!
//! These methods train the weights of one supernet and, beside them, something that says which options are good: a row
//! of numbers α per decision (DARTS, PC-DARTS, GDAS, SETN, ProxylessNAS), a controller (ENAS), or nothing (RSPS). In few-shot form each
//! sub-supernet of a split is searched by itself; a decision that a sub-supernet has settled has no α.
//!
//! A method is one file here and one line in [`methods`]. [`GradientSearch`] is the loop around all of them.

mod alpha;
mod controller;
mod cost_goal;
mod darts;
mod enas;
mod error;
mod feeds;
mod gate_settings;
mod gates;
mod gdas;
mod judge;
mod learner;
mod likeliest;
mod method;
mod registry;
mod rsps;
mod search;
mod setn;
mod settings;
mod step;
mod warm_up;

#[cfg(test)]
mod branch_tests;
#[cfg(test)]
mod tests;

pub use alpha::{Alpha, Rivals};
pub use cost_goal::{CostForm, CostGoal};
pub use error::GradientError;
pub use feeds::Feeds;
pub use gate_settings::{GateRule, GateSettings};
pub use judge::{Chosen, Judge, mode_of};
pub use learner::{Labelled, Learner, UNREAD};
pub use method::GradientMethod;
pub use registry::{MethodInfo, UNIFORM, method, methods};
pub use search::{EpochSeen, GradientSearch, Observer, Progress};
pub use settings::{ArchSettings, MethodSettings, TransferFrom};
pub use step::{At, ForwardMacs, Seen};
pub use warm_up::WarmUp;

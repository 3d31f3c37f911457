//! How good generated images are: through one frozen classifier, by its features and probabilities.
//!
//! Numbers are comparable only between images that one and the same [`FeatureNet`] has seen, which results name by its digest.

mod classifier;
mod feature_net;
mod inception;
mod jury;
mod opened;

pub use classifier::Classifier;
pub use feature_net::{FeatureNet, Looks};
pub use inception::{Form, Inception};
pub use jury::{Judgement, Jury, judge_real};
pub use opened::Judge;

//! How weights follow gradients: one optimizer around a rule for each parameter, with one saved form.

mod adam;
mod optimizer;
mod rms_prop;
mod rule;
mod sgd;

pub use adam::Adam;
pub use optimizer::{Limits, Optimizer};
pub use rms_prop::RmsProp;
pub use rule::{Rule, Step};
pub use sgd::Sgd;

#[cfg(test)]
mod tests;

//! Networks: weights by name, layers, and the nets of each space.

mod cell;
mod layers;
mod memo;
mod net;
mod pass;
mod weights;

pub use layers::{Builder, ConvLayer, LinearLayer, NormKind, NormLayer, ReluConvNorm};
pub use memo::Memo;
pub use net::{Blueprint, Body, Leaves, Net, NetError, Path};
pub use pass::{Calibration, NormMode, Pass};
pub use weights::{Init, NamedValues, Param, ParamId, RunningStats, StatsId, Transfer, Weights, WeightsError};
pub(crate) use weights::{host, tensor, to_vec};

#[cfg(test)]
mod tests;

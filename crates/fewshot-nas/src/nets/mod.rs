//! Networks: weights by name, layers, the nets of each space, and what they compute as a graph.

mod block;
mod cell;
mod graph;
mod layers;
mod memo;
mod mix;
mod mixed_cell;
mod net;
mod ops;
mod pass;
mod stages;
mod trace;
mod weights;

pub use block::{Block, Call};
pub(crate) use cell::halves_evenly;
pub use graph::{Graph, Node, Op, Size, Value, Window};
pub use layers::{Builder, ConvLayer, DepthwiseLayer, LinearLayer, NormKind, NormLayer, ReluConvNorm};
pub use memo::Memo;
pub use mix::{Blend, Mix, MixedBody, Term};
pub use net::{Blueprint, Body, Leaves, Net, NetError, Network, Path};
pub use ops::Ops;
pub use pass::{Calibration, NormMode, Pass};
pub use trace::{Traced, Tracer};
pub use weights::{Init, NamedValues, Param, ParamId, RunningStats, StatsId, Transfer, Weights, WeightsError};
pub(crate) use weights::{host, tensor, to_vec};

#[cfg(test)]
pub(crate) mod mix_tests;
#[cfg(test)]
mod stage_tests;
#[cfg(test)]
mod tests;

//! Networks: weights by name, layers, bodies that write graphs of operations, and what follows from a graph: running it forward
//! and backward, scoring many architectures at once, costs, timing, and other programs' formats.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod bodies;
mod counted;
mod geometry;
mod graph;
mod layers;
mod mix;
mod net;
mod net_error;
pub mod op;
pub mod optim;
mod pass;
mod shared;
pub mod testing;
mod timed;
mod view;
mod weights;
pub mod write;

pub use bodies::{DartsNetworks, DartsSwitches, halves_evenly};
pub use counted::live_cost;
pub use geometry::{Real, Size, Window};
pub use graph::{Fingerprint, Fusion, Graph, GraphBuilder, Node, Value};
pub use layers::{Builder, ConvLayer, DepthwiseLayer, LinearLayer, NormKind, ReluConvNorm};
pub use mix::{Blend, Mix, Path, Route, Term};
pub use net::{Blueprint, Body, Leaves, Net, Trained};
pub use net_error::NetError;
pub use op::{BatchNorm, Op, Operation};
pub use pass::{Calibration, Feature, Inputs, Moment, NormMode, Pass};
pub use shared::SharedGraph;
pub use timed::Block;
pub use view::{Shrink, StatsView, Transform, View};
pub use weights::{
    Init, NamedValues, Param, ParamId, RunningStats, StatsId, Transfer, Weights, WeightsError, host, tensor, to_vec,
};

#[cfg(test)]
mod mix_tests;
#[cfg(test)]
mod stage_tests;
#[cfg(test)]
mod tests;

//! Networks: weights by name, layers, bodies that write graphs of operations, and what follows from a graph: running it forward
//! and backward, scoring many architectures at once, costs, timing, and other programs' formats.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod blueprint;
mod bodies;
mod buffers;
mod corner;
mod counted;
mod geometry;
mod graph;
mod layers;
mod mix;
mod net;
mod net_error;
mod norm;
pub mod op;
pub mod optim;
mod pass;
mod running;
mod shared;
mod slope;
pub mod testing;
mod timed;
mod transfer;
mod values;
mod view;
mod weights;
pub mod write;

pub use blueprint::{Blueprint, Body};
pub use bodies::{DartsNetworks, DartsSwitches, DiscriminatorNet, halves_evenly};
pub use buffers::{Buffer, BufferId};
pub use counted::live_cost;
pub use geometry::{Real, Size, Window};
pub use graph::{Fingerprint, Fusion, Graph, GraphBuilder, Node, Value};
pub use layers::{Builder, ConvLayer, DepthwiseLayer, LinearLayer, ReluConvNorm};
pub use mix::{Blend, Mix, Path, Route, Term};
pub use net::Net;
pub use net_error::NetError;
pub use norm::{BatchNorm, NormKind};
pub use op::{Op, Operation};
pub use pass::{Calibration, Feature, Inputs, Leaves, Moment, NormMode, Pass};
pub use running::Trained;
pub use shared::SharedGraph;
pub use slope::{Leaf, Slope};
pub use timed::Block;
pub use values::{Init, NamedValues, Transfer, WeightsError, host, tensor, to_vec};
pub use view::{Shrink, StatsView, Transform, View};
pub use weights::{Param, ParamId, RunningStats, StatsId, Weights};

#[cfg(test)]
mod mix_tests;
#[cfg(test)]
mod stage_tests;
#[cfg(test)]
mod tests;

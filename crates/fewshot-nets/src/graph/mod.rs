//! What a network computes, as a list of operations: the one description of it. It is run, scored, timed, counted and exported.
//!
//! Values are told by their place in the list. Weights are named, not held, so that a graph is small; it says nothing of memory
//! layout: sizes are height, width and channels.

mod builder;
mod fuse;
mod nodes;
mod run;

pub use builder::GraphBuilder;
pub use fuse::Fusion;
pub use nodes::{Fingerprint, Graph, Node, Value};

//! What a space brings to have networks: which layers there are, and how they make a graph.

use std::any::Any;

use fewshot_space::{Region, Space};

use crate::graph::{GraphBuilder, Value};
use crate::layers::Builder;
use crate::mix::Route;
use crate::norm::NormKind;
use crate::view::View;
use crate::weights::Weights;

/// How the networks of a space are built: the one thing that a new space brings besides its description.
pub trait Blueprint: Space + Any {
    /// Registers the layers of every operation that `region` allows, in a fixed order, and returns what writes graphs of them.
    /// `cell_norm` is for what is searched; everything else has full batch norms.
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body>;

    /// Whether decisions can work on one channel in `partial` ([`Builder::with_partial`]).
    fn allows_partial(&self, partial: usize) -> bool {
        partial == 1
    }

    /// Decisions that are drawn once for all sub-networks of a training step, and for the teacher; each is active in every architecture.
    fn of_a_step(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Name in a network of `other` cells of the weight that is called `name` in one of `cells`: where a supernet grows, each of its
    /// cells starts as the one at its place.
    fn name_at_depth(&self, name: &str, _cells: usize, _other: usize) -> String {
        name.to_string()
    }
}

/// The layers of a network, and how they make a graph. Holds no tensors.
pub trait Body: Send + Sync {
    /// Number of cells, each of which may follow an architecture of its own.
    fn cells(&self) -> usize {
        1
    }

    /// Whether it can be given a [`Mix`](crate::Mix).
    fn mixes(&self) -> bool {
        false
    }

    /// Of a body that mixes: decisions whose contributions are added up, in groups (the edges into one node).
    fn sums(&self) -> Vec<Vec<usize>> {
        Vec::new()
    }

    /// What a smaller network, in which the parameter called `name` has this shape, sees of it, where that is not its first values
    /// along each axis.
    fn cut(&self, _name: &str, _shape: &[usize]) -> Option<View> {
        None
    }

    /// Reorders channels so that the first ones matter most, and the network stays the function that it is; see
    /// [`Net::sort_channels`](crate::Net::sort_channels).
    fn sort_channels(&self, _trained: &Region, _weights: &mut Weights) {}

    /// Of a body that makes images: how many latent numbers it reads, as rows, for each. What it appends is a map with values from -1
    /// to 1.
    fn latent(&self) -> Option<usize> {
        None
    }

    /// Writes what `route` runs on the value `images`; returns the logits, rows.
    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value;
}

/// A network of one cell that runs no mixes may be a function that has its layers.
impl<F> Body for F
where
    F: Fn(&mut GraphBuilder, Value, Route<'_>) -> Value + Send + Sync,
{
    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        self(graph, images, route)
    }
}

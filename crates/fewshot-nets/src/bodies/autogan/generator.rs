//! Generators.

use fewshot_space::Region;
use fewshot_space::autogan::AutoGanSpace;

use super::cell::CellLayers;
use super::layers::{conv, norm};
use crate::blueprint::{Blueprint, Body};
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer};
use crate::mix::Route;
use crate::norm::NormKind;
use crate::op::{Activation, BatchNorm};

/// From latent numbers to the first map, cells, to the image.
struct GeneratorBody {
    space: AutoGanSpace,
    linear: LinearLayer,
    cells: Vec<CellLayers>,
    norm: BatchNorm,
    to_image: ConvLayer,
}

impl Blueprint for AutoGanSpace {
    /// `cell_norm` is not asked: batch norms are full ones in the published supernet.
    fn build(&self, region: &Region, _cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let skeleton = self.skeleton();
        let channels = skeleton.channels;
        let first_map = channels * skeleton.bottom * skeleton.bottom;
        let linear = LinearLayer { counts_bias: false, ..builder.linear("linear", skeleton.latent, first_map) };
        let cells = (0..skeleton.cells()).map(|cell| CellLayers::new(builder, region, cell, channels)).collect();
        let norm = norm(builder, "to_image.norm", channels);
        let to_image = conv(builder, "to_image", 3, [channels, skeleton.channels_out]);
        Box::new(GeneratorBody { space: self.clone(), linear, cells, norm, to_image })
    }
}

impl Body for GeneratorBody {
    fn latent(&self) -> Option<usize> {
        Some(self.space.skeleton().latent)
    }

    fn append(&self, graph: &mut GraphBuilder, latent: Value, route: Route<'_>) -> Value {
        let generator = self.space.generator(&route.arch(0));
        let rows = graph.linear(&self.linear, latent);
        let mut x = graph.to_map(rows, [generator.bottom, generator.bottom, generator.channels]);
        let mut features = Vec::with_capacity(generator.cells.len());
        for (cell, layers) in generator.cells.iter().zip(&self.cells) {
            let (output, feature) = layers.append(graph, cell, x, &features);
            features.push(feature);
            x = output;
        }
        let x = graph.norm(&self.norm, x);
        let x = graph.relu(x);
        let x = graph.conv(&self.to_image, x);
        graph.activation(Activation::Tanh, x)
    }
}

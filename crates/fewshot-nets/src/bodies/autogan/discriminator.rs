//! The discriminator.

use std::convert::Infallible;

use burn::tensor::{Device, Tensor};
use fewshot_space::autogan::{Discriminator, DiscriminatorBlock};

use super::layers::conv;
use crate::graph::{Fusion, Graph, GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer};
use crate::pass::{Leaves, NormMode, Pass};
use crate::values::Init;
use crate::weights::Weights;

/// The level with all blocks.
const WHOLE: usize = 2;

/// Judges images: higher numbers for those that it takes for real. It holds the blocks of all levels, each of which is trained from
/// the level on at which it is used.
#[derive(Debug, Clone)]
pub struct DiscriminatorNet {
    weights: Weights,
    channels_in: usize,
    channels: usize,
    /// Those of the largest, in its order, each with its number.
    blocks: Vec<(usize, BlockLayers)>,
    linear: LinearLayer,
}

#[derive(Debug, Clone)]
struct BlockLayers {
    convs: [ConvLayer; 2],
    /// Of the shortcut, where that is not the identity.
    around: Option<ConvLayer>,
}

impl DiscriminatorNet {
    /// A fresh one for images of `channels_in` channels, with `channels` in all of its blocks. Every layer has spectral
    /// normalisation (Miyato et al., ICLR 2018).
    pub fn new(channels_in: usize, channels: usize, device: &Device, seed: u64) -> Self {
        let mut builder = Builder::new(Weights::new(device.clone(), seed));
        let shape = Discriminator::new(WHOLE, channels_in, channels);
        let blocks = shape.blocks.iter().map(|&(number, kind)| {
            let input = if kind == DiscriminatorBlock::First { channels_in } else { channels };
            let mut layer = |part: &str, kernel: usize, input: usize| {
                let layer = conv(&mut builder, &format!("blocks.{number}.{part}"), kernel, [input, channels]);
                ConvLayer { weight: builder.spectral(layer.weight), ..layer }
            };
            let convs = [layer("conv.0", 3, input), layer("conv.1", 3, channels)];
            let around = (kind != DiscriminatorBlock::Plain).then(|| layer("shortcut", 1, input));
            (number, BlockLayers { convs, around })
        });
        let blocks = blocks.collect();
        let weight = builder.param("linear.weight".to_string(), &[channels, 1], Init::Uniform { fan_in: channels });
        let weight = builder.spectral(weight);
        let linear = LinearLayer { weight, bias: None, counts_bias: false };
        Self { weights: builder.weights, channels_in, channels, blocks, linear }
    }

    /// Its weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Its weights, to load or update them.
    pub fn weights_mut(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// What it computes at a level (0, 1, 2) from images of `[height, width, channels]`: operation by operation.
    pub fn graph(&self, level: usize, image: [usize; 3]) -> Graph {
        let mut builder = GraphBuilder::merging(image);
        let judged = self.append(&mut builder, 0, level);
        builder.root(judged);
        builder.finish()
    }

    /// How real images `[batch, height, width, channels]` seem, `[batch, 1]`, with gradients through its own weights, whose leaves
    /// come with it by index.
    pub fn train(&mut self, images: Tensor<4>, level: usize) -> (Tensor<2>, Leaves) {
        let graph = self.to_run(&images, level);
        let mut pass = Pass::train(&mut self.weights);
        let judged = run(&graph, &mut pass, images);
        (judged, pass.into_leaves())
    }

    /// The same with gradients through the images alone, where these are tracked: what a generator learns from. Training-mode all the
    /// same.
    pub fn guide(&mut self, images: Tensor<4>, level: usize) -> Tensor<2> {
        let graph = self.to_run(&images, level);
        run(&graph, &mut Pass::train_frozen(&mut self.weights), images)
    }

    /// The same without any, and without a trace in its state.
    pub fn judge(&mut self, images: Tensor<4>, level: usize) -> Tensor<2> {
        let graph = self.to_run(&images, level);
        run(&graph, &mut Pass::score(&mut self.weights, NormMode::Running, None), images)
    }

    fn to_run(&self, images: &Tensor<4>, level: usize) -> Graph {
        let [_, height, width, channels] = images.dims();
        self.graph(level, [height, width, channels]).fused(Fusion::Kernels)
    }

    fn append(&self, graph: &mut GraphBuilder, images: Value, level: usize) -> Value {
        let shape = Discriminator::new(level, self.channels_in, self.channels);
        let mut x = images;
        for (number, kind) in shape.blocks {
            let (_, layers) = self.blocks.iter().find(|(known, _)| *known == number).expect("one of the largest's");
            x = layers.append(graph, kind, x);
        }
        let x = graph.relu(x);
        let x = graph.global_sum_pool(x);
        graph.linear(&self.linear, x)
    }
}

impl BlockLayers {
    fn append(&self, graph: &mut GraphBuilder, kind: DiscriminatorBlock, x: Value) -> Value {
        let [first, second] = &self.convs;
        let halved = |graph: &mut GraphBuilder, x: Value| graph.avg_pool(x, 2, 2, 0);
        // The first block reads the image itself, which has negative values of its own meaning.
        let inner = if kind == DiscriminatorBlock::First { x } else { graph.relu(x) };
        let inner = graph.conv(first, inner);
        let inner = graph.relu(inner);
        let inner = graph.conv(second, inner);
        let around = |graph: &mut GraphBuilder, x: Value| match &self.around {
            Some(around) => graph.conv(around, x),
            None => x,
        };
        // Pooling and a 1×1 convolution give the same in either order; the published ones count differently.
        let (inner, around) = match kind {
            DiscriminatorBlock::First => {
                let pooled = halved(graph, x);
                (halved(graph, inner), around(graph, pooled))
            }
            DiscriminatorBlock::Halving => {
                let wide = around(graph, x);
                (halved(graph, inner), halved(graph, wide))
            }
            DiscriminatorBlock::Plain => (inner, x),
        };
        graph.add(inner, around)
    }
}

/// The one thing that the graph is run for.
fn run(graph: &Graph, pass: &mut Pass<'_>, images: Tensor<4>) -> Tensor<2> {
    let mut judged = None;
    let Ok(()) = graph.run(pass, images, |_, value| -> Result<(), Infallible> {
        judged.get_or_insert(value.into_rows());
        Ok(())
    });
    judged.expect("a graph has its root")
}

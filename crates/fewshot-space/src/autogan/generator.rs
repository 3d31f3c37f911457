//! A generator of AutoGAN, cell by cell.

use super::layout::first_decision_of;
use super::skeleton::AutoGanSkeleton;
use crate::arch::Arch;
use crate::cost::Cost;
use crate::graph::{Edge, Graph, OpKind};

/// The order within a cell's two 3x3 convolution blocks. The first of them upsamples by 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvBlock {
    /// (Upsampling), convolution, norm, ReLU.
    PostActivation,
    /// Norm, ReLU, (upsampling), convolution.
    PreActivation,
}

/// The normalisation of both blocks of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Norm {
    /// None.
    None,
    /// Batch normalisation with scale and shift.
    Batch,
    /// Instance normalisation without parameters, epsilon 1e-5.
    Instance,
}

/// How maps grow in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upsampling {
    /// Bilinear interpolation between half-pixel centres.
    Bilinear,
    /// Each pixel repeated.
    Nearest,
    /// A transposed convolution of kernel 2 and stride 2, with bias.
    Deconv,
}

const CONV_BLOCKS: [ConvBlock; 2] = [ConvBlock::PostActivation, ConvBlock::PreActivation];
const NORMS: [Norm; 3] = [Norm::None, Norm::Batch, Norm::Instance];
const UPSAMPLINGS: [Upsampling; 3] = [Upsampling::Bilinear, Upsampling::Nearest, Upsampling::Deconv];

/// A cell: its input `x` is made twice as large by `h = first block(x)`; upsampled skip features of earlier cells are added to `h`,
/// each through a 1x1 convolution of its own; the output is `second block(h)`, plus, with a shortcut, a 1x1 convolution of the
/// upsampled `x`. What it hands to later cells as its skip feature is `h` *after* these additions.
///
/// All convolutions have a bias, and as many channels in as out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratorCell {
    /// Order of operations in both blocks.
    pub conv: ConvBlock,
    /// Normalisation of both blocks.
    pub norm: Norm,
    /// How its input, its shortcut and its skips grow.
    pub upsampling: Upsampling,
    /// Whether its input is added to its output.
    pub has_shortcut: bool,
    /// The earlier cells whose skip features it takes, ascending. From the cell before they are upsampled by 2, from the one
    /// before that by 4: with deconvolutions, by two of them.
    pub skips: Vec<usize>,
    /// Side of its input in pixels; its output's is twice that.
    pub input_side: usize,
}

impl GeneratorCell {
    /// Side of its output in pixels.
    pub fn output_side(&self) -> usize {
        2 * self.input_side
    }

    fn cost(&self, cell: usize, channels: usize) -> Cost {
        let side = self.output_side();
        let conv = |kernel| Cost::conv(kernel, channels, channels, (side, side)) + Cost::bias(channels);
        // From `side` to twice that.
        let upsampling = |side: usize| match self.upsampling {
            Upsampling::Deconv => Cost::conv(2, channels, channels, (side, side)) + Cost::bias(channels),
            Upsampling::Bilinear | Upsampling::Nearest => Cost::ZERO,
        };
        let norm = match self.norm {
            Norm::Batch => Cost::batch_norm(channels),
            Norm::None | Norm::Instance => Cost::ZERO,
        };
        let blocks = upsampling(self.input_side) + (conv(3) + norm).times(2);
        let shortcut = if self.has_shortcut { upsampling(self.input_side) + conv(1) } else { Cost::ZERO };
        // The skip feature of cell `from` is as large as that cell's output.
        let skip =
            |&from: &usize| (1..=cell - from).map(|halvings| upsampling(side >> halvings)).sum::<Cost>() + conv(1);
        blocks + shortcut + self.skips.iter().map(skip).sum()
    }
}

/// Linear layer with bias from the latent vector to the first map; cells; to the image by batch normalisation, ReLU, 3x3
/// convolution with bias, tanh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Numbers that it is fed.
    pub latent: usize,
    /// Channels of all maps.
    pub channels: usize,
    /// Side of the first map in pixels.
    pub bottom: usize,
    /// The cells.
    pub cells: Vec<GeneratorCell>,
    /// Channels of the image.
    pub channels_out: usize,
}

impl Generator {
    pub(super) fn new(skeleton: &AutoGanSkeleton, arch: &Arch) -> Generator {
        let cell = |cell: usize| {
            let first = first_decision_of(cell);
            GeneratorCell {
                conv: CONV_BLOCKS[arch.get(first)],
                norm: NORMS[arch.get(first + 1)],
                upsampling: UPSAMPLINGS[arch.get(first + 2)],
                has_shortcut: arch.get(first + 3) == 1,
                skips: if cell == 0 { Vec::new() } else { skips(cell, arch.get(first + 4)) },
                input_side: skeleton.bottom << cell,
            }
        };
        Generator {
            latent: skeleton.latent,
            channels: skeleton.channels,
            bottom: skeleton.bottom,
            cells: (0..skeleton.cells()).map(cell).collect(),
            channels_out: skeleton.channels_out,
        }
    }

    /// Side of the images in pixels.
    pub fn image_side(&self) -> usize {
        self.bottom << self.cells.len()
    }

    /// Multiply-adds of convolutions, deconvolutions and of the linear layer for one image; biases, normalisation, interpolation,
    /// activations and sums are free. All parameters.
    pub fn cost(&self) -> Cost {
        let Generator { latent, channels, bottom, channels_out, .. } = *self;
        let side = self.image_side();
        let first_map = channels * bottom * bottom;
        let linear = Cost::conv(1, latent, first_map, (1, 1)) + Cost::bias(first_map);
        let cells: Cost = self.cells.iter().enumerate().map(|(index, cell)| cell.cost(index, channels)).sum();
        let to_image = Cost::conv(3, channels, channels_out, (side, side)) + Cost::bias(channels_out);
        linear + cells + Cost::batch_norm(channels) + to_image
    }

    /// From the first map to the image. Each block is one convolution with its activation.
    pub fn graph(&self) -> Graph {
        let mut builder = Builder { nodes: 1, edges: Vec::new() };
        let mut input = 0;
        let mut features: Vec<usize> = Vec::new();
        for (index, cell) in self.cells.iter().enumerate() {
            let mut terms = vec![(builder.upsampled(input, cell.upsampling, 1), OpKind::Conv)];
            for &from in &cell.skips {
                terms.push((builder.upsampled(features[from], cell.upsampling, index - from), OpKind::LinearConv));
            }
            let shortcut = cell.has_shortcut.then(|| builder.upsampled(input, cell.upsampling, 1));
            let feature = builder.sum(&terms);
            features.push(feature);
            let mut terms = vec![(feature, OpKind::Conv)];
            terms.extend(shortcut.map(|enlarged| (enlarged, OpKind::LinearConv)));
            input = builder.sum(&terms);
        }
        builder.sum(&[(input, OpKind::Conv)]);
        Graph::new(builder.nodes, builder.edges)
    }
}

/// The earlier cells that option `option` of a cell's skips takes: written in binary, most significant first.
fn skips(cell: usize, option: usize) -> Vec<usize> {
    (0..cell).filter(|from| option >> (cell - 1 - from) & 1 == 1).collect()
}

/// Adds nodes behind those that there are.
struct Builder {
    nodes: usize,
    edges: Vec<Edge>,
}

impl Builder {
    /// A node that is the sum of operations on earlier nodes.
    fn sum(&mut self, terms: &[(usize, OpKind)]) -> usize {
        let to = self.nodes;
        self.edges.extend(terms.iter().map(|&(from, kind)| Edge { from, to, kind }));
        self.nodes += 1;
        to
    }

    /// `from`, made twice as large `times` times.
    fn upsampled(&mut self, from: usize, upsampling: Upsampling, times: usize) -> usize {
        match upsampling {
            Upsampling::Deconv => (0..times).fold(from, |node, _| self.sum(&[(node, OpKind::LinearConv)])),
            Upsampling::Bilinear | Upsampling::Nearest => self.sum(&[(from, OpKind::Linear)]),
        }
    }
}

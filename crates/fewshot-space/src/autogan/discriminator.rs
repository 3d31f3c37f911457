//! The discriminator that judges the generators of AutoGAN. Nothing about it is searched.

use crate::cost::Cost;

/// One of its residual blocks. All convolutions have a bias and spectral normalisation; there is no other normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiscriminatorBlock {
    /// From the image: 3x3 convolution, ReLU, 3x3 convolution, 2x2 average pooling; shortcut: the pooling, then a 1x1 convolution.
    First,
    /// ReLU, 3x3 convolution, ReLU, 3x3 convolution, 2x2 average pooling; shortcut: a 1x1 convolution, then the pooling.
    Halving,
    /// ReLU, 3x3 convolution, ReLU, 3x3 convolution; shortcut: the identity.
    Plain,
}

/// Residual blocks, ReLU, the *sum* over the pixels, a linear layer without bias to one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discriminator {
    /// Channels of an image.
    pub channels_in: usize,
    /// Channels of all blocks.
    pub channels: usize,
    /// Number (1 to 4) and kind of each block, in order. Weights are named after the numbers, and kept from level to level.
    pub blocks: Vec<(usize, DiscriminatorBlock)>,
}

impl Discriminator {
    /// That of a level (0, 1, 2; above is as 2): block 1, from level 1 block 2, at level 2 block 3, and always block 4 as the last.
    pub fn new(level: usize, channels_in: usize, channels: usize) -> Discriminator {
        let mut blocks = vec![(1, DiscriminatorBlock::First)];
        if level >= 1 {
            blocks.push((2, DiscriminatorBlock::Halving));
        }
        if level >= 2 {
            blocks.push((3, DiscriminatorBlock::Plain));
        }
        blocks.push((4, DiscriminatorBlock::Plain));
        Discriminator { channels_in, channels, blocks }
    }

    /// What it costs for an image of `side` pixels a side: convolutions and the linear layer.
    pub fn cost(&self, side: usize) -> Cost {
        let conv =
            |kernel, input, side| Cost::conv(kernel, input, self.channels, (side, side)) + Cost::bias(self.channels);
        let mut side = side;
        let mut cost = Cost::conv(1, self.channels, 1, (1, 1));
        for (_, block) in &self.blocks {
            let input = if *block == DiscriminatorBlock::First { self.channels_in } else { self.channels };
            cost = cost + conv(3, input, side) + conv(3, self.channels, side);
            match block {
                DiscriminatorBlock::First => {
                    side /= 2;
                    cost = cost + conv(1, input, side);
                }
                DiscriminatorBlock::Halving => {
                    cost = cost + conv(1, input, side);
                    side /= 2;
                }
                DiscriminatorBlock::Plain => {}
            }
        }
        cost
    }
}

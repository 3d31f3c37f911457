//! The published tables: which stages there are, and how wide they are at width multiplier 1.

use serde::{Deserialize, Serialize};

use super::layers::Nonlinearity::{self, HSwish, Relu, Relu6};

/// For which images a network's stages are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MbScale {
    /// The published network.
    Full,
    /// The first three stages with a narrower head, for images of 32 or 64 pixels; ours.
    Tiny,
}

/// The part of a network between two halvings of the image.
#[derive(Debug)]
pub(super) struct Stage {
    /// Channels out of each block.
    pub width: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// Blocks, or the most of them.
    pub blocks: usize,
    pub nonlinearity: Nonlinearity,
    pub has_squeeze: bool,
}

/// What is the same in all networks of a space but for the multiplier of its widths.
#[derive(Debug)]
pub(super) struct Layout {
    /// Channels behind the stem.
    pub stem: usize,
    /// Channels behind the first block.
    pub first: usize,
    /// Whether the first block adds its input where the shape is kept.
    pub first_may_skip: bool,
    pub stages: &'static [Stage],
    /// Channels before pooling.
    pub final_expand: usize,
    /// Channels of a 1x1 convolution behind pooling, if there is one.
    pub feature_mix: Option<usize>,
    /// In the stem and the head.
    pub nonlinearity: Nonlinearity,
    pub first_nonlinearity: Nonlinearity,
    pub batch_norm_epsilon: f64,
}

const fn stage(width: usize, stride: usize, blocks: usize, nonlinearity: Nonlinearity, has_squeeze: bool) -> Stage {
    Stage { width, stride, blocks, nonlinearity, has_squeeze }
}

/// Once-for-all on MobileNetV3 (Cai et al., ICLR 2020, <https://arxiv.org/abs/1908.09791>).
pub(super) const OFA: Layout = Layout {
    stem: 16,
    first: 16,
    first_may_skip: true,
    stages: &[
        stage(24, 2, 4, Relu, false),
        stage(40, 2, 4, Relu, true),
        stage(80, 2, 4, HSwish, false),
        stage(112, 1, 4, HSwish, true),
        stage(160, 2, 4, HSwish, true),
    ],
    final_expand: 960,
    feature_mix: Some(1280),
    nonlinearity: HSwish,
    first_nonlinearity: Relu,
    batch_norm_epsilon: 1e-5,
};

pub(super) const OFA_TINY: Layout = Layout {
    stages: &[stage(24, 2, 3, Relu, false), stage(40, 2, 3, HSwish, true), stage(80, 2, 3, HSwish, true)],
    final_expand: 240,
    feature_mix: Some(320),
    ..OFA
};

/// ProxylessNAS (Cai et al., ICLR 2019, <https://arxiv.org/abs/1812.00332>).
pub(super) const PROXYLESS: Layout = Layout {
    stem: 32,
    first: 16,
    first_may_skip: false,
    stages: &[
        stage(24, 2, 4, Relu6, false),
        stage(40, 2, 4, Relu6, false),
        stage(80, 2, 4, Relu6, false),
        stage(96, 1, 4, Relu6, false),
        stage(192, 2, 4, Relu6, false),
        stage(320, 1, 1, Relu6, false),
    ],
    final_expand: 1280,
    feature_mix: None,
    nonlinearity: Relu6,
    first_nonlinearity: Relu6,
    batch_norm_epsilon: 1e-3,
};

pub(super) const PROXYLESS_TINY: Layout = Layout {
    stem: 16,
    stages: &[stage(24, 2, 2, Relu6, false), stage(40, 2, 2, Relu6, false), stage(80, 2, 2, Relu6, false)],
    final_expand: 320,
    ..PROXYLESS
};

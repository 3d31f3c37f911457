use crate::cost::Cost;
use crate::graph::OpKind;

/// An operation on an edge of a cell, as many channels out as in (Liu et al., ICLR 2019,
/// <https://arxiv.org/abs/1806.09055>).
///
/// Zeros, with which the relaxation of DARTS weighs edges, are in no network and therefore no operation here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DartsOp {
    /// 3x3 max pooling with padding 1; padding is never the maximum.
    MaxPool3x3,
    /// 3x3 average pooling with padding 1; padding does not count in the divisor.
    AvgPool3x3,
    /// The identity; at stride 2 a factorized reduction, see [`CellPlace`](super::CellPlace).
    SkipConnect,
    /// Twice \[ReLU, depthwise 3x3 convolution, 1x1 convolution, batch normalisation\]; the stride is that of the
    /// first.
    SepConv3x3,
    /// The same with 5x5.
    SepConv5x5,
    /// ReLU, depthwise 3x3 convolution with dilation 2, 1x1 convolution, batch normalisation.
    DilConv3x3,
    /// The same with 5x5.
    DilConv5x5,
}

impl DartsOp {
    /// All of them, in the order of DARTS.
    pub const ALL: [DartsOp; 7] = [
        DartsOp::MaxPool3x3,
        DartsOp::AvgPool3x3,
        DartsOp::SkipConnect,
        DartsOp::SepConv3x3,
        DartsOp::SepConv5x5,
        DartsOp::DilConv3x3,
        DartsOp::DilConv5x5,
    ];

    /// DARTS' name of it.
    pub fn name(self) -> &'static str {
        match self {
            DartsOp::MaxPool3x3 => "max_pool_3x3",
            DartsOp::AvgPool3x3 => "avg_pool_3x3",
            DartsOp::SkipConnect => "skip_connect",
            DartsOp::SepConv3x3 => "sep_conv_3x3",
            DartsOp::SepConv5x5 => "sep_conv_5x5",
            DartsOp::DilConv3x3 => "dil_conv_3x3",
            DartsOp::DilConv5x5 => "dil_conv_5x5",
        }
    }

    /// Side of the window or kernel; 1 for a skip.
    pub fn kernel(self) -> usize {
        match self {
            DartsOp::SkipConnect => 1,
            DartsOp::MaxPool3x3 | DartsOp::AvgPool3x3 | DartsOp::SepConv3x3 | DartsOp::DilConv3x3 => 3,
            DartsOp::SepConv5x5 | DartsOp::DilConv5x5 => 5,
        }
    }

    /// Distance between the pixels that the kernel reads: 2 for the dilated convolutions, else 1.
    pub fn dilation(self) -> usize {
        match self {
            DartsOp::DilConv3x3 | DartsOp::DilConv5x5 => 2,
            _ => 1,
        }
    }

    /// Pixels of padding on each side, with which stride 1 keeps the size of the map.
    pub fn padding(self) -> usize {
        (self.kernel() - 1) / 2 * self.dilation()
    }

    /// How often \[ReLU, depthwise convolution, 1x1 convolution, batch normalisation\] follow each other: 2 for the
    /// separable convolutions, 1 for the dilated ones, 0 for what is no convolution.
    pub fn blocks(self) -> usize {
        match self {
            DartsOp::MaxPool3x3 | DartsOp::AvgPool3x3 | DartsOp::SkipConnect => 0,
            DartsOp::SepConv3x3 | DartsOp::SepConv5x5 => 2,
            DartsOp::DilConv3x3 | DartsOp::DilConv5x5 => 1,
        }
    }

    /// What it is to a [`Graph`](crate::Graph) at this stride.
    pub(super) fn kind(self, stride: usize) -> OpKind {
        match self {
            DartsOp::MaxPool3x3 => OpKind::Nonlinear,
            DartsOp::AvgPool3x3 => OpKind::Linear,
            DartsOp::SkipConnect if stride == 1 => OpKind::Identity,
            _ => OpKind::Conv,
        }
    }

    /// Cost on one edge with `channels` channels whose output is `size` = (height, width) pixels; `affine`: whether
    /// the batch normalisations have scale and shift.
    pub(super) fn cost(self, channels: usize, stride: usize, size: (usize, usize), affine: bool) -> Cost {
        if self == DartsOp::SkipConnect && stride == 2 {
            return factorized_reduce(channels, channels, size, affine);
        }
        let norm = if affine { Cost::batch_norm(channels) } else { Cost::ZERO };
        let block = Cost::depthwise(self.kernel(), channels, size) + Cost::conv(1, channels, channels, size) + norm;
        block.times(self.blocks())
    }
}

/// ReLU, two 1x1 convolutions of stride 2 to half of the channels each, batch normalisation: as much as one
/// convolution.
pub(super) fn factorized_reduce(input: usize, output: usize, size: (usize, usize), affine: bool) -> Cost {
    relu_conv_norm(input, output, size, affine)
}

/// ReLU, 1x1 convolution, batch normalisation.
pub(super) fn relu_conv_norm(input: usize, output: usize, size: (usize, usize), affine: bool) -> Cost {
    let norm = if affine { Cost::batch_norm(output) } else { Cost::ZERO };
    Cost::conv(1, input, output, size) + norm
}

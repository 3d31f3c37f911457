use crate::cost::Cost;
use crate::graph::OpKind;

/// An operation on an edge of a cell: stride 1, as many channels out as in.
///
/// Source: NAS-Bench-201 (Dong and Yang, ICLR 2020); max pooling is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellOp {
    /// Zeros.
    None,
    /// The identity.
    Skip,
    /// ReLU, 1x1 convolution without bias, batch normalisation.
    Conv1x1,
    /// ReLU, 3x3 convolution with padding 1 without bias, batch normalisation.
    Conv3x3,
    /// 3x3 average pooling with padding 1; padding does not count in the divisor.
    AvgPool3x3,
    /// 3x3 max pooling with padding 1; padding is never the maximum.
    MaxPool3x3,
}

impl CellOp {
    /// The name in text forms, as in NAS-Bench-201: `none`, `skip_connect`, `nor_conv_1x1`, `nor_conv_3x3`,
    /// `avg_pool_3x3`, and `max_pool_3x3`.
    pub const fn name(self) -> &'static str {
        match self {
            CellOp::None => "none",
            CellOp::Skip => "skip_connect",
            CellOp::Conv1x1 => "nor_conv_1x1",
            CellOp::Conv3x3 => "nor_conv_3x3",
            CellOp::AvgPool3x3 => "avg_pool_3x3",
            CellOp::MaxPool3x3 => "max_pool_3x3",
        }
    }

    /// Side of the convolution's kernel; `None` for an operation without weights.
    pub fn kernel(self) -> Option<usize> {
        match self {
            CellOp::Conv1x1 => Some(1),
            CellOp::Conv3x3 => Some(3),
            CellOp::None | CellOp::Skip | CellOp::AvgPool3x3 | CellOp::MaxPool3x3 => None,
        }
    }

    /// What it is to a [`Graph`](crate::Graph); `None` for zeros, which carry nothing.
    pub(crate) fn kind(self) -> Option<OpKind> {
        match self {
            CellOp::None => None,
            CellOp::Skip => Some(OpKind::Identity),
            CellOp::Conv1x1 | CellOp::Conv3x3 => Some(OpKind::Conv),
            CellOp::AvgPool3x3 => Some(OpKind::Linear),
            CellOp::MaxPool3x3 => Some(OpKind::Nonlinear),
        }
    }

    /// Cost on one edge with `channels` channels and an image of `size` = (height, width); `affine`: whether the batch
    /// normalisation has scale and shift.
    pub(crate) fn cost(self, channels: usize, size: (usize, usize), affine: bool) -> Cost {
        let Some(kernel) = self.kernel() else {
            return Cost::ZERO;
        };
        let norm = if affine { Cost::batch_norm(channels) } else { Cost::ZERO };
        Cost::conv(kernel, channels, channels, size) + norm
    }
}

//! The operations on one edge of a cell.

use fewshot_space::darts::{CellPlace, DartsOp};

use super::layers::{FactorizedReduce, Style};
use crate::geometry::Window;
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, DepthwiseLayer};
use crate::op::BatchNorm;

/// An operation with its layers.
pub(super) enum EdgeOp {
    Identity,
    Reduce(Box<FactorizedReduce>),
    MaxPool(Pool),
    AvgPool(Pool),
    Convs(Vec<SeparableConv>),
}

/// 3x3 with padding 1.
pub(super) struct Pool {
    stride: usize,
    norm: Option<BatchNorm>,
}

/// ReLU, depthwise convolution, 1x1 convolution, batch norm.
pub(super) struct SeparableConv {
    depthwise: DepthwiseLayer,
    pointwise: ConvLayer,
    norm: BatchNorm,
}

impl EdgeOp {
    /// `op` where it reads state `from` of the cell at `place`, on so many channels as that says.
    pub fn new(op: DartsOp, place: &CellPlace, from: usize, style: Style, builder: &mut Builder, name: &str) -> Self {
        let (channels, stride) = (place.channels, place.kind.stride(from));
        let mut pool = || {
            let norm = style.norms_pools().then(|| builder.norm(&format!("{name}.norm"), channels, style.cell_norm));
            Pool { stride, norm }
        };
        match op {
            DartsOp::MaxPool3x3 => EdgeOp::MaxPool(pool()),
            DartsOp::AvgPool3x3 => EdgeOp::AvgPool(pool()),
            DartsOp::SkipConnect if stride == 1 => EdgeOp::Identity,
            DartsOp::SkipConnect => {
                EdgeOp::Reduce(Box::new(FactorizedReduce::new(builder, name, [channels; 2], style)))
            }
            DartsOp::SepConv3x3 | DartsOp::SepConv5x5 | DartsOp::DilConv3x3 | DartsOp::DilConv5x5 => {
                let blocks = (0..op.blocks()).map(|block| {
                    let stride = if block == 0 { stride } else { 1 };
                    let window = Window::same(op.kernel(), stride).dilated(op.dilation());
                    SeparableConv::new(window, channels, style, builder, &format!("{name}.{block}"))
                });
                EdgeOp::Convs(blocks.collect())
            }
        }
    }

    /// Whether its last layer is a convolution with its norm, which can add itself to a sum.
    pub fn ends_in_conv(&self) -> bool {
        matches!(self, EdgeOp::Convs(_))
    }

    pub fn append(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        match self {
            EdgeOp::Identity => x,
            EdgeOp::Reduce(reduce) => reduce.append(graph, x),
            EdgeOp::MaxPool(pool) => {
                let x = graph.max_pool(x, 3, pool.stride, 1);
                pool.normed(graph, x)
            }
            EdgeOp::AvgPool(pool) => {
                let x = graph.avg_pool(x, 3, pool.stride, 1);
                pool.normed(graph, x)
            }
            EdgeOp::Convs(blocks) => blocks.iter().fold(x, |x, block| block.append(graph, x)),
        }
    }

    /// The same in a network that is trained alone: drop-path behind everything but the identity.
    pub fn append_dropping(&self, graph: &mut GraphBuilder, x: Value, place: usize, rate: f32) -> Value {
        let value = self.append(graph, x);
        if let EdgeOp::Identity = self { value } else { graph.drop_path(value, place, rate) }
    }
}

impl Pool {
    fn normed(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        self.norm.as_ref().map_or(x, |norm| graph.norm(norm, x))
    }
}

impl SeparableConv {
    fn new(window: Window, channels: usize, style: Style, builder: &mut Builder, name: &str) -> Self {
        Self {
            depthwise: builder.depthwise_over(&format!("{name}.depthwise"), window, channels),
            pointwise: style.pointwise(builder, &format!("{name}.pointwise"), [channels; 2]),
            norm: builder.norm(&format!("{name}.norm"), channels, style.cell_norm),
        }
    }

    fn append(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        let x = graph.relu(x);
        let x = graph.depthwise(&self.depthwise, x);
        graph.conv_norm(&self.pointwise, &self.norm, x)
    }
}

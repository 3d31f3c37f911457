//! The auxiliary head.

use fewshot_space::darts::AuxiliaryHead;

use crate::geometry::Window;
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer};
use crate::norm::NormKind;
use crate::op::BatchNorm;

/// Its layers; [`AuxiliaryHead`] says what they do.
pub(super) struct AuxiliaryNet {
    after: usize,
    convs: [(ConvLayer, BatchNorm); 2],
    classifier: LinearLayer,
}

impl AuxiliaryNet {
    pub fn new(head: AuxiliaryHead, classes: usize, builder: &mut Builder) -> Self {
        let (inner, outer) = AuxiliaryHead::CHANNELS;
        let layers = [("first", 1, [head.channels, inner]), ("second", AuxiliaryHead::KERNEL, [inner, outer])];
        let convs = layers.map(|(layer, kernel, channels)| {
            let name = format!("auxiliary.{layer}");
            let conv = builder.conv_over(&name, Window::square(kernel, 1, 0), channels);
            (conv, builder.norm(&format!("{name}.norm"), channels[1], NormKind::FULL))
        });
        Self { after: head.after, convs, classifier: builder.linear("auxiliary.linear", outer, classes) }
    }

    /// Position of the cell whose output it reads.
    pub fn after(&self) -> usize {
        self.after
    }

    /// Its logits.
    pub fn append(&self, graph: &mut GraphBuilder, output: Value) -> Value {
        let (window, stride) = AuxiliaryHead::POOL;
        let x = graph.relu(output);
        let mut x = graph.avg_pool(x, window, stride, 0);
        for (conv, norm) in &self.convs {
            x = graph.conv_norm(conv, norm, x);
            x = graph.relu(x);
        }
        graph.pooled_linear(&self.classifier, x)
    }
}

//! Operations put together that one pass over memory does.

use super::{Graph, Node};
use crate::op::{Activation, BatchNorm, Conv, Op, Weigh};
use crate::weights::ParamId;

/// Which operations are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fusion {
    /// What the kernels do at once: a ReLU goes into the convolutions that read it; a batch norm, a weight and a sum into the
    /// convolution before them.
    Kernels,
    /// What can be said by other weights and a bias: a batch norm goes into the convolution or depthwise convolution before it.
    Weights,
}

impl Graph {
    /// The same values by fewer operations.
    #[must_use]
    pub fn fused(mut self, fusion: Fusion) -> Graph {
        let mut readers = self.readers();
        let shared = if fusion == Fusion::Weights { shared_weights(&self) } else { Vec::new() };
        for index in 0..self.nodes.len() {
            let Some(source) = self.nodes[index].inputs.last().copied() else { continue };
            let (before, from) = self.nodes.split_at_mut(index);
            let (node, source_node) = (&mut from[0], &mut before[source]);
            let (is_alone, read_before) = (readers[source] == 1, node.inputs.clone());
            let is_open = is_alone && !source_node.is_settled;
            let is_fused = match fusion {
                Fusion::Kernels => relu_into(node, source_node) || (is_open && behind_conv(node, source_node)),
                Fusion::Weights => is_alone && into_weights(node, source_node, &shared),
            };
            if !is_fused {
                continue;
            }
            read_before.iter().for_each(|&input| readers[input] -= 1);
            node.inputs.iter().for_each(|&input| readers[input] += 1);
            if is_alone {
                // What nobody reads any more reads nothing either.
                source_node.inputs.iter().for_each(|&input| readers[input] -= 1);
            }
        }
        let graph = self.pruned();
        if cfg!(debug_assertions) {
            graph.check();
        }
        graph
    }
}

/// A convolution of a ReLU reads what the ReLU reads.
fn relu_into(node: &mut Node, source: &Node) -> bool {
    if source.op != Op::Activation(Activation::Relu) {
        return false;
    }
    match &mut node.op {
        Op::Conv(conv) if !conv.relu_input => conv.relu_input = true,
        Op::Depthwise(conv) if !conv.relu_input => conv.relu_input = true,
        _ => return false,
    }
    node.inputs = source.inputs.clone();
    true
}

/// A convolution takes what follows it, if nothing else reads its result; it moves to where that stood.
fn behind_conv(node: &mut Node, source: &mut Node) -> bool {
    let Op::Conv(conv) = &mut source.op else { return false };
    match &node.op {
        Op::BatchNorm(norm) if can_be_normed(conv) => conv.norm = Some(norm.clone()),
        Op::Weigh(Weigh { factor, term }) if conv.norm.is_some() && conv.weighed.is_none() && !conv.adds => {
            conv.weighed = Some((*factor, *term));
        }
        Op::Add(_) if conv.norm.is_some() && !conv.adds && node.inputs[0] != node.inputs[1] => {
            conv.adds = true;
            let sum = node.inputs[0];
            node.inputs = source.inputs.clone();
            node.inputs.push(sum);
            node.op = source.op.clone();
            return true;
        }
        _ => return false,
    }
    node.inputs = source.inputs.clone();
    node.op = source.op.clone();
    true
}

fn can_be_normed(conv: &Conv) -> bool {
    conv.norm.is_none() && conv.bias.is_none() && !conv.adds && conv.weighed.is_none()
}

/// A norm goes into the weights before it, where no other operation has the same.
fn into_weights(node: &mut Node, source: &Node, shared: &[ParamId]) -> bool {
    let Op::BatchNorm(norm) = &node.op else { return false };
    let has_own = |param: ParamId| !shared.contains(&param);
    let fused = match &source.op {
        Op::Conv(conv) if can_be_normed(conv) && has_own(conv.weight.param) => {
            Op::Conv(Conv { norm: Some(norm.clone()), ..conv.clone() })
        }
        Op::Depthwise(conv) if conv.norm.is_none() && has_own(conv.weight.param) => {
            let mut conv = conv.clone();
            conv.norm = Some(BatchNorm::clone(norm));
            Op::Depthwise(conv)
        }
        _ => return false,
    };
    node.op = fused;
    node.inputs = source.inputs.clone();
    true
}

/// Weights that several convolutions have in common.
fn shared_weights(graph: &Graph) -> Vec<ParamId> {
    let weight = |node: &Node| match &node.op {
        Op::Conv(conv) => Some(conv.weight.param),
        Op::Depthwise(conv) => Some(conv.weight.param),
        _ => None,
    };
    let mut used: Vec<usize> = graph.nodes.iter().filter_map(weight).map(|param| param.0).collect();
    used.sort_unstable();
    let repeated = used.windows(2).filter(|pair| pair[0] == pair[1]);
    repeated.map(|pair| ParamId(pair[0])).collect()
}

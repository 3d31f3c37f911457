//! Equal graphs that more runtimes can read.

use crate::nets::{Graph, Node, Op};

/// Puts channels of zeros before the average pool that alone makes the values they are added to. The mean of zeros is zero and
/// channels do not meet in a pool, so all values are equal.
///
/// A reduction without parameters pools and then pads. IREE 3.13 does not compile a `Pad` that only a padded max pool reads; with
/// the average pool between them it does.
pub fn pad_before_pool(mut graph: Graph) -> Graph {
    let readers = graph.readers();
    for index in 0..graph.nodes.len() {
        if !matches!(graph.nodes[index].op, Op::PadChannels(_)) {
            continue;
        }
        let pooled = graph.nodes[index].inputs[0];
        if matches!(graph.nodes[pooled].op, Op::AvgPool(_)) && readers[pooled] == 1 {
            let (pad, pool) = (graph.nodes[index].op.clone(), graph.nodes[pooled].op.clone());
            let inputs = graph.nodes[pooled].inputs.clone();
            let size = pad.size(&graph.input_sizes(&graph.nodes[pooled]));
            graph.nodes[pooled] = Node { op: pad, inputs, size, is_settled: false };
            graph.nodes[index].op = pool;
        }
    }
    graph
}

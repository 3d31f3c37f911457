//! The proof-of-concept space of few-shot NAS (Zhao et al., ICML 2021, <https://arxiv.org/abs/2006.06863>): 4 compound
//! edges with 6 operations each.
//!
//! Published are only these numbers and the number of networks, 1,296. How the edges connect, the six operations and
//! the network are ours.

use super::{CellOp, CellSkeleton, CellSpace, Reduction, nasbench201};

/// Its name.
pub const NAME: &str = "cell1296";

/// The operations on every edge: those of NAS-Bench-201 and max pooling.
const OPS: [CellOp; 6] =
    [CellOp::None, CellOp::Skip, CellOp::Conv1x1, CellOp::Conv3x3, CellOp::AvgPool3x3, CellOp::MaxPool3x3];

/// The edges as (to, from): a chain of three and a shortcut around it.
const EDGES: [(usize, usize); 4] = [(1, 0), (2, 1), (3, 0), (3, 2)];

/// Four nodes, four edges, 6 operations: 6^4 = 1,296 architectures.
///
/// Edges: e0 = 1<-0, e1 = 2<-1, e2 = 3<-0, e3 = 3<-2: a chain of three edges from input to output, and one edge around it.
/// Thus every operation can matter, and few codes are dead: the 91 with `none` on e2 and somewhere in the chain. Options:
/// `none`, `skip_connect`, `nor_conv_1x1`, `nor_conv_3x3`, `avg_pool_3x3`, `max_pool_3x3`.
pub fn cell1296(skeleton: CellSkeleton) -> CellSpace {
    CellSpace::new(NAME, &EDGES, &OPS, skeleton)
}

/// The skeleton of [`nasbench201::default_skeleton`] but with [`Reduction::Pool`], so that only stem, cells and
/// classifier have weights.
pub fn default_skeleton() -> CellSkeleton {
    CellSkeleton { reduction: Reduction::Pool, ..nasbench201::default_skeleton() }
}

//! The cell space of NAS-Bench-201 (Dong and Yang, ICLR 2020, <https://arxiv.org/abs/2001.00326>).

use super::{CellOp, CellSkeleton, CellSpace, Reduction};

/// Its name.
pub const NAME: &str = "nasbench201";

/// The operations on every edge.
const OPS: [CellOp; 5] = [CellOp::None, CellOp::Skip, CellOp::Conv1x1, CellOp::Conv3x3, CellOp::AvgPool3x3];

/// The edges as (to, from): every pair of four nodes.
const EDGES: [(usize, usize); 6] = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)];

/// Four nodes, an edge between every two of them, 5 operations: 5^6 = 15,625 architectures.
///
/// Edges: e0 = 1<-0, e1 = 2<-0, e2 = 2<-1, e3 = 3<-0, e4 = 3<-1, e5 = 3<-2. Options: `none`, `skip_connect`,
/// `nor_conv_1x1`, `nor_conv_3x3`, `avg_pool_3x3`.
pub fn nasbench201(skeleton: CellSkeleton) -> CellSpace {
    CellSpace::new(NAME, &EDGES, &OPS, skeleton)
}

/// The network of the published tables: CIFAR-10 images, 16 channels in the first stage, 5 cells per stage.
pub fn default_skeleton() -> CellSkeleton {
    CellSkeleton {
        image_height: 32,
        image_width: 32,
        channels_in: 3,
        classes: 10,
        width: 16,
        cells: 5,
        reduction: Reduction::Residual,
    }
}

//! Networks of cell spaces: stem, three stages of equal cells, two reductions, head (`nasbench201`, `cell1296`).
//!
//! Skeleton of NAS-Bench-201 (Dong and Yang, 2020): 3×3 convolution and batch norm; stages of `cells` cells at widths
//! C, 2C, 4C; a reduction between stages; batch norm, ReLU, global average pool, linear. Within a cell, node *i* is the
//! sum of one operation per edge into it.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;
use fewshot_space::{Arch, CellEdge, CellOp, CellSpace, Reduction, Region};

use super::layers::{Builder, ConvLayer, LinearLayer, NormKind, NormLayer, ReluConvNorm};
use super::net::{Blueprint, Body, Path};
use super::pass::Pass;

/// Stages of the skeleton; the width doubles from one to the next.
const STAGES: usize = 3;

impl Blueprint for CellSpace {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let skeleton = self.skeleton();
        let width = skeleton.width;
        let stem = builder.conv("stem", 3, skeleton.channels_in, width, 1);
        let stem_norm = builder.norm("stem.norm", width, NormKind::FULL);
        let mut modules = Vec::new();
        for stage in 0..STAGES {
            let channels = width << stage;
            if stage > 0 {
                let name = format!("reductions.{}", stage - 1);
                modules.push(Module::Reduction(match skeleton.reduction {
                    Reduction::Pool => ReductionNet::Pool { channels },
                    Reduction::Residual => residual(builder, &name, channels),
                }));
            }
            for cell in 0..skeleton.cells {
                let name = format!("cells.{}", stage * skeleton.cells + cell);
                modules.push(Module::Cell(cell_net(self, region, builder, &name, channels, cell_norm)));
            }
        }
        let last = width << (STAGES - 1);
        Box::new(CellBody {
            nodes: self.nodes(),
            edges: self.edges().to_vec(),
            stem,
            stem_norm,
            modules,
            head_norm: builder.norm("head.norm", last, NormKind::FULL),
            classifier: builder.linear("head.linear", last, skeleton.classes),
        })
    }
}

fn residual(builder: &mut Builder, name: &str, channels: usize) -> ReductionNet {
    let input = channels / 2;
    ReductionNet::Residual {
        first: builder.relu_conv_norm(&format!("{name}.first"), 3, [input, channels], 2, NormKind::FULL),
        second: builder.relu_conv_norm(&format!("{name}.second"), 3, [channels, channels], 1, NormKind::FULL),
        shortcut: builder.conv(&format!("{name}.shortcut"), 1, input, channels, 1),
    }
}

/// The operations that `region` allows on each edge; a supernet holds no others.
fn cell_net(
    space: &CellSpace,
    region: &Region,
    builder: &mut Builder,
    name: &str,
    channels: usize,
    kind: NormKind,
) -> CellNet {
    let edges = (0..space.edges().len()).map(|edge| {
        let ops = space.ops().iter().enumerate().map(|(index, op)| {
            let kernel = match op {
                _ if !region.allowed(edge).contains(index) => return EdgeOp::Absent,
                CellOp::None => return EdgeOp::Zero,
                CellOp::Skip => return EdgeOp::Skip,
                CellOp::AvgPool3x3 => return EdgeOp::AvgPool,
                CellOp::MaxPool3x3 => return EdgeOp::MaxPool,
                CellOp::Conv1x1 => 1,
                CellOp::Conv3x3 => 3,
            };
            let name = format!("{name}.e{edge}.{}", op.name());
            EdgeOp::Conv(Box::new(builder.relu_conv_norm(&name, kernel, [channels, channels], 1, kind)))
        });
        ops.collect()
    });
    CellNet { edges: edges.collect() }
}

struct CellBody {
    nodes: usize,
    edges: Vec<CellEdge>,
    stem: ConvLayer,
    stem_norm: NormLayer,
    modules: Vec<Module>,
    head_norm: NormLayer,
    classifier: LinearLayer,
}

#[expect(clippy::large_enum_variant, reason = "a handful per network")]
enum Module {
    Cell(CellNet),
    Reduction(ReductionNet),
}

struct CellNet {
    /// Per edge, per operation of the space.
    edges: Vec<Vec<EdgeOp>>,
}

enum EdgeOp {
    /// Outside the region: this supernet has no such operation.
    Absent,
    Zero,
    Skip,
    AvgPool,
    MaxPool,
    Conv(Box<ReluConvNorm>),
}

#[expect(clippy::large_enum_variant, reason = "two per network")]
enum ReductionNet {
    Residual { first: ReluConvNorm, second: ReluConvNorm, shortcut: ConvLayer },
    Pool { channels: usize },
}

impl Body for CellBody {
    fn cells(&self) -> usize {
        self.modules.iter().filter(|module| matches!(module, Module::Cell(_))).count()
    }

    fn forward(&self, pass: &mut Pass<'_>, images: Tensor<4>, path: &Path) -> Tensor<2> {
        let mut x = pass.conv_norm(&self.stem, &self.stem_norm, images);
        let mut cell_index = 0;
        for module in &self.modules {
            x = match module {
                Module::Reduction(reduction) => reduction.forward(pass, x),
                Module::Cell(cell) => {
                    let arch = path.cell(cell_index);
                    cell_index += 1;
                    self.cell(pass, cell, x, arch)
                }
            };
        }
        let x = kernels::relu(pass.norm(&self.head_norm, x));
        pass.linear(&self.classifier, kernels::global_avg_pool(x))
    }
}

impl CellBody {
    fn cell(&self, pass: &mut Pass<'_>, cell: &CellNet, input: Tensor<4>, arch: &Arch) -> Tensor<4> {
        let op = |edge: usize| &cell.edges[edge][arch.get(edge)];
        let wanted = self.reaching_output(|edge| matches!(op(edge), EdgeOp::Zero));
        let mut nodes: Vec<Option<Tensor<4>>> = vec![None; self.nodes];
        for node in 1..self.nodes {
            if !wanted[node] {
                continue;
            }
            // Convolutions come last: each then adds itself to the sum in the pass that normalises it.
            let into = || self.edges.iter().enumerate().filter(|(_, edge)| edge.to == node);
            let plain = into().filter(|(i, _)| !matches!(op(*i), EdgeOp::Conv(_)));
            let convs = into().filter(|(i, _)| matches!(op(*i), EdgeOp::Conv(_)));
            let mut sum: Option<Tensor<4>> = None;
            for (index, edge) in plain.chain(convs) {
                // A node without a value is a sum of nothing: zeros.
                let source = || match edge.from {
                    0 => input.clone(),
                    from => nodes[from].clone().unwrap_or_else(|| input.clone().inner().zeros_like()),
                };
                let term = match op(index) {
                    EdgeOp::Zero => continue,
                    EdgeOp::Skip => source(),
                    EdgeOp::AvgPool => kernels::avg_pool2d(source(), 3, 1, 1),
                    EdgeOp::MaxPool => kernels::max_pool2d(source(), 3, 1, 1),
                    EdgeOp::Conv(layer) => {
                        sum = Some(pass.relu_conv_norm(layer, source(), sum.take()));
                        continue;
                    }
                    EdgeOp::Absent => unreachable!("Net::forward checks the path against the region"),
                };
                sum = Some(match sum.take() {
                    None => term,
                    Some(sum) => kernels::add(sum, term),
                });
            }
            nodes[node] = sum;
        }
        nodes[self.nodes - 1].take().unwrap_or_else(|| input.inner().zeros_like())
    }

    /// Nodes whose value the cell's output can depend on; the others need not be computed.
    fn reaching_output(&self, is_zero: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut reaching = vec![false; self.nodes];
        reaching[self.nodes - 1] = true;
        for node in (0..self.nodes).rev() {
            let edges = self.edges.iter().enumerate();
            reaching[node] |= edges.into_iter().any(|(i, e)| e.from == node && reaching[e.to] && !is_zero(i));
        }
        reaching
    }
}

impl ReductionNet {
    fn forward(&self, pass: &mut Pass<'_>, x: Tensor<4>) -> Tensor<4> {
        match self {
            ReductionNet::Pool { channels } => kernels::pad_channels(halve(x), *channels),
            ReductionNet::Residual { first, second, shortcut } => {
                let side = pass.conv(shortcut, halve(x.clone()));
                let branch = pass.relu_conv_norm(first, x, None);
                pass.relu_conv_norm(second, branch, Some(side))
            }
        }
    }
}

/// 2×2 average pool to ⌈size/2⌉, as a stride-2 convolution gives. Odd sizes start with a window of one row and column.
fn halve(x: Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = x.dims();
    kernels::avg_pool2d(x, 2, 2, usize::from(height % 2 == 1 && width % 2 == 1))
}

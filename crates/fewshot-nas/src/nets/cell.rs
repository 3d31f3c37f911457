//! Networks of cell spaces: stem, three stages of equal cells, two reductions, head (`nasbench201`, `cell1296`).
//!
//! Skeleton of NAS-Bench-201 (Dong and Yang, 2020): 3×3 convolution and batch norm; stages of `cells` cells at widths
//! C, 2C, 4C; a reduction between stages; batch norm, ReLU, global average pool, linear. Within a cell, node *i* is the
//! sum of one operation per edge into it.

use fewshot_space::{Arch, CellEdge, CellOp, CellSpace, Reduction, Region};

use super::layers::{Builder, ConvLayer, LinearLayer, NormKind, NormLayer, ReluConvNorm};
use super::mix::MixedBody;
use super::net::{Blueprint, Body, Network, Path};
use super::ops::Ops;

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
            partial: (0..self.edges().len()).map(|edge| builder.partial(region, edge)).collect(),
            stem,
            stem_norm,
            modules,
            head_norm: builder.norm("head.norm", last, NormKind::FULL),
            classifier: builder.linear("head.linear", last, skeleton.classes),
        })
    }

    fn allows_partial(&self, partial: usize) -> bool {
        partial > 0 && self.skeleton().width.is_multiple_of(partial)
    }
}

/// Name of the same weight in a network of `other` cells in all, where this one has `cells`: that of the cell at the same
/// place of the same stage.
pub(super) fn at_depth(name: &str, cells: usize, other: usize) -> String {
    let moved = name.strip_prefix("cells.").and_then(|rest| {
        let (cell, rest) = rest.split_once('.')?;
        let cell: usize = cell.parse().ok()?;
        Some(format!("cells.{}.{rest}", cell * other / cells.max(1)))
    });
    moved.unwrap_or_else(|| name.to_string())
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
        let channels = channels / builder.partial(region, edge);
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
            let layer = builder
                .for_decision(edge, |builder| builder.relu_conv_norm(&name, kernel, [channels, channels], 1, kind));
            EdgeOp::Conv(Box::new(layer))
        });
        ops.collect()
    });
    CellNet { edges: edges.collect() }
}

pub(super) struct CellBody {
    pub(super) nodes: usize,
    pub(super) edges: Vec<CellEdge>,
    /// Per edge: one channel in so many goes through its operations.
    pub(super) partial: Vec<usize>,
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

pub(super) struct CellNet {
    /// Per edge, per operation of the space.
    pub(super) edges: Vec<Vec<EdgeOp>>,
}

pub(super) enum EdgeOp {
    /// Outside the region: this supernet has no such operation.
    Absent,
    Zero,
    Skip,
    AvgPool,
    MaxPool,
    Conv(Box<ReluConvNorm>),
}

impl EdgeOp {
    /// Different for different operations.
    fn number(&self) -> u8 {
        match self {
            EdgeOp::Absent | EdgeOp::Zero => 0,
            EdgeOp::Skip => 1,
            EdgeOp::AvgPool => 2,
            EdgeOp::MaxPool => 3,
            EdgeOp::Conv(layer) => 4 + layer.conv.shape[0] as u8,
        }
    }

    pub(super) fn run<O: Ops>(&self, ops: &mut O, x: O::Map) -> O::Map {
        match self {
            EdgeOp::Skip => x,
            EdgeOp::AvgPool => ops.avg_pool(x, 3, 1, 1),
            EdgeOp::MaxPool => ops.max_pool(x, 3, 1, 1),
            EdgeOp::Conv(layer) => ops.relu_conv_norm(layer, x, None),
            EdgeOp::Zero | EdgeOp::Absent => unreachable!("such edges are not live, or outside the region"),
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "two per network")]
enum ReductionNet {
    Residual { first: ReluConvNorm, second: ReluConvNorm, shortcut: ConvLayer },
    Pool { channels: usize },
}

impl Network for CellBody {
    fn cells(&self) -> usize {
        self.modules.iter().filter(|module| matches!(module, Module::Cell(_))).count()
    }

    fn computation(&self, arch: &Arch) -> Vec<u8> {
        let cell = self.modules.iter().find_map(|module| match module {
            Module::Cell(cell) => Some(cell),
            Module::Reduction(_) => None,
        });
        // All cells have the same operations: the first tells for all.
        cell.map_or_else(Vec::new, |cell| self.live(cell, arch).bytes(self.nodes - 1))
    }

    fn mixed(&self) -> Option<&dyn MixedBody> {
        Some(self)
    }

    fn run<O: Ops>(&self, ops: &mut O, images: O::Map, path: &Path) -> O::Rows {
        self.skeleton(ops, images, |ops, cell, index, input| {
            let live = self.live(cell, path.cell(index));
            // Later cells read what the whole architecture made of the first.
            Cell { body: self, net: cell, live: &live, shared: index == 0, input }.run(ops)
        })
    }
}

/// Key of the stem's output; those of nodes and edges are longer.
const STEM: &[u8] = &[];

/// What one cell computes: per edge the index of its operation, or nothing where the output does not depend on it or
/// it is known to be zero.
struct Live<'a> {
    edges: &'a [CellEdge],
    ops: Vec<Option<usize>>,
}

impl Live<'_> {
    /// What the value of `node` is made of: first the node, then per edge 0 or the operation's number from 1.
    fn bytes(&self, node: usize) -> Vec<u8> {
        let mut needed = vec![false; node + 1];
        needed[node] = true;
        let mut bytes = vec![0; self.edges.len() + 1];
        // Edges are sorted by the node they lead to.
        for (index, (edge, op)) in self.edges.iter().zip(&self.ops).enumerate().rev() {
            if let (Some(op), Some(true)) = (op, needed.get(edge.to)) {
                needed[edge.from] = true;
                bytes[index + 1] = *op as u8 + 1;
            }
        }
        bytes[0] = node as u8;
        bytes
    }
}

impl CellBody {
    /// Stem, cells and reductions, head. `run` is given each cell, its position and its input.
    pub(super) fn skeleton<O: Ops>(
        &self,
        ops: &mut O,
        images: O::Map,
        mut run: impl FnMut(&mut O, &CellNet, usize, O::Map) -> O::Map,
    ) -> O::Rows {
        let mut x = ops.memo(STEM, |ops| ops.conv_norm(&self.stem, &self.stem_norm, images));
        let mut index = 0;
        for module in &self.modules {
            x = match module {
                Module::Reduction(reduction) => reduction.run(ops, x),
                Module::Cell(cell) => {
                    index += 1;
                    run(ops, cell, index - 1, x)
                }
            };
        }
        let x = ops.norm(&self.head_norm, x);
        let x = ops.relu(x);
        let x = ops.global_avg_pool(x);
        ops.linear(&self.classifier, x)
    }

    fn live<'a>(&'a self, cell: &CellNet, arch: &Arch) -> Live<'a> {
        let op = |index: usize| &cell.edges[index][arch.get(index)];
        // A node that nothing reaches is zero, and so is what is made of it, but for shifts of batch norms.
        let mut zero = vec![true; self.nodes];
        zero[0] = false;
        let mut ops = vec![None; self.edges.len()];
        for (index, edge) in self.edges.iter().enumerate() {
            let dead = match op(index) {
                EdgeOp::Zero => true,
                EdgeOp::Conv(layer) => zero[edge.from] && layer.keeps_zeros(),
                EdgeOp::Skip | EdgeOp::AvgPool | EdgeOp::MaxPool | EdgeOp::Absent => zero[edge.from],
            };
            if !dead {
                ops[index] = Some(arch.get(index));
                zero[edge.to] = false;
            }
        }
        let mut reaching = vec![false; self.nodes];
        reaching[self.nodes - 1] = true;
        for (edge, op) in self.edges.iter().zip(&mut ops).rev() {
            if !reaching[edge.to] {
                *op = None;
            }
            reaching[edge.from] |= op.is_some();
        }
        Live { edges: &self.edges, ops }
    }
}

/// One cell at work.
struct Cell<'a, M> {
    body: &'a CellBody,
    net: &'a CellNet,
    live: &'a Live<'a>,
    /// Whether its values depend on the architecture through this cell alone, so that others may have them in common.
    shared: bool,
    input: M,
}

impl<M: Clone> Cell<'_, M> {
    fn run<O: Ops<Map = M>>(self, ops: &mut O) -> M {
        let last = self.body.nodes - 1;
        let mut nodes: Vec<Option<M>> = vec![None; last + 1];
        nodes[0] = Some(self.input.clone());
        for node in 1..=last {
            if self.edges_into(node, |_| true).next().is_none() {
                continue;
            }
            let share = self.shared && ops.has_memo();
            let sum = |ops: &mut O| self.sum(ops, &nodes, node, share);
            let value = if share { ops.memo(&self.live.bytes(node), sum) } else { sum(ops) };
            nodes[node] = Some(value);
        }
        nodes[last].take().unwrap_or_else(|| ops.zeros_like(&self.input))
    }

    /// The live edges into `node` whose operations are `wanted`.
    fn edges_into(&self, node: usize, wanted: impl Fn(&EdgeOp) -> bool) -> impl Iterator<Item = (usize, &EdgeOp)> {
        let edges = self.body.edges.iter().enumerate().filter(move |(_, edge)| edge.to == node);
        let live = edges.filter_map(|(index, _)| Some((index, &self.net.edges[index][self.live.ops[index]?])));
        live.filter(move |(_, op)| wanted(op))
    }

    /// The sum of the edges into `node`; each edge's value is shared too where wanted.
    fn sum<O: Ops<Map = M>>(&self, ops: &mut O, nodes: &[Option<M>], node: usize, share: bool) -> M {
        // Convolutions come last: each then adds itself to the sum in the pass that normalises it.
        let is_conv = |op: &EdgeOp| matches!(op, EdgeOp::Conv(_));
        let mut sum: Option<M> = None;
        for (index, op) in self.edges_into(node, |op| !is_conv(op)).chain(self.edges_into(node, is_conv)) {
            let from = self.body.edges[index].from;
            // A convolution of a node without a value reads zeros, and its norm's shift is what comes out.
            let source = nodes[from].clone().unwrap_or_else(|| ops.zeros_like(&self.input));
            let term = match op {
                EdgeOp::Skip => source,
                EdgeOp::Conv(layer) if !share => {
                    sum = Some(ops.relu_conv_norm(layer, source, sum.take()));
                    continue;
                }
                op if share => {
                    let mut key = self.live.bytes(from);
                    // Pools have no weights: the same on all edges from a node.
                    key.extend([if is_conv(op) { index as u8 } else { u8::MAX }, op.number()]);
                    ops.memo(&key, |ops| op.run(ops, source))
                }
                op => op.run(ops, source),
            };
            sum = Some(match sum.take() {
                None => term,
                Some(sum) => ops.add(sum, term),
            });
        }
        sum.unwrap_or_else(|| ops.zeros_like(&self.input))
    }
}

impl ReductionNet {
    fn run<O: Ops>(&self, ops: &mut O, x: O::Map) -> O::Map {
        match self {
            ReductionNet::Pool { channels } => {
                let x = halve(ops, x);
                ops.pad_channels(x, *channels)
            }
            ReductionNet::Residual { first, second, shortcut } => {
                let side = halve(ops, x.clone());
                let side = ops.conv(shortcut, side);
                let branch = ops.relu_conv_norm(first, x, None);
                ops.relu_conv_norm(second, branch, Some(side))
            }
        }
    }
}

/// Whether images of this size can be halved between all stages: height and width must be both even or both odd each time,
/// since a pool treats them alike.
pub(crate) fn halves_evenly(height: usize, width: usize) -> bool {
    let halved = |side: usize, times: usize| (0..times).fold(side, |side, _| side.div_ceil(2));
    (0..STAGES - 1).all(|times| halved(height, times) % 2 == halved(width, times) % 2)
}

/// 2×2 average pool to ⌈size/2⌉, as a stride-2 convolution gives. Odd sizes start with a window of one row and column.
fn halve<O: Ops>(ops: &mut O, x: O::Map) -> O::Map {
    let [height, width] = ops.size(&x);
    ops.avg_pool(x, 2, 2, usize::from(height % 2 == 1 && width % 2 == 1))
}

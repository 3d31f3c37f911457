//! Networks of cell spaces: stem, three stages of equal cells, two reductions, head (`nasbench201`, `cell1296`).
//!
//! Skeleton of NAS-Bench-201 (Dong and Yang, 2020): 3×3 convolution and batch norm; stages of `cells` cells at widths
//! C, 2C, 4C; a reduction between stages; batch norm, ReLU, global average pool, linear. Within a cell, node *i* is the
//! sum of one operation per edge into it, or of several with weights where the network is relaxed.

use fewshot_space::{CellEdge, CellOp, CellSpace, Reduction, Region};

use crate::blueprint::{Blueprint, Body};
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer, ReluConvNorm};
use crate::mix::{Blend, Route, Term};
use crate::norm::NormKind;
use crate::op::{BatchNorm, FactorId};

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

    /// That of the cell at the same place of the same stage.
    fn name_at_depth(&self, name: &str, cells: usize, other: usize) -> String {
        let moved = name.strip_prefix("cells.").and_then(|rest| {
            let (cell, rest) = rest.split_once('.')?;
            let cell: usize = cell.parse().ok()?;
            Some(format!("cells.{}.{rest}", cell * other / cells.max(1)))
        });
        moved.unwrap_or_else(|| name.to_string())
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

struct CellBody {
    nodes: usize,
    edges: Vec<CellEdge>,
    /// Per edge: one channel in so many goes through its operations.
    partial: Vec<usize>,
    stem: ConvLayer,
    stem_norm: BatchNorm,
    modules: Vec<Module>,
    head_norm: BatchNorm,
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

impl EdgeOp {
    fn is_conv(&self) -> bool {
        matches!(self, EdgeOp::Conv(_))
    }

    fn append(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        match self {
            EdgeOp::Zero | EdgeOp::Absent => graph.zeros_like(x),
            EdgeOp::Skip => x,
            EdgeOp::AvgPool => graph.avg_pool(x, 3, 1, 1),
            EdgeOp::MaxPool => graph.max_pool(x, 3, 1, 1),
            EdgeOp::Conv(layer) => graph.relu_conv_norm(layer, x),
        }
    }
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

    fn mixes(&self) -> bool {
        true
    }

    fn sums(&self) -> Vec<Vec<usize>> {
        (1..self.nodes).map(|node| self.edges_into(node).collect()).collect()
    }

    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        let x = graph.conv_norm(&self.stem, &self.stem_norm, images);
        let mut x = graph.settled(x);
        let mut index = 0;
        for module in &self.modules {
            x = match module {
                Module::Reduction(reduction) => {
                    let x = reduction.append(graph, x);
                    graph.settled(x)
                }
                Module::Cell(net) => {
                    index += 1;
                    Cell { body: self, net, route, index: index - 1, input: x }.append(graph)
                }
            };
        }
        let x = graph.norm(&self.head_norm, x);
        let x = graph.relu(x);
        graph.pooled_linear(&self.classifier, x)
    }
}

impl CellBody {
    fn edges_into(&self, node: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().enumerate().filter(move |(_, edge)| edge.to == node).map(|(index, _)| index)
    }
}

/// One cell of a route.
struct Cell<'a> {
    body: &'a CellBody,
    net: &'a CellNet,
    route: Route<'a>,
    index: usize,
    input: Value,
}

impl Cell<'_> {
    fn append(&self, graph: &mut GraphBuilder) -> Value {
        let last = self.body.nodes - 1;
        // A node that nothing reaches has no value: it is zero.
        let mut nodes: Vec<Option<Value>> = vec![None; last + 1];
        nodes[0] = Some(self.input);
        for node in 1..=last {
            let mut edges: Vec<(usize, Blend)> =
                self.body.edges_into(node).map(|edge| (edge, self.route.blend(self.index, edge))).collect();
            if let Route::Path(_) = self.route {
                // Convolutions come last: each then adds itself to the sum in the pass that normalises it.
                edges.sort_by_key(
                    |(edge, blend)| matches!(blend, Blend::Only(op) if self.net.edges[*edge][*op].is_conv()),
                );
            }
            let mut sum = None;
            for (edge, blend) in edges {
                sum = self.edge(graph, edge, &blend, nodes[self.body.edges[edge].from], sum);
            }
            nodes[node] = sum.filter(|&value| !graph.is_zero(value)).map(|value| graph.settled(value));
        }
        nodes[last].unwrap_or_else(|| {
            let zeros = graph.zeros_like(self.input);
            // Outside of its cells a network is trained whatever they give.
            graph.opaque(zeros)
        })
    }

    /// `sum` and what the edge makes of `source`.
    fn edge(
        &self,
        graph: &mut GraphBuilder,
        edge: usize,
        blend: &Blend,
        source: Option<Value>,
        sum: Option<Value>,
    ) -> Option<Value> {
        let ops = &self.net.edges[edge];
        let is_fed = source.is_some();
        // An operation on a node without a value reads zeros; a norm's shift may be what comes out.
        let source = source.unwrap_or_else(|| graph.zeros_like(self.input));
        match blend {
            Blend::Only(option) => {
                let value = ops[*option].append(graph, source);
                Some(graph.add_to(sum, value))
            }
            Blend::Sum { terms, whole } => {
                let (partial, terms) = (self.body.partial[edge], in_order(ops, terms));
                if partial == 1 && whole.is_none() {
                    return self.terms(graph, &terms, source, sum);
                }
                let value = match partial {
                    1 => self.terms(graph, &terms, source, None),
                    partial => is_fed.then(|| self.partial(graph, &terms, partial, source)),
                };
                // An edge that gives zeros leaves the sum as it is.
                let Some(value) = value else { return sum };
                let value = match whole {
                    Some(factor) => {
                        let factor = graph.factor(factor);
                        graph.weigh(value, factor, None)
                    }
                    None => value,
                };
                Some(graph.add_to(sum, value))
            }
        }
    }

    /// The terms on all channels of `source`, added to `sum`.
    fn terms(
        &self,
        graph: &mut GraphBuilder,
        terms: &[(&EdgeOp, &Term)],
        source: Value,
        mut sum: Option<Value>,
    ) -> Option<Value> {
        for (op, Term { scale, shift, .. }) in terms {
            let scale = graph.factor(scale);
            let shift: Option<FactorId> = shift.as_ref().map(|shift| graph.factor(shift));
            let value = op.append(graph, source);
            let value = graph.weigh(value, scale, shift);
            sum = Some(graph.add_to(sum, value));
        }
        sum.filter(|&sum| !graph.is_zero(sum))
    }

    /// The terms on the first of `partial` equal blocks of channels; the others pass, and all are shuffled.
    fn partial(&self, graph: &mut GraphBuilder, terms: &[(&EdgeOp, &Term)], partial: usize, source: Value) -> Value {
        let [.., channels] = graph.size(source);
        let block = channels / partial;
        let first = graph.slice(source, 0, block);
        let rest = graph.slice(source, block, channels - block);
        let mixed = self.terms(graph, terms, first, None).unwrap_or_else(|| graph.zeros_like(first));
        let all = graph.concat(&[mixed, rest]);
        graph.shuffle(all, partial)
    }
}

/// Convolutions come last: each then adds itself to the sum in the pass that normalises it.
fn in_order<'a>(ops: &'a [EdgeOp], terms: &'a [Term]) -> Vec<(&'a EdgeOp, &'a Term)> {
    let mut terms: Vec<(&EdgeOp, &Term)> = terms.iter().map(|term| (&ops[term.option], term)).collect();
    terms.sort_by_key(|(op, _)| op.is_conv());
    terms
}

impl ReductionNet {
    fn append(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        match self {
            ReductionNet::Pool { channels } => {
                let x = halve(graph, x);
                graph.pad_channels(x, *channels)
            }
            ReductionNet::Residual { first, second, shortcut } => {
                let side = halve(graph, x);
                let side = graph.conv(shortcut, side);
                let branch = graph.relu_conv_norm(first, x);
                let branch = graph.relu_conv_norm(second, branch);
                graph.add(side, branch)
            }
        }
    }
}

/// Whether images of this size can be halved between all stages: height and width must be both even or both odd each time,
/// since a pool treats them alike.
pub fn halves_evenly(height: usize, width: usize) -> bool {
    let halved = |side: usize, times: usize| (0..times).fold(side, |side, _| side.div_ceil(2));
    (0..STAGES - 1).all(|times| halved(height, times) % 2 == halved(width, times) % 2)
}

/// 2×2 average pool to ⌈size/2⌉, as a stride-2 convolution gives. Odd sizes start with a window of one row and column.
fn halve(graph: &mut GraphBuilder, x: Value) -> Value {
    let [height, width, _] = graph.size(x);
    graph.avg_pool(x, 2, 2, usize::from(height % 2 == 1 && width % 2 == 1))
}

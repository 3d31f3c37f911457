//! One cell of a network.

use std::collections::BTreeMap;

use fewshot_space::darts::{CellDesign, CellKind, CellPlace, DartsOp, Genotype};
use fewshot_space::{DartsSpace, Region, Space};

use super::edge::EdgeOp;
use super::layers::{InputNet, Style};
use crate::graph::{GraphBuilder, Value};
use crate::layers::Builder;
use crate::mix::{Blend, Mix, Term};

/// The layers of one cell.
pub(super) struct CellNet {
    place: CellPlace,
    inputs: [InputNet; 2],
    /// Sorted by the node that they lead to, then by the state that they read.
    edges: Vec<EdgeNet>,
}

/// An edge with the operations that the region allows there.
struct EdgeNet {
    from: usize,
    to: usize,
    /// Position of the decision on its operation.
    decision: usize,
    /// 1, or the operations work on one channel in so many (PC-DARTS).
    partial: usize,
    /// By the operation's place among the options.
    ops: BTreeMap<usize, EdgeOp>,
}

impl CellNet {
    /// The cell at `place`, with what `region` has on its edges.
    pub fn new(space: &DartsSpace, place: CellPlace, region: &Region, style: Style, builder: &mut Builder) -> Self {
        let edges = space.supernet_edges(region);
        let name = format!("cells.{}", place.index);
        let before_previous = [place.before_previous, place.channels];
        let previous = [place.previous, place.channels];
        let inputs = [
            InputNet::new(builder, &format!("{name}.input0"), before_previous, place.reduces_first, style),
            InputNet::new(builder, &format!("{name}.input1"), previous, false, style),
        ];
        let options = space.skeleton().design.ops();
        let mut nets = Vec::new();
        for edge in edges.iter().filter(|edge| edge.kind == place.kind && !edge.ops.is_empty()) {
            let decision = decision_of(space, place.kind, edge.from, edge.to);
            let name = format!("{name}.{}-{}", edge.from, edge.to);
            let partial = builder.partial(region, decision);
            let narrow = CellPlace { channels: place.channels / partial, ..place };
            let ops = builder.for_decision(decision, |builder| {
                let op = |&op: &DartsOp| {
                    let name = format!("{name}.{}", op.name());
                    (option_of(options, op), EdgeOp::new(op, &narrow, edge.from, style, builder, &name))
                };
                edge.ops.iter().map(op).collect()
            });
            nets.push(EdgeNet { from: edge.from, to: edge.to, decision, partial, ops });
        }
        Self { place, inputs, edges: nets }
    }

    pub fn place(&self) -> &CellPlace {
        &self.place
    }

    /// Of the edges into a node.
    pub fn decisions_into(&self, node: usize) -> Vec<usize> {
        self.edges_into(node).map(|edge| edge.decision).collect()
    }

    fn edges_into(&self, node: usize) -> impl Iterator<Item = &EdgeNet> {
        self.edges.iter().filter(move |edge| edge.to == node)
    }

    /// States 0 and 1.
    pub fn inputs(&self, graph: &mut GraphBuilder, before_previous: Value, previous: Value) -> Vec<Value> {
        let sources = self.inputs.iter().zip([before_previous, previous]);
        let state = |(net, x): (&InputNet, Value)| {
            let state = net.append(graph, x);
            graph.settled(state)
        };
        sources.map(state).collect()
    }

    /// The cell of a genotype that the region has, on states 0 and 1.
    pub fn append_path(
        &self,
        graph: &mut GraphBuilder,
        mut states: Vec<Value>,
        design: CellDesign,
        genotype: &Genotype,
        drop_path: f32,
    ) -> Value {
        for (index, pairs) in genotype.cell(self.place.kind).iter().enumerate() {
            let node = index + 2;
            let mut terms: Vec<(&EdgeOp, usize)> =
                pairs.iter().map(|pair| (self.op(design, pair.op, pair.from, node), pair.from)).collect();
            // Convolutions come last: each then adds itself to the sum in the pass that normalises it.
            terms.sort_by_key(|(op, _)| op.ends_in_conv());
            let mut sum = None;
            for (term, (op, from)) in terms.into_iter().enumerate() {
                let place = (self.place.index * design.nodes() + index) * pairs.len() + term;
                let value = op.append_dropping(graph, states[from], place, drop_path);
                sum = Some(graph.add_to(sum, value));
            }
            let value = sum.expect("a node reads two states");
            states.push(graph.settled(value));
        }
        output(graph, &states, design)
    }

    fn op(&self, design: CellDesign, op: DartsOp, from: usize, to: usize) -> &EdgeOp {
        let edge = self.edges.iter().find(|edge| edge.from == from && edge.to == to);
        let held = edge.and_then(|edge| edge.ops.get(&option_of(design.ops(), op)));
        held.expect("a path within the region")
    }

    /// All edges that the region has at once, each as its decision's blend says; what a node reads is not asked. Zeros, which DARTS
    /// weighs too, are a term that the mix leaves out.
    pub fn append_mix(&self, graph: &mut GraphBuilder, mut states: Vec<Value>, design: CellDesign, mix: &Mix) -> Value {
        for node in 2..design.states() {
            let mut sum = None;
            for edge in self.edges_into(node) {
                let (x, blend) = (states[edge.from], &mix.blends[edge.decision]);
                sum = edge.append(graph, x, self.place.kind.stride(edge.from), blend, sum);
            }
            let value = sum.unwrap_or_else(|| self.zeros(graph, states[0]));
            states.push(graph.settled(value));
        }
        output(graph, &states, design)
    }

    /// A node that nothing is added to, made of state 0.
    fn zeros(&self, graph: &mut GraphBuilder, x: Value) -> Value {
        let x = match self.place.kind {
            CellKind::Normal => x,
            CellKind::Reduction => graph.subsample(x, 0),
        };
        let zeros = graph.zeros_like(x);
        graph.opaque(zeros)
    }
}

impl EdgeNet {
    /// `sum` and what the blend makes of `x`, which the edge reads in steps of `stride`. A blend without terms is no edge.
    fn append(
        &self,
        graph: &mut GraphBuilder,
        x: Value,
        stride: usize,
        blend: &Blend,
        sum: Option<Value>,
    ) -> Option<Value> {
        match blend {
            Blend::Sum { terms, .. } if terms.is_empty() => sum,
            Blend::Only(option) => {
                let value = self.option(*option).append(graph, x);
                Some(graph.add_to(sum, value))
            }
            Blend::Sum { terms, whole: None } if self.partial == 1 => self.terms(graph, x, terms, sum),
            Blend::Sum { terms, whole } => {
                let value = match self.partial {
                    1 => self.terms(graph, x, terms, None),
                    _ => Some(self.partly(graph, x, stride, terms)),
                };
                let Some(value) = value else { return sum };
                let value = match whole {
                    Some(whole) => {
                        let whole = graph.factor(whole);
                        graph.weigh(value, whole, None)
                    }
                    None => value,
                };
                Some(graph.add_to(sum, value))
            }
        }
    }

    /// The terms on the first of equal blocks of channels; the others pass, by their maxima where the map is halved, and all are
    /// shuffled (Xu et al., ICLR 2020).
    fn partly(&self, graph: &mut GraphBuilder, x: Value, stride: usize, terms: &[Term]) -> Value {
        let [height, width, channels] = graph.size(x);
        let block = channels / self.partial;
        let first = graph.slice(x, 0, block);
        let rest = graph.slice(x, block, channels - block);
        let rest = match stride {
            1 => rest,
            // Windows of two, where the sides are even; else they must give as many pixels as those of the operations.
            _ if height % 2 == 0 && width % 2 == 0 => graph.max_pool(rest, 2, stride, 0),
            _ => graph.max_pool(rest, 3, stride, 1),
        };
        let mixed = self.terms(graph, first, terms, None).expect("a term at least");
        let all = graph.concat(&[mixed, rest]);
        graph.shuffle(all, self.partial)
    }

    fn terms(&self, graph: &mut GraphBuilder, x: Value, terms: &[Term], mut sum: Option<Value>) -> Option<Value> {
        let mut terms: Vec<(&EdgeOp, &Term)> = terms.iter().map(|term| (self.option(term.option), term)).collect();
        terms.sort_by_key(|(op, _)| op.ends_in_conv());
        for (op, Term { scale, shift, .. }) in terms {
            let scale = graph.factor(scale);
            let shift = shift.as_ref().map(|shift| graph.factor(shift));
            let value = op.append(graph, x);
            let value = graph.weigh(value, scale, shift);
            sum = Some(graph.add_to(sum, value));
        }
        sum
    }

    fn option(&self, option: usize) -> &EdgeOp {
        self.ops.get(&option).expect("a mix within the region")
    }
}

/// The states that are the cell's output.
fn output(graph: &mut GraphBuilder, states: &[Value], design: CellDesign) -> Value {
    graph.concat(&states[design.concat()])
}

/// Position of the decision on the operation of an edge.
fn decision_of(space: &DartsSpace, kind: CellKind, from: usize, to: usize) -> usize {
    let name = format!("{kind}.{from}-{to}");
    let position = space.decisions().iter().position(|decision| decision.name == name);
    position.expect("every edge has a decision")
}

/// Place of an operation among the options of a decision.
fn option_of(options: &[DartsOp], op: DartsOp) -> usize {
    options.iter().position(|&option| option == op).expect("an operation of the design")
}

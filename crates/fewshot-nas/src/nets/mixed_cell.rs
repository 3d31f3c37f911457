//! Mixed forward passes of cells.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;

use super::cell::{CellBody, CellNet, EdgeOp};
use super::mix::{Blend, Mix, MixedBody, Term, shuffle_channels};
use super::pass::Pass;

impl MixedBody for CellBody {
    fn sums(&self) -> Vec<Vec<usize>> {
        (1..self.nodes).map(|node| self.edges_into(node).collect()).collect()
    }

    fn forward_mixed(&self, pass: &mut Pass<'_>, images: Tensor<4>, mix: &Mix) -> Tensor<2> {
        self.skeleton(pass, images, |pass, net, _, input| MixedCell { body: self, net, mix, input }.run(pass))
    }
}

impl CellBody {
    fn edges_into(&self, node: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().enumerate().filter(move |(_, edge)| edge.to == node).map(|(index, _)| index)
    }
}

/// One cell at work.
struct MixedCell<'a> {
    body: &'a CellBody,
    net: &'a CellNet,
    mix: &'a Mix,
    input: Tensor<4>,
}

impl MixedCell<'_> {
    fn run(self, pass: &mut Pass<'_>) -> Tensor<4> {
        let last = self.body.nodes - 1;
        // A node that nothing reaches has no value: it is zero.
        let mut nodes: Vec<Option<Tensor<4>>> = vec![None; last + 1];
        nodes[0] = Some(self.input.clone());
        for node in 1..=last {
            let mut sum = None;
            for edge in self.body.edges_into(node) {
                sum = self.edge(pass, edge, nodes[self.body.edges[edge].from].as_ref(), sum);
            }
            nodes[node] = sum;
        }
        nodes[last].take().unwrap_or_else(|| self.zeros())
    }

    /// `sum` and what the edge makes of `source`.
    fn edge(
        &self,
        pass: &mut Pass<'_>,
        edge: usize,
        source: Option<&Tensor<4>>,
        sum: Option<Tensor<4>>,
    ) -> Option<Tensor<4>> {
        let ops = &self.net.edges[edge];
        match &self.mix.blends[edge] {
            Blend::Only(option) => self.only(pass, &ops[*option], source, sum),
            Blend::Sum { terms, whole } => {
                let (partial, terms) = (self.body.partial[edge], in_order(ops, terms));
                if partial == 1 && whole.is_none() {
                    return self.terms(pass, &terms, source, sum);
                }
                let value = if partial == 1 {
                    self.terms(pass, &terms, source, None)
                } else {
                    source.map(|source| self.partial(pass, &terms, partial, source))
                };
                // An edge that gives zeros leaves the sum as it is.
                let Some(value) = value else { return sum };
                let value = match whole {
                    Some(factor) => pass.weighed(value, factor, None),
                    None => value,
                };
                Some(added(sum, value))
            }
        }
    }

    fn only(
        &self,
        pass: &mut Pass<'_>,
        op: &EdgeOp,
        source: Option<&Tensor<4>>,
        sum: Option<Tensor<4>>,
    ) -> Option<Tensor<4>> {
        match (op, source) {
            (EdgeOp::Zero | EdgeOp::Absent, _) => sum,
            (EdgeOp::Conv(layer), source) => {
                if source.is_none() && layer.keeps_zeros() {
                    return sum;
                }
                let source = source.cloned().unwrap_or_else(|| self.zeros());
                Some(pass.relu_conv_norm(layer, source, sum))
            }
            (_, None) => sum,
            (op, Some(source)) => Some(added(sum, op.run(pass, source.clone()))),
        }
    }

    /// The terms on all channels of `source`, added to `sum`.
    fn terms(
        &self,
        pass: &mut Pass<'_>,
        terms: &[(&EdgeOp, &Term)],
        source: Option<&Tensor<4>>,
        mut sum: Option<Tensor<4>>,
    ) -> Option<Tensor<4>> {
        for (op, Term { scale, shift, .. }) in terms {
            let shift = shift.as_ref();
            sum = match (op, source) {
                (EdgeOp::Conv(layer), Some(source)) => {
                    Some(pass.weighed_conv(layer, source.clone(), scale, shift, sum.take()))
                }
                (EdgeOp::Skip | EdgeOp::AvgPool | EdgeOp::MaxPool, Some(source)) => {
                    let value = op.run(pass, source.clone());
                    Some(added(sum, pass.weighed(value, scale, shift)))
                }
                // A zero operation, or any of a node that is zero: only the shift is left.
                (_, source) => match shift {
                    None => sum,
                    Some(_) => {
                        let zeros = source.map_or_else(|| self.zeros(), |source| source.clone().inner().zeros_like());
                        Some(added(sum, pass.weighed(zeros, scale, shift)))
                    }
                },
            };
        }
        sum
    }

    /// The terms on the first of `partial` equal blocks of channels; the others pass, and all are shuffled.
    fn partial(
        &self,
        pass: &mut Pass<'_>,
        terms: &[(&EdgeOp, &Term)],
        partial: usize,
        source: &Tensor<4>,
    ) -> Tensor<4> {
        let [.., channels] = source.dims();
        let block = channels / partial;
        let first = source.clone().narrow(3, 0, block);
        let rest = source.clone().narrow(3, block, channels - block);
        let mixed = self.terms(pass, terms, Some(&first), None);
        let mixed = mixed.unwrap_or_else(|| first.zeros_like());
        // In the first cell only the mixed channels may depend on something tracked.
        let rest = if mixed.is_autodiff() { rest.autodiff() } else { rest };
        shuffle_channels(Tensor::cat(vec![mixed, rest], 3), partial)
    }

    fn zeros(&self) -> Tensor<4> {
        self.input.clone().inner().zeros_like()
    }
}

/// Convolutions come last: each then adds itself to the sum in the pass that normalises it.
fn in_order<'a>(ops: &'a [EdgeOp], terms: &'a [Term]) -> Vec<(&'a EdgeOp, &'a Term)> {
    let mut terms: Vec<(&EdgeOp, &Term)> = terms.iter().map(|term| (&ops[term.option], term)).collect();
    terms.sort_by_key(|(op, _)| matches!(op, EdgeOp::Conv(_)));
    terms
}

fn added(sum: Option<Tensor<4>>, value: Tensor<4>) -> Tensor<4> {
    match sum {
        None => value,
        Some(sum) => kernels::add(sum, value),
    }
}

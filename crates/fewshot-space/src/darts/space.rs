use rand::Rng;

use super::encoding::{Encoding, SupernetEdge};
use super::genotype::{Genotype, GenotypeError, Pair};
use super::layout::{CellKind, CellPlace};
use super::op::DartsOp;
use super::relaxation::{Relaxation, RelaxedEdge, Weighed};
use super::skeleton::{DartsSkeleton, NAME};
use super::{isomorphism, mutation, text};
use crate::arch::Arch;
use crate::cost::Cost;
use crate::decision::Decision;
use crate::error::SkeletonError;
use crate::graph::{Edge, Graph, OpKind};
use crate::option_set::OptionSet;
use crate::region::Region;
use crate::relaxed::Relaxed;
use crate::space::Space;
use crate::text::ParseArchError;

/// The cells of NASNet and DARTS: a normal and a reduction cell, repeated in a deep network. Each node of a cell sums
/// up two operations on two states before it; with the design of DARTS that is 180 x 7^8 = 1.04e9 cells of each kind.
///
/// Decisions: `normal.3.inputs` = `0+2` is the pair of states that node 3 reads (states 0 and 1 are the cell's
/// inputs; node 2 has no choice of inputs), `normal.0-3` the operation between states 0 and 3, inert unless 3 reads
/// 0; the same with `reduce`. Thus `normal.0-2` alone splits the space into one part per operation.
///
/// Text form: `normal|skip_connect~0|sep_conv_3x3~1|+|..|reduce|max_pool_3x3~0|sep_conv_3x3~1|+|..|`, one
/// `|op~state|op~state|` per node. DARTS' own `Genotype(normal=[('skip_connect', 0), ..], ..)` is read too, and so
/// are the names in [`PUBLISHED`](super::PUBLISHED).
#[derive(Clone, Debug)]
pub struct DartsSpace {
    skeleton: DartsSkeleton,
    encoding: Encoding,
    decisions: Vec<Decision>,
    /// Cost of everything but the operations.
    fixed: Cost,
    /// Per kind of cell, place of an operation among the design's, and whether it reads one of the cell's inputs: its
    /// cost in all cells of that kind together.
    per_edge: [Vec<[Cost; 2]>; 2],
}

impl DartsSpace {
    /// The space of cells in this network.
    ///
    /// # Errors
    /// [`SkeletonError`] when a number of the skeleton is out of range.
    pub fn new(skeleton: DartsSkeleton) -> Result<DartsSpace, SkeletonError> {
        skeleton.check()?;
        let (encoding, decisions) = Encoding::new(skeleton.design);
        let layout = skeleton.layout();
        let ops = skeleton.design.ops();
        let costs = |kind| ops.iter().map(|&op| [2, 0].map(|from| op_cost(&layout, kind, op, from, true))).collect();
        let per_edge = CellKind::ALL.map(costs);
        Ok(DartsSpace { fixed: skeleton.fixed_cost(true), skeleton, encoding, decisions, per_edge })
    }

    /// The network around the cells, and what these may be made of.
    pub fn skeleton(&self) -> &DartsSkeleton {
        &self.skeleton
    }

    /// What the cells of an architecture are made of; the inputs of a node ascend.
    ///
    /// # Panics
    /// When `arch` is not valid for this space.
    pub fn genotype(&self, arch: &Arch) -> Genotype {
        self.encoding.genotype(arch)
    }

    /// The architecture with these cells.
    ///
    /// # Errors
    /// [`GenotypeError`] when they are none of this space's.
    pub fn arch(&self, genotype: &Genotype) -> Result<Arch, GenotypeError> {
        genotype.check(self.skeleton.design)?;
        Ok(self.encoding.arch(genotype))
    }

    /// The architecture in DARTS' notation, as Python reads it: `Genotype(normal=[('skip_connect', 0), ..], ..)`.
    ///
    /// # Panics
    /// When `arch` is not valid for this space.
    pub fn python(&self, arch: &Arch) -> String {
        text::python(self.skeleton.design, &self.genotype(arch))
    }

    /// What a supernet for `region` holds: on every edge the operations that some member of the region, but for its
    /// filters, has there. Edges are those of the normal cell, then those of the reduction cell, sorted by the node
    /// they lead to, then by the state they read.
    ///
    /// # Panics
    /// When `region` has fewer decisions: it must be one of this space.
    pub fn supernet_edges(&self, region: &Region) -> Vec<SupernetEdge> {
        self.encoding.supernet_edges(region.product())
    }

    /// Trainable parameters of a supernet that holds [these edges](DartsSpace::supernet_edges); `affine`: whether the
    /// batch normalisations in its cells have scale and shift.
    pub fn supernet_params(&self, edges: &[SupernetEdge], affine: bool) -> u64 {
        let layout = self.skeleton.layout();
        let cost = |edge: &SupernetEdge| -> Cost {
            edge.ops.iter().map(|&op| op_cost(&layout, edge.kind, op, edge.from, affine)).sum()
        };
        (self.skeleton.fixed_cost(affine) + edges.iter().map(cost).sum()).params
    }

    /// The rows of numbers from which gradient-based search makes an architecture of `region`, and how it does;
    /// `none`: whether zeros compete with the operations on an edge, as they do in DARTS.
    ///
    /// The region's filters change nothing.
    ///
    /// # Panics
    /// When `region` has fewer decisions: it must be one of this space.
    pub fn relaxation(&self, region: &Region, none: bool) -> Relaxation {
        Relaxation::new(self.encoding.clone(), region.product(), none)
    }

    fn edge_cost(&self, kind: CellKind, op: DartsOp, from: usize) -> Cost {
        let costs = &self.per_edge[kind as usize][self.encoding.op_index(op)];
        costs[usize::from(from < 2)]
    }
}

/// Cost of `op` on an edge from state `from` in all cells of a kind together.
fn op_cost(layout: &[CellPlace], kind: CellKind, op: DartsOp, from: usize, affine: bool) -> Cost {
    layout.iter().filter(|place| place.kind == kind).map(|place| place.op_cost(op, from, affine)).sum()
}

impl Space for DartsSpace {
    fn name(&self) -> &str {
        NAME
    }

    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// One normal cell, which reads the stem twice, and a reduction cell, which reads the stem and the normal cell. The
    /// convolutions that fit the inputs of a cell are part of it.
    fn graph(&self, arch: &Arch) -> Graph {
        let design = self.skeleton.design;
        let genotype = self.genotype(arch);
        let mut edges = Vec::new();
        let (mut before_previous, mut previous) = (0, 0);
        for kind in CellKind::ALL {
            let first = previous + 1;
            let output = first + design.states();
            edges.push(Edge { from: before_previous, to: first, kind: OpKind::Conv });
            edges.push(Edge { from: previous, to: first + 1, kind: OpKind::Conv });
            for (Pair { op, from }, node) in genotype.edges(kind) {
                edges.push(Edge { from: first + from, to: first + node, kind: op.kind(kind.stride(from)) });
            }
            for state in design.concat() {
                edges.push(Edge { from: first + state, to: output, kind: OpKind::Identity });
            }
            (before_previous, previous) = (previous, output);
        }
        Graph::new(previous + 1, edges)
    }

    /// Of the final network: batch normalisation with scale and shift, none behind pooling, no auxiliary head.
    fn cost(&self, arch: &Arch) -> Cost {
        let genotype = self.genotype(arch);
        let edges = |kind| genotype.edges(kind).map(move |(pair, _)| self.edge_cost(kind, pair.op, pair.from));
        self.fixed + CellKind::ALL.into_iter().flat_map(edges).sum()
    }

    /// The first, in the order of texts, of all that differ in the numbering of their nodes alone. Such networks are
    /// equal up to the order of channels between cells.
    fn structure(&self, arch: &Arch) -> String {
        let design = self.skeleton.design;
        let mut genotype = self.genotype(arch);
        for kind in CellKind::ALL {
            let cell = genotype.cell_mut(kind);
            *cell = isomorphism::least(design, cell);
        }
        text::format(&genotype)
    }

    /// The mutation of AmoebaNet (Real et al., AAAI 2019) in this space: of one of the pairs (operation, state) in
    /// one of the two cells, either is replaced.
    fn vary(&self, arch: &Arch, rng: &mut dyn Rng) -> Option<Arch> {
        let mutant = mutation::mutate(self.skeleton.design, &self.genotype(arch), rng);
        Some(self.encoding.arch(&mutant))
    }

    /// Rows are the edges with a choice of operations; a node reads its two strongest.
    fn relaxed(&self, allowed: &[OptionSet]) -> Box<dyn Relaxed> {
        let relaxation = Relaxation::new(self.encoding.clone(), allowed, false);
        let macs = |edge: &RelaxedEdge, op| self.edge_cost(edge.kind, op, edge.from).macs;
        Box::new(Weighed::new(relaxation, |op| self.encoding.op_index(op), macs, self.fixed.macs))
    }

    /// `normal|op~state|op~state|+|..|reduce|op~state|op~state|+|..|`
    fn format(&self, arch: &Arch) -> String {
        text::format(&self.genotype(arch))
    }

    /// Reads the form of [`format`](Space::format), DARTS' `Genotype(..)`, and names of published cells.
    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        let genotype = text::parse(self.skeleton.design, text)?;
        Ok(self.encoding.arch(&genotype))
    }
}

//! Networks of the space `darts`: stem, normal and reduction cells, head (Liu et al., ICLR 2019).
//!
//! A supernet holds on each edge of each cell the operations that its region allows there. The networks that are found have more
//! around the same cells: scale and shift in every batch norm, none behind pooling, and what [`DartsSwitches`] asks for.

mod auxiliary;
mod cell;
mod depth;
mod edge;
mod layers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fewshot_space::DartsSpace;
use fewshot_space::darts::CellDesign;
use fewshot_space::{Around, Region, Space};

use self::auxiliary::AuxiliaryNet;
use self::cell::CellNet;
use self::layers::Style;
use crate::blueprint::{Blueprint, Body};
use crate::graph::{GraphBuilder, Value};
use crate::layers::{Builder, ConvLayer, LinearLayer};
use crate::mix::Route;
use crate::norm::NormKind;
use crate::op::BatchNorm;

/// What networks that are trained alone have besides their cells; supernets have none of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DartsSwitches {
    /// Chance of drop-path at the end of a training, 0 (none) up to but not including 1; see [`DropPath`](crate::op::DropPath).
    /// DARTS trains with 0.2.
    pub drop_path: f32,
    /// Whether an [auxiliary head](fewshot_space::darts::AuxiliaryHead) helps to train, where the map is large enough for it. Its
    /// weights are part of the network's, and of no [`cost`](Space::cost).
    pub auxiliary: bool,
    /// Whether the 1x1 convolutions of operations and of cells' inputs, but for those of factorised reductions, have standardised
    /// filters ([`View::standardised`](crate::View::standardised)), as the released networks of few-shot NAS and LaNet do.
    pub standardise: bool,
}

/// [`DartsSpace`] with how its networks are built; in all else it is the space.
#[derive(Debug, Clone)]
pub struct DartsNetworks {
    space: Arc<DartsSpace>,
    switches: DartsSwitches,
}

impl DartsNetworks {
    /// Networks of `space`.
    pub fn new(space: Arc<DartsSpace>, switches: DartsSwitches) -> Self {
        Self { space, switches }
    }

    /// The space without tensors: genotypes, relaxations, sizes.
    pub fn space(&self) -> &Arc<DartsSpace> {
        &self.space
    }

    /// What networks that are trained alone have besides their cells.
    pub fn switches(&self) -> DartsSwitches {
        self.switches
    }
}

impl Around for DartsNetworks {
    fn inside(&self) -> &dyn Space {
        self.space.as_ref()
    }
}

impl Blueprint for DartsNetworks {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let skeleton = self.space.skeleton();
        let is_alone = cell_norm == NormKind::FULL;
        let switches = if is_alone { self.switches } else { DartsSwitches::default() };
        let style = Style { cell_norm, standardise: switches.standardise };
        let width = skeleton.stem_channels();
        let stem = builder.conv("stem", 3, skeleton.channels_in, width, 1);
        let stem_norm = builder.norm("stem.norm", width, NormKind::FULL);
        let cells = skeleton.layout().into_iter();
        let cells = cells.map(|place| CellNet::new(&self.space, place, region, style, builder)).collect();
        let auxiliary = skeleton.auxiliary().filter(|_| switches.auxiliary);
        Box::new(DartsBody {
            space: self.space.clone(),
            drop_path: switches.drop_path,
            stem,
            stem_norm,
            cells,
            auxiliary: auxiliary.map(|head| AuxiliaryNet::new(head, skeleton.classes, builder)),
            classifier: builder.linear("head.linear", skeleton.last_channels(), skeleton.classes),
        })
    }

    fn allows_partial(&self, partial: usize) -> bool {
        partial > 0 && self.space.skeleton().width.is_multiple_of(partial)
    }

    fn name_at_depth(&self, name: &str, cells: usize, other: usize) -> String {
        depth::name_at_depth(self.space.skeleton(), name, cells, other)
    }
}

struct DartsBody {
    space: Arc<DartsSpace>,
    drop_path: f32,
    stem: ConvLayer,
    stem_norm: BatchNorm,
    cells: Vec<CellNet>,
    auxiliary: Option<AuxiliaryNet>,
    classifier: LinearLayer,
}

impl DartsBody {
    fn design(&self) -> CellDesign {
        self.space.skeleton().design
    }
}

impl Body for DartsBody {
    fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Where an edge has one operation: a mix does not say that it has two.
    fn mixes(&self) -> bool {
        self.design() == CellDesign::Darts
    }

    /// The edges into each node of both kinds of cell.
    fn sums(&self) -> Vec<Vec<usize>> {
        let mut sums = Vec::new();
        for kind in fewshot_space::darts::CellKind::ALL {
            let Some(cell) = self.cells.iter().find(|cell| cell.place().kind == kind) else { continue };
            sums.extend((2..self.design().states()).map(|node| cell.decisions_into(node)));
        }
        sums
    }

    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        let x = graph.conv_norm(&self.stem, &self.stem_norm, images);
        let x = graph.settled(x);
        let (mut before_previous, mut previous) = (x, x);
        for cell in &self.cells {
            let index = cell.place().index;
            let states = cell.inputs(graph, before_previous, previous);
            let output = match route {
                Route::Path(path) => {
                    let genotype = self.space.genotype(path.cell(index));
                    cell.append_path(graph, states, self.design(), &genotype, self.drop_path)
                }
                Route::Mix(mix) => cell.append_mix(graph, states, self.design(), mix),
            };
            (before_previous, previous) = (previous, output);
            if let Some(auxiliary) = self.auxiliary.as_ref().filter(|head| head.after() == index && graph.trains()) {
                let logits = auxiliary.append(graph, output);
                graph.auxiliary(logits);
            }
        }
        graph.pooled_linear(&self.classifier, previous)
    }
}

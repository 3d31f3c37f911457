//! A family of spaces of one's own in a program of one's own, which can all that `fewshot` can:
//!
//! `cargo run --release --example own_space -- search --space chain --minutes 30s`

use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use fewshot_nas::families::{self, Family, Settings, Skeleton};
use fewshot_nas::nets::{Blueprint, Body, Builder, GraphBuilder, NormKind, Route, Value, live_cost};
use fewshot_space::{Arch, Cost, Decision, Graph, OpKind, Region, Space, SpaceError};

/// Up to this many convolutions in a row, with kernels of these sides, after a stem that halves the image.
const LONGEST: usize = 4;
const KERNELS: [usize; 3] = [1, 3, 5];

/// Decisions: how many convolutions, then the kernel of each, which is inert where the row is shorter.
#[derive(Clone, Debug)]
struct Chain {
    decisions: Vec<Decision>,
    skeleton: Skeleton,
    width: usize,
}

impl Space for Chain {
    fn name(&self) -> &str {
        ChainFamily.name()
    }
    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }
    fn graph(&self, arch: &Arch) -> Graph {
        Graph::chain((0..=arch.get(0)).map(|_| OpKind::Conv))
    }
    fn cost(&self, arch: &Arch) -> Cost {
        live_cost(Arc::new(self.clone()), arch, self.skeleton.image()).expect("one of these architectures")
    }
}

impl Blueprint for Chain {
    /// The layers of every option that the region can reach, and the row of those that a network takes.
    fn build(&self, region: &Region, norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let stem = builder.conv("stem", 3, self.skeleton.channels_in, self.width, 2);
        let mut convs = BTreeMap::new();
        for slot in 0..LONGEST {
            for option in region.reachable(1 + slot).iter() {
                let name = format!("convs.{slot}.{}", KERNELS[option]);
                convs.insert((slot, option), builder.relu_conv_norm(&name, KERNELS[option], [self.width; 2], 1, norm));
            }
        }
        let head = builder.linear("head", self.width, self.skeleton.classes);
        Box::new(move |graph: &mut GraphBuilder, images: Value, route: Route<'_>| {
            let (arch, stem) = (route.arch(0), graph.conv(&stem, images));
            let chain = |x, slot| graph.relu_conv_norm(&convs[&(slot, arch.get(1 + slot))], x);
            let last = (0..=arch.get(0)).fold(stem, chain);
            graph.pooled_linear(&head, last)
        })
    }
}

struct ChainFamily;

impl Family for ChainFamily {
    fn name(&self) -> &'static str {
        "chain"
    }
    fn about(&self) -> &'static str {
        "up to four convolutions in a row"
    }
    fn settings(&self) -> Settings {
        [("width".to_string(), 8.into())].into_iter().collect()
    }
    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
        let width = skeleton.number("width", 1..=256).map_err(|error| error.of(self.name()))?;
        let length = Decision::new("length", (1..=LONGEST).map(|length| length.to_string()));
        let kernel = |slot| Decision::new(format!("kernel{}", slot + 1), KERNELS.map(|side| side.to_string()));
        let kernels = (0..LONGEST).map(|slot| kernel(slot).active_if(0, (slot..LONGEST).collect()));
        let decisions = [length].into_iter().chain(kernels).collect();
        Ok(Arc::new(Chain { decisions, skeleton: skeleton.clone(), width }))
    }
}

fn main() -> ExitCode {
    families::register(ChainFamily).expect("no other family has this name");
    fewshot_cli::main()
}

#[test]
fn chain_keeps_the_contract() {
    families::testing::check_family(&ChainFamily);
}

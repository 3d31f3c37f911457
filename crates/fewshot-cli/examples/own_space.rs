//! A family of spaces of one's own in a program of one's own, which can all that `fewshot` can:
//!
//! `cargo run --release --example own_space -- search --space chain --minutes 30s`

use std::{process::ExitCode, sync::Arc};

use fewshot_nas::families::{self, Family, Settings, Skeleton};
use fewshot_nas::nets::{
    BatchNorm, Blueprint, Body, Builder, ConvLayer, GraphBuilder, LinearLayer, NormKind, ReluConvNorm, Route, Value,
};
use fewshot_space::{Arch, Cost, Decision, Edge, Graph, OpKind, Region, Space, SpaceError};

/// Up to this many convolutions in a row, with kernels of these sides, after a stem that halves the image.
const LONGEST: usize = 4;
const KERNELS: [usize; 3] = [1, 3, 5];

/// Decisions: how many convolutions, then the kernel of each, which is inert where the row is shorter.
#[derive(Debug)]
struct Chain {
    decisions: Vec<Decision>,
    skeleton: Skeleton,
    width: usize,
}

impl Chain {
    fn kernels(arch: &Arch) -> impl Iterator<Item = usize> {
        (0..=arch.get(0)).map(|slot| KERNELS[arch.get(1 + slot)])
    }
}

impl Space for Chain {
    fn name(&self) -> &str {
        ChainFamily.name()
    }
    fn decisions(&self) -> &[Decision] {
        &self.decisions
    }
    fn graph(&self, arch: &Arch) -> Graph {
        let length = 1 + arch.get(0);
        let conv = |slot| Edge { from: slot, to: slot + 1, kind: OpKind::Conv };
        Graph::new(length + 1, (0..length).map(conv).collect())
    }
    fn cost(&self, arch: &Arch) -> Cost {
        let Skeleton { image_height, image_width, channels_in, classes, .. } = self.skeleton;
        let size = (image_height.div_ceil(2), image_width.div_ceil(2));
        let conv = |kernel, input| Cost::conv(kernel, input, self.width, size) + Cost::batch_norm(self.width);
        let convs: Cost = Chain::kernels(arch).map(|kernel| conv(kernel, self.width)).sum();
        conv(3, channels_in) + convs + Cost::linear(self.width, classes)
    }
}

impl Blueprint for Chain {
    /// The layers of every option that the region allows; a row of its longest convolutions.
    fn build(&self, region: &Region, norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let (input, width) = (self.skeleton.channels_in, self.width);
        let stem = (builder.conv("stem", 3, input, width, 2), builder.norm("stem.norm", width, NormKind::FULL));
        let longest = 1 + region.allowed(0).iter().max().unwrap_or(0);
        let mut conv = |slot: usize, option: usize| {
            let name = format!("convs.{slot}.{}", KERNELS[option]);
            let is_held = region.allowed(1 + slot).contains(option);
            is_held.then(|| builder.relu_conv_norm(&name, KERNELS[option], [width; 2], 1, norm))
        };
        let convs = (0..longest).map(|slot| [0, 1, 2].map(|option| conv(slot, option))).collect();
        Box::new(ChainBody { stem, convs, head: builder.linear("head", width, self.skeleton.classes) })
    }
}

struct ChainBody {
    stem: (ConvLayer, BatchNorm),
    convs: Vec<[Option<ReluConvNorm>; 3]>,
    head: LinearLayer,
}

impl Body for ChainBody {
    fn append(&self, graph: &mut GraphBuilder, images: Value, route: Route<'_>) -> Value {
        let arch = route.arch(0);
        let mut x = graph.conv_norm(&self.stem.0, &self.stem.1, images);
        for conv in (0..=arch.get(0)).filter_map(|slot| self.convs[slot][arch.get(1 + slot)].as_ref()) {
            x = graph.relu_conv_norm(conv, x);
        }
        let x = graph.global_avg_pool(x);
        graph.linear(&self.head, x)
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
        let mut decisions = vec![Decision::new("length", (1..=LONGEST).map(|length| length.to_string()))];
        for slot in 0..LONGEST {
            let kernel = Decision::new(format!("kernel{}", slot + 1), KERNELS.map(|side| side.to_string()));
            decisions.push(kernel.active_if(0, (slot..LONGEST).collect()));
        }
        Ok(Arc::new(Chain { decisions, skeleton: skeleton.clone(), width }))
    }
}

fn main() -> ExitCode {
    families::register(ChainFamily).expect("no other family has this name");
    fewshot_cli::main()
}

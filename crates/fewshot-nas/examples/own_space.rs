//! A space of one's own: described, built, trained as one supernet, split, searched, and its find trained alone.
//!
//! `cargo run --release --example own_space`

use std::{collections::BTreeMap, error::Error, sync::Arc};

use burn::tensor::{Device, Tensor};
use fewshot_data::{Augment, EvalLoader, Normalise, Splits, TrainLoader};
use fewshot_nas::estimate::{Estimator, FewShot, NormPolicy, OneShot, ScoreSet, Standalone};
use fewshot_nas::nets::{Blueprint, Body, Builder, ConvLayer, LinearLayer, Net, NormKind, NormLayer, Ops, Pass, Path};
use fewshot_nas::nets::{ReluConvNorm, Traced, Tracer};
use fewshot_nas::{recipe::Layers, search, train::Trainer};
use fewshot_space::{Arch, Cost, Decision, Edge, Graph, OpKind, Partition, Region, Space, random};

/// Operations in a row, after a stem that halves 28x28 pixels; all of them have this many channels.
const WIDTH: usize = 8;
const SLOTS: usize = 4;
/// What a slot can hold; the options with a kernel are convolutions.
const OPTIONS: [(&str, OpKind, Option<usize>); 4] = [
    ("skip", OpKind::Identity, None),
    ("pool", OpKind::Nonlinear, None),
    ("conv1", OpKind::Conv, Some(1)),
    ("conv3", OpKind::Conv, Some(3)),
];

/// The space: what there is to decide, what it means, what it costs.
#[derive(Debug)]
struct Chain(Vec<Decision>);

impl Space for Chain {
    fn name(&self) -> &str {
        "chain"
    }
    fn decisions(&self) -> &[Decision] {
        &self.0
    }
    fn graph(&self, arch: &Arch) -> Graph {
        let edge = |slot| Edge { from: slot, to: slot + 1, kind: OPTIONS[arch.get(slot)].1 };
        Graph::new(SLOTS + 1, (0..SLOTS).map(edge).collect())
    }
    fn cost(&self, arch: &Arch) -> Cost {
        let conv = |kernel, input| Cost::conv(kernel, input, WIDTH, (14, 14)) + Cost::batch_norm(WIDTH);
        let slots = (0..SLOTS).filter_map(|slot| OPTIONS[arch.get(slot)].2.map(|kernel| conv(kernel, WIDTH)));
        conv(3, 1) + slots.sum::<Cost>() + Cost::linear(WIDTH, 10)
    }
}

/// Its networks: the layers of every option that a region allows, and the pass through those of one architecture.
impl Blueprint for Chain {
    fn build(&self, region: &Region, cell_norm: NormKind, builder: &mut Builder) -> Box<dyn Body> {
        let stem = (builder.conv("stem", 3, 1, WIDTH, 2), builder.norm("stem.norm", WIDTH, NormKind::FULL));
        let mut convs = BTreeMap::new();
        for (slot, option) in (0..SLOTS).flat_map(|slot| region.allowed(slot).iter().map(move |option| (slot, option)))
        {
            if let (name, _, Some(kernel)) = OPTIONS[option] {
                let name = format!("slots.{slot}.{name}");
                convs.insert((slot, option), builder.relu_conv_norm(&name, kernel, [WIDTH; 2], 1, cell_norm));
            }
        }
        Box::new(Built { stem, convs, head: builder.linear("head", WIDTH, 10) })
    }
}

struct Built {
    stem: (ConvLayer, NormLayer),
    convs: BTreeMap<(usize, usize), ReluConvNorm>,
    head: LinearLayer,
}

impl Built {
    fn run<O: Ops>(&self, ops: &mut O, images: O::Map, path: &Path) -> O::Rows {
        let mut x = ops.conv_norm(&self.stem.0, &self.stem.1, images);
        for (slot, option) in (0..SLOTS).map(|slot| (slot, path.cell(0).get(slot))) {
            x = match self.convs.get(&(slot, option)) {
                Some(conv) => ops.relu_conv_norm(conv, x, None),
                None if OPTIONS[option].0 == "pool" => ops.max_pool(x, 3, 1, 1),
                None => x,
            };
        }
        let x = ops.global_avg_pool(x);
        ops.linear(&self.head, x)
    }
}

impl Body for Built {
    fn cells(&self) -> usize {
        1
    }
    fn forward(&self, pass: &mut Pass<'_>, images: Tensor<4>, path: &Path) -> Tensor<2> {
        self.run(pass, images, path)
    }
    fn trace(&self, tracer: &mut Tracer<'_>, images: Traced, path: &Path) -> Option<Traced> {
        Some(self.run(tracer, images, path))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let decision = |slot| Decision::new(format!("s{slot}"), OPTIONS.map(|option| option.0));
    let space = Arc::new(Chain((0..SLOTS).map(decision).collect()));
    let recipe = Layers::preset("quick")?.set("supernet.epochs", 8).set("children.epochs", 3).resolve()?.into_inner();
    let (device, seed) = (Device::flex(), recipe.seed);

    // Supernets train on one part of the images and score on the other.
    let images = Arc::new(fewshot_data::sample()?.train);
    let splits = Splits::stratified(images.labels(), 0.2, Some(3000), seed)?;
    let normalise = Normalise::measure(&images, &splits.search_train)?;
    let (train, held_out) = (splits.search_train.into(), splits.search_val.into());
    let loader =
        TrainLoader::new(images.clone(), train, normalise.clone(), Augment::none(), recipe.supernet.batch, seed)?;
    let scored = EvalLoader::new(images, held_out, normalise, recipe.scoring.batch)?;
    let set = Arc::new(ScoreSet::new(scored.batches(), [], &device));

    // One supernet, then one for each option of the first slot, from its weights.
    let whole = Region::full(space.clone());
    let mut parent = Trainer::new(Net::supernet(space.clone(), whole.clone(), &device, seed), recipe.supernet, seed)?;
    parent.run(&loader, &mut ())?;
    let parts = Partition::new(whole.clone(), whole.split(&[0])?)?;
    let mut members = Vec::new();
    for part in parts.regions() {
        let mut child = Trainer::new(parent.net().child(part.clone(), seed)?.0, recipe.children.clone(), seed)?;
        child.run(&loader, &mut ())?;
        members.push(OneShot::new(child.into_net(), set.clone(), NormPolicy::Batch));
    }
    let mut few_shot = FewShot::new(parts, members);

    let mut evolution = search::build("rea", whole.clone(), seed)?;
    let mut best: Option<(f64, Arch)> = None;
    for _ in 0..10 {
        let asked = evolution.ask(10)?;
        for (arch, score) in asked.iter().zip(few_shot.estimate(&asked)?) {
            evolution.tell(arch, score);
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, arch.clone()));
            }
        }
    }
    let (score, found) = best.ok_or("the search asked for nothing")?;
    println!("found {}, score {score:.3}, {:?}", space.format(&found), space.cost(&found));

    // Is it any good? Alone, beside networks drawn at random.
    let mut archs = vec![found];
    for draw in 0..3 {
        archs.push(whole.sample(&mut random::stream(seed, "beside", draw, 0))?);
    }
    let accuracies = Standalone::new(space.clone(), recipe.children, loader, set, device, seed).estimate(&archs)?;
    for (arch, accuracy) in archs.iter().zip(accuracies) {
        println!("{:.3} on held-out images, trained alone: {}", accuracy, space.format(arch));
    }
    Ok(())
}

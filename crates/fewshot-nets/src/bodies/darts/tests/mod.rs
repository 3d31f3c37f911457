//! Networks of DARTS cells against the numbers of the space and of the literature.

mod mixes;
mod paths;
mod training;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::Normalise;
use fewshot_space::darts::{CellDesign, DartsSkeleton, PUBLISHED};
use fewshot_space::{Arch, DartsSpace, Region, Space, random};
use rand::RngExt;

use super::{DartsNetworks, DartsSwitches};
use crate::blueprint::Blueprint;
use crate::layers::Builder;
use crate::net::Net;
use crate::norm::NormKind;
use crate::weights::Weights;

fn networks(skeleton: DartsSkeleton, switches: DartsSwitches) -> Arc<DartsNetworks> {
    Arc::new(DartsNetworks::new(Arc::new(DartsSpace::new(skeleton).unwrap()), switches))
}

fn plain(skeleton: DartsSkeleton) -> Arc<DartsNetworks> {
    networks(skeleton, DartsSwitches::default())
}

/// Narrow, of so many cells, for images `[height, width, 1]` of three classes.
fn small([image_height, image_width]: [usize; 2], cells: usize) -> DartsSkeleton {
    let design = CellDesign::Darts;
    DartsSkeleton { image_height, image_width, channels_in: 1, classes: 3, width: 4, cells, design }
}

fn lanas(skeleton: DartsSkeleton) -> DartsSkeleton {
    DartsSkeleton { design: CellDesign::LaNas, ..skeleton }
}

fn drawn(networks: &Arc<DartsNetworks>, count: u64) -> Vec<Arch> {
    let whole = Region::full(networks.clone());
    (0..count).map(|draw| whole.sample(&mut random::stream(1, "darts archs", draw, 0)).unwrap()).collect()
}

fn images(batch: usize, [height, width]: [usize; 2]) -> Tensor<4> {
    let mut rng = random::stream(3, "darts images", 0, 0);
    let data: Vec<f32> = (0..batch * height * width).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(data, [batch, height, width, 1]), &Device::flex())
}

/// A network alone as it would be built, without values.
fn outline(networks: &Arc<DartsNetworks>, arch: &Arch) -> Net {
    let region = Region::single(networks.clone(), arch).unwrap();
    Net::catalogue(networks.clone(), region, &Device::flex())
}

fn supernet_params(networks: &DartsNetworks, region: &Region) -> u64 {
    let mut builder = Builder::new(Weights::outline(Device::flex()));
    networks.build(region, NormKind::SHARED, &mut builder);
    builder.weights.count()
}

#[test]
fn published_networks_have_their_published_parameters() {
    let plain = plain(DartsSkeleton::cifar10());
    let helped = networks(DartsSkeleton::cifar10(), DartsSwitches { auxiliary: true, ..DartsSwitches::default() });
    let params = [("darts-v1", 3_169_414), ("darts-v2", 3_349_342), ("pc-darts", 3_634_678), ("few-shot", 3_789_982)];
    assert_eq!(params.map(|(name, _)| name), PUBLISHED.map(|(name, _)| name));
    for (name, params) in params {
        let arch = plain.parse(name).unwrap();
        assert_eq!(outline(&plain, &arch).weights().count(), params, "{name}");
        assert_eq!(outline(&helped, &arch).weights().count(), params + 476_426, "{name}");
        assert_eq!((plain.cost(&arch), helped.cost(&arch).params), (helped.cost(&arch), params));
    }
    let wide = DartsSkeleton { width: 128, ..DartsSkeleton::cifar10() };
    let wide = networks(wide, DartsSwitches { auxiliary: true, ..DartsSwitches::default() });
    let arch = wide.parse("few-shot").unwrap();
    assert_eq!(outline(&wide, &arch).weights().count(), 45_541_514 + 664_842);
}

#[test]
fn supernets_have_their_published_parameters() {
    let sized = |width| DartsSkeleton { width, cells: 8, ..DartsSkeleton::cifar10() };
    for (networks, params) in [(plain(sized(16)), 1_930_618), (plain(lanas(sized(48))), 14_065_498)] {
        assert_eq!(supernet_params(&networks, &Region::full(networks.clone())), params);
    }
    // Of parts, as the space counts them.
    let networks = plain(small([8, 8], 5));
    let whole = Region::full(networks.clone());
    let inputs = whole.decision("reduce.4.inputs").unwrap();
    let split = whole.decision("normal.0-2").unwrap();
    for part in whole.split(&[split, inputs]).unwrap() {
        let edges = networks.space().supernet_edges(&part);
        assert_eq!(supernet_params(&networks, &part), networks.space().supernet_params(&edges, false));
    }
}

/// Layer by layer, multiply-adds too.
#[test]
fn networks_alone_cost_what_the_space_says() {
    for image in [[32, 32], [7, 9], [12, 5]] {
        for skeleton in [small(image, 3), small(image, 5), small(image, 8)] {
            for (networks, all_live) in [(plain(skeleton.clone()), true), (plain(lanas(skeleton)), false)] {
                for arch in drawn(&networks, 10) {
                    let (net, cost) = (outline(&networks, &arch), networks.cost(&arch));
                    assert_eq!(net.weights().count(), cost.params, "{}", networks.format(&arch));
                    let normalise = Normalise { mean: vec![0.0], std: vec![1.0] };
                    let live = net.graph(&arch, [image[0], image[1], 1], &normalise).unwrap().cost();
                    // A node of LaNAS may be read by no other, and is not put out then.
                    assert!(live.macs <= cost.macs && live.params <= cost.params);
                    assert!(live == cost || !all_live, "{}: {live:?} {cost:?}", networks.format(&arch));
                }
            }
        }
    }
}

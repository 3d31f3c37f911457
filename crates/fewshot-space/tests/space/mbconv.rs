//! The space `ofa-mbv3`: costs of the published package, text forms, splits, limits.

use std::path::Path;
use std::sync::Arc;

use fewshot_space::mbconv::{MbNet, Nonlinearity};
use fewshot_space::{
    Arch, Cost, Extent, Feature, Filter, OfaMbv3Skeleton, OfaMbv3Space, OfaSplit, OptionSet, Partition, Region,
    RegionError, Space,
};
use proptest::prelude::*;

use crate::{ofa, rng};

fn imagenet(width: f64, side: usize) -> Arc<OfaMbv3Space> {
    ofa(OfaMbv3Skeleton { width, resolutions: vec![side], ..OfaMbv3Skeleton::imagenet() })
}

/// The architecture with one kernel, expansion and depth everywhere.
fn uniform(space: &OfaMbv3Space, kernel: usize, expansion: usize, depth: usize) -> Arch {
    let repeat = |value: usize, count: usize| vec![value.to_string(); count].join(",");
    let slots = space.slots().len();
    let depths = repeat(depth, space.stages());
    let side = space.skeleton().resolutions[0];
    let text = format!("d={depths};k={};e={};r={side}", repeat(kernel, slots), repeat(expansion, slots));
    space.parse(&text).expect("the space has it")
}

/// Every row of what the package `ofa` builds.
#[test]
fn golden_counts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/golden/ofa-mbv3-counts.csv");
    let Ok(table) = std::fs::read_to_string(&path) else {
        println!("skipped: no counts of OFA at {}", path.display());
        return;
    };
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let list = |cell: &str| cell.replace(' ', ",");
        let space = imagenet(cells[0].parse().unwrap(), cells[1].parse().unwrap());
        let text = format!("d={};k={};e={};r={}", list(cells[2]), list(cells[3]), list(cells[4]), cells[1]);
        let arch = space.parse(&text).unwrap();
        let expected = Cost { macs: cells[5].parse().unwrap(), params: cells[6].parse().unwrap() };
        assert_eq!(space.cost(&arch), expected, "width {} of {text}", cells[0]);
        rows += 1;
    }
    assert_eq!(rows, 90);
}

/// Millions of multiply-adds and of parameters, to three digits.
#[test]
fn corners_of_the_published_scale() {
    for (width, [kernel, expansion, depth], macs, params) in [
        (1.0, [7, 6, 4], [566.171, 291.318, 188.248], 7.665),
        (1.0, [5, 4, 3], [250.747, 129.549, 84.100], 4.552),
        (1.0, [3, 3, 2], [121.279, 63.241, 41.476], 3.411),
        (1.2, [7, 6, 4], [843.101, 433.564, 279.987], 10.702),
        (1.2, [3, 3, 2], [193.078, 100.321, 65.537], 4.602),
    ] {
        for (side, macs) in [224, 160, 128].into_iter().zip(macs) {
            let space = imagenet(width, side);
            assert_millions(space.cost(&uniform(&space, kernel, expansion, depth)), macs, params, 5e-4);
        }
    }
}

fn assert_millions(cost: Cost, macs: f64, params: f64, tolerance: f64) {
    let is_near = |count: u64, millions: f64| (count as f64 / 1e6 - millions).abs() <= tolerance;
    assert!(is_near(cost.macs, macs) && is_near(cost.params, params), "{cost:?} is not {macs} and {params} million");
}

/// Stride 1 at 32 pixels costs what stride 2 does at 64.
#[test]
fn corners_of_the_tiny_scale() {
    for ([kernel, expansion, depth], macs, params) in [
        ([7, 6, 3], [22.0796, 17.9423, 12.6009], 0.8026),
        ([5, 4, 2], [8.6560, 7.0221, 4.9396], 0.3060),
        ([3, 3, 1], [3.5885, 2.8808, 2.0584], 0.1363),
    ] {
        for (side, macs) in [32, 28, 24].into_iter().zip(macs) {
            let space = ofa(OfaMbv3Skeleton { resolutions: vec![side], ..OfaMbv3Skeleton::tiny() });
            let cost = space.cost(&uniform(&space, kernel, expansion, depth));
            assert_millions(cost, macs, params, 5.1e-5);
            let double = OfaMbv3Skeleton { resolutions: vec![2 * side], stem_stride: 2, ..space.skeleton().clone() };
            let double = ofa(double);
            assert_eq!(double.cost(&uniform(&double, kernel, expansion, depth)), cost);
        }
    }
}

#[test]
fn geometry_of_a_small_network() {
    let space = imagenet(1.0, 224);
    let net = space.net(&uniform(&space, 5, 4, 2));
    assert_eq!((net.stem.output, net.stem.output_size()), (16, (112, 112)));
    let first = net.blocks[0];
    assert_eq!((first.slot, first.mid, first.has_expand(), first.has_skip), (None, 16, false, true));
    assert_eq!(net.blocks.len(), 1 + 5 * 2);
    // The third stage: from stage 2's 40 channels at 28 pixels, without squeeze-and-excitation.
    let [start, next] = [net.blocks[5], net.blocks[6]];
    assert_eq!((start.input, start.mid, start.output, start.stride, start.size), (40, 160, 80, 2, (28, 28)));
    assert_eq!((next.input, next.mid, next.output, next.stride, next.size), (80, 320, 80, 1, (14, 14)));
    assert_eq!((start.has_skip, next.has_skip, start.squeeze), (false, true, None));
    // The fourth has stride 1, and still no skip at its first block.
    let fourth = net.blocks[7];
    assert_eq!((fourth.stride, fourth.has_skip, fourth.squeeze), (1, false, Some(80)));
    assert_eq!((fourth.nonlinearity, net.blocks[3].nonlinearity), (Nonlinearity::HSwish, Nonlinearity::Relu));
    // A quarter of 72 is 18, and the nearest multiple of 8 would lose a tenth of it.
    assert_eq!(space.block(4, 3, 3, 224).squeeze, Some(24));
    assert_eq!((net.final_expand.size, net.final_expand.output), ((7, 7), 960));
    assert_eq!((net.feature_mix.unwrap().output, net.classifier.inputs, net.classifier.outputs), (1280, 1280, 1000));
    assert_chained(&net);
}

/// Stem, first block, ten blocks of three convolutions, six of them with squeeze-and-excitation, two layers of the head. The shortest
/// way goes around the blocks that have a skip: the first, and the second of each stage.
#[test]
fn the_graph_is_a_chain_with_skips() {
    let space = imagenet(1.0, 224);
    let graph = space.graph(&uniform(&space, 5, 4, 2));
    assert_eq!(graph.live_convs(), 1 + 2 + 10 * 3 + 6 + 2);
    assert_eq!(graph.longest_path(), 1 + 1 + 10 * 2 + 6 + 2);
    assert_eq!(graph.shortest_path(), 1 + 5 * 2 + 3 + 2);
}

/// Every layer reads what the one before it gives.
fn assert_chained(net: &MbNet) {
    let (mut channels, mut size) = (net.stem.output, net.stem.output_size());
    for block in &net.blocks {
        assert_eq!((block.input, block.size), (channels, size));
        assert!(!block.has_skip || (block.input == block.output && block.stride == 1));
        (channels, size) = (block.output, block.output_size());
    }
    assert_eq!((net.final_expand.input, net.final_expand.size), (channels, size));
    let features = net.feature_mix.as_ref().map_or(net.final_expand.output, |mix| mix.output);
    assert_eq!(net.classifier.inputs, features);
}

#[test]
fn strides_keep_small_images_larger() {
    let last = |stem_stride, first_stride| {
        let skeleton =
            OfaMbv3Skeleton { stem_stride, first_stride, resolutions: vec![32], ..OfaMbv3Skeleton::imagenet() };
        let space = ofa(skeleton);
        space.net(&uniform(&space, 3, 3, 2)).final_expand.size
    };
    assert_eq!([last(2, 2), last(1, 2), last(2, 1), last(1, 1)], [(1, 1), (2, 2), (2, 2), (4, 4)]);
}

#[test]
fn there_are_as_many_as_published() {
    assert_eq!(Region::full(imagenet(1.0, 224)).size(), Ok(7371_u128.pow(5)));
    assert_eq!(Region::full(ofa(OfaMbv3Skeleton::imagenet())).size(), Ok(4 * 7371_u128.pow(5)));
    assert_eq!(Region::full(ofa(OfaMbv3Skeleton::tiny())).size(), Ok(3 * 819_u128.pow(3)));
}

const TEXT: &str =
    "d=4,3,2,4,4;k=7,5,3,7,5,3,7,0,3,5,0,0,7,7,5,3,3,3,5,7;e=6,4,3,6,4,3,6,0,3,4,0,0,6,6,4,3,3,3,4,6;r=160";

#[test]
fn inert_slots_may_hold_anything_or_be_left_out() {
    let space = ofa(OfaMbv3Skeleton::imagenet());
    let arch = space.parse(TEXT).unwrap();
    assert_eq!(space.format(&arch), TEXT.replace(",0", ",3"), "inert slots take their first option");
    assert_eq!(
        space.parse(&TEXT.replace(",0", ",7").replace("e=6,4,3,6,4,3,6,7,3,4,7,7", "e=6,4,3,6,4,3,6,6,3,4,6,4")),
        Ok(arch.clone())
    );
    assert_eq!(space.parse(&TEXT.replace(",0", "")), Ok(arch.clone()));
    let fields: Vec<&str> = TEXT.split(';').collect();
    assert_eq!(space.parse(&format!(" {} ; {};{};{}", fields[3], fields[2], fields[0], fields[1])), Ok(arch.clone()));
    assert_eq!((space.depth(&arch, 2), space.resolution(&arch)), (2, 160));
    // One resolution goes without saying.
    let only = imagenet(1.0, 160);
    assert_eq!(only.cost(&only.parse(TEXT.strip_suffix(";r=160").unwrap()).unwrap()), space.cost(&arch));
}

#[test]
fn errors_say_what_and_where() {
    let space = ofa(OfaMbv3Skeleton::imagenet());
    let error = |from: &str, to: &str| {
        let message = space.parse(&TEXT.replacen(from, to, 1)).unwrap_err().to_string();
        let (problem, _) = message.rsplit_once(" of `").unwrap();
        problem.strip_prefix("not an architecture of ofa-mbv3: ").unwrap().to_string()
    };
    assert_eq!(error("d=4,3", "d=5,3"), "decision s1.depth has no option `5`; there are: 2, 3, 4, at character 3");
    assert_eq!(error("k=7,5", "k=7,4"), "decision s1.b2.k has no option `4`; there are: 3, 5, 7, at character 17");
    assert_eq!(error("7,0,3", "7,9,3"), "decision s2.b4.k has no option `9`; there are: 3, 5, 7, at character 29");
    assert_eq!(error("d=4,3,", "d=4,"), "expected 5 depths, found `4,2,4,4`, at character 3");
    let found = "`7,5,3,7,5,3,7,0,3,5,0,0,...`";
    assert_eq!(
        error(",3,3,3,5,7;", ";"),
        format!("expected 20 kernels, or 17 for the blocks within the depths, found {found}, at character 15")
    );
    assert_eq!(error(";r=160", ";r=150"), "decision r has no option `150`; did you mean `160`?, at character 99");
    assert_eq!(error(";r=160", ""), "decision r is missing, at character 96");
    assert_eq!(error(";r=160", ";d=2,2,2,2,2"), "decision d is given twice, at character 97");
    assert_eq!(error(";r=160", ";x=1"), "there is no decision `x`; there are: d, k, e, r, at character 97");
    assert_eq!(
        error(";r=160", ";"),
        "expected `d=`, `k=`, `e=` or `r=` with its values, found the end, at character 97"
    );
}

#[test]
fn encodings_leave_inert_slots_out() {
    let tutorial = (112..=224).step_by(16).collect();
    let space = ofa(OfaMbv3Skeleton { resolutions: tutorial, ..OfaMbv3Skeleton::imagenet() });
    let arch = space.parse(TEXT).unwrap();
    let encoded = space.encode(&arch);
    assert_eq!(encoded.len(), 128);
    assert_eq!(encoded.iter().sum::<f32>(), (2 * 17 + 1) as f32);
    // Kernel 7 at slot 0; nothing at slot 7; expansion 6 at slot 0; 160 pixels, the fourth resolution.
    assert_eq!(
        (&encoded[..3], &encoded[21..24], &encoded[60..63]),
        (&[0., 0., 1.][..], &[0.; 3][..], &[0., 0., 1.][..])
    );
    assert_eq!(encoded[120..], [0., 0., 0., 1., 0., 0., 0., 0.]);
    let noisy = space.parse(&TEXT.replace(",0", ",3")).unwrap();
    assert_eq!(space.encode(&noisy), encoded);
}

#[test]
fn five_parts_are_a_partition() {
    let resolutions = vec![160, 176, 192, 208, 224];
    for skeleton in [OfaMbv3Skeleton { resolutions, ..OfaMbv3Skeleton::imagenet() }, OfaMbv3Skeleton::tiny()] {
        let space = ofa(skeleton);
        let whole = Region::full(space.clone());
        for split in [OfaSplit::Tree, OfaSplit::Groups, OfaSplit::Resolutions] {
            let parts = space.split(&whole, split).unwrap();
            let expected = if split == OfaSplit::Resolutions { space.skeleton().resolutions.len() } else { 5 };
            let partition = Partition::new(whole.clone(), parts).unwrap();
            assert_eq!(partition.regions().len(), expected);
            let sizes: u128 = partition.regions().iter().map(|part| part.size().unwrap()).sum();
            assert_eq!(sizes, whole.size().unwrap());
            for draw in 0..50 {
                let arch = whole.sample(&mut rng(draw)).unwrap();
                let owners = partition.regions().iter().filter(|part| part.contains(&arch)).count();
                assert_eq!((owners, partition.route(&arch).is_some()), (1, true));
            }
        }
    }
}

#[test]
fn parts_are_named_after_the_block_that_divides_them() {
    let space = ofa(OfaMbv3Skeleton::imagenet());
    let whole = Region::full(space.clone());
    let labels = |whole: &Region, split| -> Vec<String> {
        space.split(whole, split).unwrap().iter().map(Region::label).collect()
    };
    assert_eq!(
        labels(&whole, OfaSplit::Tree),
        ["s3.b1.k=3", "s3.b1.k=5", "s3.b1.k=7,s3.b1.e=3", "s3.b1.k=7,s3.b1.e=4", "s3.b1.k=7,s3.b1.e=6"]
    );
    // A region that lacks kernel 5 has four such parts, which are a partition of it too.
    let kernel = whole.decision("s3.b1.k").unwrap();
    let part = whole.restrict(kernel, [0, 2].into_iter().collect()).unwrap();
    let parts = space.split(&part, OfaSplit::Tree).unwrap();
    assert_eq!(parts.len(), 4);
    assert!(Partition::new(part, parts).is_ok());
    // Who divides at a block that may not be there is told so.
    let deep = whole.decision("s3.b3.k").unwrap();
    assert!(matches!(whole.split(&[deep]), Err(RegionError::MayBeInert { .. })));
    let always = whole.restrict(whole.decision("s3.depth").unwrap(), OptionSet::single(2)).unwrap();
    assert_eq!(Partition::new(always.clone(), always.split(&[deep]).unwrap()).unwrap().regions().len(), 3);
}

/// 8.7e19 networks: none can be listed, all limits hold.
#[test]
fn limits_hold_where_nothing_can_be_listed() {
    let space = ofa(OfaMbv3Skeleton { width: 1.2, ..OfaMbv3Skeleton::imagenet() });
    let limit = Filter { feature: Feature::Macs, min: 500_000_000, max: 600_000_000 };
    let large = Region::full(space.clone()).filtered(limit);
    assert!(large.extent().unwrap().is_at_least(1 << 60));
    // Hardly more than the least there is, which one uniform draw in billions has.
    let least = space.cost(&space.parse(&space.format(&Arch::new(vec![0; 46]))).unwrap()).macs;
    let tight = Region::full(space.clone()).filtered(Filter::at_most(Feature::Macs, least + least / 50));
    assert!(matches!(tight.extent().unwrap(), Extent::About { passed: 0, .. }));
    for region in [large, tight] {
        let parts = space.split(&region, OfaSplit::Tree).unwrap();
        let partition = Partition::new(region.clone(), parts).unwrap();
        for draw in 0..10 {
            let arch = region.sample(&mut rng(draw)).unwrap();
            assert!(region.contains(&arch) && partition.route(&arch).is_some());
            let mutant = region.mutate(&arch, &mut rng(draw));
            assert!(mutant.is_ok_and(|mutant| region.contains(&mutant)));
            let child = region.crossover(&arch, &region.sample(&mut rng(draw + 100)).unwrap(), &mut rng(draw)).unwrap();
            assert!(region.contains(&child));
        }
    }
}

#[test]
fn skeletons_are_checked() {
    let error = |skeleton: OfaMbv3Skeleton| OfaMbv3Space::new(skeleton).unwrap_err().to_string();
    let usual = OfaMbv3Skeleton::imagenet;
    for (skeleton, words) in [
        (OfaMbv3Skeleton { width: 5.0, ..usual() }, "width = 5 is out of range: give 0.1 to 4"),
        (OfaMbv3Skeleton { width: f64::NAN, ..usual() }, "width = NaN is out of range: give 0.1 to 4"),
        (OfaMbv3Skeleton { classes: 1, ..usual() }, "classes = 1 is out of range: give 2 to 1000000"),
        (OfaMbv3Skeleton { stem_stride: 0, ..usual() }, "stem_stride = 0 is out of range: give 1 to 2"),
        (OfaMbv3Skeleton { resolutions: vec![], ..usual() }, "number of resolutions = 0 is out of range: give 1 to 64"),
        (OfaMbv3Skeleton { resolutions: vec![4096], ..usual() }, "resolution = 4096 is out of range: give 1 to 2048"),
        (
            OfaMbv3Skeleton { resolutions: vec![32, 32], ..usual() },
            "resolution 32 comes before 32: list each once, ascending",
        ),
    ] {
        assert_eq!(error(skeleton), format!("space ofa-mbv3: {words}"));
    }
    for skeleton in [usual(), OfaMbv3Skeleton::tiny()] {
        let text = serde_json::to_string(&skeleton).unwrap();
        assert_eq!(serde_json::from_str::<OfaMbv3Skeleton>(&text).unwrap(), skeleton);
    }
}

fn skeleton() -> impl Strategy<Value = OfaMbv3Skeleton> {
    let resolutions = prop::collection::btree_set(1..300usize, 1..6);
    (any::<bool>(), 0.1..4.0, 1..=2usize, 1..=2usize, resolutions).prop_map(
        |(tiny, width, stem, first, resolutions)| {
            let base = if tiny { OfaMbv3Skeleton::tiny() } else { OfaMbv3Skeleton::imagenet() };
            let resolutions = resolutions.into_iter().collect();
            OfaMbv3Skeleton { width, stem_stride: stem, first_stride: first, resolutions, ..base }
        },
    )
}

proptest! {
    #[test]
    fn any_skeleton_gives_networks_whose_layers_fit(skeleton in skeleton(), draw in any::<u64>()) {
        let space = ofa(skeleton);
        let arch = Region::full(space.clone()).sample(&mut rng(draw)).unwrap();
        assert_chained(&space.net(&arch));
        prop_assert_eq!(space.parse(&space.format(&arch)), Ok(arch.clone()));
        // As lists of the blocks that are there.
        let encoded = space.encode(&arch);
        let blocks = space.net(&arch).blocks.len() - 1;
        prop_assert_eq!(encoded.iter().sum::<f32>() as usize, 2 * blocks + 1);
    }

    #[test]
    fn no_text_panics(text in "\\PC*", likely in "[dker=,;0-9 ]{0,60}", at in 0..100usize, end in "\\PC{0,4}") {
        let space = ofa(OfaMbv3Skeleton::imagenet());
        let damaged = format!("{}{end}{}", &TEXT[..at.min(TEXT.len())], &TEXT[(at + 1).min(TEXT.len())..]);
        for text in [text, likely, damaged] {
            if let Ok(arch) = space.parse(&text) {
                prop_assert_eq!(space.validate(&arch), Ok(()));
                prop_assert_eq!(space.canonical(&arch), arch.clone());
                prop_assert_eq!(space.parse(&space.format(&arch)), Ok(arch));
            }
        }
    }
}

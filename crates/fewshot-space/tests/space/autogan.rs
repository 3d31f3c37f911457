//! The space `autogan`: published sizes, text forms, levels, splits.

use fewshot_space::autogan::{AutoGanSkeleton, AutoGanSpace, AutoGanSplit, ConvBlock, Discriminator, Norm, Upsampling};
use fewshot_space::{Arch, Cost, Feature, Filter, Partition, Region, Space};
use proptest::prelude::*;

use crate::{autogan, rng};

/// The generator that AutoGAN found.
const AUTOGAN_A: &str = "1 0 1 1 | 1 0 0 1 1 | 1 0 1 0 3";

#[test]
fn there_are_as_many_as_published() {
    let count = |level| Region::full(autogan(AutoGanSkeleton { level, ..AutoGanSkeleton::cifar10() })).size();
    assert_eq!([count(0), count(1), count(2)], [Ok(36), Ok(36 * 72), Ok(373_248)]);
}

#[test]
fn the_published_networks_have_their_size() {
    let space = autogan(AutoGanSkeleton::cifar10());
    assert_eq!(space.cost(&space.parse(AUTOGAN_A).unwrap()).params, 4_405_251);
    assert_eq!(Discriminator::new(2, 3, 128).cost(32).params, 1_053_824);
    assert_eq!(Discriminator::new(2, 3, 64).cost(32).params, 264_768);
}

/// The published supernet, put together from what each choice adds to a network: one that holds both kinds of block and all
/// upsamplings. It also holds eleven deconvolutions that no architecture uses: in the second block of each kind in each cell, and
/// for skips that the first cell (three) and the second (two) do not have.
#[test]
fn choices_add_up_to_the_published_supernet() {
    let space = autogan(AutoGanSkeleton::search());
    let params = |text: &str| space.cost(&space.parse(text).unwrap()).params;
    let plain = params("0 0 0 0 | 0 0 0 0 0 | 0 0 0 0 0");
    let norms = params("0 1 0 0 | 0 1 0 0 0 | 0 1 0 0 0") - plain;
    let all = params("0 1 2 1 | 0 1 2 1 1 | 0 1 2 1 3");
    let deconv = 4 * 128 * 128 + 128;
    let convs = 3 * 2 * (9 * 128 * 128 + 128);
    // The other kind of block: its convolutions, norms, and a deconvolution per cell.
    let supernet = all + convs + norms + 3 * deconv + 11 * deconv;
    assert_eq!(norms, 3 * 2 * 256);
    assert_eq!(supernet, 3_716_995);
}

/// 25 million multiply-adds with 32 channels, nearly all of them in six 3x3 convolutions.
#[test]
fn multiply_adds_by_hand() {
    let space = autogan(AutoGanSkeleton { channels: 32, latent: 32, ..AutoGanSkeleton::cifar10() });
    let macs = |text: &str| space.cost(&space.parse(text).unwrap()).macs;
    let pixels = 64 + 256 + 1024;
    let plain = 32 * 32 * 16 + 2 * 9 * 32 * 32 * pixels + 9 * 32 * 3 * 1024;
    assert_eq!(macs("0 0 0 0 | 0 0 0 0 0 | 0 0 0 0 0"), plain);
    assert_eq!(macs("1 2 1 0 | 0 1 1 0 0 | 1 0 0 0 0"), plain);
    assert_eq!(macs("0 0 0 1 | 0 0 0 1 0 | 0 0 0 1 0"), plain + 32 * 32 * pixels);
    // Skips from the first cell: 1x1 convolutions at 16 and 32 pixels.
    assert_eq!(macs("0 0 0 0 | 0 0 0 0 1 | 0 0 0 0 2"), plain + 32 * 32 * (256 + 1024));
    // A deconvolution uses each weight once per pixel that it reads: 8 to 16 and on to 32 for the skip, 16 to 32 for the cell.
    let deconv = |side: u64| 4 * 32 * 32 * side * side;
    assert_eq!(macs("0 0 0 0 | 0 0 0 0 0 | 0 0 2 0 2"), plain + 32 * 32 * 1024 + deconv(8) + deconv(16) + deconv(16));
}

#[test]
fn geometry_of_the_published_generator() {
    let space = autogan(AutoGanSkeleton::cifar10());
    let generator = space.generator(&space.parse(AUTOGAN_A).unwrap());
    assert_eq!((generator.image_side(), generator.cells.len()), (32, 3));
    let [first, second, third] = [0, 1, 2].map(|cell| generator.cells[cell].clone());
    assert_eq!((first.conv, first.norm, first.upsampling), (ConvBlock::PreActivation, Norm::None, Upsampling::Nearest));
    assert_eq!((second.upsampling, second.input_side, second.output_side()), (Upsampling::Bilinear, 8, 16));
    assert_eq!((first.skips, second.skips, third.skips), (vec![], vec![0], vec![0, 1]));
    assert_eq!([first.has_shortcut, second.has_shortcut, third.has_shortcut], [true, true, false]);
}

/// Six blocks and the last convolution; 1x1 convolutions for two shortcuts and three skips; interpolations for the first block of each
/// cell, and for those five. The shortest way: the shortcuts of two cells, the third and the end.
#[test]
fn the_graph_of_the_published_generator() {
    let space = autogan(AutoGanSkeleton::cifar10());
    let graph = space.graph(&space.parse(AUTOGAN_A).unwrap());
    assert_eq!((graph.live_convs(), graph.live_ops()), (7 + 5, 7 + 5 + 3 + 5));
    assert_eq!((graph.longest_path(), graph.shortest_path()), (7, 3));
}

/// Most significant is the earliest cell.
#[test]
fn skips_of_the_last_cell() {
    let space = autogan(AutoGanSkeleton::cifar10());
    let skips = |option: u8| {
        let arch = Arch::new([[0; 13].as_slice(), &[option]].concat());
        assert!(space.graph(&arch).live_convs() == 7 + [0, 1, 1, 2][usize::from(option)]);
        space.generator(&arch).cells[2].skips.clone()
    };
    assert_eq!([skips(0), skips(1), skips(2), skips(3)], [vec![], vec![1], vec![0], vec![0, 1]]);
}

#[test]
fn a_level_begins_as_the_next_one() {
    let space = autogan(AutoGanSkeleton::cifar10());
    let arch = space.parse(AUTOGAN_A).unwrap();
    for level in 0..2 {
        let lower = autogan(AutoGanSkeleton { level, ..AutoGanSkeleton::cifar10() });
        let prefix = Arch::new(arch.options()[..AutoGanSpace::first_decision_of(level + 1)].to_vec());
        assert_eq!(lower.validate(&prefix), Ok(()));
        assert_eq!(lower.decisions(), &space.decisions()[..prefix.options().len()]);
        assert_eq!(lower.generator(&prefix).cells, space.generator(&arch).cells[..=level]);
        assert_eq!(lower.skeleton().image_side(), 8 << level);
    }
}

#[test]
fn texts_with_and_without_bars() {
    let space = autogan(AutoGanSkeleton::cifar10());
    let arch = space.parse(AUTOGAN_A).unwrap();
    assert_eq!(arch.options(), [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 3]);
    assert_eq!(space.format(&arch), AUTOGAN_A);
    for text in ["1 0 1 1 1 0 0 1 1 1 0 1 0 3", "1,0,1,1,1,0,0,1,1,1,0,1,0,3", "1, 0,1 ,1|1 0 0 1 1|\n1 0 1 0 3 "] {
        assert_eq!(space.parse(text), Ok(arch.clone()), "{text}");
    }
    let error = |text: &str| {
        let message = space.parse(text).unwrap_err().to_string();
        let (problem, _) = message.rsplit_once(" of `").unwrap();
        problem.strip_prefix("not an architecture of autogan: ").unwrap().to_string()
    };
    assert_eq!(error(""), "expected c1.conv, a number from 0 to 1, found the end, at character 1");
    assert_eq!(
        error("1 3 1 1 | 1 0 0 1 1 | 1 0 1 0 3"),
        "expected c1.norm, a number from 0 to 2, found `3`, at character 3"
    );
    assert_eq!(error("1 0 1 1 1 | 0 0 1 1 | 1 0 1 0 3"), "expected no further number, found `1`, at character 9");
    assert_eq!(
        error("1 0 1 1 | 1 0 0 1 1"),
        "expected 3 cells, with `|` between them, found `1 0 1 1 | 1 0 0 1 1`, at character 1"
    );
    assert_eq!(error("1x0"), "expected a blank, found `x0`, at character 2");
    assert_eq!(error("1 0 1 1 1 0 0 1 1 1 0 1 0 3,"), "expected no further number, found `,`, at character 28");
}

#[test]
fn three_parts_are_a_partition() {
    let space = autogan(AutoGanSkeleton::search());
    let whole = Region::full(space.clone());
    for (split, labels) in [
        (AutoGanSplit::Norm, ["c1.norm=none", "c1.norm=bn", "c1.norm=in"]),
        (AutoGanSplit::Upsampling, ["c1.up=bilinear", "c1.up=nearest", "c1.up=deconv"]),
    ] {
        let partition = Partition::new(whole.clone(), space.split(&whole, split).unwrap()).unwrap();
        let found: Vec<String> = partition.regions().iter().map(Region::label).collect();
        assert_eq!(found, labels);
        assert!(partition.regions().iter().all(|part| part.size() == Ok(373_248 / 3)));
    }
}

#[test]
fn limits_hold_and_can_be_counted() {
    let space = autogan(AutoGanSkeleton::cifar10());
    let most = space.cost(&space.parse(AUTOGAN_A).unwrap()).params;
    let region = Region::full(space.clone()).filtered(Filter::at_most(Feature::Params, most));
    let members = region.size().unwrap();
    assert!((1..373_248).contains(&members));
    let arch = region.sample(&mut rng(0)).unwrap();
    assert!(space.cost(&arch).params <= most);
}

#[test]
fn skeletons_are_checked() {
    let error = AutoGanSpace::new(AutoGanSkeleton { level: 3, ..AutoGanSkeleton::cifar10() }).unwrap_err();
    assert_eq!(error.to_string(), "space autogan: level = 3 is out of range: give 0 to 2");
    let largest = AutoGanSkeleton { level: 2, latent: 1 << 16, channels: 2048, bottom: 256, channels_out: 1024 };
    let space = autogan(largest.clone());
    assert_ne!(space.cost(&space.parse(AUTOGAN_A).unwrap()), Cost::ZERO);
    let text = serde_json::to_string(&largest).unwrap();
    assert_eq!(serde_json::from_str::<AutoGanSkeleton>(&text).unwrap(), largest);
}

#[test]
fn every_text_comes_back() {
    let space = autogan(AutoGanSkeleton::cifar10());
    for arch in Region::full(space.clone()).iter().step_by(7) {
        assert_eq!(space.parse(&space.format(&arch)), Ok(arch));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*", likely in "[0-3 |,]{0,40}") {
        let space = autogan(AutoGanSkeleton::cifar10());
        for text in [text, likely] {
            if let Ok(arch) = space.parse(&text) {
                prop_assert_eq!(space.validate(&arch), Ok(()));
            }
        }
    }
}

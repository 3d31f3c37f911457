//! The cost model against the published tables of NAS-Bench-201.

use crate::{cell, nasbench};
use fewshot_space::{Arch, CellSkeleton, Cost, OptionSet, Reduction, Region, Space, nasbench201, supernet_params};
use std::path::Path;

/// Millions with five or six decimals, as the table has them, to units.
fn units(millions: &str) -> u64 {
    let millions: f64 = millions.parse().expect("a number");
    (millions * 1e6).round() as u64
}

#[test]
fn known_architectures() {
    let space = nasbench();
    let cost = |text: &str| space.cost(&space.parse(text).unwrap());
    // Without convolutions in the cells the skeleton is left.
    let bare = Cost { macs: 7_783_050, params: 73_306 };
    assert_eq!(cost("|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"), bare);
    // The largest architecture.
    let all = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    assert_eq!(cost(all), Cost { macs: 220_119_690, params: 1_531_546 });
    // A dead edge (into a node that leads nowhere) costs as much as a live one.
    let live = cost("|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|");
    let dead = cost("|none~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|none~2|");
    assert_eq!(live, dead);
    assert_eq!(live.macs - bare.macs, 3_932_160);
    let conv3x3 = cost("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|");
    assert_eq!(conv3x3.macs - bare.macs, 35_389_440);
}

#[test]
fn every_architecture_of_the_published_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/nasbench201/cifar10.csv");
    let Ok(table) = std::fs::read_to_string(&path) else {
        println!("skipped: no NAS-Bench-201 table at {}", path.display());
        return;
    };
    let space = nasbench();
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column = |name: &str| header.iter().position(|&other| other == name).expect("the table has the column");
    let (arch, macs, params) = (column("arch"), column("flops_m"), column("params_m"));
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let parsed = space.parse(cells[arch]).expect("the table's architectures are in the space");
        assert_eq!(space.format(&parsed), cells[arch]);
        let expected = Cost { macs: units(cells[macs]), params: units(cells[params]) };
        assert_eq!(space.cost(&parsed), expected, "{}", cells[arch]);
        rows += 1;
    }
    assert_eq!(rows, 15_625);
}

/// Section 1.2 of the benchmark's facts.
#[test]
fn supernet_parameters() {
    let space = nasbench();
    let whole = Region::full(space.clone());
    let params = |option: usize| supernet_params(&space, &whole.restrict(0, OptionSet::single(option)).unwrap(), false);
    assert_eq!(supernet_params(&space, &whole, false), 1_686_106);
    assert_eq!([0, 1, 2, 3, 4].map(params), [1_417_306, 1_417_306, 1_444_186, 1_659_226, 1_417_306]);
    // Affine: two numbers per channel for each of 2 convolutions on 6 edges of 5 cells with 16, 32 and 64 channels.
    assert_eq!(supernet_params(&space, &whole, true), 1_686_106 + 2 * 2 * 6 * 5 * (16 + 32 + 64));
}

#[test]
fn a_supernet_of_one_architecture_is_that_architecture() {
    for space in [nasbench(), cell()] {
        for arch in Region::full(space.clone()).iter().step_by(97) {
            let region = Region::single(space.clone(), &arch).unwrap();
            assert_eq!(supernet_params(&space, &region, true), space.cost(&arch).params);
        }
    }
}

/// Only stem, last normalisation and classifier have weights when reductions are pools.
#[test]
fn reductions_without_weights() {
    let space = cell();
    let bare = space.cost(&Arch::new(vec![0; 4]));
    assert_eq!(bare.params, 27 * 16 + 2 * 16 + 2 * 64 + 64 * 10 + 10);
    assert_eq!(bare.macs, 27 * 16 * 32 * 32 + 64 * 10 + 10);
}

/// Odd sides round up: 27 -> 14 -> 7 and 26 -> 13 -> 7.
#[test]
fn image_sizes_and_channels_per_stage() {
    let skeleton = CellSkeleton { image_height: 27, image_width: 26, width: 6, ..nasbench201::default_skeleton() };
    assert_eq!([0, 1, 2].map(|stage| skeleton.size(stage)), [(27, 26), (14, 13), (7, 7)]);
    assert_eq!([0, 1, 2].map(|stage| skeleton.channels(stage)), [6, 12, 24]);

    let skeleton = CellSkeleton { cells: 2, channels_in: 1, classes: 7, reduction: Reduction::Residual, ..skeleton };
    let space = nasbench201::nasbench201(skeleton);
    let conv1x1 = |text: &str| space.cost(&space.parse(text).unwrap());
    let with = conv1x1("|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|none~2|");
    let without = conv1x1("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|");
    assert_eq!(with.macs - without.macs, 2 * (36 * 27 * 26 + 144 * 14 * 13 + 576 * 7 * 7));
    assert_eq!(with.params - without.params, 2 * (36 + 144 + 576 + 2 * (6 + 12 + 24)));
}

//! Counts and features of the cell spaces.

use crate::{cell, nasbench};
use fewshot_space::{
    Arch, CellOp, CellSkeleton, CellSpace, Feature, Filter, OptionSet, Reduction, Region, Space, SpaceError,
};
use std::collections::BTreeSet;

fn structures(space: &CellSpace, region: &Region) -> BTreeSet<String> {
    region.iter().map(|arch| space.structure(&arch)).collect()
}

fn dead(region: &Region) -> usize {
    region.iter().filter(|arch| region.space().graph(arch).is_dead()).count()
}

/// Section 1.4 of the benchmark's facts: 15,625 codes, 341 of them dead, 6,466 structures.
#[test]
fn nasbench201_counts() {
    let space = nasbench();
    let whole = Region::full(space.clone());
    assert_eq!(whole.size(), Ok(15_625));
    assert_eq!(whole.iter().count(), 15_625);
    assert_eq!(dead(&whole), 341);
    assert_eq!(structures(&space, &whole).len(), 6_466);
    let fixed =
        |edges: &[usize]| whole.split(edges).unwrap().iter().map(|part| part.size().unwrap()).collect::<Vec<_>>();
    assert_eq!(fixed(&[0]), [3_125; 5]);
    assert_eq!(fixed(&[0, 3]), [625; 25]);
    assert_eq!(fixed(&[5, 0, 2]), [125; 125]);
}

/// e0 is the most significant digit of the base-5 index, e5 the least.
#[test]
fn nasbench201_lists_in_base_5() {
    let whole = Region::full(nasbench());
    for (index, arch) in whole.iter().enumerate() {
        let number = arch.options().iter().fold(0, |number, &option| 5 * number + usize::from(option));
        assert_eq!(number, index);
    }
}

/// By hand: dead are those with `none` on e2 and somewhere in the chain of three, 6^3 - 5^3 = 91. The chain computes zero
/// or one of 1 + 4 + 4^2 + 4^3 compositions of the four real operations, the shortcut one of 6 functions; of the 86 x 6
/// sums, 15 occur twice because both sides can compute those 6 functions.
#[test]
fn cell1296_counts() {
    let space = cell();
    let whole = Region::full(space.clone());
    assert_eq!(whole.size(), Ok(1_296));
    assert_eq!(dead(&whole), 91);
    assert_eq!(structures(&space, &whole).len(), 86 * 6 - 15);
    assert_eq!(space.nodes(), 4);
    assert_eq!(*space.skeleton(), CellSkeleton::default_for("cell1296").unwrap());
    assert_eq!(space.skeleton().reduction, Reduction::Pool);
}

/// The input appears in what the output computes if and only if a path leads there.
#[test]
fn a_structure_without_input_is_dead() {
    for space in [nasbench(), cell()] {
        for arch in Region::full(space.clone()).iter() {
            assert_eq!(space.graph(&arch).is_dead(), !space.structure(&arch).contains('0'), "{}", space.format(&arch));
        }
    }
}

#[test]
fn structures_written_out() {
    let space = nasbench();
    let structure = |text: &str| space.structure(&space.parse(text).unwrap());
    assert_eq!(
        structure("|skip_connect~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|none~1|avg_pool_3x3~2|"),
        "#+(#+0)@avg_pool_3x3+(0)@nor_conv_1x1"
    );
    // Two codes for one function: the input reaches the output through node 1 or directly.
    assert_eq!(
        structure("|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"),
        structure("|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"),
    );
    assert_eq!(structure("|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"), "#+#+#");
}

#[test]
fn features_of_cells() {
    let space = nasbench();
    let features = |space: &CellSpace, text: &str| {
        let arch = space.parse(text).unwrap();
        [Feature::LiveOps, Feature::LiveNonlinear, Feature::LiveConvs, Feature::LongestPath, Feature::ShortestPath]
            .map(|feature| feature.of(space, &arch))
    };
    let all_conv = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    assert_eq!(features(&space, all_conv), [6, 6, 6, 3, 1]);
    // e2 feeds node 2, which leads nowhere; the pool on e4 is live but linear.
    let text = "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|avg_pool_3x3~1|none~2|";
    assert_eq!(features(&space, text), [2, 1, 1, 1, 0]);
    let dead = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|";
    assert_eq!(features(&space, dead), [0; 5]);
    // Max pooling is not linear.
    let text = "|max_pool_3x3~0|+|avg_pool_3x3~1|+|nor_conv_1x1~0|nor_conv_3x3~2|";
    assert_eq!(features(&cell(), text), [4, 3, 2, 2, 1]);
}

/// A region may be a range of a structural count; these sizes are counted independently on the codes.
#[test]
fn regions_by_live_convolutions() {
    let space = nasbench();
    let whole = Region::full(space.clone());
    let parts = whole.split_by(Feature::LiveConvs, &[1, 3]).unwrap();
    let labels: Vec<String> = parts.iter().map(Region::label).collect();
    assert_eq!(labels, ["live_convs=0", "1<=live_convs<=2", "live_convs>=3"]);
    let sizes: Vec<u128> = parts.iter().map(|part| part.size().unwrap()).collect();
    assert_eq!(sizes.iter().sum::<u128>(), 15_625);
    // An edge is live when a path leads to it and on from it; written out for the four nodes.
    let live_convs = |arch: &Arch| {
        let open = |edge: usize| arch.get(edge) != 0;
        let reached = [true, open(0), open(1) || open(0) && open(2), true];
        let leads_on = [true, open(4) || open(2) && open(5), open(5), true];
        let ends = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)];
        let live = |edge: usize| reached[ends[edge].1] && leads_on[ends[edge].0];
        (0..6).filter(|&edge| matches!(arch.get(edge), 2 | 3) && live(edge)).count()
    };
    let count = |range: std::ops::RangeInclusive<usize>| {
        whole.iter().filter(|arch| range.contains(&live_convs(arch))).count() as u128
    };
    assert_eq!(sizes, [count(0..=0), count(1..=2), count(3..=6)]);
}

#[test]
fn spaces_by_name() {
    let skeleton = CellSkeleton::default_for("nasbench201").unwrap();
    let error = CellSpace::by_name("nasbench21", skeleton.clone()).unwrap_err();
    assert_eq!(error.to_string(), "unknown space `nasbench21`; did you mean `nasbench201`?");
    let error = CellSkeleton::default_for("darts").unwrap_err();
    assert_eq!(error.to_string(), "unknown space `darts`; there are: nasbench201, cell1296");
    let error = CellSpace::by_name("nasbench201", CellSkeleton { cells: 0, ..skeleton.clone() }).unwrap_err();
    assert!(matches!(error, SpaceError::Skeleton { .. }));
    assert_eq!(error.to_string(), "space nasbench201: cells = 0 is out of range: give 1 to 100");

    // The program may build a space without that check; sizes beyond all sense must not panic either.
    let huge = CellSkeleton {
        image_height: usize::MAX,
        image_width: usize::MAX,
        channels_in: usize::MAX,
        classes: usize::MAX,
        width: usize::MAX,
        cells: usize::MAX,
        reduction: Reduction::Residual,
    };
    let space = fewshot_space::nasbench201::nasbench201(huge);
    assert_eq!(space.cost(&Arch::new(vec![3; 6])).macs, u64::MAX);
}

#[test]
fn edges_and_operations_are_in_the_published_order() {
    let space = nasbench();
    let edges: Vec<(usize, usize)> = space.edges().iter().map(|edge| (edge.to, edge.from)).collect();
    assert_eq!(edges, [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]);
    let names = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    assert_eq!(space.ops().iter().map(|op| op.name()).collect::<Vec<_>>(), names);
    for (index, decision) in space.decisions().iter().enumerate() {
        assert_eq!(
            (decision.name.as_str(), &decision.options[..]),
            (format!("e{index}").as_str(), &names.map(String::from)[..])
        );
    }
    assert_eq!(space.op(&Arch::new(vec![0, 1, 2, 3, 4, 0]), 3), CellOp::Conv3x3);
}

#[test]
fn a_budget_is_a_filter() {
    let space = nasbench();
    let whole = Region::full(space.clone());
    let small =
        whole.filtered(Filter::at_most(Feature::Macs, 60_000_000)).filtered(Filter::at_most(Feature::Params, 300_000));
    let expected =
        whole.iter().filter(|arch| space.cost(arch).macs <= 60_000_000 && space.cost(arch).params <= 300_000);
    assert_eq!(small.size(), Ok(expected.count() as u128));
    assert_eq!(small.label(), "macs<=60000000,params<=300000");
    let fixed = small.restrict(0, OptionSet::single(3)).unwrap();
    assert_eq!(fixed.label(), "e0=nor_conv_3x3,macs<=60000000,params<=300000");
}

//! Sizes, costs and features.

use fewshot_space::darts::{CellDesign, CellKind, CellPlace, DartsOp};
use fewshot_space::{Cost, DartsSkeleton, DartsSpace, Region, Space};

use super::{drawn, lanas, published, sized, space};

/// The numbers of section 1.5 of the specification; those of the few-shot network are also in its README, rounded.
#[test]
fn published_networks_have_their_published_parameters() {
    let params = |width, name: &str| {
        let space = sized(width, 20);
        space.cost(&published(&space, name)).params
    };
    assert_eq!(params(36, "few-shot"), 3_789_982);
    assert_eq!(params(128, "few-shot"), 45_541_514);
    assert_eq!(params(36, "darts-v1"), 3_169_414);
    assert_eq!(params(36, "darts-v2"), 3_349_342);
    assert_eq!(params(36, "pc-darts"), 3_634_678);
}

#[test]
fn the_auxiliary_head_is_counted_by_itself() {
    let head = |width| DartsSkeleton { width, ..DartsSkeleton::cifar10() }.auxiliary().unwrap();
    assert_eq!((head(36).after, head(36).size, head(36).pooled), (13, (8, 8), (2, 2)));
    assert_eq!(head(36).cost(10).params, 476_426);
    assert_eq!(head(128).cost(10).params, 664_842);
    // 1x1 to 128 channels on four pixels, 2x2 to 768 on one, and the classifier with its bias.
    assert_eq!(head(36).cost(10).macs, 4 * 576 * 128 + 4 * 128 * 768 + 769 * 10);
    let small = DartsSkeleton { image_height: 28, ..DartsSkeleton::cifar10() };
    assert_eq!(small.auxiliary(), None);
    let large = DartsSkeleton { image_height: 64, image_width: 64, ..DartsSkeleton::cifar10() };
    assert_eq!(large.auxiliary().unwrap().pooled, (4, 4));
}

#[test]
fn supernets_have_their_published_parameters() {
    let search = sized(16, 8);
    let edges = search.supernet_edges(&Region::full(search.clone()));
    assert_eq!(edges.len(), 28);
    assert_eq!(search.supernet_params(&edges, false), 1_930_618);
    let lanas = lanas();
    let edges = lanas.supernet_edges(&Region::full(lanas.clone()));
    assert_eq!(edges.len(), 40);
    assert_eq!(lanas.supernet_params(&edges, false), 14_065_498);
}

#[test]
fn a_supernet_of_one_architecture_is_that_architecture() {
    for space in [space(), lanas()] {
        for arch in drawn(&space, 50, 5) {
            let edges = space.supernet_edges(&Region::single(space.clone(), &arch).unwrap());
            assert_eq!(space.supernet_params(&edges, true), space.cost(&arch).params);
            let held: usize = edges.iter().map(|edge| edge.ops.len()).sum();
            assert_eq!(held, 4 * space.skeleton().design.nodes());
        }
    }
}

/// All layers of a network one after the other, with what each reads: not how the crate counts.
fn walked(space: &DartsSpace, arch: &fewshot_space::Arch) -> Cost {
    let skeleton = space.skeleton();
    let genotype = space.genotype(arch);
    let (mut macs, mut params) = (0, 0);
    let mut layer = |weights: usize, scaled: usize, side: usize| {
        macs += weights * side * side;
        params += weights + 2 * scaled;
    };
    let mut side = skeleton.image_height;
    layer(27 * 3 * skeleton.width, 3 * skeleton.width, side);
    let mut outputs = vec![3 * skeleton.width; 2];
    let mut width = skeleton.width;
    for cell in 0..skeleton.cells {
        let is_reduction = cell == skeleton.cells / 3 || cell == 2 * skeleton.cells / 3;
        if is_reduction {
            width *= 2;
        }
        let [first, second] = [outputs[cell], outputs[cell + 1]];
        layer(first * width, width, side);
        layer(second * width, width, side);
        if is_reduction {
            side = side.div_ceil(2);
        }
        let pairs = if is_reduction { &genotype.reduce } else { &genotype.normal };
        for pair in pairs.iter().flatten() {
            let mut block = |kernel: usize| {
                layer(kernel * kernel * width, 0, side);
                layer(width * width, width, side);
            };
            match pair.op {
                DartsOp::MaxPool3x3 | DartsOp::AvgPool3x3 => {}
                DartsOp::SkipConnect if is_reduction && pair.from < 2 => layer(width * width, width, side),
                DartsOp::SkipConnect => {}
                DartsOp::SepConv3x3 => (0..2).for_each(|_| block(3)),
                DartsOp::SepConv5x5 => (0..2).for_each(|_| block(5)),
                DartsOp::DilConv3x3 => block(3),
                DartsOp::DilConv5x5 => block(5),
            }
        }
        outputs.push(4 * width);
    }
    let classifier = (4 * width + 1) * skeleton.classes;
    Cost { macs: (macs + classifier) as u64, params: (params + classifier) as u64 }
}

#[test]
fn costs_are_those_of_all_layers() {
    for (width, cells, side) in [(36, 20, 32), (16, 8, 32), (7, 3, 27), (5, 4, 1), (12, 11, 224)] {
        for design in [CellDesign::Darts, CellDesign::LaNas] {
            let skeleton = DartsSkeleton {
                image_height: side,
                image_width: side,
                width,
                cells,
                design,
                ..DartsSkeleton::cifar10()
            };
            let space = std::sync::Arc::new(DartsSpace::new(skeleton).unwrap());
            for arch in drawn(&space, 20, 6) {
                assert_eq!(space.cost(&arch), walked(&space, &arch), "{width} x {cells} at {side}");
            }
        }
    }
}

#[test]
fn absurd_sizes_saturate() {
    let largest = DartsSkeleton {
        image_height: 2048,
        image_width: 2048,
        channels_in: 1024,
        classes: 1_000_000,
        width: 2048,
        cells: 100,
        design: CellDesign::LaNas,
    };
    let space = std::sync::Arc::new(DartsSpace::new(largest).unwrap());
    assert!(drawn(&space, 20, 7).iter().all(|arch| space.cost(arch).macs > 1 << 50));
    let unchecked = DartsSkeleton { width: usize::MAX, ..DartsSkeleton::cifar10() };
    assert_eq!(unchecked.last_channels(), usize::MAX);
    assert_eq!(
        DartsSpace::new(DartsSkeleton { cells: 2, ..DartsSkeleton::cifar10() }).unwrap_err().to_string(),
        "cells = 2 is out of range: give 3 to 100"
    );
}

#[test]
fn a_layout_has_all_sizes() {
    let skeleton = DartsSkeleton { width: 16, cells: 8, image_width: 27, ..DartsSkeleton::cifar10() };
    let layout = skeleton.layout();
    let reductions: Vec<usize> =
        layout.iter().filter(|place| place.kind == CellKind::Reduction).map(|place| place.index).collect();
    assert_eq!(reductions, [2, 5]);
    let channels: Vec<_> =
        layout.iter().map(|place| (place.before_previous, place.previous, place.channels, place.output)).collect();
    assert_eq!(
        channels,
        [
            (48, 48, 16, 64),
            (48, 64, 16, 64),
            (64, 64, 32, 128),
            (64, 128, 32, 128),
            (128, 128, 32, 128),
            (128, 128, 64, 256),
            (128, 256, 64, 256),
            (256, 256, 64, 256),
        ]
    );
    let reduces_first = |place: &CellPlace| place.reduces_first;
    assert_eq!(
        layout.iter().map(reduces_first).collect::<Vec<_>>(),
        [false, false, false, true, false, false, true, false]
    );
    let sizes: Vec<_> = layout.iter().map(|place| (place.input_size, place.size)).collect();
    let (full, half, quarter) = ((32, 27), (16, 14), (8, 7));
    assert_eq!(sizes[1..4], [(full, full), (full, half), (half, half)]);
    assert_eq!(sizes[5..7], [(half, quarter), (quarter, quarter)]);
    assert_eq!((skeleton.stem_channels(), skeleton.last_channels()), (48, 256));
    // Every cell reads what the two before it put out.
    for pair in layout.windows(2) {
        assert_eq!((pair[1].before_previous, pair[1].previous), (pair[0].previous, pair[0].output));
        assert_eq!((pair[1].input_size, pair[1].reduces_first), (pair[0].size, pair[0].kind == CellKind::Reduction));
    }
}

#[test]
fn layouts_reduce_at_a_third_and_two_thirds() {
    for (cells, expected) in [(3, [1, 2]), (4, [1, 2]), (5, [1, 3]), (20, [6, 13]), (24, [8, 16]), (100, [33, 66])] {
        let skeleton = DartsSkeleton { cells, ..DartsSkeleton::cifar10() };
        let found: Vec<usize> = (0..cells).filter(|&index| skeleton.is_reduction(index)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn padding_keeps_the_size_of_a_map() {
    for op in DartsOp::ALL {
        let span = (op.kernel() - 1) * op.dilation() + 1;
        for side in 1..12_usize {
            assert_eq!(side + 2 * op.padding() - span + 1, side, "{}", op.name());
            assert_eq!((side + 2 * op.padding() - span) / 2 + 1, side.div_ceil(2), "{} at stride 2", op.name());
        }
    }
}

/// The released few-shot cell, counted on the drawing of it.
#[test]
fn features_are_counted_over_both_cells() {
    let space = space();
    let graph = space.graph(&published(&space, "few-shot"));
    // Four convolutions fit inputs. Normal: seven convolutions and a skip. Reduction: a convolution, three max pools,
    // and skips from nodes, which are identities.
    assert_eq!((graph.live_convs(), graph.live_nonlinear(), graph.live_ops()), (12, 15, 15));
    // Normal: fit, sep, sep, sep (node 3 reads the inputs, node 4 node 2 which reads them); reduction: fit, sep.
    assert_eq!(graph.longest_path(), 3 + 2);
    // Around the normal cell, as its successor reads the stem too: fit, pool.
    assert_eq!(graph.shortest_path(), 2);
    assert!(!graph.is_dead());
    let skips = "|skip_connect~0|skip_connect~1|".to_string();
    let all = [skips.as_str(); 4].join("+");
    let graph = space.graph(&space.parse(&format!("normal{all}reduce{all}")).unwrap());
    // At stride 2 a skip is a factorized reduction: two for each node.
    assert_eq!(graph.live_convs(), 4 + 8);
}

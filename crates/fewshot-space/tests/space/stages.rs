//! The space `stages`: sizes and costs by hand.

use fewshot_space::{Cost, Region, Space, StageBlock, StageSpace};

use crate::stages;

/// A plain network of four convolutions, added up by hand: 32x32x3 images, the stem with stride 2 to 24 channels, then 24, 48
/// and 96 at 16, 8 and 4 pixels a side.
#[test]
fn a_plain_network_costs_what_its_convolutions_do() {
    let arch = StageSpace::by_hand(2, 24, StageBlock::Conv, [1, 1, 1]);
    let text = "stem=2,width=24,block1=conv,depth1=1,block2=conv,depth2=1,block3=conv,depth3=1";
    assert_eq!(stages().format(&arch), text);
    assert_eq!(stages().parse(text).unwrap(), arch);
    let weights = [27 * 24, 9 * 24 * 24, 9 * 24 * 48, 9 * 48 * 96];
    let pixels = [256, 256, 64, 16];
    let convs: u64 = weights.iter().zip(pixels).map(|(weights, pixels)| weights * pixels).sum();
    // Scale and shift behind each convolution and before the classifier, which has a bias.
    let norms = 2 * (24 + 24 + 48 + 96 + 96);
    let classifier = 97 * 5;
    let params = weights.iter().sum::<u64>() + norms + classifier;
    assert_eq!(stages().cost(&arch), Cost { macs: convs + classifier, params });
}

#[test]
fn blocks_cost_what_their_layers_do() {
    // The last stage of each kind: 16 to 32 channels at 4x4 pixels, after two plain stages of 4 and 8 that cost the same.
    let at = |kind: &str| {
        let text = format!("stem=2,width=8,block1=conv,depth1=1,block2=conv,depth2=1,block3={kind},depth3=1");
        stages().cost(&stages().parse(&text).unwrap()).macs
    };
    let (pixels, before) = (16, 64);
    let conv = 9 * 16 * 32 * pixels;
    for (kind, macs) in [
        ("residual", conv + (9 * 32 * 32 + 16 * 32) * pixels),
        ("sep3", (9 * 16 + 16 * 32) * pixels),
        ("sep5", (25 * 16 + 16 * 32) * pixels),
        ("mbconv3", 16 * 48 * before + (9 * 48 + 48 * 32) * pixels),
        ("mbconv5", 16 * 48 * before + (25 * 48 + 48 * 32) * pixels),
    ] {
        assert_eq!(at(kind) + conv, at("conv") + macs, "{kind}");
    }
}

#[test]
fn there_are_as_many_as_the_page_says_and_every_limit_is_within_reach() {
    let whole = Region::full(stages());
    assert_eq!(whole.size().unwrap(), 663_552);
    let graph = stages().graph(&StageSpace::by_hand(1, 8, StageBlock::Residual, [1, 2, 1]));
    // Stem, and two convolutions in each of four blocks; the shortest way goes around all blocks.
    assert_eq!((graph.live_convs(), graph.longest_path(), graph.shortest_path()), (9, 8, 0));
}

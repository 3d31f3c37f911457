//! The space `proxyless`: published costs, text forms, the split.

use std::collections::BTreeSet;

use fewshot_space::mbconv::ProxylessOp;
use fewshot_space::{Arch, Feature, Filter, Partition, ProxylessSkeleton, ProxylessSpace, Region, Space};
use proptest::prelude::*;

use crate::{proxyless, rng};

/// The architecture with `op` at every layer, or with `otherwise` where that cannot be.
fn uniform(space: &ProxylessSpace, op: &str, otherwise: &str) -> Arch {
    let option = |layer: usize, op: &str| space.ops(layer).iter().position(|other| other.name() == op);
    let options = (0..space.slots().len())
        .map(|layer| option(layer, op).or_else(|| option(layer, otherwise)).expect("a candidate") as u8)
        .collect();
    Arch::new(options)
}

#[test]
fn costs_are_the_published_rule_s() {
    let space = proxyless(ProxylessSkeleton::imagenet());
    for (op, macs, params) in
        [("k7e6", 606.591, 5.103), ("k3e6", 472.621, 4.685), ("k3e3", 257.422, 3.192), ("skip", 102.529, 2.155)]
    {
        let cost = space.cost(&uniform(&space, op, "k3e3"));
        let is_near = |count: u64, millions: f64| (count as f64 / 1e6 - millions).abs() <= 5e-4;
        assert!(is_near(cost.macs, macs) && is_near(cost.params, params), "{op}: {cost:?}");
    }
}

#[test]
fn skips_are_candidates_where_the_shape_stays() {
    let space = proxyless(ProxylessSkeleton::imagenet());
    assert_eq!(Region::full(space.clone()).size(), Ok(6_u128.pow(6) * 7_u128.pow(15)));
    for (layer, slot) in space.slots().iter().enumerate() {
        assert_eq!(space.ops(layer).contains(&ProxylessOp::Skip), slot.position > 0);
    }
    let net = space.net(&uniform(&space, "skip", "k5e6"));
    assert_eq!(net.blocks.len(), 1 + 6);
    assert!(net.blocks.iter().all(|block| !block.has_skip && block.squeeze.is_none()));
    assert_eq!((net.final_expand.size, net.classifier.inputs, net.feature_mix), ((7, 7), 1280, None));
    let first = net.blocks[0];
    assert_eq!((first.input, first.output, first.size), (32, 16, (112, 112)));
}

const TEXT: &str =
    "k5e6,skip,k3e3,skip;k7e3,k3e3,skip,k3e6;k7e6,k5e3,skip,skip;k3e3,k3e3,k3e3,k7e6;k5e6,skip,skip,k5e3;k7e6";

#[test]
fn texts_are_operations_stage_by_stage() {
    let space = proxyless(ProxylessSkeleton::imagenet());
    let arch = space.parse(TEXT).unwrap();
    assert_eq!(space.format(&arch), TEXT);
    assert_eq!(space.parse(&TEXT.replace(',', " ,  ").replace(';', "\n; ")), Ok(arch.clone()));
    assert_eq!(arch.options()[..5], [3, 6, 0, 6, 4]);

    // Where in its stage a layer is skipped changes nothing.
    let moved = space.parse(&TEXT.replacen("skip,k3e3,skip", "k3e3,skip,skip", 1)).unwrap();
    assert_ne!(moved, arch);
    assert_eq!(space.structure(&moved), space.structure(&arch));
    assert_eq!(space.cost(&moved), space.cost(&arch));
    let swapped = space.parse(&TEXT.replacen("k5e6,skip,k3e3", "k3e3,skip,k5e6", 1)).unwrap();
    assert_ne!(space.structure(&swapped), space.structure(&arch));

    let error = |from: &str, to: &str| {
        let message = space.parse(&TEXT.replacen(from, to, 1)).unwrap_err().to_string();
        let (problem, _) = message.rsplit_once(" of `").unwrap();
        problem.strip_prefix("not an architecture of proxyless: ").unwrap().to_string()
    };
    let six = "decision s2.b1 has no option `skip`; there are: k3e3, k3e6, k5e3, k5e6, k7e3, k7e6, at character 21";
    assert_eq!(error("k7e3", "skip"), six);
    assert_eq!(
        error("k7e3,", ""),
        "expected 4 operations of stage 2, with `,` between them, found `k3e3,skip,k3e6`, at character 21"
    );
    assert_eq!(
        error(";k7e3", ",k7e3"),
        "expected 6 stages, with `;` between them, found `k5e6,skip,k3e3,skip,k7e3...`, at character 1"
    );
    assert_eq!(error("k5e3", "k5e4"), "decision s3.b2 has no option `k5e4`; did you mean `k5e3`?, at character 46");
}

#[test]
fn five_parts_are_a_partition() {
    let space = proxyless(ProxylessSkeleton::imagenet());
    let whole = Region::full(space.clone());
    let parts = space.split(&whole).unwrap();
    let labels: Vec<String> = parts.iter().map(Region::label).collect();
    assert_eq!(labels, ["s3.b1=k3e3", "s3.b1=k3e6", "s3.b1=k5e3", "s3.b1=k5e6", "s3.b1=k7e3|k7e6"]);
    let partition = Partition::new(whole.clone(), parts).unwrap();
    assert_eq!(partition.route(&space.parse(TEXT).unwrap()), Some(4));

    let tiny = proxyless(ProxylessSkeleton::tiny());
    let whole = Region::full(tiny.clone());
    assert_eq!(Partition::new(whole.clone(), tiny.split(&whole).unwrap()).unwrap().regions().len(), 4);
}

#[test]
fn encodings_have_one_number_per_candidate() {
    let space = proxyless(ProxylessSkeleton::imagenet());
    let codes: BTreeSet<String> = (0..20)
        .map(|draw| {
            let arch = Region::full(space.clone()).sample(&mut rng(draw)).unwrap();
            let encoded = space.encode(&arch);
            assert_eq!((encoded.len(), encoded.iter().sum::<f32>()), (6 * 6 + 15 * 7, 21.0));
            format!("{encoded:?}")
        })
        .collect();
    assert_eq!(codes.len(), 20);
}

#[test]
fn limits_hold_where_nothing_can_be_listed() {
    let space = proxyless(ProxylessSkeleton::imagenet());
    for max in [300_000_000, 110_000_000] {
        let region = Region::full(space.clone()).filtered(Filter::at_most(Feature::Macs, max));
        for draw in 0..10 {
            let arch = region.sample(&mut rng(draw)).unwrap();
            assert!(space.cost(&arch).macs <= max);
            assert!(region.mutate(&arch, &mut rng(draw)).is_ok_and(|mutant| region.contains(&mutant)));
        }
    }
}

#[test]
fn skeletons_are_checked() {
    let error = |skeleton| ProxylessSpace::new(skeleton).unwrap_err().to_string();
    let usual = ProxylessSkeleton::imagenet;
    assert_eq!(
        error(ProxylessSkeleton { image_width: 0, ..usual() }),
        "space proxyless: image_width = 0 is out of range: give 1 to 2048"
    );
    assert_eq!(
        error(ProxylessSkeleton { width: 0.0, ..usual() }),
        "space proxyless: width = 0 is out of range: give 0.1 to 4"
    );
    let text = serde_json::to_string(&usual()).unwrap();
    assert_eq!(serde_json::from_str::<ProxylessSkeleton>(&text).unwrap(), usual());
}

proptest! {
    #[test]
    fn texts_come_back(width in 0.1..4.0, stem_stride in 1..=2usize, first_stride in 1..=2usize, draw in any::<u64>()) {
        let skeleton = ProxylessSkeleton { width, stem_stride, first_stride, ..ProxylessSkeleton::imagenet() };
        let space = proxyless(skeleton);
        let arch = Region::full(space.clone()).sample(&mut rng(draw)).unwrap();
        prop_assert_eq!(space.parse(&space.format(&arch)), Ok(arch));
    }

    #[test]
    fn no_text_panics(text in "\\PC*", likely in "[ke3567skip,; ]{0,60}", at in 0..100usize, end in "\\PC{0,4}") {
        let space = proxyless(ProxylessSkeleton::imagenet());
        let damaged = format!("{}{end}{}", &TEXT[..at.min(TEXT.len())], &TEXT[(at + 1).min(TEXT.len())..]);
        for text in [text, likely, damaged] {
            if let Ok(arch) = space.parse(&text) {
                prop_assert_eq!(space.validate(&arch), Ok(()));
            }
        }
    }
}

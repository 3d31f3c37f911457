//! Networks of stages: nested weights, costs, transfer.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_space::{Arch, Region, Space, StageSkeleton, StageSpace, random};
use rand::RngExt;

use super::*;
use crate::optim::{Limits, Optimizer, Sgd};

fn small() -> Arc<StageSpace> {
    Arc::new(StageSpace::new(StageSkeleton { image_height: 10, image_width: 7, channels_in: 1, classes: 3 }))
}

fn images(batch: usize) -> Tensor<4> {
    let mut rng = random::stream(3, "test images", 0, 0);
    let data: Vec<f32> = (0..batch * 70).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(data, [batch, 10, 7, 1]), &Device::flex())
}

fn draws(region: &Region, count: u64) -> Vec<Arch> {
    (0..count).map(|draw| region.sample(&mut random::stream(1, "archs", draw, 0)).unwrap()).collect()
}

fn narrow() -> Region {
    let whole = Region::full(small());
    let width = whole.decision("width").unwrap();
    whole.restrict(width, fewshot_space::OptionSet::from_iter([0, 1, 2])).unwrap()
}

#[test]
fn a_network_alone_has_the_parameters_that_the_cost_model_says() {
    for arch in draws(&narrow(), 40) {
        let net = Net::standalone(small(), &arch, &Device::flex(), 0).unwrap();
        assert_eq!(net.weights().count(), small().cost(&arch).params, "{}", small().format(&arch));
    }
}

/// A path of a supernet uses the first channels of each layer: a network alone that has just these, and the supernet's kind of
/// norms, gives the same bits.
#[test]
fn a_narrow_path_is_the_network_of_its_first_channels() {
    let mut supernet = Net::supernet(small(), narrow(), &Device::flex(), 5);
    for arch in draws(&narrow(), 12) {
        let single = Region::single(small(), &arch).unwrap();
        let (mut own, transfer) = supernet.child(single, 9).unwrap();
        assert!(transfer.fresh.is_empty(), "{:?}", transfer.fresh);
        let path = Path::Shared(arch.clone());
        let [a, b] =
            [&mut supernet, &mut own].map(|net| to_vec(&net.score(images(4), &path, NormMode::Batch, None).unwrap()));
        assert_eq!(a, b, "{}", small().format(&arch));
    }
}

/// What a path does not use has no gradient, or one of zeros.
#[test]
fn gradients_reach_the_channels_in_use_alone() {
    let arch =
        small().parse("stem=2,width=4,block1=mbconv3,depth1=2,block2=sep3,depth2=1,block3=residual,depth3=1").unwrap();
    let mut supernet = Net::supernet(small(), narrow(), &Device::flex(), 5);
    let (logits, leaves) = supernet.train(images(4), &Path::Shared(arch)).unwrap();
    let mut gradients = logits.powi_scalar(2).sum().backward();
    let mut used = 0;
    for (param, leaf) in supernet.weights().params().iter().zip(leaves) {
        let Some(leaf) = leaf else { continue };
        let grad = to_vec(&leaf.grad_remove(&mut gradients).unwrap());
        let nonzero = grad.iter().filter(|value| **value != 0.0).count();
        assert!(nonzero > 0, "{}", param.name);
        used += nonzero;
        if param.name == "stages.0.mbconv3.0.expand.weight" {
            // 4 of 12 channels in, 12 of 36 out.
            assert!(nonzero <= 4 * 12 && grad.len() == 12 * 36, "{nonzero} of {}", grad.len());
        }
    }
    assert!(used > 0);
}

/// And no update moves it.
#[test]
fn a_step_along_a_narrow_path_leaves_the_other_channels() {
    let text = "stem=2,width=4,block1=mbconv3,depth1=2,block2=sep3,depth2=1,block3=residual,depth3=1";
    let arch = small().parse(text).unwrap();
    let mut supernet = Net::supernet(small(), narrow(), &Device::flex(), 5);
    let before = supernet.weights().to_values().unwrap();
    let limits = Limits { weight_decay: 0.1, ..Limits::NONE };
    let mut optimizer = Optimizer::new(supernet.weights(), Sgd { momentum: 0.9, nesterov: true }, limits);
    for _ in 0..2 {
        let (logits, leaves) = supernet.train(images(4), &Path::Shared(arch.clone())).unwrap();
        let mut gradients = logits.powi_scalar(2).sum().backward();
        let slopes = leaves.into_iter().map(|leaf| leaf?.slope(&mut gradients)).collect();
        optimizer.step(supernet.weights_mut(), slopes, 0.1);
    }
    let name = "stages.0.mbconv3.0.expand.weight";
    let after = supernet.weights().to_values().unwrap();
    let moved = after[name].data().iter().zip(before[name].data()).map(|(after, before)| after != before);
    // One tap, 12 channels in, 36 out: the first 4 and the first 12 are used.
    for (place, moved) in moved.enumerate() {
        assert_eq!(moved, place / 36 < 4 && place % 36 < 12, "{place}");
    }
}

#[test]
fn sharing_changes_no_bit() {
    let mut net = Net::supernet(small(), narrow(), &Device::flex(), 5);
    let paths: Vec<Path> = draws(&narrow(), 30).into_iter().map(Path::Shared).collect();
    let graph = net.shared([10, 7, 1], &paths).unwrap();
    let mut shared = vec![Vec::new(); paths.len()];
    net.score_shared(&graph, images(4), NormMode::Batch, None, |place, logits| {
        shared[place] = to_vec(&logits);
        Ok::<_, NetError>(())
    })
    .unwrap();
    for (path, shared) in paths.iter().zip(shared) {
        let alone = net.score(images(4), path, NormMode::Batch, None).unwrap();
        assert_eq!(to_vec(&alone), shared);
    }
}

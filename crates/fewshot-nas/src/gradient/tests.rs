//! Gradients by architectures against finite differences, and searches that are cut and go on.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use fewshot_data::{Augment, EvalLoader, Normalise, TrainLoader};
use fewshot_space::{Arch, CellSkeleton, CellSpace, OptionSet, Region, random};
use rand::RngExt;

use super::controller::{Controller, reinforce};
use super::darts::hypergradient;
use super::gdas::straight_through;
use super::learner::{Slopes, taken};
use super::*;
use crate::estimate::{NormPolicy, ScoreSet};
use crate::nets::testing::{patterns, precise_loss, without_kinks};
use crate::nets::{Mix, Net, NormMode, tensor, to_vec};
use crate::run::Interrupted;

pub(super) const AT: At = At { epoch: 0, step: 0, lr: 0.02 };

pub(super) fn space(side: usize, classes: usize) -> Arc<CellSpace> {
    let default = CellSkeleton::default_for("nasbench201").unwrap();
    let skeleton =
        CellSkeleton { image_height: side, image_width: side, channels_in: 1, classes, width: 4, cells: 1, ..default };
    Arc::new(CellSpace::by_name("nasbench201", skeleton).unwrap())
}

/// A learner on 8×8 images over the sub-supernet whose first edge is a skip; ReLUs are where they have no kinks.
pub(super) fn learner(partial: usize) -> Learner {
    let space = space(8, 3);
    let region = Region::full(space.clone()).restrict(0, OptionSet::single(1)).unwrap();
    let mut net = Net::partial_supernet(space, region, partial, &Device::flex(), 7).unwrap();
    without_kinks(&mut net);
    Learner::new(net, MethodSettings::darts("").train, NormMode::Batch)
}

pub(super) fn batch(seed: u64) -> Labelled {
    let (images, labels) = patterns(seed);
    Labelled { images, labels }
}

/// α far from 0, where softmax is not flat. Skips are likely: they keep nodes positive.
pub(super) fn alpha(net: &Net, rivals: Rivals) -> (Alpha, Vec<Vec<f32>>) {
    let settings = MethodSettings::darts("").arch;
    let mut alpha = Alpha::new(net, &settings, 3, rivals).unwrap();
    let mut rng = random::stream(4, "alpha", 0, 0);
    let mut number = |place: usize| rng.random_range(-0.5..0.5) + if place == 1 { 1.0 } else { 0.0 };
    let rows: Vec<Vec<f32>> = alpha.values().iter().map(|row| (0..row.dims()[0]).map(&mut number).collect()).collect();
    alpha.set_values(tensors(&rows));
    (alpha, rows)
}

fn tensors(rows: &[Vec<f32>]) -> Vec<Tensor<1>> {
    rows.iter().map(|row| tensor(row.clone(), &Device::flex())).collect()
}

/// Central differences of `loss` by every number of `rows`.
fn numeric(rows: &[Vec<f32>], step: f32, mut loss: impl FnMut(&[Tensor<1>]) -> f64) -> Vec<f64> {
    let mut found = Vec::new();
    for row in 0..rows.len() {
        for place in 0..rows[row].len() {
            let mut at = |delta: f32| {
                let mut moved = rows.to_vec();
                moved[row][place] += delta;
                loss(&tensors(&moved))
            };
            found.push((at(step) - at(-step)) / f64::from(2.0 * step));
        }
    }
    found
}

fn flat(gradients: &[Tensor<1>]) -> Vec<f64> {
    gradients.iter().flat_map(to_vec).map(f64::from).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Length of the difference over the length of the second.
fn distance(found: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    norm(&found.iter().zip(wanted).map(|(a, b)| a - b).collect::<Vec<_>>()) / norm(wanted)
}

fn loss_of(learner: &mut Learner, mix: &Mix, batch: &Labelled) -> f64 {
    let (logits, _) = learner.net.train_mixed(batch.images.clone(), mix, false).unwrap();
    precise_loss(&logits, &batch.labels)
}

#[test]
fn the_relaxations_gradient_is_that_of_finite_differences() {
    // DARTS and SETN; PC-DARTS; PC-DARTS with edge weights; the first and the last with zeros beside the options.
    for (partial, edges, zeros) in
        [(1, false, false), (4, false, false), (4, true, false), (1, false, true), (4, true, true)]
    {
        let mut learner = learner(partial);
        let (alpha, rows) = alpha(&learner.net, Rivals { zeros, edges });
        // Five edges with a choice; with edge weights two nodes where edges with a choice meet.
        assert_eq!((rows.len(), rows[0].len()), (if edges { 7 } else { 5 }, 5 + usize::from(zeros)));
        let batch = batch(1);
        let leaves = alpha.leaves();
        let exact = learner.slopes(&batch, &alpha.relaxed(&leaves), &leaves, false, AT).unwrap().arch;
        let wanted = numeric(&rows, 0.05, |rows| loss_of(&mut learner, &alpha.relaxed(rows), &batch));
        assert!(norm(&wanted) > 1e-3, "{wanted:?}");
        let off = distance(&flat(&exact), &wanted);
        assert!(off < 0.03, "1/{partial}, {edges}, {zeros}: {off}");
    }
}

#[test]
fn gradients_by_alpha_do_not_depend_on_whether_those_by_weights_are_wanted() {
    let mut learner = learner(1);
    let (alpha, _) = alpha(&learner.net, Rivals::default());
    let leaves = alpha.leaves();
    let mut slopes = |weights| learner.slopes(&batch(1), &alpha.relaxed(&leaves), &leaves, weights, AT).unwrap();
    let (with, without) = (slopes(true), slopes(false));
    assert!(distance(&flat(&with.arch), &flat(&without.arch)) < 1e-4);
    assert!(with.weights.iter().any(Option::is_some) && without.weights.is_empty());
}

#[test]
fn the_straight_through_gradient_is_that_of_its_surrogate() {
    let mut learner = learner(1);
    let (alpha, rows) = alpha(&learner.net, Rivals::default());
    let batch = batch(1);
    for draw in 0..4 {
        let mut rng = random::stream(draw, "noise", 0, 0);
        let noise: Vec<Vec<f32>> =
            rows.iter().map(|row| row.iter().map(|_| rng.random_range(-1.0..2.0)).collect()).collect();
        let noise = tensors(&noise);
        let temperature = 0.7;
        let leaves = alpha.leaves();
        let mix = straight_through(&alpha, &leaves, &noise, temperature);
        let exact = learner.slopes(&batch, &mix, &leaves, false, AT).unwrap();
        // The draw runs as the path that it is.
        let hard = straight_through(&alpha, &alpha.values(), &noise, temperature);
        assert!((exact.seen.loss - loss_of(&mut learner, &hard, &batch)).abs() < 1e-5);
        // The surrogate: the draw stays, and its weights move as y does.
        let y = |rows: &[Tensor<1>]| -> Vec<Vec<f32>> {
            let row = |(row, noise): (&Tensor<1>, &Tensor<1>)| {
                let logs = burn::tensor::activation::log_softmax(row.clone(), 0) + noise.clone();
                to_vec(&burn::tensor::activation::softmax(logs.div_scalar(temperature), 0))
            };
            rows.iter().zip(&noise).map(row).collect()
        };
        let start = y(&alpha.values());
        let wanted = numeric(&rows, 0.05, |moved| {
            let (moved, mut index) = (y(moved), 0);
            let mix = alpha.blended(&alpha.values(), |_, options| {
                let (before, after) = (&start[index], &moved[index]);
                index += 1;
                let place =
                    (0..before.len()).fold(0, |best, next| if before[next] > before[best] { next } else { best });
                let change = |at: usize| after[at] - before[at];
                let others: f32 = (0..before.len()).filter(|at| *at != place).map(change).sum();
                let number = |value: f32| tensor(vec![value], &Device::flex());
                let (scale, shift) = (number(1.0 + change(place)), Some(number(others)));
                vec![crate::nets::Term { option: options[place], scale, shift }]
            });
            loss_of(&mut learner, &mix, &batch)
        });
        assert!(norm(&wanted) > 1e-3, "{wanted:?}");
        let off = distance(&flat(&exact.arch), &wanted);
        assert!(off < 0.05, "draw {draw}: {off}");
    }
}

#[test]
fn the_second_order_is_the_gradient_through_a_step_of_the_weights() {
    // Only `none`, skip and average pool, and reductions without weights: stem, head and classifier are what is trained, and
    // the derivative of their gradient is smooth enough for a finite difference of a finite difference.
    let default = CellSkeleton::default_for("cell1296").unwrap();
    let skeleton =
        CellSkeleton { image_height: 8, image_width: 8, channels_in: 1, classes: 3, width: 4, cells: 1, ..default };
    let space = Arc::new(CellSpace::by_name("cell1296", skeleton).unwrap());
    let options = [0, 1, 4].map(OptionSet::single).into_iter().fold(OptionSet::EMPTY, OptionSet::union);
    let region = (0..4).fold(Region::full(space.clone()), |region, edge| region.restrict(edge, options).unwrap());
    let mut net = Net::supernet(space, region, &Device::flex(), 7);
    without_kinks(&mut net);
    let mut learner = Learner::new(net, MethodSettings::darts("").train, NormMode::Batch);
    let at = At { lr: 0.5, ..AT };
    let (alpha, rows) = alpha(&learner.net, Rivals::default());
    let (train, val) = (batch(1), batch(2));
    // A step, so that there are velocities.
    learner.descend_mixed(&train, &alpha.relaxed(&alpha.values()), at).unwrap();
    let before = learner.net.weights().values();
    let Slopes { arch: second, .. } = hypergradient(&mut learner, &alpha, &train, &val, at).unwrap();
    let here = learner.net.weights().values();
    assert!(before.iter().zip(&here).all(|(a, b)| to_vec(a) == to_vec(b)), "the weights are put back");
    let leaves = alpha.leaves();
    let first = learner.slopes(&val, &alpha.relaxed(&leaves), &leaves, false, at).unwrap().arch;

    // By brute force: move α, take the step of the weights under it, and look at the validation loss.
    let (momentum, decay) = (learner.config.momentum, learner.config.weight_decay);
    let velocity = learner.optimizer.slot(0).map(|velocity| velocity.cloned()).collect::<Vec<_>>();
    let wanted = numeric(&rows, 0.05, |rows| {
        let mix = alpha.relaxed(rows);
        let down = learner.slopes(&train, &mix, &[], true, at).unwrap().weights;
        let ahead = here.iter().zip(down).zip(&velocity).map(|((weight, down), velocity)| {
            let velocity = velocity.clone().unwrap_or_else(|| weight.zeros_like());
            let down = down.unwrap_or_else(|| weight.zeros_like());
            let step = velocity.mul_scalar(momentum) + down + weight.clone().mul_scalar(decay);
            weight.clone() - step.mul_scalar(at.lr)
        });
        let ahead: Vec<Tensor<1>> = ahead.collect();
        learner.net.weights_mut().set_values(ahead);
        let loss = loss_of(&mut learner, &mix, &val);
        learner.net.weights_mut().set_values(here.clone());
        loss
    });
    let (second, first) = (distance(&flat(&second), &wanted), distance(&flat(&first), &wanted));
    assert!(second < 0.02 && first > 1.0, "second order {second}, first order {first}");
}

#[test]
fn the_controller_learns_by_the_gradient_of_the_expected_reward() {
    let mut region = Region::full(space(8, 3));
    for (edge, options) in [(0, vec![1]), (1, vec![2]), (2, vec![0]), (3, vec![1, 4]), (4, vec![0, 2, 3]), (5, vec![1])]
    {
        let set = options.into_iter().fold(OptionSet::EMPTY, |set, option| set.union(OptionSet::single(option)));
        region = region.restrict(edge, set).unwrap();
    }
    let device = Device::flex();
    let mut controller = Controller::new(&region, &device, 1);
    // Start far from uniform.
    let larger: Vec<Tensor<1>> = controller.weights.values().into_iter().map(|value| value.mul_scalar(5.0)).collect();
    controller.weights.set_values(larger);
    let archs: Vec<Arch> = region.iter().collect();
    assert_eq!(archs.len(), 6);
    let reward = |arch: &Arch| 0.3 * arch.get(3) as f64 - 0.5 * (arch.get(4) as f64 - 2.0).powi(2);
    let probabilities = |parameters: &[Tensor<1>]| -> Vec<f64> {
        to_vec(&controller.log_probability(parameters, &archs)).into_iter().map(|log| f64::from(log).exp()).collect()
    };
    let expected = |parameters: &[Tensor<1>]| -> f64 {
        probabilities(parameters).iter().zip(&archs).map(|(p, arch)| p * reward(arch)).sum()
    };
    let p = probabilities(&controller.weights.values());
    assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{p:?}");

    // Every architecture as often as it is likely: the estimate without its noise. A baseline changes nothing.
    let leaves = controller.weights.leaves();
    let advantages: Vec<f64> = archs.iter().zip(&p).map(|(arch, p)| 6.0 * p * (reward(arch) + 0.7)).collect();
    let mut gradients = reinforce(controller.log_probability(&leaves, &archs), &advantages, &device).backward();
    let exact = taken(&leaves, &mut gradients);
    let rows: Vec<Vec<f32>> = controller.weights.values().iter().map(to_vec).collect();
    for (row, gradient) in exact.iter().enumerate() {
        let gradient = to_vec(gradient);
        for place in (0..gradient.len()).step_by(gradient.len().div_ceil(5)) {
            let at = |delta: f32| {
                let mut moved = rows.clone();
                moved[row][place] += delta;
                expected(&tensors(&moved))
            };
            let numeric = -(at(0.02) - at(-0.02)) / 0.04;
            let found = f64::from(gradient[place]);
            assert!((found - numeric).abs() < 0.03 * numeric.abs() + 2e-4, "row {row}, {place}: {found} {numeric}");
        }
    }

    // What it draws is as frequent as it is likely.
    let mut rng = random::stream(2, "draws", 0, 0);
    let drawn = controller.sample(&controller.weights.values(), 4000, &mut rng).archs;
    for (arch, p) in archs.iter().zip(&p) {
        let share = drawn.iter().filter(|drawn| *drawn == arch).count() as f64 / 4000.0;
        assert!((share - p).abs() < 0.03, "{arch:?}: {share} {p}");
    }
}

pub(super) fn feeds() -> Feeds {
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let loader = |from: u32, seed: u64| {
        let indices: Arc<[u32]> = (from..from + 40).collect();
        let normalise = Normalise::measure(&data, &indices).unwrap();
        let augment = Augment { flip: true, crop_pad: 2, ..Augment::none() };
        TrainLoader::new(data.clone(), indices, normalise, augment, 20, seed).unwrap()
    };
    Feeds { train: loader(0, 1), val: loader(40, 2) }
}

fn judge() -> Judge {
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let indices: Arc<[u32]> = (100..140).collect();
    let normalise = Normalise::measure(&data, &indices).unwrap();
    let images = EvalLoader::new(data, indices, normalise, 20).unwrap();
    Judge::new(Arc::new(ScoreSet::new(images.batches(), [], &Device::flex())), NormPolicy::Batch)
}

fn search(info: &MethodInfo) -> GradientSearch {
    let space = space(28, 10);
    let region = Region::full(space.clone()).restrict(0, OptionSet::single(3)).unwrap();
    let net = Net::partial_supernet(space, region, info.partial, &Device::flex(), 7).unwrap();
    let mut settings = (info.published)();
    settings.train.epochs = 2;
    (settings.updates, settings.candidates) = (1, 10);
    // Large enough that α moves in four steps.
    settings.arch.lr = 0.05;
    if let Some(gates) = &mut settings.gates {
        (gates.every, gates.rest) = (1, 0);
        settings.warm_up = WarmUp::NONE;
    }
    GradientSearch::new(info, net, settings, NormMode::Batch, 5).unwrap()
}

#[test]
fn a_region_of_one_architecture_is_searched_too() {
    for info in methods() {
        let space = space(28, 10);
        let arch = Arch::new(vec![3, 1, 0, 2, 4, 1]);
        let region = Region::single(space.clone(), &arch).unwrap();
        let net = Net::partial_supernet(space, region, info.partial, &Device::flex(), 7).unwrap();
        let mut settings = (info.published)();
        (settings.train.epochs, settings.updates) = (1, 1);
        let mut search = GradientSearch::new(info, net, settings, NormMode::Batch, 5).unwrap();
        search.run(&feeds(), &mut ()).unwrap();
        assert_eq!(search.choose(&judge()).unwrap().arch, arch, "{}", info.name);
    }
}

#[test]
fn a_step_says_what_it_saw_itself() {
    let mut search = search(method("darts-v1").unwrap());
    let feeds = feeds();
    let batch = search.upload(feeds.train.epoch(0, 0).next().unwrap());
    let losses = [0, 1, 2].map(|_| search.step_on(&batch, Some(&batch)).unwrap().train.loss);
    assert!(losses[2] < losses[1] && losses[1] < losses[0], "the same images each time: {losses:?}");
    // The epoch has the sum over all images.
    let whole = serde_json::to_value(search.to_progress()).unwrap()["train"]["loss"].as_f64().unwrap();
    assert!((whole - 20.0 * losses.iter().sum::<f64>()).abs() < 1e-9, "{whole} {losses:?}");
}

struct StopAfter(u64);

impl Observer for StopAfter {
    fn step_done(&mut self, _: &GradientSearch) -> Result<(), GradientError> {
        self.0 -= 1;
        if self.0 == 0 { Err(Interrupted.into()) } else { Ok(()) }
    }
}

#[test]
fn every_search_stays_in_its_region_and_goes_on_bit_for_bit_where_it_was_cut() {
    for info in methods() {
        let mut whole = search(info);
        whole.run(&feeds(), &mut ()).unwrap();
        let chosen = whole.choose(&judge()).unwrap();
        assert!(whole.net().region().contains(&chosen.arch), "{}: {:?}", info.name, chosen.arch);
        assert!((0.0..=1.0).contains(&chosen.measure()));
        assert_eq!(chosen.mixed_accuracy.is_some(), info.name.contains("darts"), "{}", info.name);
        let last = whole.progress().history.last().unwrap();
        assert_eq!(whole.progress().history.len(), 2);
        assert_eq!(last.beliefs[0], [0.0, 0.0, 0.0, 1.0, 0.0], "{}: the split edge is settled", info.name);
        for row in &last.beliefs {
            // Zeros have the rest, where there is a choice.
            let (sum, options) = (row.iter().sum::<f64>(), row.iter().filter(|p| **p > 0.0).count());
            let share =
                if (info.published)().none && options > 1 { sum < 0.99 && sum > 0.5 } else { (sum - 1.0).abs() < 1e-6 };
            assert!(share, "{}: {row:?}", info.name);
        }
        let uniform = last.beliefs[1].iter().all(|p| (p - 0.2).abs() < 1e-3);
        assert_eq!(uniform, info.name == "rsps", "{}: {:?}", info.name, last.beliefs[1]);
        for cut in 1..4 {
            let mut first = search(info);
            let error = first.run(&feeds(), &mut StopAfter(cut)).unwrap_err();
            assert!(matches!(error, GradientError::Interrupted(_)), "{error}");
            // As a checkpoint keeps it.
            let kept = serde_json::to_string(&first.to_progress()).unwrap();
            let mut second = search(info);
            second.restore(&first.to_values().unwrap(), serde_json::from_str(&kept).unwrap()).unwrap();
            second.run(&feeds(), &mut ()).unwrap();
            assert_eq!(second.to_progress(), whole.to_progress(), "{}, cut after step {cut}", info.name);
            assert_eq!(second.to_values().unwrap(), whole.to_values().unwrap(), "{}, cut {cut}", info.name);
            assert_eq!(second.choose(&judge()).unwrap(), chosen, "{}, cut after step {cut}", info.name);
        }
    }
}

#[test]
fn alpha_moves_downhill() {
    let mut learner = learner(1);
    let (mut alpha, _) = alpha(&learner.net, Rivals::default());
    let val = batch(2);
    let mut losses = Vec::new();
    for _ in 0..30 {
        let leaves = alpha.leaves();
        let slopes = learner.slopes(&val, &alpha.relaxed(&leaves), &leaves, false, AT).unwrap();
        losses.push(slopes.seen.loss);
        alpha.step(slopes.arch);
    }
    assert!(losses[29] < losses[0], "{losses:?}");
}

#[test]
fn published_settings_are_in_range_and_the_rate_of_enas_swings() {
    for info in methods() {
        let settings = (info.published)();
        assert_eq!(settings.name, info.name);
        settings.check().unwrap();
    }
    let enas = MethodSettings::enas();
    let rates = [0, 10, 20].map(|epoch| enas.lr_at(epoch, 0, 10));
    assert!(rates.iter().zip([0.05, 0.0005, 0.05]).all(|(a, b)| (a - b).abs() < 1e-12), "{rates:?}");
    let wrong = MethodSettings { name: "darts".to_string(), ..enas.clone() };
    assert!(wrong.check().unwrap_err().to_string().contains("darts-v1"), "a hint is given");
    let wrong = MethodSettings { arch: ArchSettings { lr: 0.0, ..enas.arch.clone() }, ..enas };
    assert!(wrong.check().unwrap_err().to_string().contains("arch.lr"));
}

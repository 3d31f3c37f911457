//! The training loop on tiny real networks.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::{Augment, Normalise, TrainLoader};
use fewshot_space::{CellSkeleton, CellSpace, OptionSet, Region, Space};

use super::*;
use crate::estimate::{Measure, NormPolicy, ScoreSet};
use crate::nets::optim::Optimizer;
use crate::nets::{Net, Path};
use crate::run::Interrupted;
use crate::task::{Better, Metric, Targets, Task};

fn space() -> Arc<CellSpace> {
    let default = CellSkeleton::default_for("nasbench201").unwrap();
    let skeleton =
        CellSkeleton { image_height: 28, image_width: 28, channels_in: 1, classes: 10, width: 3, cells: 1, ..default };
    Arc::new(CellSpace::by_name("nasbench201", skeleton).unwrap())
}

fn loader(images: u32, batch: usize) -> TrainLoader {
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let indices: Arc<[u32]> = (0..images).collect();
    let normalise = Normalise::measure(&data, &indices).unwrap();
    let augment = Augment { flip: true, crop_pad: 2, ..Augment::none() };
    TrainLoader::new(data, indices, normalise, augment, batch, 3).unwrap()
}

fn config() -> TrainConfig {
    TrainConfig { weight_decay: 1e-3, clip: 5.0, ..TrainConfig::sgd(2, 16, 0.05) }
}

fn supernet() -> Net {
    Net::supernet(space(), Region::full(space()), &Device::flex(), 1)
}

fn alone() -> (Net, fewshot_space::Arch) {
    let arch = space()
        .parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|")
        .unwrap();
    (Net::standalone(space(), &arch, &Device::flex(), 1).unwrap(), arch)
}

#[test]
fn a_network_of_few_steps_is_judged_by_what_it_learned() {
    // Six steps: the running statistics still are half those of no image.
    let loader = loader(48, 16);
    let judged = |config: TrainConfig| {
        let mut trainer = Trainer::new(alone().0, config, 5).unwrap();
        trainer.run(&loader, &mut ()).unwrap();
        trainer.settle(&loader).unwrap();
        trainer
    };
    let set = ScoreSet::new(loader.unchanged().epoch(0, 0), [], &Device::flex());
    let arch = alone().1;
    let likelihood = |net: Net, policy| {
        let mut scorer =
            crate::estimate::OneShot::new(net, Arc::new(set.clone()), policy).measured(Measure::Likelihood);
        crate::estimate::Estimator::estimate(&mut scorer, std::slice::from_ref(&arch)).unwrap()[0]
    };
    for ema in [0.0, 0.5] {
        let precise = judged(TrainConfig { precise_norms: 3, ema, ..config() });
        let by_batch = likelihood(precise.averaged(), NormPolicy::Batch);
        let by_itself = likelihood(precise.averaged(), NormPolicy::Running);
        assert!((by_itself - by_batch).abs() < 0.05, "{by_itself} {by_batch}");
        let moved = judged(TrainConfig { ema, ..config() });
        let moved = likelihood(moved.averaged(), NormPolicy::Running);
        assert!((moved - by_batch).abs() > 2.0 * (by_itself - by_batch).abs(), "{moved} {by_itself} {by_batch}");
    }
}

#[test]
fn settling_twice_is_settling_once() {
    let loader = loader(48, 16);
    let mut trainer = Trainer::new(alone().0, TrainConfig { precise_norms: 2, ..config() }, 5).unwrap();
    trainer.run(&loader, &mut ()).unwrap();
    trainer.settle(&loader).unwrap();
    let once = trainer.to_values().unwrap();
    trainer.settle(&loader).unwrap();
    assert!(once == trainer.to_values().unwrap());
}

struct StopAt(u64);

impl Observer for StopAt {
    fn step_done(&mut self, trainer: &Trainer, steps: usize) -> Result<(), TrainError> {
        let done = trainer.progress().epoch * steps as u64 + trainer.progress().step as u64;
        if done == self.0 { Err(Interrupted.into()) } else { Ok(()) }
    }
}

#[test]
fn a_training_cut_anywhere_goes_on_bit_for_bit() {
    use Sampling::{Balanced, PerCell, PerDecision, PerNetwork, PerStructure};
    for sampling in [PerNetwork, PerStructure, Balanced, PerDecision, PerCell] {
        let config = TrainConfig { sampling, ..config() };
        let loader = loader(64, 16);
        let mut uncut = Trainer::new(supernet(), config.clone(), 9).unwrap();
        uncut.run(&loader, &mut ()).unwrap();
        // In the middle of an epoch, at its end, in the last.
        for stop in [1, 4, 6] {
            let mut first = Trainer::new(supernet(), config.clone(), 9).unwrap();
            let error = first.run(&loader, &mut StopAt(stop)).unwrap_err();
            assert!(matches!(error, TrainError::Interrupted(_)), "{error}");
            let mut second = Trainer::new(supernet(), config.clone(), 9).unwrap();
            second.restore(&first.to_values().unwrap(), first.progress().clone()).unwrap();
            second.run(&loader, &mut ()).unwrap();
            assert_eq!(second.to_values().unwrap(), uncut.to_values().unwrap(), "cut at {stop}");
            assert_eq!(second.progress(), uncut.progress());
        }
    }
}

#[test]
fn training_lowers_the_loss() {
    let arch = Region::full(space()).sample(&mut fewshot_space::random::stream(2, "arch", 0, 0)).unwrap();
    let net = Net::standalone(space(), &arch, &Device::flex(), 1).unwrap();
    let mut trainer = Trainer::new(net, TrainConfig { epochs: 4, ..config() }, 0).unwrap();
    trainer.run(&loader(256, 16), &mut ()).unwrap();
    let history = &trainer.progress().history;
    assert_eq!(history.len(), 4);
    assert!(history[3].loss < 0.8 * history[0].loss, "{history:?}");
    assert!(history[3].accuracy > history[0].accuracy, "{history:?}");
}

#[test]
fn the_kept_operation_of_a_split_edge_goes_on_training() {
    let parent = supernet();
    let region = Region::full(space()).restrict(0, OptionSet::single(3)).unwrap();
    let (child, _) = parent.child(region, 1).unwrap();
    let name = "cells.0.e0.nor_conv_3x3.weight";
    let before = child.weights().to_values().unwrap()[name].clone();
    assert_eq!(before, parent.weights().to_values().unwrap()[name]);
    let mut trainer = Trainer::new(child, config(), 0).unwrap();
    trainer.run(&loader(64, 16), &mut ()).unwrap();
    assert_ne!(trainer.net().weights().to_values().unwrap()[name], before);
}

#[test]
fn a_frozen_split_edge_changes_sub_supernets_with_a_convolution_there_and_no_others() {
    let parent = supernet();
    for op in 0..5 {
        let region = Region::full(space()).restrict(0, OptionSet::single(op)).unwrap();
        let trained = |freeze_split_edge| {
            let (child, _) = parent.child(region.clone(), 1).unwrap();
            let config = TrainConfig { freeze_split_edge, epochs: 1, ..config() };
            let mut trainer = Trainer::new(child, config, 0).unwrap();
            trainer.run(&loader(64, 16), &mut ()).unwrap();
            trainer.net().weights().to_values().unwrap()
        };
        let (frozen, free) = (trained(true), trained(false));
        let is_conv = op == 2 || op == 3;
        assert_eq!(frozen != free, is_conv, "operation {op}");
        let from_parent = parent.weights().to_values().unwrap();
        let on_edge: Vec<&String> = frozen.keys().filter(|name| name.contains(".e0.")).collect();
        assert_eq!(on_edge.is_empty(), !is_conv);
        for name in on_edge {
            assert_eq!(frozen[name], from_parent[name], "{name}");
            assert_ne!(free[name], from_parent[name], "{name}");
        }
        let elsewhere = "reductions.0.first.weight";
        assert_ne!(frozen[elsewhere], from_parent[elsewhere]);
    }
}

#[test]
fn unused_parameters_stay_or_decay() {
    // Two steps on one architecture of convolutions, then two on another without them.
    let moved = |unsampled| {
        let config = TrainConfig { epochs: 1, unsampled, ..config() };
        let conv = Region::full(space()).restrict(3, OptionSet::single(3)).unwrap();
        let mut net = supernet();
        let mut optimizer = Optimizer::new(net.weights(), config.rule(), config.limits());
        let name = "cells.0.e3.nor_conv_3x3.weight";
        let mut values = Vec::new();
        for ops in [vec![1, 1, 1, 3, 1, 1], vec![1, 1, 1, 1, 1, 1]] {
            let arch = fewshot_space::Arch::new(ops);
            assert!(conv.contains(&arch) == (values.is_empty()));
            let batch = loader(16, 16).epoch(0, 0).next().unwrap();
            let device = Device::flex();
            let data = TensorData::new(batch.images, batch.shape);
            let images = Tensor::<4>::from_data(data, &device);
            let (logits, leaves) = net.train(images, &crate::nets::Path::Shared(arch)).unwrap();
            let labels: Vec<i32> = batch.labels.iter().map(|&l| l as i32).collect();
            let labels = TensorData::new(labels, [16]);
            let labels = burn::tensor::Tensor::<1, burn::tensor::Int>::from_data(labels, &device);
            let mut grads = fewshot_kernels::cross_entropy(logits, labels, 0.0).backward();
            let grads = leaves.into_iter().map(|leaf| leaf?.grad_remove(&mut grads)).collect();
            optimizer.step(net.weights_mut(), grads, 0.1);
            values.push(net.weights().to_values().unwrap()[name].clone());
        }
        let untouched = "cells.0.e4.nor_conv_3x3.weight";
        assert_eq!(net.weights().to_values().unwrap()[untouched], supernet().weights().to_values().unwrap()[untouched]);
        values[0] != values[1]
    };
    assert!(!moved(Unsampled::Skip));
    assert!(moved(Unsampled::Decay));
}

#[test]
fn a_learning_rate_that_is_too_high_is_told() {
    let config = TrainConfig { lr: 1e30, clip: 0.0, ..config() };
    let mut trainer = Trainer::new(supernet(), config, 0).unwrap();
    let error = trainer.run(&loader(64, 16), &mut ()).unwrap_err();
    assert!(error.to_string().contains("learning rate"), "{error}");
}

#[test]
fn sampling_per_structure_gives_each_function_the_same_chance() {
    // Edges e1, e2, e4, e5 removed: e0 leads nowhere, so each operation of e3 is one function with five codes, and `none` is dead.
    let none = OptionSet::single(0);
    let region = [1, 2, 4, 5].into_iter().fold(Region::full(space()), |r, edge| r.restrict(edge, none).unwrap());
    let net = Net::supernet(space(), region.clone(), &Device::flex(), 0);
    let config = TrainConfig { sampling: Sampling::PerStructure, ..config() };
    let trainer = Trainer::new(net, config.clone(), 0).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    let mut codes = std::collections::BTreeSet::new();
    for step in 0..2000 {
        let crate::nets::Path::Shared(arch) = trainer.draw_path(0, step, 0).unwrap() else {
            panic!("one for all cells")
        };
        *counts.entry(space().structure(&arch)).or_insert(0) += 1;
        codes.insert(arch);
    }
    assert_eq!((counts.len(), codes.len()), (4, 20));
    assert!(counts.values().all(|count| (400..600).contains(count)), "{counts:?}");
    // With only dead networks left there is still something to draw.
    let dead = region.restrict(3, none).unwrap();
    let trainer = Trainer::new(Net::supernet(space(), dead, &Device::flex(), 0), config, 0).unwrap();
    trainer.draw_path(0, 0, 0).unwrap();
}

#[test]
fn balanced_sampling_gives_each_number_of_live_convolutions_the_same_chance() {
    use fewshot_space::{Feature, random};
    let sampler = Sampler::new(Region::full(space()), Sampling::Balanced).unwrap();
    let mut counts = [0; 7];
    for draw in 0..3500 {
        let path = sampler.draw(1, &mut random::stream(0, "test", draw, 0)).unwrap();
        assert!(!space().graph(path.cell(0)).is_dead());
        counts[Feature::LiveConvs.of(space().as_ref(), path.cell(0)) as usize] += 1;
    }
    // None to six: seven groups of 500 each, while uniform codes seldom have none or six.
    assert!(counts.iter().all(|count| (400..600).contains(count)), "{counts:?}");
}

/// The largest network of the region, as it starts, teaches.
fn teacher() -> Teacher {
    let arch = space()
        .parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|");
    let net = Net::supernet(space(), Region::full(space()), &Device::flex(), 7);
    Teacher::new(net, Path::Shared(arch.unwrap())).unwrap()
}

#[test]
fn several_paths_taught_in_a_part_of_the_network_go_on_bit_for_bit() {
    let config = TrainConfig { paths: 3, distill: 0.7, ema: 0.2, ..config() };
    let loader = loader(64, 16);
    let (net, part) = (supernet(), [3, 4].into_iter().collect());
    let part = net.region().restrict(0, OptionSet::single(2)).unwrap().restrict(5, part).unwrap();
    let begin = || {
        let mut trainer = Trainer::new(net.clone(), config.clone(), 9).unwrap().taught_by(Some(teacher()));
        trainer.draw_from(&part).unwrap();
        trainer
    };
    let mut uncut = begin();
    uncut.run(&loader, &mut ()).unwrap();
    assert_eq!(uncut.progress().history.len(), 2);
    for stop in [1, 4, 6] {
        let mut first = begin();
        first.run(&loader, &mut StopAt(stop)).unwrap_err();
        let mut second = begin();
        // The second process reads the state from a file.
        let progress = serde_json::from_str(&serde_json::to_string(first.progress()).unwrap()).unwrap();
        second.restore(&first.to_values().unwrap(), progress).unwrap();
        second.run(&loader, &mut ()).unwrap();
        assert_eq!(second.to_values().unwrap(), uncut.to_values().unwrap(), "cut at {stop}");
        assert_eq!(second.progress(), uncut.progress());
    }
    let (values, start) = (uncut.net().weights().to_values().unwrap(), net.weights().to_values().unwrap());
    assert_eq!(values["cells.0.e0.nor_conv_3x3.weight"], start["cells.0.e0.nor_conv_3x3.weight"], "not in the part");
    assert_ne!(values["cells.0.e0.nor_conv_1x1.weight"], start["cells.0.e0.nor_conv_1x1.weight"]);
}

#[test]
fn gradients_of_paths_add_up() {
    let plain = TrainConfig { momentum: 0.0, nesterov: false, weight_decay: 0.0, clip: 0.0, epochs: 1, ..config() };
    let loader = loader(16, 16);
    let start = supernet();
    let batch = loader.epoch(0, 0).next().unwrap();
    let images = || {
        let data = TensorData::new(batch.images.clone(), batch.shape);
        Tensor::<4>::from_data(data, &Device::flex())
    };
    let mut both = Trainer::new(start.clone(), TrainConfig { paths: 2, ..plain.clone() }, 9).unwrap();
    let paths = [0, 1].map(|place| both.draw_path(0, 0, place).unwrap());
    assert_ne!(paths[0], paths[1]);
    both.run(&loader, &mut ()).unwrap();
    let alone = paths.map(|path| {
        let mut trainer = Trainer::new(start.clone(), plain.clone(), 9).unwrap();
        trainer.step_on(images(), &batch.labels, &path, plain.lr).unwrap();
        trainer.net().weights().to_values().unwrap()
    });
    let (start, both) = (start.weights().to_values().unwrap(), both.net().weights().to_values().unwrap());
    let mut moved = 0;
    for param in start.keys().filter(|name| !name.contains("running")) {
        let values = [&start[param], &both[param], &alone[0][param], &alone[1][param]].map(|tensor| tensor.data());
        for place in 0..values[0].len() {
            let [start, both, first, second] = values.map(|values| values[place]);
            assert!((both - start - ((first - start) + (second - start))).abs() < 1e-5, "{param}");
            moved += usize::from((first - start).abs() > 1e-4 && (second - start).abs() > 1e-4);
        }
    }
    assert!(moved > 100, "{moved}");
    // Each path has moved the statistics of the stem, which all have in common.
    let stem = start.keys().find(|name| name.ends_with("running_mean")).unwrap();
    assert_ne!(both[stem], alone[0][stem]);
}

#[test]
fn a_teacher_pulls_towards_its_answers() {
    let arch = Region::full(space()).sample(&mut fewshot_space::random::stream(2, "arch", 0, 0)).unwrap();
    let loader = loader(64, 16);
    let batch = loader.epoch(0, 0).next().unwrap();
    let images = TensorData::new(batch.images, batch.shape);
    let images = Tensor::<4>::from_data(images, &Device::flex());
    let taught = teacher().answers(images.clone(), &Path::Shared(arch.clone())).unwrap();
    let distance = |distill: f64, teacher: Option<Teacher>| {
        let net = Net::standalone(space(), &arch, &Device::flex(), 1).unwrap();
        let config = TrainConfig { distill, epochs: 4, ..config() };
        let mut trainer = Trainer::new(net, config, 0).unwrap().taught_by(teacher);
        trainer.run(&loader, &mut ()).unwrap();
        let path = Path::Shared(arch.clone());
        let mut net = trainer.into_net();
        let answers = net.score(images.clone(), &path, crate::nets::NormMode::Batch, None).unwrap();
        let task = crate::task::Classification::default();
        crate::nets::to_vec(&crate::task::Task::imitation(&task, answers, taught.clone()))[0]
    };
    let alone = distance(0.0, None);
    assert_eq!(distance(0.0, Some(teacher())), alone, "a teacher that counts nothing changes nothing");
    assert_eq!(distance(5.0, None), alone);
    let pulled = distance(5.0, Some(teacher()));
    // The cross entropy of the teacher's answers with themselves is as little as it can be.
    let task = crate::task::Classification::default();
    let least = crate::nets::to_vec(&crate::task::Task::imitation(&task, taught.clone(), taught.clone()))[0];
    assert!(pulled - least < 0.5 * (alone - least), "{pulled} {alone} {least}");
}

#[test]
fn nothing_is_drawn_that_the_network_does_not_hold() {
    let region = Region::full(space()).restrict(0, OptionSet::single(2)).unwrap();
    let (child, _) = supernet().child(region, 1).unwrap();
    let mut trainer = Trainer::new(child, config(), 0).unwrap();
    let error = trainer.draw_from(&Region::full(space())).unwrap_err();
    assert!(matches!(error, TrainError::NotHeld { .. }), "{error}");
}

/// Predicts how bright an image's class stands in the list: every number of the answer is to be the class as a share of all.
#[derive(Debug)]
struct Regression;

impl Regression {
    fn wanted(answers: usize, labels: &[u32]) -> Vec<f32> {
        let width = answers / labels.len();
        labels.iter().flat_map(|&label| vec![label as f32 / 10.0; width]).collect()
    }
}

impl Task for Regression {
    fn metric(&self) -> Metric {
        Metric { name: "squared error", unit: "", scale: 1.0, better: Better::Lower }
    }

    fn loss(&self, answers: Tensor<2>, targets: &Targets<'_>, device: &Device) -> Tensor<1> {
        let [images, width] = answers.dims();
        let wanted = TensorData::new(Self::wanted(images * width, targets.labels), [images, width]);
        self.imitation(answers, Tensor::from_data(wanted, device))
    }

    fn imitation(&self, answers: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
        let teacher = if answers.is_autodiff() { teacher.autodiff() } else { teacher };
        (answers - teacher).powi_scalar(2).mean()
    }

    fn measure(&self, answers: &[f32], labels: &[u32]) -> f64 {
        let width = answers.len() / labels.len();
        let wanted = Self::wanted(answers.len(), labels);
        let squares = answers.iter().zip(wanted).map(|(answer, wanted)| f64::from(answer - wanted).powi(2));
        squares.sum::<f64>() / width as f64
    }

    fn log_likelihood(&self, answers: &[f32], labels: &[u32]) -> f64 {
        -self.measure(answers, labels)
    }
}

#[test]
fn another_task_keeps_the_contract() {
    crate::task::testing::check_task(&Regression, &Regression, 1, 4);
    crate::task::testing::check_task(&Regression, &Regression, 3, 4);
}

#[test]
fn another_task_is_trained_and_judged_by_the_same_trainer() {
    let arch =
        space().parse("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|").unwrap();
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let indices: Arc<[u32]> = (0..64).collect();
    let normalise = Normalise::measure(&data, &indices).unwrap();
    let batches = fewshot_data::EvalLoader::new(data, indices, normalise, 32).unwrap();
    let set = ScoreSet::new(batches.batches(), [], &Device::flex()).for_task(Arc::new(Regression));
    let net = Net::standalone(space(), &arch, &Device::flex(), 1).unwrap();
    let config = TrainConfig { epochs: 6, lr: 0.01, ..config() };
    let mut trainer = Trainer::for_task(Arc::new(Regression), net.clone(), config, 0).unwrap();
    trainer.run(&loader(64, 16), &mut ()).unwrap();
    let history = &trainer.progress().history;
    assert!(history[5].accuracy < 0.7 * history[0].accuracy, "{history:?}");
    assert!((history[5].accuracy - history[5].loss).abs() < 1e-5, "the loss is the metric: {history:?}");
    let mut before = net;
    let mut after = trainer.into_net();
    let policy = NormPolicy::Batch;
    let values = [&mut before, &mut after].map(|net| set.metric(net, &arch, policy).unwrap());
    assert!(values[1] < 0.7 * values[0], "{values:?}");
    // Lower is better, and a score is higher where the network is better.
    let scores = set.scores(&mut after, std::slice::from_ref(&arch), policy, Measure::Accuracy).unwrap();
    assert_eq!(scores, [-values[1]]);
    let likelihood = set.scores(&mut after, std::slice::from_ref(&arch), policy, Measure::Likelihood).unwrap();
    assert!((likelihood[0] - (-values[1]).exp()).abs() < 1e-12);
}

//! Estimators on tiny real networks and images.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::{Augment, EvalLoader, Normalise, TrainLoader};
use fewshot_space::{Arch, CellSkeleton, CellSpace, Feature, Filter, Partition, Region, Space, random};

use super::*;
use crate::nets::Net;
use crate::train::TrainConfig;

fn space() -> Arc<CellSpace> {
    space_called("cell1296")
}

fn space_called(name: &str) -> Arc<CellSpace> {
    let skeleton = CellSkeleton {
        image_height: 28,
        image_width: 28,
        channels_in: 1,
        width: 3,
        cells: 1,
        ..CellSkeleton::default_for(name).unwrap()
    };
    Arc::new(CellSpace::by_name(name, skeleton).unwrap())
}

fn loader(images: u32, batch: usize) -> TrainLoader {
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let indices: Arc<[u32]> = (0..images).collect();
    let normalise = Normalise::measure(&data, &indices).unwrap();
    TrainLoader::new(data, indices, normalise, Augment::none(), batch, 0).unwrap()
}

fn set(images: u32) -> Arc<ScoreSet> {
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let indices: Arc<[u32]> = (5000..5000 + images).collect();
    let normalise = Normalise::measure(&data, &indices).unwrap();
    let score = EvalLoader::new(data, indices, normalise, 50).unwrap();
    Arc::new(ScoreSet::new(score.batches(), loader(100, 50).epoch(0, 0), &Device::flex()))
}

fn archs(region: &Region, count: u64) -> Vec<Arch> {
    (0..count).map(|draw| region.sample(&mut random::stream(5, "archs", draw, 0)).unwrap()).collect()
}

fn config() -> TrainConfig {
    TrainConfig { weight_decay: 1e-4, clip: 5.0, ..TrainConfig::sgd(3, 25, 0.1) }
}

#[test]
fn right_after_transfer_few_shot_scores_as_one_shot() {
    let whole = Region::full(space());
    let parent = Net::supernet(space(), whole.clone(), &Device::flex(), 1);
    let partition = Partition::new(whole.clone(), whole.split(&[0, 3]).unwrap()).unwrap();
    let archs = archs(&whole, 30);
    for policy in [NormPolicy::Batch, NormPolicy::Running, NormPolicy::Recalibrated] {
        let set = set(100);
        let members = partition.regions().iter().map(|region| {
            let (child, _) = parent.child(region.clone(), 2).unwrap();
            OneShot::new(child, set.clone(), policy)
        });
        let mut few = FewShot::new(partition.clone(), members.collect());
        let mut one = OneShot::new(parent.clone(), set.clone(), policy);
        assert_eq!(few.estimate(&archs).unwrap(), one.estimate(&archs).unwrap(), "{policy:?}");
    }
}

#[test]
fn scores_do_not_depend_on_what_else_is_scored_nor_in_which_order() {
    for name in ["nasbench201", "cell1296"] {
        let space = space_called(name);
        let whole = Region::full(space.clone());
        let mut drawn = archs(&whole, 24);
        drawn.push(drawn[3].clone());
        for policy in [NormPolicy::Batch, NormPolicy::Running, NormPolicy::Recalibrated] {
            let net = Net::supernet(space.clone(), whole.clone(), &Device::flex(), 1);
            let mut estimator = OneShot::new(net, set(100), policy);
            let alone: Vec<f64> =
                drawn.iter().map(|arch| estimator.estimate(std::slice::from_ref(arch)).unwrap()[0]).collect();
            assert_eq!(estimator.estimate(&drawn).unwrap(), alone, "{name} {policy:?}");
            let reversed: Vec<Arch> = drawn.iter().rev().cloned().collect();
            let mut scores = estimator.estimate(&reversed).unwrap();
            scores.reverse();
            assert_eq!(scores, alone, "{name} {policy:?}");
        }
    }
}

#[test]
fn networks_are_fine_tuned_each_by_itself() {
    let space = space();
    let whole = Region::full(space.clone());
    let net = Net::supernet(space, whole.clone(), &Device::flex(), 1);
    let scores = |archs: &[Arch], steps: usize, policy, measure| {
        let fine_tune = FineTune::new(loader(500, 25).epoch(0, 0).take(steps), config(), &Device::flex());
        assert_eq!(fine_tune.images(), 25 * steps);
        let one = OneShot::new(net.clone(), set(200), policy).measured(measure);
        one.fine_tuned(Some(Arc::new(fine_tune))).estimate(archs).unwrap()
    };
    let drawn = archs(&whole, 8);
    let reversed: Vec<Arch> = drawn.iter().rev().cloned().collect();
    for policy in [NormPolicy::Batch, NormPolicy::Running, NormPolicy::Recalibrated] {
        for measure in [Measure::Accuracy, Measure::Likelihood, Measure::Speed] {
            let untouched = OneShot::new(net.clone(), set(200), policy).measured(measure).estimate(&drawn).unwrap();
            assert_eq!(scores(&drawn, 0, policy, measure), untouched, "{policy:?} {measure:?}");
            let mut others_first = scores(&reversed, 3, policy, measure);
            others_first.reverse();
            assert_eq!(scores(&drawn, 3, policy, measure), others_first, "{policy:?} {measure:?}");
            assert_ne!(others_first, untouched, "{policy:?} {measure:?}");
        }
    }
    let conv = [Arch::new(vec![3, 1, 1, 3])];
    let of = |steps| scores(&conv, steps, NormPolicy::Batch, Measure::Accuracy)[0];
    assert!(of(20) > of(0) + 0.1, "{} {}", of(0), of(20));
}

#[test]
fn fine_tuning_begins_at_its_rate_however_the_supernet_was_trained() {
    let net = Net::supernet(space(), Region::full(space()), &Device::flex(), 1);
    let drawn = archs(&Region::full(space()), 4);
    let scores = |warmup: f64, hold: f64| {
        let config = TrainConfig { warmup, hold, ..config() };
        let steps = FineTune::new(loader(100, 25).epoch(0, 0), config, &Device::flex());
        steps.scores(&net, &set(50), &drawn, NormPolicy::Batch, Measure::Likelihood).unwrap()
    };
    let plain = scores(0.0, 0.0);
    assert_eq!(scores(1.0, 0.0), plain, "no rise");
    assert_eq!(scores(0.0, 0.5), plain, "no hold");
}

#[test]
fn likelihood_is_the_geometric_mean_of_probabilities() {
    let space = space();
    let whole = Region::full(space.clone());
    let mut net = Net::supernet(space, whole.clone(), &Device::flex(), 1);
    let arch = archs(&whole, 1).remove(0);
    let set = set(100);
    let score = set.scores(&mut net, std::slice::from_ref(&arch), NormPolicy::Batch, Measure::Likelihood).unwrap()[0];
    // The plain way: probabilities by exponentials, one product of all.
    let data = fewshot_data::sample().unwrap().train;
    let labels: Vec<u32> = (5000..5100).map(|index| data.label(index)).collect();
    let mut logs = 0.0;
    let mut row = 0;
    let path = crate::nets::Path::Shared(arch);
    let logits = |images| {
        let logits = net.score(images, &path, crate::nets::NormMode::Batch, None)?;
        for values in crate::nets::to_vec(&logits).chunks(10) {
            let sum: f64 = values.iter().map(|&value| f64::from(value).exp()).sum();
            logs += (f64::from(values[labels[row] as usize]).exp() / sum).ln();
            row += 1;
        }
        Ok(logits)
    };
    set.metric_of(logits).unwrap();
    assert_eq!(row, 100);
    assert!((score - (logs / 100.0).exp()).abs() < 1e-12, "{score}");
    assert!(score > 0.0 && score < 1.0, "{score}");
}

#[test]
fn an_architecture_that_no_part_owns_is_named() {
    let space = space();
    let small = Region::full(space.clone()).filtered(Filter::at_most(Feature::LiveConvs, 1));
    let partition = Partition::new(small.clone(), vec![small.clone()]).unwrap();
    let net = Net::supernet(space.clone(), small, &Device::flex(), 0);
    let mut few = FewShot::new(partition, vec![OneShot::new(net, set(50), NormPolicy::Batch)]);
    let outside = Arch::new(vec![3, 3, 3, 3]);
    let error = few.estimate(std::slice::from_ref(&outside)).unwrap_err();
    assert!(error.to_string().contains(&space.format(&outside)), "{error}");
}

#[test]
fn nothing_to_score_on_is_an_error() {
    let net = Net::supernet(space(), Region::full(space()), &Device::flex(), 0);
    let empty = Arc::new(ScoreSet::new([], [], &Device::flex()));
    let error = OneShot::new(net, empty, NormPolicy::Batch).estimate(&archs(&Region::full(space()), 1)).unwrap_err();
    assert!(matches!(error, EstimateError::NoImages), "{error}");
}

#[test]
fn training_alone_beats_a_dead_network() {
    let mut alone = Standalone::new(space(), config(), loader(500, 25), set(200), Device::flex(), 0);
    let networks = [Arch::new(vec![0, 0, 0, 0]), Arch::new(vec![3, 1, 1, 3])];
    let scores = alone.estimate(&networks).unwrap();
    assert!(scores[0] < 0.2 && scores[1] > 0.3, "{scores:?}");
    assert_eq!(alone.estimate(&networks[1..]).unwrap(), &scores[1..]);
}

#[test]
fn a_table_gives_its_numbers_and_names_what_it_lacks() {
    let space: Arc<dyn Space> = space();
    let known = Arch::new(vec![1, 2, 3, 4]);
    let mut table = crate::table::Table::new(space.clone(), "truths");
    table.insert(&known, 88.5).unwrap();
    let mut estimator = Table(table);
    assert_eq!(estimator.estimate(std::slice::from_ref(&known)).unwrap(), [88.5]);
    let missing = Arch::new(vec![1, 2, 3, 5]);
    let error = estimator.estimate(std::slice::from_ref(&missing)).unwrap_err();
    assert!(error.to_string().contains(&space.format(&missing)), "{error}");
}

/// A network whose weights are all this number.
fn net_of(value: f32) -> Net {
    let space = space();
    let mut net = Net::supernet(space.clone(), Region::full(space), &Device::flex(), 0);
    let mut values = net.weights().to_values().unwrap();
    for tensor in values.values_mut() {
        let data = vec![value; tensor.data().len()];
        *tensor = crate::run::TensorF32::new(tensor.shape().to_vec(), data).unwrap();
    }
    net.weights_mut().load_values(&values).unwrap();
    net
}

#[test]
fn answers_that_are_no_numbers_have_no_score() {
    let arch = archs(&Region::full(space()), 1);
    let classes: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    for value in [f32::NAN, f32::INFINITY] {
        for measure in [Measure::Accuracy, Measure::Likelihood] {
            let error = set(50).scores(&mut net_of(value), &arch, NormPolicy::Batch, measure).unwrap_err();
            assert!(matches!(&error, EstimateError::NotFinite(text) if *text == space().format(&arch[0])), "{error}");
        }
        let error = set(50).evaluate(&mut net_of(value), &arch[0], &classes).unwrap_err();
        assert!(matches!(error, EstimateError::NotFinite(_)), "{error}");
    }
}

#[test]
fn a_last_step_of_fine_tuning_that_breaks_a_network_scores_nothing() {
    let arch = archs(&Region::full(space()), 1);
    let broken = TrainConfig { lr: 1e38, clip: 0.0, weight_decay: 1.0, ..config() };
    let steps = FineTune::new(loader(25, 25).epoch(0, 0).take(1), broken, &Device::flex());
    let net = Net::supernet(space(), Region::full(space()), &Device::flex(), 0);
    let scores = steps.scores(&net, &set(50), &arch, NormPolicy::Batch, Measure::Accuracy).unwrap();
    assert_eq!(scores, [0.0]);
}

#[test]
fn recalibration_without_batches_is_refused() {
    let data = Arc::new(fewshot_data::sample().unwrap().train);
    let indices: Arc<[u32]> = (0..50).collect();
    let normalise = Normalise::measure(&data, &indices).unwrap();
    let score = EvalLoader::new(data, indices, normalise, 50).unwrap();
    let set = ScoreSet::new(score.batches(), [], &Device::flex());
    let mut net = Net::supernet(space(), Region::full(space()), &Device::flex(), 0);
    let arch = archs(&Region::full(space()), 1);
    let error = set.scores(&mut net, &arch, NormPolicy::Recalibrated, Measure::Accuracy).unwrap_err();
    assert!(matches!(error, EstimateError::NoCalibration), "{error}");
}

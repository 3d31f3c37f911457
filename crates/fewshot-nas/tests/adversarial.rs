//! Searches for generators and their trainings alone: cut anywhere they go on bit by bit, collapsed ones begin anew, and parts stay
//! within themselves.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::{Dataset, Shape};
use fewshot_fid::Gaussian;
use fewshot_nas::adversarial::judge::{FeatureNet, Looks};
use fewshot_nas::adversarial::{
    CellController, Derivation, DerivedPlan, DerivedTask, GanConfig, GanError, GanSearch, LstmState, Phase, Proposer,
    Reinforce, Schedule, SearchPlan, SearchProgress, Task, Within,
};
use fewshot_nas::run::Interrupt;
use fewshot_space::autogan::{AutoGanSkeleton, AutoGanSpace};
use fewshot_space::{Arch, Feature, Filter, OptionSet, Region, Space, random};
use rand::RngExt;

/// Judges by brightness and contrast.
struct Bright;

impl FeatureNet for Bright {
    fn names(&self) -> [&'static str; 2] {
        ["brightness score", "brightness distance"]
    }

    fn digest(&self) -> &str {
        "bright"
    }

    fn features(&self) -> usize {
        2
    }

    fn classes(&self) -> usize {
        2
    }

    fn look(&mut self, images: &[u8], shape: Shape) -> Result<Looks, GanError> {
        let mut looks = Looks::default();
        for image in images.chunks(shape.bytes()) {
            let count = image.len() as f32;
            let mean = image.iter().map(|&byte| f32::from(byte) / 255.0).sum::<f32>() / count;
            let spread = image.iter().map(|&byte| (f32::from(byte) / 255.0 - mean).powi(2)).sum::<f32>() / count;
            looks.features.extend([mean, spread]);
            looks.probabilities.extend([f64::from(mean), 1.0 - f64::from(mean)]);
        }
        Ok(looks)
    }
}

fn skeleton(level: usize) -> AutoGanSkeleton {
    AutoGanSkeleton { level, latent: 3, channels: 2, bottom: 2, channels_out: 1 }
}

fn images() -> Arc<Dataset> {
    let mut rng = random::stream(0, "images", 0, 0);
    let pixels = (0..10 * 256).map(|_| rng.random_range(0..=255)).collect();
    let shape = Shape { height: 16, width: 16, channels: 1 };
    Arc::new(Dataset::new("noise", shape, pixels, vec![0; 10], vec!["a".into(), "b".into()]).unwrap())
}

fn config() -> GanConfig {
    GanConfig { batch: 4, generator_batch: 4, critic_steps: 2, ..GanConfig::published() }
}

fn plan() -> SearchPlan {
    SearchPlan { proposer: Proposer::Controller, strategy: "rea".to_string(), budget: 6, schedule: schedule() }
}

fn schedule() -> Schedule {
    Schedule {
        iterations: vec![1, 1, 2],
        critic_steps: vec![3, 3, 3],
        controller_steps: 2,
        as_published: false,
        images: 8,
        parts: 2,
        recalibrate_norms: false,
        candidates: 3,
        keep: 2,
        window: 50,
        threshold: 1e-3,
    }
}

/// All generators, of more channels than the shared one has.
fn whole() -> Region {
    let alone = AutoGanSkeleton { channels: 8, ..skeleton(2) };
    Region::full(Arc::new(AutoGanSpace::new(alone).unwrap()))
}

fn task(plan: SearchPlan) -> Task {
    Task {
        skeleton: skeleton(2),
        judge_channels: 2,
        within: Arc::new(Within::new(whole()).unwrap()),
        images: images(),
        indices: (0..10).collect(),
        config: config(),
        plan,
        device: Device::flex(),
        seed: 7,
        parent: None,
    }
}

fn steps(search: &mut GanSearch, count: usize) {
    let interrupt = Interrupt::new();
    for _ in 0..count {
        search.step(&mut Bright, &interrupt).unwrap();
    }
}

fn to_end(search: &mut GanSearch) -> usize {
    let mut count = 0;
    while !search.is_done() {
        steps(search, 1);
        count += 1;
        assert!(count < 500);
    }
    count
}

#[test]
fn a_search_that_is_cut_anywhere_ends_with_the_same_bits() {
    let published = Schedule { as_published: true, ..schedule() };
    let uniform = SearchPlan { proposer: Proposer::Uniform, ..plan() };
    for plan in [plan(), SearchPlan { schedule: published, ..plan() }, uniform] {
        let mut whole = GanSearch::new(task(plan.clone())).unwrap();
        let all = to_end(&mut whole);
        assert_eq!(all as u64, plan.pieces());
        let wanted = whole.to_checkpoint().unwrap().to_bytes().unwrap();
        let mut cut = GanSearch::new(task(plan.clone())).unwrap();
        for _ in 0..all.div_ceil(5) {
            let left = all - cut.progress().pieces as usize;
            steps(&mut cut, left.min(5));
            let checkpoint = cut.to_checkpoint().unwrap();
            cut = GanSearch::new(task(plan.clone())).unwrap();
            cut.restore(&checkpoint).unwrap();
        }
        assert_eq!(cut.progress().phase, Phase::Done);
        assert!(cut.to_checkpoint().unwrap().to_bytes().unwrap() == wanted, "{:?}", plan.proposer);
        let beams = &whole.progress().beams;
        assert!(!beams.is_empty() && beams.len() <= 2 && beams.iter().all(|beam| beam.options.len() == 14));
        assert!(beams.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert_eq!(whole.progress().history.iter().map(|record| record.level).collect::<Vec<_>>(), [0, 1, 2, 2]);
    }
}

#[test]
fn a_part_stays_within_itself_and_starts_from_its_parent() {
    let mut parent = GanSearch::new(task(plan())).unwrap();
    to_end(&mut parent);
    let values = Arc::new(parent.to_checkpoint().unwrap().tensors);
    let region = whole().restrict(AutoGanSpace::norm_of(0), OptionSet::single(2)).unwrap();
    let within = Arc::new(Within::new(region).unwrap());
    let part = Task { within, parent: Some(values), seed: 8, ..task(plan()) };
    let mut search = GanSearch::new(part).unwrap();
    // At the lowest level it begins with what the parent had learned in all.
    let of = |search: &GanSearch, name: &str| {
        search.pair().to_values().unwrap()[&format!("generator/{name}")].data().to_vec()
    };
    assert_eq!(of(&search, "linear.weight"), of(&parent, "linear.weight"));
    let before = of(&parent, "cells.2.pre.0.conv.weight");
    // Until that level is reached, its cells are the parent's.
    while search.progress().level < 2 {
        steps(&mut search, 1);
    }
    assert_eq!(of(&search, "cells.2.pre.0.conv.weight"), before);
    to_end(&mut search);
    assert!(search.progress().beams.iter().all(|beam| beam.options[AutoGanSpace::norm_of(0)] == 2));
    assert!(
        search.progress().history.iter().all(|record| record.level > 0 || record.probabilities[1] == [0.0, 0.0, 1.0])
    );
}

/// Limits and ranges of features are filters of the region: whoever proposes, nothing outside of them is trained or kept, at no level.
#[test]
fn nothing_outside_of_the_filters_is_proposed() {
    let space = whole().space().clone();
    let arch = |text: &str| space.parse(text).unwrap();
    // Without deconvolutions and with hardly any other extras.
    let plain = space.cost(&arch("0 0 0 0 | 0 0 0 0 0 | 0 0 0 0 0"));
    let limited = [
        Filter::at_most(Feature::Params, plain.params + 300),
        Filter::at_most(Feature::Macs, plain.macs + plain.macs / 50),
        // Only generators with all that costs: what a part of a split by a feature may be.
        Filter {
            feature: Feature::Params,
            min: space.cost(&arch("1 1 2 1 | 1 1 2 1 1 | 1 1 2 1 2")).params,
            max: u64::MAX,
        },
    ];
    for filter in limited {
        let region = whole().filtered(filter);
        let members: Vec<Arch> = region.iter().collect();
        assert!(!members.is_empty() && members.len() < 373_248 / 2, "{filter}: {}", members.len());
        let begins = |options: &[u8]| {
            let place = members.partition_point(|member| member.options() < options);
            members.get(place).is_some_and(|member| member.options().starts_with(options))
        };
        for proposer in [Proposer::Controller, Proposer::Uniform] {
            let plan = SearchPlan { proposer, ..plan() };
            let within = Arc::new(Within::new(region.clone()).unwrap());
            let mut search = GanSearch::new(Task { within, ..task(plan) }).unwrap();
            while !search.is_done() {
                steps(&mut search, 1);
                let SearchProgress { beams, candidates, .. } = search.progress();
                for beam in beams.iter().chain(candidates) {
                    assert!(begins(&beam.options), "{filter}, {proposer:?}: {:?}", beam.options);
                }
            }
            let found = &search.progress().beams;
            assert!(!found.is_empty() && found.iter().all(|beam| region.contains(&Arch::new(beam.options.clone()))));
            // Of the best of the level below, the controller gives those options no chance with which no member goes on.
            for record in search.progress().history.iter().filter(|record| record.level == 0) {
                let Some(first) = record.probabilities.first() else { continue };
                assert!(first.iter().enumerate().all(|(option, &chance)| (chance > 0.0) == begins(&[option as u8])));
            }
        }
    }
}

#[test]
fn networks_whose_losses_stand_still_begin_anew() {
    // Any loss stands still where that much is allowed.
    let schedule = Schedule { window: 2, threshold: 1e6, critic_steps: vec![9; 3], ..schedule() };
    let mut search = GanSearch::new(task(SearchPlan { schedule, ..plan() })).unwrap();
    let first = search.pair().to_values().unwrap();
    while search.progress().history.is_empty() {
        steps(&mut search, 1);
    }
    let progress = search.progress();
    // The third step is the generator's second one.
    assert_eq!((progress.resets.len(), progress.resets[0].step, progress.history[0].was_reset), (1, 3, true));
    let fresh = search.pair().to_values().unwrap();
    assert_eq!(search.pair().steps(), [0, 0]);
    let name = "generator/linear.weight";
    assert_ne!(fresh[name].data(), first[name].data());
    to_end(&mut search);
}

fn derived(steps: u64) -> DerivedTask {
    DerivedTask {
        skeleton: skeleton(2),
        arch: AutoGanSpace::new(skeleton(2)).unwrap().parse("1 1 2 1 | 0 1 0 1 1 | 1 2 1 0 3").unwrap(),
        judge_channels: 2,
        images: images(),
        indices: (0..10).collect(),
        config: config(),
        plan: DerivedPlan { generator_steps: steps, ema: 0.9, evaluate_every: 2, images: 8, parts: 2, lr_end: 0.0 },
        device: Device::flex(),
        seed: 3,
    }
}

fn real() -> Gaussian {
    Gaussian::new(vec![0.5, 0.1], vec![0.01, 0.0, 0.0, 0.01]).unwrap()
}

#[test]
fn a_training_alone_that_is_cut_anywhere_ends_with_the_same_bits() {
    let interrupt = Interrupt::new();
    let mut whole = Derivation::new(derived(5)).unwrap();
    let mut cut = Derivation::new(derived(5)).unwrap();
    while !whole.is_done() {
        whole.step(&mut Bright, &real(), &interrupt).unwrap();
        cut.step(&mut Bright, &real(), &interrupt).unwrap();
        let checkpoint = cut.to_checkpoint().unwrap();
        cut = Derivation::new(derived(5)).unwrap();
        cut.restore(&checkpoint).unwrap();
    }
    assert!(cut.is_done());
    let bytes = |derivation: &Derivation| derivation.to_checkpoint().unwrap().to_bytes().unwrap();
    assert!(bytes(&whole) == bytes(&cut));
    let progress = whole.progress();
    let looks: Vec<u64> = progress.evaluations.iter().map(|record| record.generator_steps).collect();
    assert_eq!((looks, progress.steps), (vec![2, 4, 5], 9));
    let best = *progress.best().unwrap();
    let averaged = whole.averaged().weights().to_values().unwrap();
    let net = whole.into_best().unwrap();
    // Only the last evaluation was of the networks as they are.
    assert_eq!(net.weights().to_values().unwrap() == averaged, best.generator_steps == 5);
}

#[test]
fn a_controller_learns_what_is_rewarded_in_both_forms() {
    for as_published in [false, true] {
        let device = Device::flex();
        let allowed = |written: &[u8]| match written.len() {
            0 => OptionSet::full(2),
            1 => OptionSet::full(3),
            _ => OptionSet::single(1),
        };
        let mut controller = CellController::new(vec![2, 3, 3], &device, 1);
        let rule = fewshot_nas::nets::optim::Adam { beta1: 0.0, beta2: 0.9, eps: 1e-8 };
        let limits = fewshot_nas::nets::optim::Limits::NONE;
        let mut optimizer = fewshot_nas::nets::optim::Optimizer::new(&controller.weights, rule, limits);
        let mut baseline = Vec::new();
        let reinforce = Reinforce { as_published };
        for step in 0..150 {
            let mut rng = random::stream(5, "draw", step, 0);
            let leaves = controller.weights.leaves();
            let written = controller.sample(&leaves, &LstmState::zero(), allowed, &mut rng);
            assert_eq!(written.options[2], 1);
            assert_eq!(written.probabilities[2], [0.0, 1.0, 0.0]);
            let reward = if written.options[1] == 2 { 2.0 } else { 1.0 };
            let mut gradients = reinforce.loss(&written, reward, &mut baseline, &device).backward();
            let gradients = leaves.iter().map(|leaf| leaf.grad_remove(&mut gradients)).collect();
            optimizer.step(&mut controller.weights, gradients, 3e-3);
        }
        let mut rng = random::stream(5, "draw", 1000, 0);
        let written = controller.sample(&controller.weights.values(), &LstmState::zero(), allowed, &mut rng);
        assert!(written.probabilities[1][2] > 0.8, "{as_published}: {:?}", written.probabilities);
        assert!(written.state.is_usable());
    }
}

#[test]
fn settings_out_of_range_are_told() {
    let refused =
        |schedule: Schedule| GanSearch::new(task(SearchPlan { schedule, ..plan() })).err().unwrap().to_string();
    assert!(refused(Schedule { iterations: vec![1, 1], ..schedule() }).contains("a number per level"));
    assert!(refused(Schedule { keep: 4, ..schedule() }).contains("keep = 4 is out of range"));
    let slow = DerivedTask { config: GanConfig { lr: -1.0, ..config() }, ..derived(1) };
    assert!(Derivation::new(slow).err().unwrap().to_string().contains("lr = -1"));
}

use burn::tensor::Device;
use fewshot_space::{ProxylessSkeleton, ProxylessSpace};
use rand::RngExt;

use super::super::CostGoal;
use super::*;
use crate::nets::NormMode;
use crate::nets::testing::{patterns, precise_loss};

const AT: At = At { epoch: 0, step: 0, lr: 0.02 };

/// Three stages of two layers on 8x8 images.
fn learner() -> Learner {
    let skeleton = ProxylessSkeleton {
        width: 0.25,
        channels_in: 1,
        classes: crate::nets::testing::CLASSES,
        image_height: 8,
        image_width: 8,
        ..ProxylessSkeleton::tiny()
    };
    let space = Arc::new(ProxylessSpace::new(skeleton).unwrap());
    let net = Net::supernet(space.clone(), Region::full(space), &Device::flex(), 7);
    Learner::new(net, MethodSettings::proxyless("proxyless", GateRule::AllPaths).train, NormMode::Batch)
}

fn gates(learner: &Learner, rule: GateRule, cost: Option<CostGoal>) -> Gates {
    let mut settings = MethodSettings::proxyless("proxyless", rule);
    // Large steps, to be seen beside rounding.
    settings.arch.lr = 0.1;
    settings.gates.as_mut().unwrap().cost = cost;
    let mut gates = Gates::new(&settings, &learner.net, 3).unwrap();
    let mut rng = random::stream(4, "alpha", 0, 0);
    let values = gates.alpha.values();
    let mut number =
        |row: &Tensor<1>| tensor((0..row.dims()[0]).map(|_| rng.random_range(-0.5..0.5)).collect(), &Device::flex());
    gates.alpha.set_values(values.iter().map(&mut number).collect());
    gates
}

fn batch() -> Labelled {
    let (images, labels) = patterns(1);
    Labelled { images, labels }
}

fn drawn(gates: &Gates, draw: u64) -> Vec<Compared> {
    let mut rng = random::stream(draw, "compared", 0, 0);
    gates.shares().iter().map(|shares| Compared::draw(gates.settings.rule, shares, &mut rng)).collect()
}

#[test]
fn gradients_by_gates_are_those_of_finite_differences() {
    let mut learner = learner();
    learner.task = Arc::new(Classification { smoothing: 0.0 });
    let gates = gates(&learner, GateRule::AllPaths, None);
    let compared = drawn(&gates, 1);
    let (seen, exact) = gates.by_gates(&mut learner, &batch(), &compared, AT).unwrap();
    let mut loss = |moved: Option<(usize, usize, f32)>| {
        let mut rows = compared.iter().enumerate();
        let mix = gates.alpha.blended(&gates.alpha.values(), |_, options| {
            let (row, compared) = rows.next().unwrap();
            let mut values = compared.gates();
            if let Some((_, place, delta)) = moved.filter(|(at, ..)| *at == row) {
                values[place] += delta;
            }
            let term = |(place, value): (usize, f32)| Term {
                option: options[place],
                scale: tensor(vec![value], &Device::flex()),
                shift: None,
            };
            values.into_iter().enumerate().map(term).collect()
        });
        let (logits, _) = learner.net.train_mixed(batch().images, &mix, false).unwrap();
        precise_loss(&logits, &batch().labels)
    };
    assert!((loss(None) - seen.loss).abs() < 1e-5);
    let (mut found, mut numeric) = (Vec::new(), Vec::new());
    for (row, slopes) in exact.iter().enumerate() {
        for (place, slope) in slopes.iter().enumerate() {
            // Small, since few of the kinks of ReLU6 should lie within.
            numeric.push((loss(Some((row, place, 0.002))) - loss(Some((row, place, -0.002)))) / 0.004);
            found.push(*slope);
        }
        // What adds nothing has no say.
        if let Some(zero) = gates.zeros[row] {
            assert_eq!(slopes[zero], 0.0);
        }
    }
    let length = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let off = length(&found.iter().zip(&numeric).map(|(a, b)| a - b).collect::<Vec<_>>());
    assert!(length(&numeric) > 1e-2 && off < 0.1 * length(&numeric), "{found:?} {numeric:?}");
}

#[test]
fn a_linear_loss_has_the_exact_gradient() {
    // For L = <c, sum of p o>, the gradient by each gate is what its operation contributes, whichever is open.
    let contributions = [0.7, -0.2, 1.5, 0.1];
    let alpha = [0.3, -0.4, 0.1, 0.9_f32];
    let loss = |alpha: &[f32]| softmax(alpha).iter().zip(contributions).map(|(p, c)| p * c).sum::<f64>();
    let exact = through_softmax(&contributions, &softmax(&alpha));
    for place in 0..4 {
        let at = |delta: f32| {
            let mut moved = alpha;
            moved[place] += delta;
            loss(&moved)
        };
        let numeric = (at(0.01) - at(-0.01)) / 0.02;
        assert!((exact[place] - numeric).abs() < 1e-5, "{place}: {} {numeric}", exact[place]);
    }
}

#[test]
fn two_paths_leave_the_chances_of_all_others() {
    let mut learner = learner();
    let mut gates = gates(&learner, GateRule::TwoPaths, None);
    let mut has_moved = false;
    for step in 0..8 {
        let at = At { step, ..AT };
        let before = gates.shares();
        let mut rng = random::stream(gates.seed, "gates alpha", at.epoch, at.step);
        let compared: Vec<Compared> =
            before.iter().map(|shares| Compared::draw(GateRule::TwoPaths, shares, &mut rng)).collect();
        gates.learn(&mut learner, &batch(), at).unwrap();
        for (row, ((before, after), compared)) in before.iter().zip(gates.shares()).zip(&compared).enumerate() {
            let [a, b] = compared.places[..] else { panic!("two are compared") };
            assert_ne!(a, b);
            assert!((before[a] + before[b] - after[a] - after[b]).abs() < 1e-6, "row {row}");
            for place in (0..before.len()).filter(|place| ![a, b].contains(place)) {
                assert!((before[place] - after[place]).abs() < 1e-6, "row {row}, {place}");
            }
            // Where nothing is added nothing is learnt.
            let moved = (before[a] - after[a]).abs();
            assert!(moved < 1e-6 || gates.zeros[row] != Some(compared.open()), "row {row}");
            has_moved |= moved > 1e-3;
        }
    }
    assert!(has_moved);
}

#[test]
fn dear_operations_lose_where_networks_should_be_cheap() {
    let mut learner = learner();
    let macs = |gates: &Gates| gates.goal.as_ref().unwrap().expected(&gates.shares());
    for rule in [GateRule::TwoPaths, GateRule::AllPaths, GateRule::Reinforce] {
        let form = super::super::CostForm::AddLinear { weight: 1000.0 };
        let goal = CostGoal { feature: fewshot_space::Feature::Macs, reference: 20_000.0, form };
        let mut gates = gates(&learner, rule, Some(goal));
        let before = macs(&gates);
        for step in 0..40 {
            gates.learn(&mut learner, &batch(), At { step, ..AT }).unwrap();
        }
        assert!(macs(&gates) < before, "{rule:?}: {before} {}", macs(&gates));
    }
}

#[test]
fn rewards_lead_along_the_gradient_of_what_is_expected() {
    let shares = [vec![0.2, 0.5, 0.3]];
    let rewards = [0.3, 0.9, 0.4];
    // Each as often as it is likely; a baseline changes nothing.
    let drawn: Vec<(f64, Vec<usize>)> =
        [0, 0, 1, 1, 1, 1, 1, 2, 2, 2].map(|place| (rewards[place], vec![place])).into();
    let exact: Vec<f64> = through_softmax(&rewards, &shares[0]).into_iter().map(|slope| -slope).collect();
    for baseline in [0.0, 0.6] {
        for (found, exact) in by_rewards(&shares, &drawn, baseline)[0].iter().zip(&exact) {
            assert!((found - exact).abs() < 1e-9, "{found} {exact}");
        }
    }
}

#[test]
fn the_warm_up_has_a_cosine_of_its_own() {
    let settings = MethodSettings::proxyless("proxyless", GateRule::TwoPaths);
    let rates = [0, 20, 40, 100].map(|epoch| settings.lr_at(epoch, 0, 10));
    let wanted = [0.05, 0.025, 0.025, 0.0125];
    assert!(rates.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{rates:?}");
}

#[test]
fn goals_and_numbers_out_of_range_are_refused() {
    let settings = MethodSettings::proxyless("proxyless", GateRule::TwoPaths);
    let refused = |change: fn(&mut GateSettings)| {
        let mut settings = settings.clone();
        change(settings.gates.as_mut().unwrap());
        settings.check().unwrap_err().to_string()
    };
    let goal = |feature, reference| CostGoal { feature, reference, form: super::super::CostForm::default() };
    assert!(refused(|gates| gates.every = 0).contains("gates.every = 0"));
    assert!(refused(|gates| gates.warm_up_lr = -1.0).contains("gates.warm_up_lr"));
    let without = MethodSettings { gates: None, ..settings.clone() };
    assert!(without.check().unwrap_err().to_string().contains("this method has gates"));
    let darts = MethodSettings { gates: settings.gates.clone(), ..MethodSettings::darts("gdas") };
    assert!(darts.check().unwrap_err().to_string().contains("this method has no gates"));
    let mut wrong = settings.clone();
    wrong.gates.as_mut().unwrap().cost = Some(goal(fewshot_space::Feature::LiveOps, 3.0));
    assert!(wrong.check().unwrap_err().to_string().contains("macs, params or latency_us"));
    // A goal by a limit that there is not.
    let learner = learner();
    let mut open = settings;
    open.gates.as_mut().unwrap().cost = Some(goal(fewshot_space::Feature::Macs, 0.0));
    let error = Gates::new(&open, &learner.net, 0).err().unwrap();
    assert!(error.to_string().contains("gates.cost"), "{error}");
}

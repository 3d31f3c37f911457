//! Rules against their formulas in double precision, and what all have in common.

use burn::tensor::{Device, Tensor};

use super::*;
use crate::corner::Shape;
use crate::slope::Leaf;
use crate::values::{Init, WeightsError, tensor, to_vec};
use crate::weights::Weights;

/// A matrix and a vector.
fn weights() -> Weights {
    let mut weights = Weights::new(Device::flex(), 3);
    weights.add_param("a.weight".to_string(), &[2, 2], Init::Uniform { fan_in: 4 });
    weights.add_param("a.shift".to_string(), &[3], Init::Constant(0.5));
    weights
}

fn values(weights: &Weights) -> Vec<f64> {
    weights.params().iter().flat_map(|param| to_vec(&param.value)).map(f64::from).collect()
}

/// Gradients that differ from step to step and place to place.
fn gradients(step: usize) -> Vec<f64> {
    (0..7).map(|place| ((step * 7 + place) as f64 * 0.7).sin()).collect()
}

fn tensors(gradients: &[f64]) -> Vec<Option<Tensor<1>>> {
    let part = |range: std::ops::Range<usize>| {
        Some(tensor(gradients[range].iter().map(|&value| value as f32).collect(), &Device::flex()))
    };
    vec![part(0..4), part(4..7)]
}

const LR: f64 = 0.1;
const DECAY: f64 = 0.01;

/// Runs a rule beside `by_hand`, which is given weight, gradient, two numbers that are kept, and the count of the step.
fn agree(rule: impl Rule, start: [f64; 2], by_hand: impl Fn(f64, f64, &mut [f64; 2], i32) -> f64) {
    let mut weights = weights();
    let mut wanted = values(&weights);
    let mut kept = vec![start; 7];
    let mut optimizer = Optimizer::new(&weights, rule, Limits { weight_decay: DECAY, ..Limits::NONE });
    for step in 0..5 {
        let gradients = gradients(step);
        optimizer.step(&mut weights, tensors(&gradients), LR);
        for ((wanted, gradient), kept) in wanted.iter_mut().zip(gradients).zip(&mut kept) {
            *wanted = by_hand(*wanted, gradient + DECAY * *wanted, kept, step as i32 + 1);
        }
        for (found, wanted) in values(&weights).iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-5, "step {step}: {found} {wanted}");
        }
    }
}

#[test]
fn rules_are_their_formulas() {
    for nesterov in [false, true] {
        agree(Sgd { momentum: 0.9, nesterov }, [0.0; 2], |w, g, kept, _| {
            kept[0] = 0.9 * kept[0] + g;
            w - LR * if nesterov { g + 0.9 * kept[0] } else { kept[0] }
        });
    }
    agree(Adam { beta1: 0.5, beta2: 0.999, eps: 1e-8 }, [0.0; 2], |w, g, kept, t| {
        *kept = [0.5 * kept[0] + 0.5 * g, 0.999 * kept[1] + 0.001 * g * g];
        w - LR * (kept[0] / (1.0 - 0.5_f64.powi(t))) / ((kept[1] / (1.0 - 0.999_f64.powi(t))).sqrt() + 1e-8)
    });
    agree(RmsProp { decay: 0.9, momentum: 0.8, eps: 1e-3 }, [1.0, 0.0], |w, g, kept, _| {
        kept[0] = 0.9 * kept[0] + 0.1 * g * g;
        kept[1] = 0.8 * kept[1] + LR * g / (kept[0] + 1e-3).sqrt();
        w - kept[1]
    });
}

#[test]
fn what_is_saved_goes_on_with_the_same_bits() {
    let rules: [fn() -> Box<dyn Rule>; 3] = [
        || Box::new(Sgd { momentum: 0.9, nesterov: true }),
        || Box::new(Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8 }),
        || Box::new(RmsProp { decay: 0.9, momentum: 0.9, eps: 1e-3 }),
    ];
    for rule in rules {
        let limits = Limits { weight_decay: 1e-3, clip: 1.0, drifts: true, decay_norms: false };
        let (mut whole, mut cut) = (weights(), weights());
        let mut optimizer = Optimizer::new(&whole, rule(), limits);
        let mut first = Optimizer::new(&cut, rule(), limits);
        for step in 0..2 {
            // The vector is not used before the third step.
            let used = |step| tensors(&gradients(step)).into_iter().take(1).chain([None]).collect();
            optimizer.step(&mut whole, used(step), LR);
            first.step(&mut cut, used(step), LR);
        }
        let saved = first.to_values(&cut).unwrap();
        assert!(saved.keys().all(|name| name.ends_with("/a.weight")), "{:?}", saved.keys());
        let mut second = Optimizer::new(&cut, rule(), limits);
        second.restore(&cut, &saved, first.steps()).unwrap();
        for step in 2..4 {
            optimizer.step(&mut whole, tensors(&gradients(step)), LR);
            second.step(&mut cut, tensors(&gradients(step)), LR);
        }
        assert_eq!(values(&whole), values(&cut));
        let mut other = Weights::new(Device::flex(), 0);
        other.add_param("a.weight".to_string(), &[3], Init::Constant(0.0));
        let error = Optimizer::new(&other, rule(), limits).restore(&other, &saved, 1).unwrap_err();
        assert!(matches!(error, WeightsError::Size { .. }), "{error}");
    }
}

/// With a beta of 0 the first update of Adam is the learning rate against the sign of the gradient, however late it comes.
#[test]
fn adam_counts_the_updates_of_each_parameter_by_itself() {
    let rule = Adam { beta1: 0.0, beta2: 0.9, eps: 1e-8 };
    for drifts in [false, true] {
        let limits = Limits { drifts, ..Limits::NONE };
        let mut weights = weights();
        let mut optimizer = Optimizer::new(&weights, rule, limits);
        for step in 0..100 {
            let used = tensors(&gradients(step)).into_iter().take(1).chain([None]).collect();
            optimizer.step(&mut weights, used, LR);
        }
        // Also where it goes on from a checkpoint in between.
        let saved = optimizer.to_values(&weights).unwrap();
        assert_eq!(saved["updates/a.weight"].data(), [100.0, 0.0]);
        optimizer = Optimizer::new(&weights, rule, limits);
        optimizer.restore(&weights, &saved, 100).unwrap();
        for _ in 0..2 {
            let before = values(&weights);
            optimizer.step(&mut weights, tensors(&[0.3; 7]), LR);
            let moved: Vec<f64> =
                values(&weights)[4..].iter().zip(&before[4..]).map(|(now, then)| now - then).collect();
            assert!(moved.iter().all(|moved| (moved + LR).abs() < 1e-6), "{drifts}: {moved:?}");
        }
        let saved = optimizer.to_values(&weights).unwrap();
        assert_eq!(saved["updates/a.weight"].data(), [102.0, 0.0]);
        assert_eq!(saved["updates/a.shift"].data(), [2.0, 0.0]);
    }
}

/// Checkpoints of earlier programs do not say how often each parameter was updated.
#[test]
fn a_checkpoint_without_counts_has_had_all_steps() {
    let rule = Adam { beta1: 0.5, beta2: 0.9, eps: 1e-8 };
    let mut whole = weights();
    let mut optimizer = Optimizer::new(&whole, rule, Limits::NONE);
    (0..3).for_each(|step| optimizer.step(&mut whole, tensors(&gradients(step)), LR));
    let mut saved = optimizer.to_values(&whole).unwrap();
    saved.retain(|name, _| !name.starts_with("updates/"));
    let mut again = whole.clone();
    let mut restored = Optimizer::new(&again, rule, Limits::NONE);
    restored.restore(&again, &saved, 3).unwrap();
    optimizer.step(&mut whole, tensors(&gradients(3)), LR);
    restored.step(&mut again, tensors(&gradients(3)), LR);
    assert_eq!(values(&whole), values(&again));
    // Other rules keep no counts.
    let sgd = Sgd { momentum: 0.9, nesterov: false };
    let mut optimizer = Optimizer::new(&whole, sgd, Limits::NONE);
    optimizer.step(&mut whole, tensors(&gradients(0)), LR);
    assert!(optimizer.to_values(&whole).unwrap().keys().all(|name| !name.starts_with("updates/")));
}

#[test]
fn limits_hold() {
    let rule = Sgd { momentum: 0.0, nesterov: false };
    let moved = |limits: Limits, gradients: Vec<Option<Tensor<1>>>| -> Vec<f64> {
        let mut weights = weights();
        let before = values(&weights);
        Optimizer::new(&weights, rule, limits).step(&mut weights, gradients, 1.0);
        values(&weights).iter().zip(before).map(|(after, before)| after - before).collect()
    };
    let clipped = moved(Limits { clip: 0.5, ..Limits::NONE }, tensors(&gradients(0)));
    let norm = clipped.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert!((norm - 0.5).abs() < 1e-5, "{norm}");
    // Decay alone, of the matrix alone.
    let decayed = Limits { weight_decay: 0.1, decay_norms: false, ..Limits::NONE };
    let moves = moved(decayed, tensors(&[0.0; 7]));
    assert!(moves[..4].iter().all(|value| *value != 0.0) && moves[4..].iter().all(|value| *value == 0.0), "{moves:?}");
    // What is not used stays.
    assert!(moved(decayed, vec![None, None]).iter().all(|value| *value == 0.0));
}

/// Of a matrix whose first column alone is seen: that moves as a vector of its own would, and the other column as one from later on.
#[test]
fn what_is_not_seen_of_a_parameter_stays_until_it_is() {
    let rules: [fn() -> Box<dyn Rule>; 3] = [
        || Box::new(Sgd { momentum: 0.9, nesterov: true }),
        || Box::new(Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8 }),
        || Box::new(RmsProp { decay: 0.9, momentum: 0.9, eps: 1e-3 }),
    ];
    let (held, seen) = (Shape::from_slice(&[2, 2]), Shape::from_slice(&[2, 1]));
    let slope = |values: Vec<f32>, seen: &Shape| {
        let mut leaf = Leaf::unseen(held.clone());
        let loss = leaf.corner(seen, || tensor(vec![0.0; values.len()], &Device::flex()));
        let loss = (loss * tensor(values, &Device::flex()).autodiff()).sum();
        vec![leaf.slope(&mut loss.backward())]
    };
    for rule in rules {
        let limits = Limits { weight_decay: 0.1, ..Limits::NONE };
        let with = |values: Vec<f32>, shape: &[usize]| {
            let mut weights = Weights::new(Device::flex(), 0);
            weights.add_param("a.weight".to_string(), shape, Init::Constant(0.0));
            weights.set_values(vec![tensor(values, &Device::flex())]);
            let optimizer = Optimizer::new(&weights, rule(), limits);
            (weights, optimizer)
        };
        let (mut matrix, mut of_matrix) = with(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
        let (mut column, mut of_column) = with(vec![1.0, 3.0], &[2]);
        for step in 0..3 {
            let gradient = vec![0.5 + step as f32, -1.0];
            of_matrix.step(&mut matrix, slope(gradient.clone(), &seen), LR);
            of_column.step(&mut column, vec![Some(tensor(gradient, &Device::flex()))], LR);
            let (matrix, column) = (values(&matrix), values(&column));
            assert_eq!([matrix[0], matrix[2]], column[..], "step {step}");
            assert_eq!([matrix[1], matrix[3]], [2.0, 4.0], "step {step}");
        }
        let starts = rule().starts();
        for (slot, start) in starts.iter().enumerate() {
            let kept = to_vec(of_matrix.slot(slot).next().flatten().unwrap());
            assert_eq!([kept[1], kept[3]].map(f64::from), [*start; 2], "slot {slot}");
        }
        // Where what is not used drifts, all of it does.
        let drifting = Limits { drifts: true, ..limits };
        let mut drifting = Optimizer::new(&matrix, rule(), drifting);
        let before = values(&matrix);
        drifting.step(&mut matrix, slope(vec![1.0, 1.0], &seen), LR);
        assert!(values(&matrix).iter().zip(before).all(|(after, before)| *after != before));
    }
}

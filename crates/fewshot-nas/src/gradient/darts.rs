//! DARTS (Liu, Simonyan and Yang, 2019), first and second order, and PC-DARTS (Xu et al., 2020) on its steps: the
//! networks differ, not the search.

use burn::tensor::Tensor;
use fewshot_kernels as kernels;
use fewshot_space::{Arch, Region};
use serde_json::Value;

use super::learner::Slopes;
use super::{
    Alpha, At, Chosen, ForwardMacs, GradientError, GradientMethod, Judge, Labelled, Learner, MethodSettings, Rivals,
    Seen,
};
use crate::nets::{NamedValues, Net, WeightsError};

/// PC-DARTS: one channel in four goes through the operations.
pub const PARTIAL: usize = 4;
/// The finite difference of the second order goes so far along the gradient of the weights, in all.
const REACH: f64 = 0.01;

/// Where α's gradient is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// At the present weights; the weights move first.
    First,
    /// At the weights after one more step, whose dependence on α counts too; α moves first.
    Second,
    /// At the present weights; α moves first.
    FirstBefore,
}

/// DARTS on one supernet.
pub struct Darts {
    alpha: Alpha,
    order: Order,
    /// Epochs in which α rests.
    warm_up: u64,
}

/// DARTS-V1.
pub fn first_order(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    build(settings, net, seed, Order::First, false)
}

/// DARTS-V1 as first published.
pub fn original_first_order(
    settings: &MethodSettings,
    net: &Net,
    seed: u64,
) -> Result<Box<dyn GradientMethod>, GradientError> {
    build(settings, net, seed, Order::FirstBefore, false)
}

/// DARTS-V2, and PC-DARTS as few-shot NAS ran it.
pub fn second_order(settings: &MethodSettings, net: &Net, seed: u64) -> Result<Box<dyn GradientMethod>, GradientError> {
    build(settings, net, seed, Order::Second, false)
}

/// PC-DARTS as first published.
pub fn original_partial(
    settings: &MethodSettings,
    net: &Net,
    seed: u64,
) -> Result<Box<dyn GradientMethod>, GradientError> {
    build(settings, net, seed, Order::FirstBefore, true)
}

fn build(
    settings: &MethodSettings,
    net: &Net,
    seed: u64,
    order: Order,
    edges: bool,
) -> Result<Box<dyn GradientMethod>, GradientError> {
    let alpha = Alpha::new(net, &settings.arch, seed, Rivals { zeros: settings.none, edges })?;
    Ok(Box::new(Darts { alpha, order, warm_up: settings.warm_up_epochs() }))
}

impl GradientMethod for Darts {
    fn step(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: Option<&Labelled>,
        at: At,
    ) -> Result<Seen, GradientError> {
        let val = val.filter(|_| self.reads_validation(at.epoch, at.step));
        let early = if self.order == Order::First { None } else { val };
        let before = early.map(|val| self.update(learner, train, val, at)).transpose()?;
        let mix = self.alpha.relaxed(&self.alpha.values());
        let train_seen = learner.descend_mixed(train, &mix, at)?;
        let late = if self.order == Order::First { val } else { None };
        let after = late.map(|val| self.update(learner, train, val, at)).transpose()?;
        Ok(Seen { train: train_seen, val: before.or(after) })
    }

    fn reads_validation(&self, epoch: u64, _: u64) -> bool {
        epoch >= self.warm_up
    }

    fn beliefs(&self, _: u64) -> Vec<Vec<f64>> {
        self.alpha.probabilities()
    }

    fn leaning(&self) -> Option<Arch> {
        Some(self.alpha.best())
    }

    fn choose(&mut self, learner: &mut Learner, judge: &Judge) -> Result<Chosen, GradientError> {
        let arch = self.alpha.best();
        let mix = self.alpha.relaxed(&self.alpha.values());
        let mixed_accuracy = Some(judge.mixed(&mut learner.net, &mix)?);
        let path_accuracy = judge.one_hot(&mut learner.net, &arch)?;
        Ok(Chosen { arch, path_accuracy, mixed_accuracy })
    }

    /// In forward passes of the mixed network: a step of the weights 3; α's 2, or, at second order, 3 for ∇w of the
    /// training loss, 3 one step ahead, and 2 at each end of the finite difference.
    fn epoch_macs(&self, epoch: u64, images: f64, forward: &ForwardMacs) -> f64 {
        let arch = match self.order {
            _ if epoch < self.warm_up => 0.0,
            Order::First | Order::FirstBefore => 2.0,
            Order::Second => 10.0,
        };
        images * forward.mixed * (3.0 + arch)
    }

    fn to_values(&self) -> Result<NamedValues, WeightsError> {
        self.alpha.to_values()
    }

    fn state(&self) -> Value {
        self.alpha.state()
    }

    fn restore(&mut self, values: &NamedValues, state: &Value) -> Result<(), GradientError> {
        self.alpha.restore(values, state)
    }

    fn inherit(&mut self, values: &NamedValues, of: &Region) -> Result<(), GradientError> {
        self.alpha.inherit(values, of)
    }
}

impl Darts {
    /// Moves α; what the validation batch looked like before.
    fn update(
        &mut self,
        learner: &mut Learner,
        train: &Labelled,
        val: &Labelled,
        at: At,
    ) -> Result<crate::train::StepRecord, GradientError> {
        let Slopes { seen, arch, .. } = match self.order {
            Order::First | Order::FirstBefore => slopes(learner, &self.alpha, val, false, at)?,
            Order::Second => hypergradient(learner, &self.alpha, train, val, at)?,
        };
        self.alpha.step(arch);
        Ok(seen)
    }
}

/// Gradients of a batch's loss under the relaxation of α.
fn slopes(
    learner: &mut Learner,
    alpha: &Alpha,
    batch: &Labelled,
    weights: bool,
    at: At,
) -> Result<Slopes, GradientError> {
    let leaves = alpha.leaves();
    let mix = alpha.relaxed(&leaves);
    learner.slopes(batch, &mix, &leaves, weights, at)
}

/// ∇α L_val(w′(α), α) with w′ = w − ξ(μ·v + ∇w L_train(w, α) + λw), ξ the learning rate, v the velocity:
/// ∇α L_val(w′, α) − ξ·[∇α L_train(w⁺, α) − ∇α L_train(w⁻, α)]/2R, with w± = w ± R·g, g = ∇w′ L_val(w′, α), R = 0.01/‖g‖.
///
/// Weights are handles that are put in place and back: beside the network there is w′, and never more than one graph.
pub(super) fn hypergradient(
    learner: &mut Learner,
    alpha: &Alpha,
    train: &Labelled,
    val: &Labelled,
    at: At,
) -> Result<Slopes, GradientError> {
    let here = learner.net.weights().values();
    let mix = alpha.relaxed(&alpha.values());
    let down = learner.slopes(train, &mix, &[], true, at)?.weights;
    let (momentum, decay) = (learner.config.momentum, learner.config.weight_decay);
    let ahead = here.iter().zip(down).zip(learner.optimizer.slot(0)).map(|((weight, down), velocity)| {
        let mut step = weight.clone().mul_scalar(decay);
        for (part, factor) in [(down.as_ref(), 1.0), (velocity, momentum)] {
            if let Some(part) = part {
                step = step + part.clone().mul_scalar(factor);
            }
        }
        weight.clone() - step.mul_scalar(at.lr)
    });
    let ahead: Vec<Tensor<1>> = ahead.collect();

    // Passes elsewhere leave no trace in the network, running statistics included; the one at its own place did.
    let own = learner.net.weights().clone();
    learner.net.weights_mut().set_values(ahead);
    let found = slopes(learner, alpha, val, true, at);
    *learner.net.weights_mut() = own.clone();
    let Slopes { seen, weights: along, arch: direct } = found?;

    let norm = along.iter().flatten().map(|part| kernels::sum_squares(part.clone())).sum::<f64>().sqrt();
    let reach = REACH / norm.max(f64::MIN_POSITIVE);
    let mut at_end = |reach: f64| {
        let moved = here.iter().zip(&along).map(|(weight, along)| match along {
            Some(along) => weight.clone() + along.clone().mul_scalar(reach),
            None => weight.clone(),
        });
        let moved: Vec<Tensor<1>> = moved.collect();
        learner.net.weights_mut().set_values(moved);
        slopes(learner, alpha, train, false, at).map(|slopes| slopes.arch)
    };
    let ends = at_end(reach).and_then(|plus| Ok((plus, at_end(-reach)?)));
    *learner.net.weights_mut() = own;
    let (plus, minus) = ends?;
    let implicit = plus.into_iter().zip(minus).map(|(plus, minus)| (plus - minus).mul_scalar(at.lr / (2.0 * reach)));
    let arch = direct.into_iter().zip(implicit).map(|(direct, implicit)| direct - implicit).collect();
    Ok(Slopes { seen, weights: along, arch })
}

//! Mixed forward passes: edges that run several operations at once, with weights that collect gradients.
//!
//! A [`Path`](super::Path) chooses, a [`Mix`] weighs. With α tracked by autodiff, the gradient of the loss by α is the
//! signal of the gradient-based methods in [`crate::gradient`].

use burn::tensor::Tensor;
use fewshot_space::{Arch, Region};

use super::pass::Pass;

/// What one mixed forward pass runs in every cell: one blend per decision of the space, in its order.
#[derive(Debug, Clone)]
pub struct Mix {
    /// One per decision.
    pub blends: Vec<Blend>,
}

/// What a decision contributes to the sum that it leads to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per decision and pass")]
pub enum Blend {
    /// One option as it is, unweighted and on all channels: the split decision of a sub-supernet.
    Only(usize),
    /// The sum of some terms. Other options are not run.
    Sum {
        /// Which options, with their weights.
        terms: Vec<Term>,
        /// Factor `[1]` of the whole sum (PC-DARTS' edge normalisation), 1 when absent.
        whole: Option<Tensor<1>>,
    },
}

/// `scale · option(x) + shift`.
#[derive(Debug, Clone)]
pub struct Term {
    /// Index of the option.
    pub option: usize,
    /// Its weight, `[1]`; tracked, when its gradient is wanted.
    pub scale: Tensor<1>,
    /// Added to every element, `[1]`. GDAS lets options that it does not run enter by it, with the value 0.
    pub shift: Option<Tensor<1>>,
}

impl Mix {
    /// Each decision of `region` with a choice runs the option of `arch` with weight 1; the same function as
    /// [`Path::Shared`](super::Path::Shared), and on partial channels too. `one` is a 1 on the network's device.
    pub fn one_hot(region: &Region, arch: &Arch, one: &Tensor<1>) -> Mix {
        let blend = |decision: usize, &option: &u8| {
            let option = usize::from(option);
            match region.allowed(decision).len() {
                0 | 1 => Blend::Only(option),
                _ => Blend::Sum { terms: vec![Term { option, scale: one.clone(), shift: None }], whole: None },
            }
        };
        Mix { blends: arch.options().iter().enumerate().map(|(decision, option)| blend(decision, option)).collect() }
    }

    /// The options that the mix runs, by decision.
    pub(super) fn options(&self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        self.blends.iter().enumerate().map(|(decision, blend)| match blend {
            Blend::Only(option) => (decision, vec![*option]),
            Blend::Sum { terms, .. } => (decision, terms.iter().map(|term| term.option).collect()),
        })
    }
}

/// A [`Body`](super::Body) that can run several options of a decision at once.
pub trait MixedBody {
    /// Decisions whose contributions are added up, in groups: the edges into one node.
    fn sums(&self) -> Vec<Vec<usize>>;

    /// `[batch, height, width, channels]` → logits `[batch, classes]`.
    fn forward_mixed(&self, pass: &mut Pass<'_>, images: Tensor<4>, mix: &Mix) -> Tensor<2>;
}

/// Interleaves `groups` equal blocks of channels: channel *j* of block *g* goes to place *j·groups + g*
/// (ShuffleNet; PC-DARTS mixes with it the channels that went through the operations with those that did not).
///
/// `[batch, height, width, channels]`; `channels` must be a multiple of `groups`.
pub(super) fn shuffle_channels(x: Tensor<4>, groups: usize) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let blocks = x.reshape([batch, height, width, groups, channels / groups]);
    blocks.swap_dims(3, 4).reshape([batch, height, width, channels])
}

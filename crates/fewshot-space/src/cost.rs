use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::Add;

/// What a network costs for one image.
///
/// Only layers that multiply are counted: convolutions and linear layers in [`macs`](Cost::macs), their weights and
/// those of batch normalisation in [`params`](Cost::params). Pooling, activations and sums are free, as in the tables of
/// NAS-Bench-201. All arithmetic saturates, so that absurd sizes give absurd costs and not an overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulate operations.
    pub macs: u64,
    /// Trainable parameters.
    pub params: u64,
}

impl Cost {
    /// Nothing.
    pub const ZERO: Cost = Cost { macs: 0, params: 0 };

    /// A dense `kernel` x `kernel` convolution without bias, from `channels_in` to `channels_out` channels, whose output
    /// is `size` = (height, width) pixels. Padding counts as pixels, as is usual.
    pub fn conv(kernel: usize, channels_in: usize, channels_out: usize, size: (usize, usize)) -> Cost {
        let params = product([kernel, kernel, channels_in, channels_out]);
        Cost { macs: params.saturating_mul(product([size.0, size.1])), params }
    }

    /// A depthwise `kernel` x `kernel` convolution without bias over `channels` channels, each seen by itself, whose output is
    /// `size` = (height, width) pixels.
    pub fn depthwise(kernel: usize, channels: usize, size: (usize, usize)) -> Cost {
        Cost::conv(kernel, 1, channels, size)
    }

    /// Scale and shift of a batch normalisation over `channels` channels; folded into its convolution it takes no time.
    pub fn batch_norm(channels: usize) -> Cost {
        Cost { macs: 0, params: product([2, channels]) }
    }

    /// A linear layer with bias; adding the bias counts as one operation per output.
    pub fn linear(inputs: usize, outputs: usize) -> Cost {
        let params = product([inputs.saturating_add(1), outputs]);
        Cost { macs: params, params }
    }

    /// `count` biases of a convention that leaves additions out: parameters alone.
    ///
    /// So it is with OFA and ProxylessNAS, whose layers with a bias are a [`conv`](Cost::conv) and this; the tables of
    /// NAS-Bench-201 count the biases of a [`linear`](Cost::linear) layer.
    pub fn bias(count: usize) -> Cost {
        Cost { macs: 0, params: count as u64 }
    }

    /// `count` times this.
    #[must_use]
    pub fn times(self, count: usize) -> Cost {
        let count = count as u64;
        Cost { macs: self.macs.saturating_mul(count), params: self.params.saturating_mul(count) }
    }
}

fn product<const N: usize>(factors: [usize; N]) -> u64 {
    factors.into_iter().fold(1, |product: u64, factor| product.saturating_mul(factor as u64))
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost { macs: self.macs.saturating_add(other.macs), params: self.params.saturating_add(other.params) }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::ZERO, Add::add)
    }
}

//! What is known of a batch norm, before it is run.

use std::sync::Arc;

use crate::geometry::Real;
use crate::view::{StatsView, View};

/// Batch norm: ε 1e-5 and momentum 0.1 (PyTorch's defaults, which NAS-Bench-201 keeps).
pub const EPS: f32 = 1e-5;
/// Share of the newest batch in the running statistics.
pub const MOMENTUM: f64 = 0.1;

/// Whether a batch norm has trained scale and shift, and whether it keeps running statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormKind {
    /// Trained scale and shift per channel.
    pub affine: bool,
    /// Running mean and variance. Without them the norm uses batch statistics in scoring too.
    pub track: bool,
}

impl NormKind {
    /// Inside the cells of a supernet: neither, since the statistics of a shared edge belong to no network.
    pub const SHARED: NormKind = NormKind { affine: false, track: false };
    /// Everywhere else: both.
    pub const FULL: NormKind = NormKind { affine: true, track: true };
}

/// `scale · (x - mean) / √(var + ε) + shift` per channel, by which mean and variance the [`Pass`](crate::Pass) says; scale 1 and shift 0 where
/// there are none. Its tensors are `NAME.scale`, `NAME.shift`, `NAME.running_mean` and `NAME.running_var`, `[channels]` each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BatchNorm {
    /// Its dotted name.
    pub name: Arc<str>,
    /// Of what is normalised.
    pub channels: usize,
    /// Trained scale and shift.
    pub affine: Option<(View, View)>,
    /// Running mean and variance.
    pub stats: Option<StatsView>,
    /// Added to the variance.
    pub eps: Real,
}

impl BatchNorm {
    /// Of what is normalised.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Whether zeros come out where zeros go in: nothing is shifted, and nothing but the batch's own mean, zero, is taken away.
    pub fn keeps_zeros(&self) -> bool {
        self.affine.is_none() && self.stats.is_none()
    }

    /// The same over the first `channels` channels, as networks of several widths share weights.
    #[must_use]
    pub fn narrowed(&self, channels: usize) -> BatchNorm {
        let first = |view: &View| view.clone().first(0, channels);
        let affine = self.affine.as_ref().map(|(scale, shift)| (first(scale), first(shift)));
        let stats = self.stats.as_ref().map(|stats| StatsView { used: channels, ..stats.clone() });
        BatchNorm { channels, affine, stats, ..self.clone() }
    }
}

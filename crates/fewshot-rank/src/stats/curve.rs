//! Learning curves: what more training would bring.

use std::f64::consts::TAU;

use fewshot_space::random::stream;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Points that a curve needs: one more than it has parameters, so that something is left to tell how well it fits.
const FEWEST: usize = 4;
/// Exponents of the power law. Below, a curve is a straight line in everything that can be seen of it; above, it has ended.
const EXPONENTS: [f64; 2] = [0.05, 2.0];
/// Exponents that are tried, each 6 % above the one before.
const GRID: usize = 64;
/// Curves drawn for the interval; 10 of them lie below it and 10 above.
const DRAWS: usize = 400;
/// Range of times, as shares of the last point's: far beyond what means anything, and without overflow.
const TIMES: [f64; 2] = [1e-9, 1e9];

/// How accurate a network was at one moment of its training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// When: epochs, steps or seconds since the training began, above 0.
    pub at: f64,
    /// Share of images that were right, 0 to 1.
    pub accuracy: f64,
    /// How many images that is a share of, at least 1.
    pub images: u64,
}

/// What more training would bring.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// Accuracy after minus accuracy before, as shares: -1 to 1, where 0.012 is 1.2 percentage points.
    pub points: f64,
    /// Its 95 % interval, lower end first, in the same unit.
    pub interval: [f64; 2],
}

/// A curve through the accuracies of one training: `1 - accuracy(t) = a + b·t^-c`, with a and b at least 0 and c from 0.05 to 2.
///
/// Errors of networks that train on and on fall as a power of the time, down to what they cannot learn (Hestness and others
/// 2017). A training whose learning rate ends at zero does not: its last epochs gain more than any power law says, and what
/// would come after them is another training. So compare points at equal learning rates, or take what this says as what the
/// *same* schedule would have gone on to, and remember that the interval holds only as far as the form does.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    fitted: Power,
    /// Fits to curves that might as well have been seen.
    draws: Vec<Power>,
    /// Time of the last point: what times are shares of.
    last: f64,
}

/// An error of `floor + drop · (t / last)^-exponent`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Power {
    floor: f64,
    drop: f64,
    exponent: f64,
}

impl Power {
    /// The error at a share of the last point's time, 0 to 1.
    fn at(&self, share: f64) -> f64 {
        (self.floor + self.drop * share.powf(-self.exponent)).clamp(0.0, 1.0)
    }
}

impl LearningCurve {
    /// Fits the curve by weighted least squares, each point as sure as its images are many, and refits it to 400 sets of points
    /// drawn around it for the intervals: with the spread of as many images, or that which the points themselves show around the
    /// curve, whichever is larger. The order of the points does not matter much (sums are taken in it), and nothing is drawn
    /// that other arguments of the same values would not draw again.
    ///
    /// `None` for points at fewer than four different times, or if one has a time that is not finite and above 0, an accuracy
    /// outside 0..1, or no images.
    pub fn fit(points: &[CurvePoint]) -> Option<LearningCurve> {
        let sound = |point: &CurvePoint| {
            point.at > 0.0 && point.at.is_finite() && (0.0..=1.0).contains(&point.accuracy) && point.images > 0
        };
        let mut times: Vec<f64> = points.iter().map(|point| point.at).collect();
        times.sort_unstable_by(f64::total_cmp);
        times.dedup();
        let last = *times.last()?;
        if times.len() < FEWEST || !points.iter().all(sound) {
            return None;
        }
        let errors: Vec<f64> = points.iter().map(|point| 1.0 - point.accuracy).collect();
        let mut seen = Seen { shares: points.iter().map(|point| share(point.at, last)).collect(), weights: Vec::new() };
        let columns = seen.columns();
        // The spread of a share depends on the share itself. What was seen tells it well enough for a first fit, and that fit
        // for the second: weighting by what was seen alone would favour the points that chance made good.
        let weigh = |errors: &mut dyn Iterator<Item = f64>| -> Vec<f64> {
            errors.zip(points).map(|(error, point)| 1.0 / variance(error, point.images)).collect()
        };
        seen.weights = weigh(&mut errors.iter().copied());
        let first = seen.fit(&columns, &errors).0;
        seen.weights = weigh(&mut seen.shares.iter().map(|&share| first.at(share)));
        let (nearest, place) = seen.fit(&columns, &errors);
        let fitted = seen.refine(place, &errors).unwrap_or(nearest);
        let spread = (seen.misfit(&fitted, &errors) / (errors.len() - 3) as f64).max(1.0).sqrt();
        let draw = |number: usize| {
            let mut random = stream(0, "learning curve", number as u64, 0);
            let errors: Vec<f64> = (seen.shares.iter().zip(&seen.weights))
                .map(|(&share, weight)| fitted.at(share) + spread * normal(&mut random) / weight.sqrt())
                .collect();
            seen.fit(&columns, &errors).0
        };
        Some(LearningCurve { fitted, draws: (0..DRAWS).map(draw).collect(), last })
    }

    /// The accuracy that the curve has at a time, 0 to 1; times as for [`gain`](LearningCurve::gain).
    pub fn accuracy(&self, at: f64) -> f64 {
        1.0 - self.fitted.at(share(at, self.last))
    }

    /// How much more accurate the network is after training until `to` than after training until `from`, in the unit of the
    /// points' times; below 0 if `to` is the earlier one. The interval holds the mean of many measurements, not each of them.
    ///
    /// Times from a billionth of the last point's to a billion times it; others, and what is no number, count as the nearer of
    /// the two, NaN as the earlier.
    pub fn gain(&self, from: f64, to: f64) -> Gain {
        let (from, to) = (share(from, self.last), share(to, self.last));
        let gain = |curve: &Power| curve.at(from) - curve.at(to);
        let points = gain(&self.fitted);
        let mut gains: Vec<f64> = self.draws.iter().map(gain).collect();
        gains.sort_unstable_by(f64::total_cmp);
        let outside = DRAWS / 40;
        Gain { points, interval: [gains[outside].min(points), gains[DRAWS - 1 - outside].max(points)] }
    }
}

/// A time as a share of the last point's.
fn share(at: f64, last: f64) -> f64 {
    let [least, most] = TIMES;
    match at / last {
        share if share.is_nan() => least,
        share => share.clamp(least, most),
    }
}

/// Of a measured error: binomial, with one right and one wrong image more, so that no point is beyond doubt.
fn variance(error: f64, images: u64) -> f64 {
    let n = images as f64;
    (error * n + 1.0) * ((1.0 - error) * n + 1.0) / (n * (n + 2.0) * (n + 2.0))
}

/// The exponent at a place of the grid, 0 to `GRID - 1`, or between two.
fn exponent(place: f64) -> f64 {
    let [least, most] = EXPONENTS;
    (least * (most / least).powf(place / (GRID - 1) as f64)).clamp(least, most)
}

/// Box and Muller (1958).
fn normal(random: &mut impl Rng) -> f64 {
    let (radius, angle): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos()
}

/// When errors were measured, as shares of the last time, and how sure each is: one over its variance.
struct Seen {
    shares: Vec<f64>,
    weights: Vec<f64>,
}

impl Seen {
    /// For each exponent of the grid, the powers of all times.
    fn columns(&self) -> Vec<(f64, Vec<f64>)> {
        (0..GRID).map(|place| exponent(place as f64)).map(|exponent| (exponent, self.powers(exponent))).collect()
    }

    fn powers(&self, exponent: f64) -> Vec<f64> {
        self.shares.iter().map(|share| share.powf(-exponent)).collect()
    }

    /// The curve of the grid that is nearest to `errors`, and its place there; of equally near ones the first.
    fn fit(&self, columns: &[(f64, Vec<f64>)], errors: &[f64]) -> (Power, usize) {
        let mut best = (Power { floor: 0.0, drop: 0.0, exponent: EXPONENTS[0] }, 0);
        let mut least = f64::INFINITY;
        for (place, (exponent, powers)) in columns.iter().enumerate() {
            let (curve, misfit) = self.with_exponent(*exponent, powers, errors);
            if misfit < least {
                (best, least) = ((curve, place), misfit);
            }
        }
        best
    }

    /// The nearest curve between the neighbours of a place in the grid, by golden section; `None` if it is no nearer.
    fn refine(&self, place: usize, errors: &[f64]) -> Option<Power> {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let at = |place: f64| {
            let exponent = exponent(place);
            self.with_exponent(exponent, &self.powers(exponent), errors)
        };
        let (mut left, mut right) = (place.saturating_sub(1) as f64, (place + 1).min(GRID - 1) as f64);
        for _ in 0..40 {
            let (a, b) = (right - GOLDEN * (right - left), left + GOLDEN * (right - left));
            if at(a).1 <= at(b).1 { right = b } else { left = a }
        }
        let (middle, start) = (at(0.5 * (left + right)), at(place as f64));
        (middle.1 < start.1).then_some(middle.0)
    }

    /// The nearest curve of one exponent, and how far it is: a weighted line with a floor and a drop of at least 0.
    fn with_exponent(&self, exponent: f64, powers: &[f64], errors: &[f64]) -> (Power, f64) {
        let mean = |values: &[f64]| {
            let sum: f64 = values.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum();
            sum / self.weights.iter().sum::<f64>()
        };
        let (x, y) = (mean(powers), mean(errors));
        // Around the means, since powers of a small exponent are all but equal.
        let (mut across, mut along, mut product, mut square) = (0.0, 0.0, 0.0, 0.0);
        for ((power, error), weight) in powers.iter().zip(errors).zip(&self.weights) {
            across += weight * (power - x) * (power - x);
            along += weight * (power - x) * (error - y);
            product += weight * power * error;
            square += weight * power * power;
        }
        let drop = if across > 0.0 { along / across } else { 0.0 };
        // Both must be at least 0; where the free line breaks that, the nearest that keeps it has one of them at 0.
        let (floor, drop) = match y - drop * x {
            _ if drop <= 0.0 => (y.max(0.0), 0.0),
            floor if floor < 0.0 => (0.0, (product / square).max(0.0)),
            floor => (floor, drop),
        };
        let curve = Power { floor, drop, exponent };
        let misfit = powers.iter().zip(errors).zip(&self.weights);
        (curve, misfit.map(|((power, error), weight)| weight * (error - floor - drop * power).powi(2)).sum())
    }

    /// The weighted squares of what is left between curve and errors.
    fn misfit(&self, curve: &Power, errors: &[f64]) -> f64 {
        let seen = self.shares.iter().zip(errors).zip(&self.weights);
        seen.map(|((&share, error), weight)| weight * (error - curve.at(share)).powi(2)).sum()
    }
}

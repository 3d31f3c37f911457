//! Where a value lies between the two ends of an axis, and where its ticks are.

use super::super::numbers::short;

/// Steps between ticks, on one decade.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// About so many ticks on an axis.
const TICKS: f64 = 5.0;

/// One axis of a chart: linear, or logarithmic to base ten.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// Values of the ticks, ascending.
    ticks: Vec<f64>,
    /// Decimals of a linear axis' tick labels.
    decimals: usize,
}

impl Axis {
    /// A linear axis that holds all finite values and ends at ticks; 0 to 1 where there is none.
    pub fn linear(values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = spread(values);
        let step = round((high - low) / TICKS);
        let ticks = ticks((low / step + 1e-6).floor(), (high / step - 1e-6).ceil(), step);
        let (low, high) = (ticks.first().copied().unwrap_or(low), ticks.last().copied().unwrap_or(high));
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        Axis { low, high, log: false, ticks, decimals }
    }

    /// A linear axis of what is counted: it ends where the values end, and its ticks are whole numbers.
    pub fn whole(values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = spread(values);
        let step = round((high - low) / TICKS).max(1.0);
        let ticks = ticks((low / step).ceil(), (high / step).floor(), step);
        Axis { low, high, log: false, ticks, decimals: 0 }
    }

    /// A logarithmic axis that holds all finite values above 0; 1 to 10 where there is none.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Axis {
        let drawable = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let (low, high) = range(drawable).unwrap_or((1.0, 10.0));
        // Room on both sides, so that no value lies on the frame.
        let (low, high) = (low / 1.3, high * 1.3);
        let decades = (high / low).log10();
        let steps: &[f64] = if decades < 2.2 { &STEPS[..3] } else { &STEPS[..1] };
        let every = (decades / (1.5 * TICKS)).ceil().max(1.0) as i32;
        let exponents = (low.log10().floor() as i32..=high.log10().ceil() as i32).filter(|e| e.rem_euclid(every) == 0);
        let all = exponents.flat_map(|exponent| steps.iter().map(move |step| step * 10f64.powi(exponent)));
        Axis { low, high, log: true, ticks: all.filter(|tick| (low..=high).contains(tick)).collect(), decimals: 0 }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high one. `None` for what the axis cannot show: no number, or on a
    /// logarithmic axis nothing above 0.
    pub fn place(&self, value: f64) -> Option<f64> {
        let place = if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.is_finite().then(|| place.clamp(0.0, 1.0))
    }

    /// Place and text of each tick.
    pub fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let text = |tick: f64| match self.log || self.high.abs().max(self.low.abs()) >= 10_000.0 {
            true => short(tick),
            // No "-0".
            false => format!("{:.*}", self.decimals, tick + 0.0),
        };
        self.ticks.iter().filter_map(move |&tick| Some((self.place(tick)?, text(tick))))
    }
}

/// Least and greatest of the finite values; 0 and 1 where there is none. A single one stands in the middle of a range.
fn spread(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    match range(values.into_iter().filter(|value| value.is_finite())) {
        None => (0.0, 1.0),
        Some((low, high)) if low == high => {
            let room = if low == low.trunc() { 1.0 } else { low.abs() * 0.1 };
            (low - room, high + room)
        }
        Some(range) => range,
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// The multiples of `step` from number `first` to number `last`.
fn ticks(first: f64, last: f64, step: f64) -> Vec<f64> {
    if last < first {
        return Vec::new();
    }
    (0..=(last - first) as usize).map(|index| (first + index as f64) * step).collect()
}

/// A step near `step`, or above it: 1, 2 or 5 times a power of ten.
fn round(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    STEPS.iter().map(|factor| factor * decade).find(|round| *round >= step * 0.8).unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks().map(|(_, text)| text).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_enclose_the_values() {
        assert_eq!(texts(&Axis::linear([0.0, 1.0])), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&Axis::linear([-0.11, 0.52])), ["-0.2", "0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(texts(&Axis::linear([3.0, 81.0])), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(&Axis::linear([2e6, 9.5e6])), ["2 M", "4 M", "6 M", "8 M", "10 M"]);
        assert_eq!(texts(&Axis::whole([1.0, 2.0])), ["1", "2"]);
        assert_eq!(texts(&Axis::whole([1.0, 12.0])), ["2", "4", "6", "8", "10", "12"]);
        let axis = Axis::linear([0.0, 10.0]);
        assert_eq!([0.0, 5.0, 10.0].map(|value| axis.place(value)), [Some(0.0), Some(0.5), Some(1.0)]);
    }

    #[test]
    fn log_ticks_are_decades_or_finer() {
        assert_eq!(texts(&Axis::log([1.0, 25.0])), ["1", "2", "5", "10", "20"]);
        assert_eq!(texts(&Axis::log([1e12, 1e17])), ["1 T", "10 T", "100 T", "1 P", "10 P", "100 P"]);
        assert!(texts(&Axis::log([1e-20, 1e20])).len() < 12);
        let axis = Axis::log([1.0, 100.0]);
        assert!((axis.place(10.0).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!([0.0, -1.0, f64::NAN].map(|value| axis.place(value)), [None; 3]);
    }

    #[test]
    fn no_value_one_value_and_no_number_still_make_an_axis() {
        for values in [vec![], vec![f64::NAN, f64::INFINITY], vec![0.0], vec![5.0], vec![-3.0, -3.0], vec![1e-9]] {
            for axis in [Axis::linear(values.clone()), Axis::whole(values.clone()), Axis::log(values.clone())] {
                let places: Vec<f64> = axis.ticks().map(|(place, _)| place).collect();
                assert!(
                    places.len() < 20 && places.iter().all(|place| (0.0..=1.0).contains(place)),
                    "{values:?} {axis:?}"
                );
                assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{values:?} {axis:?}");
            }
        }
        assert!(Axis::linear([5.0]).place(5.0).unwrap() > 0.3);
        assert_eq!(Axis::linear([1.0]).place(f64::NAN), None);
        assert_eq!(texts(&Axis::whole([1.2, 1.8])), [""; 0]);
    }
}

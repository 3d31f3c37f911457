//! Numbers over repetitions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Mean and spread of one number over the seeds, and splits, of what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanSpread {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation; absent for a single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
}

impl MeanSpread {
    /// Of some values; `None` for none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let spread = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        (!values.is_empty()).then_some(Self { mean, spread })
    }
}

/// The mean with two decimals, ± the spread where there is one.
impl fmt::Display for MeanSpread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, spread } = self;
        match spread {
            None => write!(f, "{mean:.2}"),
            Some(spread) => write!(f, "{mean:.2} ± {spread:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_written_where_there_is_one() {
        let of = |values: &[f64]| MeanSpread::of(values).unwrap().to_string();
        assert_eq!((of(&[2.0]), of(&[1.0, 3.0])), ("2.00".to_string(), "2.00 ± 1.41".to_string()));
    }

    #[test]
    fn means_and_spreads() {
        assert_eq!(MeanSpread::of(&[]), None);
        assert_eq!(MeanSpread::of(&[2.0]), Some(MeanSpread { mean: 2.0, spread: None }));
        assert_eq!(MeanSpread::of(&[1.0, 3.0]), Some(MeanSpread { mean: 2.0, spread: Some(2f64.sqrt()) }));
    }
}

//! What networks are judged by: how it is called, written, and which way is better.

use std::cmp::Ordering;

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The higher the better: accuracy.
    Higher,
    /// The lower the better: an error, a distance.
    Lower,
}

/// A number that trained networks are judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// What it is called within a sentence: `accuracy`.
    pub name: &'static str,
    /// The unit that it is written in, `%`; empty for none.
    pub unit: &'static str,
    /// How many units 1 is: 100 for shares that are written in per cent.
    pub scale: f64,
    /// Which way is better.
    pub better: Better,
}

impl Metric {
    /// The share of images that are given their class, 0 to 1, written in per cent.
    pub const ACCURACY: Metric = Metric { name: "accuracy", unit: "%", scale: 100.0, better: Better::Higher };

    /// A value with its unit and so many decimals: `78.5 %`.
    pub fn text(&self, value: f64, decimals: usize) -> String {
        let number = format!("{:.decimals$}", self.scale * value);
        if self.unit.is_empty() { number } else { format!("{number} {}", self.unit) }
    }

    /// What an axis or a column of its values is headed by, as numbers in its unit: `accuracy, %`.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() { self.name.to_string() } else { format!("{}, {}", self.name, self.unit) }
    }

    /// A value as a score, of which the higher is the better: what estimators give and strategies are told. Never twice.
    pub fn score(&self, value: f64) -> f64 {
        match self.better {
            Better::Higher => value,
            Better::Lower => -value,
        }
    }

    /// The score of what is worth nothing, such as a network whose training diverged: 0 where values are 0 or more and the higher
    /// the better, else the least number there is, which is finite.
    pub fn worst_score(&self) -> f64 {
        match self.better {
            Better::Higher => 0.0,
            Better::Lower => f64::MIN,
        }
    }

    /// Orders values from worse to better.
    pub fn compare(&self, a: f64, b: f64) -> Ordering {
        self.score(a).total_cmp(&self.score(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_with_its_unit() {
        assert_eq!(Metric::ACCURACY.text(0.7849, 1), "78.5 %");
        assert_eq!(Metric::ACCURACY.heading(), "accuracy, %");
        let distance = Metric { name: "FID", unit: "", scale: 1.0, better: Better::Lower };
        assert_eq!((distance.text(12.345, 2), distance.heading()), ("12.35".to_string(), "FID".to_string()));
        assert_eq!(distance.compare(3.0, 2.0), Ordering::Less);
        assert!(distance.score(2.0) > distance.score(3.0) && distance.worst_score() < distance.score(1e300));
        assert_eq!(Metric::ACCURACY.compare(0.3, 0.2), Ordering::Greater);
    }
}

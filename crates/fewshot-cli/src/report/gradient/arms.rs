//! What tables and figures of methods and modes have in common, whatever the networks are judged by.

use fewshot_nas::experiments::{GradientResult, GradientRow, MeanSpread};
use maud::Markup;

use super::super::chart::{Bar, Bars, Colour, Mark};
use super::super::page::{figure, figures};

/// One number of the rows of all seeds, as bars of their means; none where no row has it.
pub struct Means<'a> {
    /// The number.
    pub of: &'a dyn Fn(&GradientRow) -> Option<f64>,
    /// What the axis says.
    pub label: String,
    /// Above the figure.
    pub title: &'a str,
    /// For who does not see it.
    pub alt: &'a str,
    /// What the bars are compared with.
    pub marks: Vec<Mark>,
}

impl Means<'_> {
    /// The figure.
    pub fn figure(self, result: &GradientResult) -> Option<Markup> {
        let Means { of, label, title, alt, marks } = self;
        let bar = |arm: (&str, &str)| {
            let mean = result.mean(arm, of)?.mean;
            Some(Bar {
                label: name(arm),
                value: mean,
                text: format!("{mean:.2}"),
                colour: Colour::of(usize::from(arm.1.starts_with("few-shot"))),
                interval: None,
                dots: result.rows_of(arm).filter_map(of).collect(),
            })
        };
        let bars: Vec<Bar> = result.arms().into_iter().filter_map(bar).collect();
        if bars.is_empty() {
            return None;
        }
        let chart = Bars { label, bars, marks, alt: alt.into() };
        Some(figures(&[figure(title, "Bars: mean over seeds. Dots: seeds.", &chart.draw())]))
    }
}

/// Something to compare bars with.
pub fn mark(label: &str, value: f64) -> Mark {
    Mark { label: label.into(), value, text: format!("{value:.2}") }
}

/// Method and mode.
pub fn name((method, mode): (&str, &str)) -> String {
    format!("{method}, {mode}")
}

/// A mean with the deviation over seeds, where there are several.
pub fn spread(value: Option<MeanSpread>) -> String {
    value.map_or_else(|| "-".to_string(), |value| value.to_string())
}

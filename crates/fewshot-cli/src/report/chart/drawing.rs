//! What charts have in common: colours, marks, legends, the frame.

use maud::{Markup, html};

/// Width of every chart, in its own units.
pub const WIDTH: f64 = 390.0;
/// About the width of a character of 13 units.
pub const CHARACTER: f64 = 7.3;
/// Different colours of data.
pub const COLOURS: usize = 8;

/// A colour of the page's palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(usize);

impl Colour {
    /// For what is there to compare with.
    pub const GREY: Colour = Colour(COLOURS);

    /// The colour of series `index`; they repeat after eight.
    pub fn of(index: usize) -> Colour {
        Colour(index % COLOURS)
    }

    /// Its class.
    pub fn class(self) -> String {
        format!("c{}", self.0)
    }
}

/// A value to compare with: a dashed line across the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What it is.
    pub label: String,
    /// Its value.
    pub value: f64,
    /// The value as text.
    pub text: String,
}

/// Marks that would be drawn over each other, as one.
pub fn merged(marks: &[Mark]) -> Vec<Mark> {
    let mut distinct: Vec<Mark> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.value.is_finite()) {
        match distinct.iter_mut().find(|known| (known.value - mark.value).abs() < 0.001) {
            Some(known) => known.label = format!("{}, {}", known.label, mark.label),
            None => distinct.push(mark.clone()),
        }
    }
    distinct
}

/// A sample of how something is drawn, for the legend.
pub enum Sample {
    Dot(Colour),
    Line(Colour),
    /// The dashes of mark number so much.
    Mark(usize),
}

/// The legend below a chart. It is no part of the drawing, so that it wraps on narrow screens.
pub fn legend(entries: &[(Sample, String)]) -> Markup {
    html! {
        @if !entries.is_empty() {
            ul.legend {
                @for (sample, text) in entries {
                    li {
                        svg.sample viewBox="0 0 22 12" aria-hidden="true" {
                            @match sample {
                                Sample::Dot(colour) => circle.dot.(colour.class()) cx="11" cy="6" r="5" {},
                                Sample::Line(colour) => line.line.(colour.class()) x1="1" y1="6" x2="21" y2="6" {},
                                Sample::Mark(index) => line.mark.(mark_class(*index)) x1="0" y1="6" x2="22" y2="6" {},
                            }
                        }
                        (text)
                    }
                }
            }
        }
    }
}

/// Legend entries of marks, with their values.
pub fn mark_entries(marks: &[Mark]) -> impl Iterator<Item = (Sample, String)> {
    marks.iter().enumerate().map(|(index, mark)| (Sample::Mark(index), format!("{} {}", mark.label, mark.text)))
}

pub fn mark_class(index: usize) -> String {
    format!("m{}", index % 5)
}

/// A drawing of the given height; `alt` says what it shows to those who cannot see it.
pub fn svg(height: f64, alt: &str, content: &Markup) -> Markup {
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (px(height)) } role="img" aria-label=(alt) { (content) }
    }
}

/// What stands in place of a chart without data.
pub fn nothing() -> Markup {
    html! { p.none { "Nothing to draw." } }
}

/// A coordinate, short.
pub fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}

/// Text cut to a width in units, with dots where something is missing.
pub fn fitted(text: &str, width: f64) -> String {
    let room = (width / CHARACTER) as usize;
    if text.chars().count() <= room {
        return text.to_string();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// Checks that a drawing is well-formed: every element is closed in order, and no coordinate is missing.
#[cfg(test)]
pub fn check(markup: &Markup) {
    let text = &markup.0;
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    let mut open = Vec::new();
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("a tag that does not end: {tag}"));
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{text}"),
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?} stay open: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_at_one_place_are_one() {
        let mark = |label: &str, value: f64| Mark { label: label.into(), value, text: format!("{value:.1}") };
        let marks = [mark("#params", 0.504), mark("#MACs", 0.5041), mark("random", 0.0), mark("none", f64::NAN)];
        assert_eq!(merged(&marks), [mark("#params, #MACs", 0.504), mark("random", 0.0)]);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(fitted("e0=none", 420.0), "e0=none");
        assert_eq!(fitted("e0=nor_conv_3x3", 73.0), "e0=nor_co…");
    }
}

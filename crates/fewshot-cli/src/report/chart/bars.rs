//! Horizontal bars with intervals.

use maud::{Markup, html};

use super::axis::Axis;
use super::drawing::{
    CHARACTER, Colour, Mark, WIDTH, fitted, legend, mark_class, mark_entries, merged, nothing, px, svg,
};

/// Height of a bar with its label, which stands above it so that it may be long.
const ROW: f64 = 42.0;
/// Space to both sides: half a tick label.
const SIDE: f64 = 14.0;

/// One bar, from 0 to its value.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// The value as text.
    pub text: String,
    /// Its colour.
    pub colour: Colour,
    /// An interval around the value.
    pub interval: Option<(f64, f64)>,
    /// The single values of which it is the mean.
    pub dots: Vec<f64>,
}

/// A chart of bars, the first on top.
#[derive(Debug, Clone)]
pub struct Bars {
    /// What the bars measure, with its unit.
    pub label: String,
    /// The bars.
    pub bars: Vec<Bar>,
    /// Values to compare with.
    pub marks: Vec<Mark>,
    /// What the chart shows, for those who cannot see it.
    pub alt: String,
}

impl Bars {
    /// The chart and its legend.
    pub fn draw(&self) -> Markup {
        let bars: Vec<&Bar> = self.bars.iter().filter(|bar| bar.value.is_finite()).collect();
        if bars.is_empty() {
            return nothing();
        }
        let marks = merged(&self.marks);
        let ends = bars.iter().filter_map(|bar| bar.interval).flat_map(|(low, high)| [low, high]);
        let dots = bars.iter().flat_map(|bar| bar.dots.iter().copied());
        let values = bars.iter().map(|bar| bar.value).chain(ends).chain(dots);
        let axis = Axis::linear(values.chain(marks.iter().map(|mark| mark.value)).chain([0.0]));
        let place = |value: f64| axis.place(value).map(|place| SIDE + place * (WIDTH - 2.0 * SIDE));
        let zero = place(0.0).unwrap_or(SIDE);
        let bottom = bars.len() as f64 * ROW + 6.0;
        let content = html! {
            @for (at, text) in axis.ticks() {
                @let x = SIDE + at * (WIDTH - 2.0 * SIDE);
                line.grid x1=(px(x)) x2=(px(x)) y1="0" y2=(px(bottom)) {}
                text.tick x=(px(x)) y=(px(bottom + 15.0)) text-anchor="middle" { (text) }
            }
            @for (index, bar) in bars.iter().enumerate() {
                @let top = index as f64 * ROW;
                @if let Some(end) = place(bar.value) {
                    rect.bar.(bar.colour.class()) x=(px(zero.min(end))) y=(px(top + 21.0))
                        width=(px((end - zero).abs())) height="14" rx="2" {}
                }
            }
            line.axis x1=(px(zero)) x2=(px(zero)) y1="0" y2=(px(bottom)) {}
            @for (index, mark) in marks.iter().enumerate() {
                @if let Some(x) = place(mark.value) {
                    // Only beside bars, so that labels stay readable.
                    path.mark.(mark_class(index)) d=(beside_bars(x, bars.len())) { title { (mark.label) } }
                }
            }
            @for (index, bar) in bars.iter().enumerate() { (over(bar, index as f64 * ROW, &place)) }
            text.label x=(px(WIDTH / 2.0)) y=(px(bottom + 34.0)) text-anchor="middle" { (self.label) }
        };
        let entries: Vec<_> = mark_entries(&marks).collect();
        html! { (svg(bottom + 40.0, &self.alt, &content)) (legend(&entries)) }
    }
}

/// A vertical line at `x`, broken where labels stand.
fn beside_bars(x: f64, bars: usize) -> String {
    (0..bars).map(|bar| format!("M{} {}v22", px(x), px(bar as f64 * ROW + 19.0))).collect()
}

/// What lies over a bar: its texts, its interval, the single values.
fn over(bar: &Bar, top: f64, place: &dyn Fn(f64) -> Option<f64>) -> Markup {
    let room = WIDTH - 2.0 * SIDE - bar.text.chars().count() as f64 * CHARACTER - 12.0;
    let middle = top + 28.0;
    let interval = bar.interval.and_then(|(low, high)| Some((place(low)?, place(high)?)));
    html! {
        text.name x=(px(SIDE + 4.0)) y=(px(top + 15.0)) { (fitted(&bar.label, room)) title { (bar.label) } }
        text.value x=(px(WIDTH - SIDE)) y=(px(top + 15.0)) text-anchor="end" { (bar.text) }
        @if let Some((low, high)) = interval {
            path.whisker d={
                "M" (px(low)) " " (px(middle - 4.0)) "v8M" (px(high)) " " (px(middle - 4.0)) "v8M"
                (px(low)) " " (px(middle)) "H" (px(high))
            } {}
        }
        @for x in bar.dots.iter().filter_map(|dot| place(*dot)) {
            circle.single cx=(px(x)) cy=(px(middle)) r="3" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn bar(value: f64) -> Bar {
        let label = "a <label> that is much longer than there is room for on one line of the chart".to_string();
        let interval = Some((value - 0.1, value + 0.1));
        Bar { label, value, text: format!("{value:.3}"), colour: Colour::of(0), interval, dots: vec![value, f64::NAN] }
    }

    fn draw(bars: Vec<Bar>) -> String {
        let marks = vec![Mark { label: "ceiling".into(), value: 0.9, text: "0.900".into() }];
        let drawn = Bars { label: "tau-b".into(), bars, marks, alt: "bars".into() }.draw();
        check(&drawn);
        drawn.0
    }

    #[test]
    fn bars_have_label_value_interval_and_marks() {
        let text = draw(vec![bar(0.5), bar(-0.25)]);
        assert_eq!((text.matches("<rect").count(), text.matches("whisker").count()), (2, 2));
        assert_eq!(text.matches("class=\"single\"").count(), 2, "NaN has no dot");
        assert!(text.contains("0.500") && text.contains("a &lt;label&gt;") && text.contains("…"));
        assert!(text.contains("ceiling 0.900") && text.contains(">tau-b<"));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        assert!(draw(vec![]).contains("Nothing to draw"));
        assert!(draw(vec![bar(f64::NAN)]).contains("Nothing to draw"));
        let text = draw(vec![bar(f64::INFINITY), bar(0.0)]);
        assert_eq!(text.matches("<rect").count(), 1);
        assert!(text.contains("width=\"0\""), "{text}");
    }
}

//! Points, lines and bands over two axes.

use maud::{Markup, html};

use super::axis::Axis;
use super::drawing::{
    CHARACTER, Colour, Mark, Sample, WIDTH, legend, mark_class, mark_entries, merged, nothing, px, svg,
};

/// In a chart with so many points, those of a series are drawn in one stroke, without a text of their own.
const MANY: usize = 400;
/// Space above the axes: the y axis' label.
const TOP: f64 = 30.0;
/// Height of the area between the axes.
const HEIGHT: f64 = 230.0;
/// Space below it: ticks and the x axis' label.
const BOTTOM: f64 = 46.0;
/// Space to the right of it: half a tick label.
const RIGHT: f64 = 18.0;

/// One axis, before the data is known.
#[derive(Debug, Clone)]
pub struct Scale {
    /// What it measures, with its unit.
    pub label: String,
    /// How values are spread over it.
    pub spread: Spread,
}

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Evenly.
    Linear,
    /// Evenly, with ticks at whole numbers only.
    Whole,
    /// Equal ratios at equal distances.
    Log,
}

impl Scale {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Scale {
        Scale { label: label.into(), spread: Spread::Linear }
    }

    /// An axis of what is counted.
    pub fn whole(label: impl Into<String>) -> Scale {
        Scale { label: label.into(), spread: Spread::Whole }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Scale {
        Scale { label: label.into(), spread: Spread::Log }
    }

    fn axis(&self, values: impl IntoIterator<Item = f64>) -> Axis {
        match self.spread {
            Spread::Linear => Axis::linear(values),
            Spread::Whole => Axis::whole(values),
            Spread::Log => Axis::log(values),
        }
    }
}

/// One point.
#[derive(Debug, Clone)]
pub struct Dot {
    /// Where it is.
    pub x: f64,
    /// Where it is.
    pub y: f64,
    /// Shown when it is pointed at; empty for none.
    pub text: String,
}

/// How a series is drawn.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Small points.
    Dots(Vec<Dot>),
    /// Large points with a rim.
    Large(Vec<Dot>),
    /// A line through (x, y).
    Line(Vec<(f64, f64)>),
    /// One of many lines.
    Thin(Vec<(f64, f64)>),
    /// An area between (x, low, high).
    Band(Vec<(f64, f64, f64)>),
}

/// What belongs together.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in the legend; empty for none.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// How it is drawn.
    pub shape: Shape,
}

/// A chart over two axes. Later series are drawn over earlier ones.
#[derive(Debug, Clone)]
pub struct Xy {
    /// The horizontal axis.
    pub x: Scale,
    /// The vertical axis.
    pub y: Scale,
    /// The data.
    pub series: Vec<Series>,
    /// Values of y to compare with.
    pub marks: Vec<Mark>,
    /// What the chart shows, for those who cannot see it.
    pub alt: String,
}

impl Shape {
    /// The extent of the series: all its x, and all its y.
    fn points(&self) -> Vec<(f64, f64)> {
        match self {
            Shape::Dots(dots) | Shape::Large(dots) => dots.iter().map(|dot| (dot.x, dot.y)).collect(),
            Shape::Line(points) | Shape::Thin(points) => points.clone(),
            Shape::Band(areas) => areas.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]).collect(),
        }
    }

    /// Number of points that are drawn one by one.
    fn dots(&self) -> usize {
        match self {
            Shape::Dots(dots) | Shape::Large(dots) => dots.len(),
            Shape::Line(_) | Shape::Thin(_) | Shape::Band(_) => 0,
        }
    }

    fn sample(&self, colour: Colour) -> Sample {
        match self {
            Shape::Dots(_) | Shape::Large(_) => Sample::Dot(colour),
            Shape::Line(_) | Shape::Thin(_) | Shape::Band(_) => Sample::Line(colour),
        }
    }
}

impl Xy {
    /// The chart and its legend.
    pub fn draw(&self) -> Markup {
        let marks = merged(&self.marks);
        let points: Vec<(f64, f64)> = self.series.iter().flat_map(|series| series.shape.points()).collect();
        let drawable = |&(x, y): &(f64, f64)| {
            let fits = |value: f64, scale: &Scale| value.is_finite() && (value > 0.0 || scale.spread != Spread::Log);
            fits(x, &self.x) && fits(y, &self.y)
        };
        let points: Vec<(f64, f64)> = points.into_iter().filter(drawable).collect();
        if points.is_empty() {
            return nothing();
        }
        let x = self.x.axis(points.iter().map(|point| point.0));
        let y = self.y.axis(points.iter().map(|point| point.1).chain(marks.iter().map(|mark| mark.value)));
        let many = self.series.iter().map(|series| series.shape.dots()).sum::<usize>() >= MANY;
        let widest = y.ticks().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
        let area = Area { left: widest as f64 * CHARACTER + 10.0, x, y, many };
        let content = html! {
            (self.axes(&area))
            @for (index, mark) in marks.iter().enumerate() {
                @if let Some(y) = area.y(mark.value) {
                    line.mark.(mark_class(index)) x1=(px(area.left)) x2=(px(WIDTH - RIGHT)) y1=(px(y)) y2=(px(y)) {
                        title { (mark.label) }
                    }
                }
            }
            @for series in &self.series { (area.series(series)) }
        };
        let named = self.series.iter().filter(|series| !series.name.is_empty());
        let entries = named.map(|series| (series.shape.sample(series.colour), series.name.clone()));
        let entries: Vec<_> = entries.chain(mark_entries(&marks)).collect();
        html! { (svg(TOP + HEIGHT + BOTTOM, &self.alt, &content)) (legend(&entries)) }
    }

    fn axes(&self, area: &Area) -> Markup {
        let (left, right, bottom) = (area.left, WIDTH - RIGHT, TOP + HEIGHT);
        html! {
            @for (place, text) in area.y.ticks() {
                @let y = bottom - place * HEIGHT;
                line.grid x1=(px(left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                text.tick x=(px(left - 7.0)) y=(px(y + 4.5)) text-anchor="end" { (text) }
            }
            @for (place, text) in area.x.ticks() {
                @let x = left + place * (right - left);
                line.axis x1=(px(x)) x2=(px(x)) y1=(px(bottom)) y2=(px(bottom + 4.0)) {}
                text.tick x=(px(x)) y=(px(bottom + 18.0)) text-anchor="middle" { (text) }
            }
            line.axis x1=(px(left)) x2=(px(right)) y1=(px(bottom)) y2=(px(bottom)) {}
            text.label x="0" y="14" { (self.y.label) }
            text.label x=(px((left + right) / 2.0)) y=(px(bottom + 38.0)) text-anchor="middle" { (self.x.label) }
        }
    }
}

/// The area between the axes.
struct Area {
    left: f64,
    x: Axis,
    y: Axis,
    /// Whether there are many points in all.
    many: bool,
}

impl Area {
    fn x(&self, value: f64) -> Option<f64> {
        Some(self.left + self.x.place(value)? * (WIDTH - RIGHT - self.left))
    }

    fn y(&self, value: f64) -> Option<f64> {
        Some(TOP + (1.0 - self.y.place(value)?) * HEIGHT)
    }

    fn at(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        Some((self.x(x)?, self.y(y)?))
    }

    fn series(&self, series: &Series) -> Markup {
        let class = series.colour.class();
        match &series.shape {
            Shape::Dots(dots) if self.many => {
                let places = dots.iter().filter_map(|dot| self.at((dot.x, dot.y)));
                let strokes: String = places.map(|(x, y)| format!("M{} {}h0", px(x), px(y))).collect();
                html! { path.many.(class) d=(strokes) {} }
            }
            Shape::Dots(dots) => self.dots(dots, &format!("dot {class}"), 3.5),
            Shape::Large(dots) => self.dots(dots, &format!("dot large {class}"), 6.0),
            Shape::Line(points) => html! { path.line.(class) d=(self.line(points)) {} },
            Shape::Thin(points) => html! { path.line.thin.(class) d=(self.line(points)) {} },
            Shape::Band(areas) => {
                let there = areas.iter().filter_map(|&(x, low, _)| self.at((x, low)));
                let back = areas.iter().rev().filter_map(|&(x, _, high)| self.at((x, high)));
                let corners: Vec<String> = there.chain(back).map(|(x, y)| format!("{},{}", px(x), px(y))).collect();
                html! { polygon.band.(class) points=(corners.join(" ")) {} }
            }
        }
    }

    fn dots(&self, dots: &[Dot], class: &str, radius: f64) -> Markup {
        html! {
            @for dot in dots {
                @if let Some((x, y)) = self.at((dot.x, dot.y)) {
                    circle class=(class) cx=(px(x)) cy=(px(y)) r=(px(radius)) {
                        @if !dot.text.is_empty() { title { (dot.text) } }
                    }
                }
            }
        }
    }

    /// The path through points, broken where one cannot be drawn; a point between two gaps is drawn as a dot.
    fn line(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for part in points.split(|&point| self.at(point).is_none()) {
            for (index, (x, y)) in part.iter().filter_map(|&point| self.at(point)).enumerate() {
                path.push_str(&format!("{}{} {}", if index == 0 { 'M' } else { 'L' }, px(x), px(y)));
            }
            if part.len() == 1 {
                path.push_str("h0");
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn chart(spread: Spread, shapes: Vec<Shape>, marks: &[f64]) -> String {
        let scale = |label: &str| Scale { label: label.into(), spread };
        let series = shapes.into_iter().enumerate().map(|(index, shape)| Series {
            name: format!("series <{index}>"),
            colour: Colour::of(index),
            shape,
        });
        let marks = marks.iter().map(|&value| Mark { label: "mark".into(), value, text: value.to_string() });
        let (x, y, alt) = (scale("epoch"), scale("accuracy, %"), "a chart".to_string());
        let drawn = Xy { x, y, series: series.collect(), marks: marks.collect(), alt }.draw();
        check(&drawn);
        drawn.0
    }

    fn dot(x: f64, y: f64) -> Dot {
        Dot { x, y, text: format!("{x} & {y}") }
    }

    #[test]
    fn every_shape_is_drawn_with_axes_and_legend() {
        let line = vec![(0.0, 1.0), (1.0, 2.0), (2.0, 1.5)];
        let shapes = vec![
            Shape::Band(vec![(0.0, 0.5, 1.5), (2.0, 1.0, 2.0)]),
            Shape::Line(line.clone()),
            Shape::Thin(line),
            Shape::Dots(vec![dot(0.5, 1.0)]),
            Shape::Large(vec![dot(1.5, 1.0)]),
        ];
        let text = chart(Spread::Linear, shapes, &[0.25, 0.75]);
        for part in
            ["polygon", "<path", "<circle", "epoch", "accuracy, %", "0.5 &amp; 1", "series &lt;4&gt;", "mark 0.75"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.matches("class=\"sample\"").count(), 7);
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        assert!(chart(Spread::Linear, vec![], &[]).contains("Nothing to draw"));
        assert!(
            chart(Spread::Log, vec![Shape::Dots(vec![dot(0.0, 1.0), dot(f64::NAN, 1.0)])], &[]).contains("Nothing")
        );
        for spread in [Spread::Linear, Spread::Whole, Spread::Log] {
            let text = chart(spread, vec![Shape::Dots(vec![dot(1.0, f64::INFINITY), dot(2.0, 3.0)])], &[f64::NAN]);
            assert_eq!(text.matches("<circle").count(), 2, "one point and its legend: {text}");
            let gap = vec![(1.0, 1.0), (2.0, 2.0), (3.0, f64::NAN), (4.0, 2.0)];
            let text = chart(spread, vec![Shape::Line(gap)], &[]);
            let path = text.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
            assert!(path.ends_with("h0"), "{path}");
        }
    }

    #[test]
    fn many_points_are_one_element() {
        let dots = (0..MANY).map(|index| dot(index as f64, 1.0)).collect();
        let text = chart(Spread::Linear, vec![Shape::Dots(dots)], &[]);
        assert_eq!((text.matches("<path").count(), text.matches("h0").count()), (1, MANY));
    }
}

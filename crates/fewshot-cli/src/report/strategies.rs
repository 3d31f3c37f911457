//! The report of a comparison of search strategies.

use fewshot_nas::experiments::{CurvePoint, Quantiles, StrategiesResult, StrategyRow};
use maud::{Markup, html};

use super::chart::{Colour, Mark, Scale, Series, Shape, Xy};
use super::numbers::{counted, duration, grouped};
use super::page::{Cell, Row, Section, figure, figures, table, tiles};
use super::record::Record;
use super::story::Story;
use crate::failure::Failure;

/// The strategy beside which all others are shown.
const RANDOM: &str = "random";
/// Curves begin here: before, one good draw makes the picture.
const FROM: usize = 20;

/// What is shown of a run of kind `strategies`.
///
/// # Errors
/// When its result is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let result: Option<StrategiesResult> = record.run.result()?;
    let title = format!("Search strategies on {}", record.recipe.space.name);
    Ok(match &result {
        None => Story { title, lead: html! {}, sections: Vec::new() },
        Some(result) => Story { title, lead: lead(result), sections: sections(result) },
    })
}

fn lead(result: &StrategiesResult) -> Markup {
    let StrategiesResult { networks, space, truth, evaluations, runs, best_truth, seconds, .. } = result;
    html! {
        p.lead {
            "Each strategy searched the " (grouped(*networks as u64)) " networks of the space " (space) " "
            (counted(*runs, "time")) " with " (grouped(*evaluations as u64)) " evaluations, driven by each source of scores. "
            "The truth is the " (truth) "."
        }
        (tiles(&[
            (format!("{best_truth:.2}"), "best truth of any network".into()),
            (grouped(*runs), "searches per strategy and source".into()),
            (grouped(*evaluations as u64), "evaluations each".into()),
            (duration(*seconds), "working time".into()),
        ]))
    }
}

fn sections(result: &StrategiesResult) -> Vec<Section> {
    let picked = html! {
        p { "What a user of the search gets: the network with the best score, and its truth. Where the truth itself scores, "
            "it is the best truth visited." }
        (charts(result, |point| point.picked))
        (tables(result, |point| point.picked))
    };
    let oracle = html! {
        p { "What published figures show: the best truth among all networks visited, whether or not the search would have "
            "chosen it. No search knows it; random search does well by it because it visits many different networks." }
        (charts(result, |point| point.oracle))
        (tables(result, |point| point.oracle))
    };
    vec![
        Section { title: "Truth of the best-scored network", body: picked },
        Section { title: "Best truth visited (an oracle)", body: oracle },
        Section { title: "Repeats, and time of the strategies themselves", body: cost(result) },
    ]
}

/// A figure per strategy: its mean curve for each source of scores, and random search's thin in the same colour.
fn charts(result: &StrategiesResult, of: fn(&CurvePoint) -> Quantiles) -> Markup {
    let mut strategies: Vec<&str> = result.rows.iter().map(|row| row.strategy.as_str()).collect();
    let mut seen = std::collections::BTreeSet::new();
    strategies.retain(|name| *name != RANDOM && seen.insert(*name));
    let of_strategy = |strategy: &&str| {
        let mut series = Vec::new();
        for (index, mode) in result.modes().into_iter().enumerate() {
            let colour = Colour::of(index);
            for row in result.rows_of(mode).filter(|row| row.strategy == *strategy || row.strategy == RANDOM) {
                let own = row.strategy == *strategy;
                let line = line(row, of);
                series.push(Series {
                    name: if own { mode.to_string() } else { format!("{RANDOM}, {mode}") },
                    colour,
                    shape: if own { Shape::Line(line) } else { Shape::Thin(line) },
                });
                series.extend(own.then(|| Series { name: String::new(), colour, shape: Shape::Band(band(row, of)) }));
            }
        }
        let best =
            Mark { label: "best network".into(), value: result.best_truth, text: format!("{:.2}", result.best_truth) };
        let chart = Xy {
            x: Scale::log("evaluations (logarithmic)"),
            y: Scale::linear("truth"),
            series,
            marks: vec![best],
            alt: format!("Truth against evaluations of {strategy} beside random search"),
        };
        figure(strategy, "", &chart.draw())
    };
    let note = "Thick: mean of the strategy. Bands: from the worst tenth of its searches to the best. Thin: mean of random \
                search with the same scores.";
    html! { p.note { (note) } (figures(&strategies.iter().map(of_strategy).collect::<Vec<_>>())) }
}

fn shown(row: &StrategyRow) -> impl Iterator<Item = &CurvePoint> {
    row.points.iter().filter(|point| point.evaluations >= FROM)
}

fn line(row: &StrategyRow, of: fn(&CurvePoint) -> Quantiles) -> Vec<(f64, f64)> {
    shown(row).map(|point| (point.evaluations as f64, of(point).mean)).collect()
}

fn band(row: &StrategyRow, of: fn(&CurvePoint) -> Quantiles) -> Vec<(f64, f64, f64)> {
    shown(row).map(|point| (point.evaluations as f64, of(point).q10, of(point).q90)).collect()
}

/// A table per source of scores: mean and quantiles at the marks.
fn tables(result: &StrategiesResult, of: fn(&CurvePoint) -> Quantiles) -> Markup {
    let head: Vec<String> = std::iter::once("strategy".to_string())
        .chain(result.marks.iter().map(|mark| format!("after {}", grouped(*mark as u64))))
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let of_mode = |mode: &str| {
        let best = |mark: usize| {
            let means = result.rows_of(mode).filter_map(|row| Some(of(row.at(mark)?).mean));
            means.fold(f64::NEG_INFINITY, f64::max)
        };
        let best: Vec<f64> = result.marks.iter().map(|&mark| best(mark)).collect();
        let row = |row: &StrategyRow| {
            let points = result.marks.iter().zip(&best).filter_map(|(&mark, best)| Some((row.at(mark)?, best)));
            let cell = |(point, best): (&CurvePoint, &f64)| {
                let Quantiles { mean, q10, q90 } = of(point);
                let text = format!("{mean:.2} [{q10:.2}, {q90:.2}]");
                if mean == *best { Cell::best(text) } else { Cell::new(text) }
            };
            let cells = std::iter::once(Cell::new(&row.strategy)).chain(points.map(cell)).collect();
            Row { grey: row.strategy == RANDOM, cells }
        };
        table(&head, &result.rows_of(mode).map(row).collect::<Vec<_>>())
    };
    html! {
        details {
            summary { "The numbers: mean and [10 %, 90 %] over searches" }
            @for mode in result.modes() { h3 { "Scores: " (mode) } (of_mode(mode)) }
        }
    }
}

fn cost(result: &StrategiesResult) -> Markup {
    let row = |row: &StrategyRow| {
        let distinct = row.points.last().map_or(0.0, |point| point.distinct);
        let cells = vec![
            Cell::new(&row.strategy),
            Cell::words(row.mode.clone()),
            Cell::new(grouped(distinct.round() as u64)),
            Cell::new(format!("{:.1}", row.microseconds)),
        ];
        Row { grey: row.strategy == RANDOM, cells }
    };
    let rows: Vec<Row> = result.rows.iter().map(row).collect();
    let head = ["strategy", "scores", "different networks at the end", "µs per evaluation"];
    html! {
        p { "A repeat counts as an evaluation. The time is the strategy's own, asking and telling." }
        (table(&head, &rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::check;
    use super::*;

    #[test]
    fn every_strategy_stands_beside_random_search_for_all_scores() {
        let row = |strategy: &str, mode: &str, gain: f64| {
            let quantiles = |mean: f64| Quantiles { mean, q10: mean - 1.0, q90: mean + 1.0 };
            let point = |evaluations: usize| CurvePoint {
                evaluations,
                oracle: quantiles(90.0 + gain + evaluations as f64 / 100.0),
                picked: quantiles(80.0 + gain),
                distinct: evaluations as f64,
            };
            let points = [1, 10, 50, 100].map(point).into();
            StrategyRow { strategy: strategy.into(), mode: mode.into(), points, microseconds: 1.5 }
        };
        let result = StrategiesResult {
            space: "cell1296".into(),
            truth: "table t".into(),
            networks: 1296,
            best_truth: 95.0,
            evaluations: 100,
            runs: 2,
            marks: vec![50, 100],
            rows: ["vanilla", "<few>"]
                .iter()
                .flat_map(|mode| [row("random", mode, 0.0), row("rea", mode, 1.0)])
                .collect(),
            seconds: 1.0,
            seed: 0,
        };
        let body = html! { (lead(&result)) @for section in sections(&result) { (section.body) } };
        check(&maud::PreEscaped(body.0.replace("<wbr>", "")));
        let text = body.0;
        for part in ["random, vanilla", "random, &lt;few&gt;", "81.00 [80.00, 82.00]", "92.00 [91.00, 93.00]", "1.5"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // One chart for each of two curves, beside none of random search alone.
        assert_eq!(text.matches("class=\"chart\"").count(), 2);
    }
}

//! The report of a search.

mod front;
mod verify;

use fewshot_nas::experiments::{
    Finalist, HistoryEntry, MoreTime, RandomNetwork, Reference, SearchResult, Verdict, metric,
};
use fewshot_nas::stats::{NORMAL_95, wilson};
use maud::{Markup, html};

use super::chart::{Bar, Bars, Colour, Dot, Mark, Scale, Series, Shape, Xy, tree};
use super::numbers::{counted, duration, grouped, percent, short};
use super::page::{Cell, Row, Section, arch, figure, figures, table, tiles};
use super::record::{Record, family};
use super::split::{Part, split_tree};
use super::story::Story;
use super::{confusion, judged, network, training};
use crate::failure::Failure;

/// What is shown of a run of kind `search`.
///
/// # Errors
/// When its result or its history is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let result: Option<SearchResult> = record.run.result()?;
    let history: Vec<HistoryEntry> = record.run.history()?;
    let mut sections = Vec::new();
    if let Some(result) = &result {
        sections.push(network::section(record, &result.space, &result.arch, result.macs, result.params));
        sections.extend(quality(result));
        sections.extend(front::section(result));
        sections.extend(verify::section(result, &record.recipe.scoring));
        sections.extend(confusion::section(result.test.as_ref()));
    }
    if !history.is_empty() {
        sections.push(searched(&history, result.as_ref(), record.recipe.scoring.images()));
    }
    sections.extend(split(record));
    sections.extend(training::body(record).map(|body| Section { title: "Training", body }));
    sections.extend(training::changes(record));
    let lead = html! {
        (on_test(record.recipe.scoring.sees_test()))
        (result.as_ref().map(lead).unwrap_or_default())
    };
    Ok(Story { title: format!("Search of the space {}", record.recipe.space.name), lead, sections })
}

/// What a reader has to know of scores on test images.
fn on_test(on_test: bool) -> Markup {
    html! {
        @if on_test {
            p.warning {
                "Scores of this search are made on the test images, by supernets that all training images train ("
                code { "scoring.on_test" } "): they had a part in choosing the network, so that its test accuracy, and how far it is \
                 ahead of others, is no fresh one."
            }
        }
    }
}

fn lead(result: &SearchResult) -> Markup {
    let scorers = match result.supernets {
        1 => "one supernet".to_string(),
        count => format!("{count} sub-supernets"),
    };
    let chosen = match result.finalists.len() {
        0 if !result.front.is_empty() => format!(
            "The front of score and cost has {} of them, each trained alone. The best-scored is",
            result.front.len()
        ),
        0 => "The best-scored of them was trained alone and is".to_string(),
        count => format!(
            "Of {count} of them, trained alone side by side, the half that did worse on held-out images was left out again and \
             again, and the last one went on. It is"
        ),
    };
    let random = result.random_test_accuracy_mean.map(|mean| {
        let difference = 100.0 * (result.test_accuracy - mean);
        let side = if difference < 0.0 { "below" } else { "above" };
        format!(
            " That is {:.1} points {side} the mean of {} trained in the same way.",
            difference.abs(),
            counted(result.randoms.len() as u64, "random network")
        )
    });
    let mut numbers = vec![(percent(result.test_accuracy), format!("{} of the found network", judged::name("test")))];
    numbers.extend(result.verdict.as_ref().map(|verdict| {
        (percent(verdict.best_test_accuracy), format!("best of the hand-made networks ({})", verdict.best))
    }));
    numbers.extend(result.random_test_accuracy_mean.map(|mean| (percent(mean), "mean of random networks".to_string())));
    numbers.extend([
        (grouped(result.params), "parameters".to_string()),
        (short(result.macs as f64), "multiply-adds per image".to_string()),
    ]);
    numbers.extend(result.latency.map(|latency| {
        let off = 100.0 * latency.error();
        (format!("{:.2} ms", latency.measured_ms), format!("for one image on one thread; prediction {off:.0} % off"))
    }));
    numbers.extend([(duration(result.seconds), format!("working time, seed {}", result.seed))]);
    html! {
        p.lead {
            (counted(result.distinct as u64, "network")) " of the space " (result.space) " got a score from " (scorers) ". "
            (chosen) " right on " (percent(result.test_accuracy)) " of the test images. " (verdict(result)) (random.unwrap_or_default())
        }
        (tiles(&numbers))
    }
}

/// The found network beside random ones, and beside the other finalists.
fn quality(result: &SearchResult) -> Option<Section> {
    let charts: Vec<Markup> = beside_others(result).into_iter().chain(beside_finalists(result)).collect();
    if charts.is_empty() {
        return None;
    }
    let body = html! {
        (figures(&charts))
        @if !result.finalists.is_empty() { details { summary { "The finalists" } (finalists(result)) } }
        @if !result.references.is_empty() { details { summary { "The hand-made networks" } (references(result)) } }
        @if !result.randoms.is_empty() { details { summary { "The random networks" } (randoms(result)) } }
    };
    Some(Section { title: "How good is it?", body })
}

fn accuracy_bar(label: String, accuracy: f64, colour: Colour) -> Bar {
    Bar { label, value: judged::units(accuracy), text: percent(accuracy), colour, interval: None, dots: Vec::new() }
}

/// A bar with the interval that so many test images leave.
fn tested_bar(label: String, accuracy: f64, colour: Colour, images: Option<u64>) -> Bar {
    let interval = images.filter(|images| *images > 0).map(|images| {
        let [low, high] = wilson((accuracy * images as f64).round() as u64, images, NORMAL_95);
        (100.0 * low, 100.0 * high)
    });
    Bar { interval, ..accuracy_bar(label, accuracy, colour) }
}

/// The found network beside hand-made and random ones.
fn beside_others(result: &SearchResult) -> Option<Markup> {
    if result.references.is_empty() && result.randoms.is_empty() {
        return None;
    }
    let images = result.test.as_ref().map(|test| test.images);
    let made =
        |made: &Reference| tested_bar(format!("{}, by hand", made.name), made.test_accuracy, Colour::of(1), images);
    let random = |(index, random): (usize, &RandomNetwork)| {
        tested_bar(format!("random {}", index + 1), random.test_accuracy, Colour::GREY, images)
    };
    let found = tested_bar("found".into(), result.test_accuracy, Colour::of(0), images);
    let bars = std::iter::once(found)
        .chain(result.references.iter().map(made))
        .chain(result.randoms.iter().enumerate().map(random))
        .collect();
    let mean = result.random_test_accuracy_mean;
    let mean =
        mean.map(|mean| Mark { label: "mean of the random networks".into(), value: 100.0 * mean, text: percent(mean) });
    let alt = format!("{} of the found network, of hand-made and of random ones", judged::title("test"));
    let chart = Bars { label: judged::heading("test"), bars, marks: mean.into_iter().collect(), alt }.draw();
    let note = "All were trained by one recipe and tested once. Hand-made networks had all of the time that the search had, on all \
                training images; random ones were trained for as many epochs as the found one, and were drawn, not chosen. \
                Whiskers: 95 %, from the number of test images.";
    Some(figure(&format!("{} beside other networks", judged::title("test")), note, &chart))
}

/// Whether the search was worth it, and what more time would bring.
fn verdict(result: &SearchResult) -> Markup {
    let lead = result.verdict.as_ref().map(|Verdict { best, ahead, may_be_chance, .. }| {
        let side = if ahead.points < 0.0 { "behind" } else { "ahead of" };
        let [low, high] = ahead.interval.map(|end| 100.0 * end);
        let chance = if *may_be_chance { ", so it may be chance" } else { "" };
        format!(
            "It is {:.1} points {side} the best of the hand-made networks, the {best} one (95 %: {low:+.1} to {high:+.1}{chance}). ",
            100.0 * ahead.points.abs()
        )
    });
    let more = result.more_time.as_ref().map(|MoreTime { epochs, gain }| {
        let [low, high] = gain.interval.map(|end| 100.0 * end);
        format!(
            "By its learning curve, {} instead of {} would bring {:+.1} points (95 %: {low:+.1} to {high:+.1}).",
            counted(*epochs, "epoch"),
            result.epochs,
            100.0 * gain.points
        )
    });
    html! { (lead.unwrap_or_default()) (more.unwrap_or_default()) }
}

fn references(result: &SearchResult) -> Markup {
    let row = |made: &Reference| Row {
        grey: false,
        cells: vec![
            Cell::new(made.name.clone()),
            Cell::new(percent(made.test_accuracy)),
            Cell::new(grouped(made.epochs)),
            Cell::new(short(made.macs as f64)),
            Cell::new(grouped(made.params)),
            Cell::words(arch(&made.arch)),
        ],
    };
    let rows: Vec<Row> = result.references.iter().map(row).collect();
    table(&["network", &judged::name("test"), "epochs", "multiply-adds", "parameters", "architecture"], &rows)
}

fn beside_finalists(result: &SearchResult) -> Option<Markup> {
    let bar = |(index, finalist): (usize, &Finalist)| {
        let (taken, colour) =
            if finalist.arch == result.arch { (", taken", Colour::of(0)) } else { ("", Colour::GREY) };
        accuracy_bar(format!("{}{taken}", finalist_name(index, finalist)), finalist.held_out_accuracy, colour)
    };
    let bars: Vec<Bar> = result.finalists.iter().enumerate().map(bar).collect();
    let alt = format!("{} of each finalist", judged::title("held-out"));
    let note = "Supernets put first what learns fastest. So the best-scored networks, each of a different function, were \
                trained alone side by side; after each rung the half that was worse on held-out images was left out, \
                a hand-made one only where it was so by more than the standard error of its accuracy. Accuracies are those of the epoch at which a network was left out or taken.";
    let label = judged::heading("trained alone, held-out");
    let chart = Bars { label, bars, marks: Vec::new(), alt };
    (!result.finalists.is_empty()).then(|| figure("The finalists, best-scored first", note, &chart.draw()))
}

fn finalist_name(index: usize, finalist: &Finalist) -> String {
    let by_hand = finalist.by_hand.as_ref().map(|name| format!(" ({name}, by hand)")).unwrap_or_default();
    format!("finalist {}{by_hand}", index + 1)
}

fn finalists(result: &SearchResult) -> Markup {
    let row = |(index, finalist): (usize, &Finalist)| {
        let taken = if finalist.arch == result.arch { ", taken" } else { "" };
        let cells = vec![
            Cell::new(format!("{}{taken}", finalist_name(index, finalist))),
            Cell::new(percent(finalist.score)),
            Cell::new(grouped(finalist.epochs)),
            Cell::new(percent(finalist.held_out_accuracy)),
            Cell::words(arch(&finalist.arch)),
        ];
        Row { grey: false, cells }
    };
    let rows: Vec<Row> = result.finalists.iter().enumerate().map(row).collect();
    let judged = judged::name("trained alone, held-out");
    table(&["network", "score in its supernet", "epochs", &judged, "architecture"], &rows)
}

fn randoms(result: &SearchResult) -> Markup {
    let row = |(index, random): (usize, &RandomNetwork)| {
        let name = Cell::new(format!("random {}", index + 1));
        Row {
            grey: false,
            cells: vec![name, Cell::new(percent(random.test_accuracy)), Cell::words(arch(&random.arch))],
        }
    };
    let rows: Vec<Row> = result.randoms.iter().enumerate().map(row).collect();
    table(&["network", &judged::name("test"), "architecture"], &rows)
}

/// Scores in the order of the search, and beside what each network costs.
fn searched(history: &[HistoryEntry], result: Option<&SearchResult>, images: &str) -> Section {
    let score = match result {
        None => format!("score on {images} images, %"),
        Some(result) if result.scored_by_accuracy() => format!("score ({}), {}", judged::name(images), metric().unit),
        Some(result) => format!("score ({}, {images} images), %", result.scored_by),
    };
    let text = |entry: &HistoryEntry| format!("{} {}", percent(entry.score), entry.arch);
    let dots = history.iter().enumerate().map(|(index, entry)| Dot {
        x: (index + 1) as f64,
        y: 100.0 * entry.score,
        text: text(entry),
    });
    let found = result.and_then(|result| history.iter().find(|entry| entry.arch == result.arch));
    let progress = Xy {
        x: Scale::whole("networks scored"),
        y: Scale::linear(score.as_str()),
        series: vec![
            Series { name: "a network".into(), colour: Colour::of(0), shape: Shape::Dots(dots.collect()) },
            Series { name: "best so far".into(), colour: Colour::of(1), shape: Shape::Line(best_so_far(history)) },
        ],
        marks: Vec::new(),
        alt: "Score of each network in the order of the search".into(),
    };
    let at_cost = |entry: &HistoryEntry| Dot { x: entry.macs as f64, y: 100.0 * entry.score, text: text(entry) };
    let mut series = vec![Series {
        name: "a network".into(),
        colour: Colour::of(0),
        shape: Shape::Dots(history.iter().map(at_cost).collect()),
    }];
    let finalist = |entry: &&HistoryEntry| {
        result.is_some_and(|result| result.finalists.iter().any(|finalist| finalist.arch == entry.arch))
    };
    let finalists: Vec<Dot> = history.iter().filter(finalist).map(at_cost).collect();
    if !finalists.is_empty() {
        series.push(Series { name: "finalist".into(), colour: Colour::of(4), shape: Shape::Large(finalists) });
    }
    if let Some(found) = found {
        let shape = Shape::Large(vec![at_cost(found)]);
        series.push(Series { name: "found".into(), colour: Colour::of(1), shape });
    }
    let cost = Xy {
        x: Scale::linear("multiply-adds per image, trained alone"),
        y: Scale::linear(score.as_str()),
        series,
        marks: Vec::new(),
        alt: "Score of each network beside its multiply-adds".into(),
    };
    let body = figures(&[
        figure("Score of each network, in order", "", &progress.draw()),
        figure("Score and cost", "", &cost.draw()),
    ]);
    Section { title: "The search", body }
}

/// The best score in per cent after each network, as the corners of steps.
fn best_so_far(history: &[HistoryEntry]) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for (index, entry) in history.iter().enumerate() {
        let (x, score) = ((index + 1) as f64, 100.0 * entry.score);
        match corners.last() {
            Some(&(_, best)) if score > best => corners.extend([(x, best), (x, score)]),
            Some(_) => {}
            None => corners.push((x, score)),
        }
    }
    corners.extend(corners.last().map(|&(_, best)| (history.len() as f64, best)));
    corners
}

/// The tree of supernets; nothing for a search with a single one.
fn split(record: &Record) -> Option<Section> {
    let trained = record.trained();
    let part = |wanted: &str| -> Vec<Part> {
        let of = trained.iter().filter(|(name, _)| family(name) == wanted);
        of.map(|(_, trained)| (trained.region.clone(), trained.networks)).collect()
    };
    let (whole, parts) = (part("supernet"), part("child"));
    let whole = whole.first().filter(|_| !parts.is_empty())?;
    let drawing = tree(&split_tree(whole, &parts), "The supernet and its sub-supernets");
    let note = "Each leaf is a sub-supernet: it begins with the supernet's weights, is trained on, and scores its own \
                networks only.";
    let body = figures(&[figure("The supernet and its parts", note, &drawing)]);
    Some(Section { title: "The split", body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_so_far_is_a_step_line() {
        let entry = |score| HistoryEntry { arch: "a".into(), score, macs: 1, params: 1, seconds: 0.1 };
        let history: Vec<HistoryEntry> = [0.5, 0.25, 0.75, 0.5].map(entry).into();
        let corners = [(1.0, 50.0), (3.0, 50.0), (3.0, 75.0), (4.0, 75.0)];
        assert_eq!(best_so_far(&history), corners);
        assert_eq!(best_so_far(&[]), []);
    }
}

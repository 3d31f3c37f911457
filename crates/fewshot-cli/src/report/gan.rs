//! The report of a search for generators.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fewshot_guard::read_file;
use fewshot_nas::adversarial::judge::Judgement;
use fewshot_nas::experiments::{DerivedRow, GanResult, ORIGINS, SearchRow};
use maud::{Markup, html};

use super::chart::{Colour, Mark, Scale, Series, Shape, Xy};
use super::numbers::{counted, duration, grouped, percent, short};
use super::page::{Cell, Row, Section, arch, figure, figures, png, table, tiles};
use super::record::Record;
use super::story::Story;
use crate::failure::Failure;

/// Folder of the grids, in the run's.
const GRIDS: &str = "images";
/// The grid of the generator that is kept.
const KEPT: &str = "images.png";
/// Grids of one training that are shown: the first ones, and so on to the last.
const SHOWN: usize = 4;
/// Bytes of all pictures of the page at most.
const MOST_BYTES: usize = 8 << 20;

/// What is shown of a run of kind `gan`.
///
/// # Errors
/// When its result is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let result: Option<GanResult> = record.run.result()?;
    let title = format!("Generators of the space {}", record.recipe.space.name);
    let mut sections = Vec::new();
    let lead = match &result {
        None => html! {},
        Some(result) => lead(result),
    };
    if let Some(result) = &result {
        sections.extend(kept(record, result));
        sections.push(Section { title: "What was found, and what it is worth", body: derived(result) });
        if !result.searches.is_empty() {
            sections.push(Section { title: "Searches", body: searches(result) });
        }
        sections.extend(controllers(result));
        sections.extend(ranking(result));
    }
    sections.extend(over_time(record));
    Ok(Story { title, lead, sections })
}

fn lead(result: &GanResult) -> Markup {
    let [score, distance] = &result.judge.names;
    let of = |judgement: &Judgement| judgement.distance.map_or_else(|| "-".to_string(), |far| format!("{far:.2}"));
    let mut numbers = vec![
        (of(&result.judgement), format!("{distance} of the kept generator")),
        (format!("{:.3}", result.judgement.score), format!("{score} of it")),
    ];
    numbers.extend(result.judge.test.as_ref().map(|test| (of(test), format!("{distance} of real test images"))));
    numbers.extend([
        (grouped(result.params), "parameters".into()),
        (short(result.macs as f64), "multiply-adds per image".into()),
        (duration(result.seconds), format!("working time, seed {}", result.seed)),
    ]);
    html! {
        p.lead {
            "Generators of images were " @if !result.searches.is_empty() { "searched and " }
            "trained without labels, each against a discriminator. All numbers are those of "
            "one judge, " (result.judge.about()) " (" code { (result.judge.short_digest()) } ", "
            (result.judge.features) " features"
            @if let Some(accuracy) = result.judge.accuracy { ", right on " (percent(accuracy)) " of images that it was not trained on" }
            "): " (result.judge.comparable()) "."
        }
        @if let Some(doubt) = result.judge.doubt() { p.warning { (doubt) } }
        (tiles(&numbers))
        p {
            "Kept: " (arch(&result.arch))
            @if let Some(how) = result.kept_how() { " (" (how) ")" }
        }
    }
}

/// A picture in the run's folder, if it is there and not too large.
fn picture(path: &std::path::Path, what: &str, left: &mut usize) -> Option<Markup> {
    let bytes = read_file(path).ok().filter(|bytes| bytes.len() <= *left)?;
    *left -= bytes.len();
    Some(png(&bytes, what))
}

fn kept(record: &Record, result: &GanResult) -> Option<Section> {
    let mut left = MOST_BYTES;
    let drawn = picture(&record.run.path().join(KEPT), "images of the kept generator", &mut left)?;
    let note = format!("{} {:.2} by {}", result.judge.names[0], result.judgement.score, result.arch);
    Some(Section { title: "Its images", body: figure("Not chosen: the first that it makes", &note, &drawn) })
}

fn derived(result: &GanResult) -> Markup {
    let [score, distance] = &result.judge.names;
    let far = |row: &DerivedRow| row.best.judgement.distance.unwrap_or(f64::INFINITY);
    let best = result.derived.iter().map(far).fold(f64::INFINITY, f64::min);
    let row = |row: &DerivedRow| {
        let nearest = format!("{:.2}", far(row));
        let found_by = if result.is_kept(row) { format!("{}, kept", row.found_by) } else { row.found_by.clone() };
        let Judgement { score, score_deviation, .. } = row.best.judgement;
        let cells = vec![
            Cell::new(found_by),
            if far(row) == best { Cell::best(nearest) } else { Cell::new(nearest) },
            Cell::new(format!("{score:.3} ± {score_deviation:.3}")),
            Cell::new(grouped(row.best.generator_steps)),
            Cell::new(row.seed),
            Cell::words(arch(&row.arch)),
        ];
        Row { grey: row.found_by == "random", cells }
    };
    let rows: Vec<Row> = result.derived.iter().map(row).collect();
    let lines = |of: fn(&Judgement) -> Option<f64>| {
        let mut series = Vec::new();
        for row in &result.derived {
            let place = ORIGINS.iter().position(|name| *name == row.found_by).unwrap_or(0);
            let first = !series.iter().any(|known: &Series| known.name == row.found_by);
            let points = row
                .evaluations
                .iter()
                .filter_map(|record| Some((record.generator_steps as f64, of(&record.judgement)?)))
                .collect();
            series.push(Series {
                name: if first { row.found_by.clone() } else { String::new() },
                colour: Colour::of(place),
                shape: Shape::Line(points),
            });
        }
        series
    };
    let mark = |of: fn(&Judgement) -> Option<f64>| {
        let test = result.judge.test.as_ref().and_then(of);
        test.map(|value| Mark { label: "real test images".into(), value, text: format!("{value:.2}") })
    };
    let chart = |name: &str, of: fn(&Judgement) -> Option<f64>| {
        let chart = Xy {
            x: Scale::whole("steps of the generator"),
            y: Scale::linear(name),
            series: lines(of),
            marks: mark(of).into_iter().collect(),
            alt: format!("{name} of generators trained alone, over their training"),
        };
        figure(name, "", &chart.draw())
    };
    html! {
        (summed(result))
        p {
            "Each was trained alone from scratch; shown is the evaluation with the lowest distance, and how far the parts of its score "
            "deviate."
        }
        (table(&["found by", distance, score, "after steps", "seed", "architecture"], &rows))
        (figures(&[
            chart(distance, |judgement| judgement.distance),
            chart(score, |judgement| Some(judgement.score)),
        ]))
    }
}

/// What each way to find generators is worth, and by how much few-shot searches differ.
fn summed(result: &GanResult) -> Markup {
    let [score, distance] = &result.judge.names;
    let rows = result.origins.iter().map(|origin| Row {
        grey: origin.found_by == "random",
        cells: vec![
            Cell::new(&origin.found_by),
            Cell::new(origin.distance.to_string()),
            Cell::new(format!("{:.2}", origin.best_distance)),
            Cell::new(origin.score.to_string()),
            Cell::new(format!("{:.2}", origin.best_score)),
            Cell::new(origin.trainings),
        ],
    });
    let rows: Vec<Row> = rows.collect();
    let interval = |ends: Option<[f64; 2]>| {
        ends.map_or_else(|| "-".to_string(), |[lower, upper]| format!("{lower:+.2} to {upper:+.2}"))
    };
    let differences = result.differences.iter().map(|difference| Row {
        grey: false,
        cells: vec![
            Cell::new(format!("few-shot minus {}", difference.from)),
            Cell::new(format!("{:+.2}", difference.distance)),
            Cell::new(interval(difference.distance_interval)),
            Cell::new(format!("{:+.2}", difference.score)),
            Cell::new(interval(difference.score_interval)),
            Cell::new(difference.seeds),
        ],
    });
    let differences: Vec<Row> = differences.collect();
    let best = [format!("best {distance}"), format!("best {score}")];
    html! {
        @if !rows.is_empty() {
            p { "Means and sample deviations over all that were trained alone; the search itself was done once." }
            (table(&["found by", distance, &best[0], score, &best[1], "trainings"], &rows))
        }
        @if !differences.is_empty() {
            p { "Differences between the means of each seed; intervals are at 95 %, over two seeds of trainings or more." }
            (table(&["difference", distance, "interval", score, "interval", "seeds"], &differences))
        }
    }
}

/// Where networks were begun anew.
fn resets(row: &SearchRow) -> String {
    let each =
        row.resets.iter().map(|reset| format!("iteration {}, step {}", reset.iteration + 1, grouped(reset.step)));
    let each: Vec<String> = each.collect();
    if each.is_empty() { "none".to_string() } else { each.join("; ") }
}

fn searches(result: &GanResult) -> Markup {
    let row = |row: &SearchRow| {
        let best = row.best.first();
        let cells = vec![
            Cell::new(&row.name),
            Cell::new(row.iterations.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ")),
            Cell::new(resets(row)),
            Cell::new(best.map_or_else(|| "-".to_string(), |best| format!("{:.3}", best.score))),
            Cell::words(best.map_or_else(|| html! {}, |best| arch(&best.arch))),
        ];
        Row { grey: false, cells }
    };
    let rows: Vec<Row> = result.searches.iter().map(row).collect();
    let score = &result.judge.names[0];
    let line = |of: fn(&fewshot_nas::experiments::SearchRow) -> Vec<(f64, f64)>| {
        let series = result.searches.iter().enumerate();
        series
            .map(|(place, row)| Series {
                name: row.name.clone(),
                colour: Colour::of(place),
                shape: Shape::Line(of(row)),
            })
            .collect::<Vec<_>>()
    };
    let scores = Xy {
        x: Scale::whole("iterations"),
        y: Scale::linear(score.clone()),
        series: line(|row| row.history.iter().map(|at| (at.iteration as f64 + 1.0, at.score)).collect()),
        marks: Vec::new(),
        alt: "Score of an architecture that was proposed, after each iteration".into(),
    };
    let losses = |network: &str, of: fn(&SearchRow) -> Vec<(f64, f64)>| Xy {
        x: Scale::whole("iterations"),
        y: Scale::linear(format!("loss of the {network}")),
        series: line(of),
        marks: Vec::new(),
        alt: format!("Loss of the {network} in each iteration"),
    };
    let of_discriminator =
        losses("discriminator", |row| row.history.iter().map(|at| (at.iteration as f64 + 1.0, at.losses[0])).collect());
    let of_generator =
        losses("generator", |row| row.history.iter().map(|at| (at.iteration as f64 + 1.0, at.losses[1])).collect());
    let pooled: Vec<Row> = result
        .pooled
        .iter()
        .map(|found| Row {
            grey: false,
            cells: vec![
                Cell::new(&found.search),
                Cell::new(format!("{:.3}", found.score)),
                Cell::words(arch(&found.arch)),
            ],
        })
        .collect();
    html! {
        (table(&["search", "iterations", "resets", score, "its best"], &rows))
        (figures(&[
            figure(score, "Scores of different levels cannot be compared.", &scores.draw()),
            figure("Loss of the discriminator", "A reset follows where it, or the generator's, stands still.", &of_discriminator.draw()),
            figure("Loss of the generator", "", &of_generator.draw()),
        ]))
        @if !pooled.is_empty() {
            p { "What all parts keep, scored again by each part's own generator on the same latent numbers:" }
            (table(&["part", score, "architecture"], &pooled))
        }
    }
}

/// With what chance each controller took each option, in the end.
fn controllers(result: &GanResult) -> Option<Section> {
    const DECISIONS: [&str; 5] = ["conv", "norm", "up", "shortcut", "skip"];
    let mut rows = Vec::new();
    for search in &result.searches {
        let mut last: BTreeMap<usize, &fewshot_nas::adversarial::IterationRecord> = BTreeMap::new();
        search.history.iter().for_each(|record| {
            last.insert(record.level, record);
        });
        for (level, record) in last.iter().filter(|(_, record)| !record.probabilities.is_empty()) {
            let of = |probabilities: &Vec<f64>| {
                let each = probabilities.iter().map(|chance| format!("{:.0}", 100.0 * chance));
                Cell::new(each.collect::<Vec<_>>().join(" / "))
            };
            let mut cells = vec![Cell::new(format!("{}, cell {}", search.name, level + 1))];
            cells.extend(record.probabilities.iter().map(of));
            cells.extend((record.probabilities.len()..DECISIONS.len()).map(|_| Cell::new("-")));
            rows.push(Row { grey: false, cells });
        }
    }
    if rows.is_empty() {
        return None;
    }
    let head: Vec<&str> = std::iter::once("controller").chain(DECISIONS).collect();
    let body = html! {
        p { "Per cent, option by option, after the last iteration of each level." }
        (table(&head, &rows))
    };
    Some(Section { title: "What the controllers would choose", body })
}

fn ranking(result: &GanResult) -> Option<Section> {
    let facts = result.ranking.as_ref()?;
    let tau = |tau: Option<f64>| tau.map_or_else(|| "undefined".to_string(), |tau| format!("{tau:.3}"));
    let row = |network: &fewshot_nas::experiments::RankedNetwork| Row {
        grey: false,
        cells: vec![
            Cell::new(format!("{:.2}", network.distance)),
            Cell::new(format!("{:.3}", network.parent)),
            Cell::new(network.part.map_or_else(|| "-".to_string(), |part| format!("{part:.3}"))),
            Cell::words(arch(&network.arch)),
        ],
    };
    let rows: Vec<Row> = facts.networks.iter().map(row).collect();
    let body = html! {
        p {
            (counted(rows.len() as u64, "random architecture")) " trained alone for a while: Kendall's tau-b of nearness with the "
            "parent's scores is " (tau(facts.parent)) ", with those of the parts " (tau(facts.parts)) "."
        }
        (table(&[&result.judge.names[1], "score by the parent", "by its part", "architecture"], &rows))
    };
    Some(Section { title: "How well shared generators order", body })
}

/// Grids that trainings left on their way, always of the same latent numbers.
fn over_time(record: &Record) -> Option<Section> {
    let folder = record.run.path().join(GRIDS);
    let mut found: BTreeMap<String, Vec<(u64, PathBuf)>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((stage, steps)) = name.strip_suffix(".png").and_then(|name| name.rsplit_once('-')) else { continue };
        let Ok(steps) = steps.parse() else { continue };
        found.entry(stage.to_string()).or_default().push((steps, entry.path()));
    }
    let mut left = MOST_BYTES;
    let mut rows = Vec::new();
    for (stage, mut grids) in found {
        grids.sort();
        let last = grids.len() - 1;
        let mut places: Vec<usize> = (0..SHOWN).map(|place| place * last / (SHOWN - 1)).collect();
        places.dedup();
        let shown: Vec<Markup> = places
            .iter()
            .filter_map(|&place| {
                let (steps, path) = &grids[place];
                let drawn = picture(path, &format!("images of {stage} after {steps} steps"), &mut left)?;
                Some(figure(&format!("{stage}, {} steps", grouped(*steps)), "", &drawn))
            })
            .collect();
        rows.push(figures(&shown));
    }
    let body = html! {
        p { "Of the same latent numbers each time." }
        @for row in &rows { (row) }
    };
    (!rows.is_empty()).then_some(Section { title: "Images over the trainings", body })
}

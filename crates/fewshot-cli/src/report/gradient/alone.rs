//! What was found, by the accuracy of networks trained alone; and how many skips it led to.

use fewshot_nas::experiments::{GradientResult, GradientRow, MeanSpread, NetworkRow};
use maud::{Markup, html};

use super::super::chart::{Colour, Scale, Series, Shape, Xy};
use super::super::judged;
use super::super::numbers::{counted, grouped, percent, short};
use super::super::page::{self, Cell, Row, Section, figure, figures};
use super::arms::{self, Means, mark, spread};

/// Of cells.
const SKIPS: &str = "Skips";

/// The networks trained alone, if there are some.
pub fn section(result: &GradientResult) -> Option<Section> {
    let is_there = result.rows.iter().any(|row| row.network.is_some());
    is_there.then(|| Section {
        title: "What was found, trained alone",
        body: html! { @if let Some(chart) = accuracies(result) { (chart) } (table(result)) (facts(result)) },
    })
}

/// Numbers for the top of the page: the best arm and the random networks.
pub fn tiles(result: &GradientResult) -> Vec<(String, String)> {
    let means = result.arms().into_iter().filter_map(|arm| Some((arm, result.mean(arm, accuracy)?.mean)));
    let best = means.max_by(|a, b| a.1.total_cmp(&b.1));
    let mut tiles = Vec::new();
    tiles.extend(best.map(|((method, mode), mean)| {
        (format!("{mean:.2} %"), format!("best mean {}: {method}, {mode}", judged::name("test")))
    }));
    tiles.extend(random(result, NetworkRow::percent).map(|random| {
        let count = counted(result.random_networks.len() as u64, "random network");
        (format!("{:.2} %", random.mean), format!("mean of {count}"))
    }));
    tiles
}

fn accuracy(row: &GradientRow) -> Option<f64> {
    row.network.as_ref().map(NetworkRow::percent)
}

fn random(result: &GradientResult, of: impl Fn(&NetworkRow) -> f64) -> Option<MeanSpread> {
    MeanSpread::of(&result.random_networks.iter().map(of).collect::<Vec<_>>())
}

fn accuracies(result: &GradientResult) -> Option<Markup> {
    let best = result.random_networks.iter().map(NetworkRow::percent).reduce(f64::max);
    let marks = random(result, NetworkRow::percent).map(|mean| mark("random networks, mean", mean.mean));
    let marks = marks.into_iter().chain(best.map(|best| mark("best random network", best)));
    let means = Means {
        of: &accuracy,
        label: judged::heading("test"),
        title: &format!("{} of the found network, trained alone", judged::title("test")),
        alt: &format!("{} per method", judged::title("test")),
        marks: marks.collect(),
    };
    means.figure(result)
}

fn table(result: &GradientResult) -> Markup {
    let judged = judged::heading("test");
    let head = [
        "Method",
        judged.as_str(),
        "Parameters",
        "Multiply-adds",
        SKIPS,
        "Supernets",
        "Epochs",
        "Search multiply-adds",
        "Choosing, epochs",
        "Flags",
    ];
    let rows = result.arms().into_iter().filter_map(|arm| {
        let first = result.rows_of(arm).next()?;
        let mean = |of: &dyn Fn(&GradientRow) -> Option<f64>| result.mean(arm, of);
        let network = |of: fn(&NetworkRow) -> u64| mean(&|row| row.network.as_ref().map(|network| of(network) as f64));
        let whole =
            |value: Option<MeanSpread>| value.map_or_else(|| "-".into(), |value| grouped(value.mean.round() as u64));
        let skips = mean(&|row| Some(row.parts.get(row.chosen)?.skips.first()?.skips as f64));
        let cells = vec![
            Cell::words(arms::name(arm)),
            Cell::new(spread(mean(&accuracy))),
            Cell::new(whole(network(|network| network.params))),
            Cell::new(network(|network| network.macs).map_or_else(|| "-".into(), |value| short(value.mean))),
            Cell::new(spread(skips)),
            Cell::new(first.supernets().to_string()),
            Cell::new(first.epochs.to_string()),
            Cell::new(short(mean(&|row| Some(row.macs)).map_or(0.0, |mean| mean.mean))),
            Cell::new(whole(mean(&|row| row.choosing_epochs.map(|epochs| epochs as f64)))),
            Cell::words(result.flags(arm)),
        ];
        Some(Row { grey: false, cells })
    });
    let mut rows: Vec<Row> = rows.collect();
    if let Some(accuracy) = random(result, NetworkRow::percent) {
        let of =
            |of: fn(&NetworkRow) -> u64| random(result, |network| of(network) as f64).map_or(0.0, |mean| mean.mean);
        let mut cells = vec![
            Cell::words(counted(result.random_networks.len() as u64, "random network")),
            Cell::new(spread(Some(accuracy))),
            Cell::new(grouped(of(|network| network.params).round() as u64)),
            Cell::new(short(of(|network| network.macs))),
        ];
        cells.extend((cells.len()..head.len()).map(|_| Cell::new("-")));
        rows.push(Row { grey: true, cells });
    }
    page::table(&head, &rows)
}

fn facts(result: &GradientResult) -> Markup {
    let zeros = match result.zeros.is_empty() {
        true => "no method".to_string(),
        false => result.zeros.join(", "),
    };
    let judged = judged::name("test");
    let has_cells = result.rows.iter().flat_map(|row| &row.parts).any(|part| !part.skips.is_empty());
    let facts = [
        (
            judged.as_str(),
            "Of the chosen network, trained alone by the run's one recipe on all training images, ± deviation over the seeds; of \
             random networks over these. The test images were opened when nothing was left to choose."
                .to_string(),
        ),
        ("Parameters, multiply-adds", "Of the network trained alone; mean over the seeds.".to_string()),
        (SKIPS, "Among the operations of the normal cell, mean over the seeds. Half of them or more: collapsed.".to_string()),
        (
            "Choosing",
            "Epochs of finalists that were trained alone and halved on held-out images until one was left, together.".to_string(),
        ),
        ("Zeros on the edges", format!("They take part in the softmax and are never chosen, in: {zeros}.")),
    ];
    let shown = facts.into_iter().filter(|(what, _)| has_cells || *what != SKIPS);
    page::facts(&shown.collect::<Vec<_>>())
}

/// Skips of the normal cell after each epoch, of each seed's choice, per method and mode.
pub fn skips(result: &GradientResult) -> Option<Markup> {
    let chart = |arm: (&str, &str)| {
        let line = |row: &GradientRow| {
            // Only cells are counted.
            let part = row.parts.get(row.chosen).filter(|part| !part.skips.is_empty())?;
            // A part may begin behind a common warm-up.
            let first = part.history.first().map_or(0, |seen| seen.train.epoch) + 1;
            let points = (first..).zip(&part.skips_by_epoch).map(|(epoch, &skips)| (epoch as f64, skips as f64));
            let points: Vec<(f64, f64)> = points.collect();
            (!points.is_empty()).then(|| (format!("seed {}", row.seed), points))
        };
        let lines = result.rows_of(arm).filter_map(line).enumerate();
        let series: Vec<Series> = lines
            .map(|(index, (name, points))| Series { name, colour: Colour::of(index), shape: Shape::Line(points) })
            .collect();
        let alt = format!("Skips over the epochs of {}, {}", arm.0, arm.1);
        let chart = Xy { x: Scale::whole("epoch"), y: Scale::linear("skips"), series, marks: Vec::new(), alt };
        (!chart.series.is_empty()).then(|| figure(&arms::name(arm), "", &chart.draw()))
    };
    let charts: Vec<Markup> = result.arms().into_iter().filter_map(chart).collect();
    let note = "How many operations of the normal cell would have been skips after each epoch, of what each seed chose in the end. \
                DARTS that is run for long drifts to skips alone.";
    (!charts.is_empty()).then(|| html! { p.note { (note) } (figures(&charts)) })
}

/// How the finalist of a part did when networks trained alone were halved.
pub fn reached(part: &fewshot_nas::experiments::PartRow) -> String {
    match &part.alone {
        Some(reached) => format!("{} after {}", percent(reached.accuracy), counted(reached.epochs, "epoch")),
        None => "-".to_string(),
    }
}

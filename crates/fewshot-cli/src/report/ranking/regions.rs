//! What each sub-supernet makes of its own networks: a supernet can rank well within its region and still be too kind to
//! all of them.

use fewshot_nas::experiments::{InPart, RankingResult, RegionRow};
use maud::{Markup, html};

use super::super::chart::{COLOURS, Colour, Dot, Scale, Series, Shape, Xy, tree};
use super::super::numbers::grouped;
use super::super::page::{Cell, Row, figure, figures, table};
use super::super::split::{Part, split_tree};
use super::arms::{Arm, Summary, name};
use super::tables::truth_is_share;

/// With more regions than this, single ones are not shown.
const FEW: usize = 36;

/// A region over the seeds of a split.
struct Region<'a> {
    label: &'a str,
    networks: usize,
    truth: Option<Summary>,
    /// By the scores of the sub-supernet.
    own: Seen,
    /// By those of one supernet.
    beside: Seen,
}

/// What some scores make of a region.
struct Seen {
    score: Option<Summary>,
    tau: Option<Summary>,
}

impl Seen {
    fn over(seeds: &[InPart]) -> Self {
        Self {
            score: Summary::of(seeds.iter().map(|part| part.mean_score).collect()),
            tau: Summary::of(seeds.iter().filter_map(|part| part.tau_b).collect()),
        }
    }
}

/// One block per arm and split; nothing if no supernet was split into few.
pub fn body(result: &RankingResult, arms: &[Arm<'_>]) -> Option<Markup> {
    let splits: Vec<Arm<'_>> = arms.iter().flat_map(Arm::splits).collect();
    let split = |split: &&Arm<'_>| {
        let regions = split.rows.first().map_or(0, |row| row.regions.len());
        (2..=FEW).contains(&regions)
    };
    let shown: Vec<&Arm<'_>> = splits.iter().filter(split).collect();
    let note = "A sub-supernet may rank its own networks well and still score all of them too high or too low. Then regions \
                with a high mean score do not have a high mean truth, and the order over all networks suffers. Where \
                one supernet of the same kind was trained too, what it makes of the same networks stands beside: a split \
                can mend what lies between the regions, or what lies within them.";
    (!shown.is_empty()).then(|| {
        html! {
            p { (note) }
            @for (index, split) in shown.iter().enumerate() {
                details open[index == 0] {
                    summary { (split.name) @if !split.split().is_empty() { ", split on " (split.split()) } }
                    (block(result, split))
                }
            }
        }
    })
}

fn block(result: &RankingResult, split: &Arm<'_>) -> Markup {
    let regions = regions(split);
    let factor = if truth_is_share(result) { 100.0 } else { 1.0 };
    let unit = if factor == 100.0 { ", %" } else { "" };
    let dot = |region: &Region<'_>| {
        let (x, y) = (100.0 * region.own.score.as_ref()?.mean, factor * region.truth.as_ref()?.mean);
        Some(Dot { x, y, text: format!("{}: score {x:.2} %, truth {y:.2}{unit}", region.label) })
    };
    let series = if regions.len() > COLOURS {
        let dots = regions.iter().filter_map(dot).collect();
        vec![Series { name: String::new(), colour: split.colour, shape: Shape::Large(dots) }]
    } else {
        let one = |(index, region): (usize, &Region<'_>)| Series {
            name: region.label.to_string(),
            colour: Colour::of(index),
            shape: Shape::Large(dot(region).into_iter().collect()),
        };
        regions.iter().enumerate().map(one).collect()
    };
    let chart = Xy {
        x: Scale::linear("mean score, %"),
        y: Scale::linear(format!("mean truth{unit}")),
        series,
        marks: Vec::new(),
        alt: "Mean score and mean truth of each region".into(),
    };
    let parts: Vec<Part> =
        regions.iter().map(|region| (region.label.to_string(), Some(region.networks as u64))).collect();
    let compared = parts.iter().filter_map(|part| part.1).sum();
    let tree = tree(&split_tree(&("all".into(), Some(compared)), &parts), "The regions of the split");
    let runs: Vec<String> = split.rows.iter().map(|row| name("", row.seed)).collect();
    html! {
        (figures(&[
            figure("The split", "Networks compared in each region.", &tree),
            figure("Mean score and mean truth of each region", &format!("Means over {}.", runs.join(", ")), &chart.draw()),
        ]))
        (rows(&regions, split.rows.first().map_or("", |row| &row.beside), factor, unit))
    }
}

fn rows(regions: &[Region<'_>], beside: &str, factor: f64, unit: &str) -> Markup {
    let text = |summary: &Option<Summary>, factor: f64, decimals: usize| {
        Cell::new(summary.as_ref().map_or_else(|| html! { "–" }, |summary| summary.cell(factor, decimals)))
    };
    let row = |region: &Region<'_>| {
        let mut cells = vec![
            Cell::new(html! { code { (region.label) } }),
            Cell::new(grouped(region.networks as u64)),
            text(&region.truth, factor, 2),
            text(&region.own.score, 100.0, 2),
            text(&region.own.tau, 1.0, 3),
        ];
        if !beside.is_empty() {
            cells.extend([text(&region.beside.score, 100.0, 2), text(&region.beside.tau, 1.0, 3)]);
        }
        Row { grey: false, cells }
    };
    let truth = format!("mean truth{unit}");
    let others = [format!("mean score of “{beside}”, %"), format!("tau-b of “{beside}” within")];
    let mut titles = vec!["region", "networks", &truth, "mean score, %", "tau-b within"];
    if !beside.is_empty() {
        titles.extend(others.iter().map(String::as_str));
    }
    table(&titles, &regions.iter().map(row).collect::<Vec<_>>())
}

/// The regions of the first run, with means over all runs of the split.
fn regions<'a>(split: &Arm<'a>) -> Vec<Region<'a>> {
    let first = split.rows.first().map(|row| row.regions.as_slice()).unwrap_or_default();
    let region = |first: &'a RegionRow| {
        let same = split.rows.iter().filter_map(|row| row.regions.iter().find(|other| other.region == first.region));
        let same: Vec<&RegionRow> = same.filter(|region| region.networks > 0).collect();
        Region {
            label: &first.region,
            networks: first.networks,
            // A region of which nothing was compared has no mean.
            truth: Summary::of(same.iter().take(1).map(|region| region.mean_truth).collect()),
            own: Seen::over(&same.iter().map(|region| region.own).collect::<Vec<_>>()),
            beside: Seen::over(&same.iter().filter_map(|region| region.beside).collect::<Vec<_>>()),
        }
    };
    first.iter().map(region).collect()
}

#[cfg(test)]
mod tests {
    use super::super::arms::arms;
    use super::super::fixture;
    use super::*;

    #[test]
    fn regions_are_means_over_seeds() {
        let result = fixture::result();
        let arms = arms(&result);
        let splits = arms[2].splits();
        let regions = regions(&splits[0]);
        let labels: Vec<&str> = regions.iter().map(|region| region.label).collect();
        assert_eq!(labels, ["e0=skip_connect", "e0=nor_conv_3x3"]);
        assert_eq!(regions[0].own.score.as_ref().unwrap().values.len(), 2);
        assert_eq!(regions[1].own.tau.as_ref().unwrap().values, [0.25], "undefined with the second seed");
        assert_eq!(regions[1].beside.score.as_ref().unwrap().values, [0.5, 0.5]);
        assert!(regions[1].beside.tau.is_none(), "undefined with both seeds");
        let page = body(&result, &arms).unwrap().into_string();
        assert!(page.contains("tau-b of “one-shot, equal cost” within"), "{page}");
    }

    #[test]
    fn a_region_of_which_nothing_was_compared_has_no_means() {
        let mut result = fixture::result();
        let of_split = result.rows.iter_mut().filter(|row| row.split == "e0");
        for region in of_split.filter_map(|row| row.regions.first_mut()) {
            region.networks = 0;
            region.mean_truth = 0.0;
            region.own = InPart { tau_b: None, mean_score: 0.0 };
        }
        let arms = arms(&result);
        let splits = arms[2].splits();
        let regions = regions(&splits[0]);
        assert!(regions[0].truth.is_none() && regions[0].own.score.is_none() && regions[0].beside.score.is_none());
        assert!(regions[1].truth.is_some());
        let page = block(&result, &splits[0]).into_string();
        assert!(page.contains("e0=skip_connect") && !page.contains("score 0.00"), "{page}");
    }
}

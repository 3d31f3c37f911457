//! Tau-b per arm, and beside what it costs.

use fewshot_nas::experiments::{RankingResult, RankingRow};
use fewshot_nas::rank::Metrics;
use maud::Markup;

use super::super::chart::{Bar, Bars, Dot, Mark, Scale, Series, Shape, Xy};
use super::super::numbers::short;
use super::super::page::{figure, figures};
use super::arms::{Arm, name};

/// Tau-b of each arm, of the plain and of the fused scores.
pub fn tau(result: &RankingResult, arms: &[Arm<'_>]) -> Markup {
    let single = arms.iter().any(|arm| arm.rows.len() == 1);
    let mut note = "Rings: single runs. Line: ± one standard deviation".to_string();
    note += if single { "; of an arm with one run, its 95 % interval." } else { "." };
    figures(&[
        figure("Rank correlation of each arm", &note, &bars(result, arms, |row| &row.metrics).draw()),
        figure("The same, fused with structural scores", &note, &bars(result, arms, |row| &row.fused).draw()),
    ])
}

fn bars(result: &RankingResult, arms: &[Arm<'_>], of: fn(&RankingRow) -> &Metrics) -> Bars {
    let bar = |arm: &Arm<'_>| {
        let summary = arm.summary(|row| of(row).tau_b)?;
        let interval = match summary.deviation {
            Some(deviation) => Some((summary.mean - deviation, summary.mean + deviation)),
            None => arm.rows.iter().find_map(|row| of(row).tau_b_ci).map(|[low, high]| (low, high)),
        };
        let dots = if summary.deviation.is_some() { summary.values.clone() } else { Vec::new() };
        let text = summary.text(1.0, 3);
        Some(Bar { label: arm.name.to_string(), value: summary.mean, text, colour: arm.colour, interval, dots })
    };
    let alt = "Rank correlation of each arm beside what costs nothing".to_string();
    Bars { label: "Kendall tau-b".into(), bars: arms.iter().filter_map(bar).collect(), marks: marks(result), alt }
}

/// What costs nothing, and the most that can be expected.
fn marks(result: &RankingResult) -> Vec<Mark> {
    let mark = |label: &str, value: f64| Mark { label: label.to_string(), value, text: format!("{value:.3}") };
    let free = result.free.iter().filter_map(|free| Some(mark(&free.method, free.metrics.tau_b?)));
    let ceiling = result.ceiling.map(|value| mark("ceiling", value));
    ceiling.into_iter().chain(free).collect()
}

/// Tau-b of every run against the number of supernets and against the cost of their training.
pub fn cost(result: &RankingResult, arms: &[Arm<'_>]) -> Markup {
    let supernets = |row: &RankingRow| row.supernets as f64;
    let macs = |row: &RankingRow| row.macs;
    figures(&[
        figure("Rank correlation and number of supernets", "", &runs(result, arms, "supernets", supernets).draw()),
        figure(
            "Rank correlation and cost of training",
            "Every point is one run: a split and a seed.",
            &runs(result, arms, "multiply-adds of training in all", macs).draw(),
        ),
    ])
}

fn runs(result: &RankingResult, arms: &[Arm<'_>], what: &str, of: fn(&RankingRow) -> f64) -> Xy {
    let series = |arm: &Arm<'_>| {
        let dot = |row: &&RankingRow| {
            let y = row.metrics.tau_b?;
            let text = format!("{}, {}: tau-b {y:.3}, {} {what}", arm.name, name(&row.split, row.seed), short(of(row)));
            Some(Dot { x: of(row), y, text })
        };
        Series {
            name: arm.name.to_string(),
            colour: arm.colour,
            shape: Shape::Large(arm.rows.iter().filter_map(dot).collect()),
        }
    };
    Xy {
        x: Scale::log(format!("{what} (logarithmic)")),
        y: Scale::linear("Kendall tau-b"),
        series: arms.iter().map(series).collect(),
        marks: marks(result),
        alt: format!("Rank correlation of every run against {what}"),
    }
}

//! All metrics of all arms.

use fewshot_nas::experiments::{COLUMNS, FreeRow, RankingResult, RankingRow};
use fewshot_nas::rank::Metrics;
use maud::{Markup, html};

use super::super::numbers::{duration, short};
use super::super::page::{Cell, Row, table};
use super::arms::{Arm, Summary};

/// Whether truths are shares of 1, to be shown as per cent.
pub fn truth_is_share(result: &RankingResult) -> bool {
    let rows = result.rows.iter().map(|row| &row.metrics).chain(result.free.iter().map(|free| &free.metrics));
    rows.into_iter().all(|metrics| (0.0..=1.0).contains(&metrics.best_truth_of_top10))
}

/// The tables: plain scores, fused scores, what was trained, and each split where an arm has several.
pub fn arms(result: &RankingResult, arms: &[Arm<'_>]) -> Markup {
    let several = arms.iter().any(|arm| arm.splits().len() > 1);
    let splits: Vec<Arm<'_>> = arms.iter().flat_map(Arm::splits).collect();
    html! {
        h3 { "Scores as they are" }
        p.note { "Mean ± standard deviation over seeds" @if several { " and splits" } "; best arm in bold. Below in grey: what costs nothing." }
        (metrics(result, arms, |row| &row.metrics, true))
        h3 { "Scores fused with structural scores" }
        (metrics(result, arms, |row| &row.fused, false))
        h3 { "What was trained" }
        (trained(arms))
        @if several {
            details {
                summary { "Each split by itself" }
                (by_split(&splits))
            }
        }
    }
}

fn metrics(result: &RankingResult, arms: &[Arm<'_>], of: fn(&RankingRow) -> &Metrics, with_free: bool) -> Markup {
    let share = truth_is_share(result);
    let mut head = vec!["arm".to_string()];
    let mut rows: Vec<Row> = arms.iter().map(|arm| Row { grey: false, cells: vec![Cell::new(arm.name)] }).collect();
    let free: &[FreeRow] = if with_free { &result.free } else { &[] };
    rows.extend(free.iter().map(|free| Row { grey: true, cells: vec![Cell::new(&free.method)] }));
    for (title, value, is_truth) in COLUMNS {
        let (factor, decimals, unit) = match (is_truth, share) {
            (true, true) => (100.0, 2, ", %"),
            (true, false) => (1.0, 2, ""),
            (false, _) => (1.0, 3, ""),
        };
        head.push(format!("{title}{unit}"));
        let of_arms: Vec<Option<Summary>> = arms.iter().map(|arm| arm.summary(|row| value(of(row)))).collect();
        let of_free = free.iter().map(|free| Summary::of(value(&free.metrics).into_iter().collect()));
        let best = of_arms.iter().flatten().map(|summary| summary.mean).fold(f64::NEG_INFINITY, f64::max);
        let all: Vec<Option<Summary>> = of_arms.into_iter().chain(of_free).collect();
        for (row, summary) in rows.iter_mut().zip(all) {
            row.cells.push(match summary {
                Some(summary) if summary.mean == best && !row.grey => Cell::best(summary.cell(factor, decimals)),
                Some(summary) => Cell::new(summary.cell(factor, decimals)),
                None => Cell::new("–"),
            });
        }
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &rows)
}

/// The cells that say what a group of rows cost.
fn cost(arm: &Arm<'_>) -> [Cell; 5] {
    let range = |of: fn(&RankingRow) -> u64| {
        let values = arm.rows.iter().map(|row| of(row));
        let (least, most) = (values.clone().min().unwrap_or(0), values.max().unwrap_or(0));
        if least == most { least.to_string() } else { format!("{least} to {most}") }
    };
    let mean = |of: fn(&RankingRow) -> f64| arm.summary(|row| Some(of(row))).map_or(0.0, |summary| summary.mean);
    [
        Cell::new(arm.rows.len()),
        Cell::new(range(|row| row.supernets as u64)),
        Cell::new(range(|row| row.epochs)),
        Cell::new(short(mean(|row| row.macs))),
        Cell::new(duration(mean(|row| row.seconds))),
    ]
}

fn trained(arms: &[Arm<'_>]) -> Markup {
    let rows: Vec<Row> = arms
        .iter()
        .map(|arm| {
            let scored_by = arm.rows.first().map_or(String::new(), |row| row.scored_by.clone());
            let words = [Cell::new(arm.name), Cell::words(split_on(&arm.splits())), Cell::words(scored_by)];
            let cells = words.into_iter().chain(cost(arm));
            Row { grey: false, cells: cells.collect() }
        })
        .collect();
    let head =
        ["arm", "split on", "scored by", "runs", "supernets", "epochs in all", "multiply-adds in all", "working time"];
    table(&head, &rows)
}

fn by_split(splits: &[Arm<'_>]) -> Markup {
    let tau = |summary: Option<Summary>| summary.map_or_else(|| html! { "–" }, |summary| summary.cell(1.0, 3));
    let row = |split: &Arm<'_>| {
        let cells = [
            Cell::new(split.name),
            Cell::words(split_words(split.split())),
            Cell::new(tau(split.summary(|row| row.metrics.tau_b))),
            Cell::new(tau(split.summary(|row| row.fused.tau_b))),
        ];
        Row { grey: false, cells: cells.into_iter().chain(cost(split)).collect() }
    };
    let rows: Vec<Row> = splits.iter().map(row).collect();
    let head = [
        "arm",
        "split on",
        "tau-b",
        "tau-b, fused",
        "runs",
        "supernets",
        "epochs in all",
        "multiply-adds in all",
        "working time",
    ];
    table(&head, &rows)
}

/// More choices of a split than this are counted: listed, they would push the numbers out of sight.
const LISTED: usize = 6;

/// What an arm is split on; of many choices the first and the last, since each has a row of its own elsewhere.
fn split_on(splits: &[Arm<'_>]) -> String {
    let words: Vec<String> = splits.iter().map(|split| split_words(split.split())).collect();
    match words.as_slice() {
        [first, .., last] if words.len() > LISTED => format!("{} choices, {first} to {last}", words.len()),
        _ => words.join("; "),
    }
}

fn split_words(split: &str) -> String {
    if split.is_empty() { "nothing".to_string() } else { split.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::arms::arms;
    use super::super::fixture;
    use super::*;

    #[test]
    fn many_choices_of_a_split_are_counted() {
        let result = fixture::result();
        let choices = |times: usize| (0..times).flat_map(|_| arms(&result)[2].splits()).collect::<Vec<_>>();
        assert_eq!(split_on(&choices(1)), "e0; e3");
        assert_eq!(split_on(&choices(4)), "8 choices, e0 to e3");
        assert_eq!(split_on(&arms(&result)[0].splits()), "nothing");
    }
}

//! What there is within the limits: how well those networks are ordered, and what was found in the supernets of each arm, trained
//! alone beside random networks.

use fewshot_nas::experiments::{FoundRow, FreeRow, MeanSpread, RankingResult};
use maud::{Markup, html};

use super::super::numbers::{counted, short};
use super::super::page::{Cell, Row, table};
use super::arms::Arm;

/// A table of all arms, what costs nothing and the random networks below; nothing where all networks keep the limits and nothing was
/// searched.
pub fn body(result: &RankingResult, arms: &[Arm<'_>]) -> Option<Markup> {
    if result.within == 0 && result.found.is_empty() {
        return None;
    }
    let none = || Cell::new("–");
    let of_arm = |arm: &Arm<'_>| {
        let tau = arm.summary(|row| if result.within == 0 { row.metrics.tau_b } else { row.tau_b_within });
        let found = |of: fn(&FoundRow) -> Option<f64>, text: fn(MeanSpread) -> String| {
            result.mean_found(arm.name, of).map_or_else(none, |mean| Cell::new(text(mean)))
        };
        let cells = vec![
            Cell::new(arm.name),
            tau.map_or_else(none, |tau| Cell::new(tau.cell(1.0, 3))),
            found(|row| Some(row.network.percent()), with_spread),
            found(|row| row.better_than.map(|share| 100.0 * share), |share| format!("{:.0}", share.mean)),
            found(|row| Some(row.network.params as f64), |params| short(params.mean)),
            found(|row| Some(row.network.macs as f64), |macs| short(macs.mean)),
        ];
        Row { grey: false, cells }
    };
    let mut rows: Vec<Row> = arms.iter().map(of_arm).collect();
    let of_free = |free: &FreeRow| {
        let tau = if result.within == 0 { free.metrics.tau_b } else { free.tau_b_within };
        let tau = tau.map_or_else(none, |tau| Cell::new(format!("{tau:.3}")));
        Row { grey: true, cells: vec![Cell::new(&free.method), tau, none(), none(), none(), none()] }
    };
    rows.extend(result.free.iter().map(of_free));
    rows.extend(result.randoms.as_ref().map(|randoms| {
        let name = counted(randoms.networks as u64, "random network");
        let accuracy = MeanSpread { mean: randoms.mean, spread: randoms.spread };
        let best = format!("{}, best {:.2}", with_spread(accuracy), randoms.best);
        Row { grey: true, cells: vec![Cell::new(name), none(), Cell::new(best), none(), none(), none()] }
    }));
    let tau = match result.within {
        0 => "tau-b".to_string(),
        count => format!("tau-b of {}", counted(count as u64, "network")),
    };
    let head = [
        "arm",
        tau.as_str(),
        "test accuracy of the found one, %",
        "better than random ones, %",
        "its parameters",
        "its multiply-adds",
    ];
    let searched = result.found.first().map(|row| {
        format!(
            " In the supernets of each arm a search looked at {} within the limits; the best-scored one was trained alone and tested, by \
             the recipe of the networks that are trained alone. Random networks are those of the compared ones that keep the limits.",
            counted(row.evaluations as u64, "network")
        )
    });
    let note = "Mean ± standard deviation over seeds.";
    Some(html! { p.note { (note) (searched.unwrap_or_default()) } (table(&head, &rows)) (predictors(result, arms)) })
}

/// How well predictors order the networks that they did not learn from; nothing where there were none.
fn predictors(result: &RankingResult, arms: &[Arm<'_>]) -> Markup {
    let of_arm = |arm: &Arm<'_>| {
        let rows = || result.found.iter().filter(|row| row.arm == arm.name);
        let all = || rows().flat_map(|row| &row.predictors).map(|predicting| &predicting.foresight);
        let first = rows().next().filter(|row| !row.predictors.is_empty())?;
        let sum: usize = first.predictors.iter().map(|predicting| predicting.foresight.pairs).sum();
        let mean = |values: Vec<f64>| {
            MeanSpread::of(&values).map_or_else(|| "–".to_string(), |mean| format!("{:.3}", mean.mean))
        };
        let cells = vec![
            Cell::new(arm.name),
            Cell::new(first.predictors.len().to_string()),
            Cell::new(sum.to_string()),
            Cell::new(mean(all().filter_map(|foresight| foresight.tau_b).collect())),
            Cell::new(mean(all().map(|foresight| foresight.error).collect())),
        ];
        Some(Row { grey: false, cells })
    };
    let rows: Vec<Row> = arms.iter().filter_map(of_arm).collect();
    let head = ["arm", "predictors", "networks scored for them", "tau-b on a fifth of these", "error on these"];
    let note = "The searches asked predictors of scores; the best networks by these were scored by the supernets. A fifth of the \
                networks was held out from each predictor.";
    html! { @if !rows.is_empty() { p.note { (note) } (table(&head, &rows)) } }
}

fn with_spread(value: MeanSpread) -> String {
    match value.spread {
        Some(spread) => format!("{:.2} ± {spread:.2}", value.mean),
        None => format!("{:.2}", value.mean),
    }
}

//! The report of networks trained alone for a truth.

use fewshot_nas::experiments::{Spread, TruthResult};
use maud::html;

use super::judged;
use super::numbers::{duration, grouped};
use super::page::tiles;
use super::record::Record;
use super::story::Story;
use crate::failure::Failure;

/// What is shown of a run of kind `truth`.
///
/// # Errors
/// When its result is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let result: Option<TruthResult> = record.run.result()?;
    let lead = match &result {
        None => html! {},
        Some(TruthResult { space, networks, functions, seeds, spread, seconds, .. }) => {
            let Spread { mean, min, max, tau_between_seeds, .. } = spread;
            let between = tau_between_seeds.map_or_else(|| "-".to_string(), |tau| format!("{tau:.3}"));
            html! {
                p.lead {
                    "The truth of " (grouped(*networks as u64)) " networks of the space " (space) ": each of their "
                    (grouped(*functions as u64)) " different functions was trained alone with " (seeds)
                    " seeds and tested. The table is " code { "truth.csv" } " in the folder of the run."
                }
                (tiles(&[
                    (format!("{mean:.2} %"), judged::name("mean test")),
                    (format!("{min:.2} to {max:.2} %"), "worst and best network".into()),
                    (between, "tau-b between seeds".into()),
                    (duration(*seconds), "working time".into()),
                ]))
            }
        }
    };
    Ok(Story { title: format!("Truth of {}", record.recipe.space.name), lead, sections: Vec::new() })
}

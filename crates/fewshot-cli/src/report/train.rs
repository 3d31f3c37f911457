//! The report of one network trained alone.

use fewshot_nas::experiments::TrainResult;
use maud::html;

use super::numbers::{counted, duration, grouped, percent, short};
use super::page::{Section, tiles};
use super::record::Record;
use super::story::Story;
use super::{confusion, judged, network, training};
use crate::failure::Failure;

/// What is shown of a run of kind `train`.
///
/// # Errors
/// When its result is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let result: Option<TrainResult> = record.run.result()?;
    let mut sections = Vec::new();
    let lead = match &result {
        None => html! {},
        Some(result) => {
            let mut numbers = Vec::new();
            numbers.extend(result.test_accuracy.map(|accuracy| (percent(accuracy), judged::name("test"))));
            numbers.extend(result.held_out_accuracy.map(|accuracy| (percent(accuracy), "on held-out images".into())));
            numbers.extend([
                (grouped(result.params), "parameters".into()),
                (short(result.macs as f64), "multiply-adds per image".into()),
                (duration(result.seconds), format!("working time, seed {}", result.seed)),
            ]);
            html! {
                p.lead {
                    "One network of the space " (result.space) " was trained alone"
                    @if result.epochs > 0 { " for " (counted(result.epochs, "epoch")) } ". "
                    @match result.test_accuracy {
                        Some(accuracy) => {
                            "It is right on " (percent(accuracy)) " of the test images, which were opened once, at the end."
                        }
                        None => "The test images were not opened.",
                    }
                }
                @if record.recipe.scoring.sees_test() {
                    p.warning {
                        "Scores on the test images had a part in choosing this architecture (" code { "scoring.on_test" } "): its \
                         accuracy on these is no fresh one."
                    }
                }
                (tiles(&numbers))
            }
        }
    };
    if let Some(result) = &result {
        sections.push(network::section(record, &result.space, &result.arch, result.macs, result.params));
        sections.extend(confusion::section(result.test.as_ref()));
    }
    sections.extend(training::body(record).map(|body| Section { title: "Training", body }));
    sections.extend(training::changes(record));
    Ok(Story { title: format!("Training of one network of {}", record.recipe.space.name), lead, sections })
}

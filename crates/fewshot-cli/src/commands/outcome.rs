//! What a run ended with, in words.

use std::path::Path;

use fewshot_guard::{counted, printable};
use fewshot_nas::experiments::{MoreTime, Outcome, Recipe, SearchResult, TrainResult, Verdict, Verified, metric};
use fewshot_nas::export::ONNX;
use fewshot_nas::model::MODEL;
use fewshot_nas::run::{Answer, RunReader};

use super::generators::text as gan_text;
pub use super::words::shown;
use super::{print, print_json};
use crate::console::say;
use crate::failure::Failure;
use crate::report;

/// What is said of an accuracy on test images that chose the network.
const NOT_FRESH: &str = "; no fresh one: scores on these images chose the network";

/// Writes the report of a run that has ended, and prints its result.
pub fn end(outcome: &Outcome, run: &Path, json: bool) -> Result<(), Failure> {
    write_report(run);
    match json {
        true => print_json(&Answer::new(outcome)),
        false => print_words(outcome, run),
    }
}

/// Writes the report of a run that has ended.
pub fn write_report(run: &Path) {
    // The result is there whether or not a page can show it.
    match report::write(run, None) {
        Ok(path) => say(format_args!("report: {}", path.display())),
        Err(failure) => say(format_args!("fewshot: no report of the run was written: {failure}")),
    }
}

/// Prints a result for people.
pub fn print_words(outcome: &Outcome, run: &Path) -> Result<(), Failure> {
    match outcome {
        Outcome::Search(result) => print(&search_text(result, run)),
        Outcome::Train(result) => print(&train_text(result, run)),
        Outcome::Ranking(result) => print(&result.to_string()),
        Outcome::Truth(result) => print(&result.to_string()),
        Outcome::Gradient(result) => print(&result.to_string()),
        Outcome::Strategies(result) => print(&result.to_string()),
        Outcome::Gan(result) => print(&gan_text(result, run)),
    }
}

fn search_text(result: &SearchResult, run: &Path) -> String {
    let recipe = RunReader::open(run).and_then(|run| run.recipe::<Recipe>()).ok();
    // Older results do not say what their recipe says.
    let on_test = result.on_test || recipe.as_ref().is_some_and(|recipe| recipe.common.scoring.sees_test());
    let scored = match (result.scored_by_accuracy(), on_test) {
        (true, true) => "on TEST images (scoring.on_test)".into(),
        (true, false) => "on held-out images".into(),
        (false, true) => format!("{}, on TEST images (scoring.on_test)", printable::line(&result.scored_by)).into(),
        (false, false) => printable::line(&result.scored_by),
    };
    let mut lines = vec![
        format!("found            {}", printable::line(&result.arch)),
        format!(
            "score            {:.2} % {scored}, {} of {}, {}",
            100.0 * result.score,
            // A finalist need not be the best-scored one.
            if result.finalists.is_empty() { "best" } else { "among the best" },
            counted(result.distinct, "architecture"),
            counted(result.supernets, "supernet")
        ),
    ];
    if !result.finalists.is_empty() {
        let each = result.finalists.iter().map(|finalist| format!("{:.2}", 100.0 * finalist.held_out_accuracy));
        let each = each.collect::<Vec<_>>().join(", ");
        lines.push(format!("finalists        {each} % on held-out images, trained alone"));
    }
    lines.push(format!(
        "test {:<12}{}, trained alone for {}{}",
        metric().name,
        metric().text(result.test_accuracy, 2),
        counted(result.epochs, "epoch"),
        if on_test { NOT_FRESH } else { "" }
    ));
    if let Some(mean) = result.random_test_accuracy_mean {
        let each: Vec<String> =
            result.randoms.iter().map(|random| format!("{:.2}", 100.0 * random.test_accuracy)).collect();
        lines.push(format!("random networks  {:.2} % on average ({})", 100.0 * mean, each.join(", ")));
    }
    if !result.references.is_empty() {
        let each = result
            .references
            .iter()
            .map(|made| format!("{} {:.2}", printable::line(&made.name), 100.0 * made.test_accuracy));
        let epochs = result.references.iter().map(|made| made.epochs.to_string()).collect::<Vec<_>>().join(", ");
        let each = each.collect::<Vec<_>>().join(", ");
        lines.push(format!("made by hand     {each} %, trained alike for {}", counted(epochs, "epoch")));
    }
    lines.extend(result.verdict.iter().map(verdict_text));
    lines.extend(result.more_time.iter().map(more_time_text));
    lines.push(format!("cost             {} multiply-adds, {} parameters", result.macs, result.params));
    lines.extend(result.latency.map(|latency| {
        format!(
            "latency          {:.3} ms measured, {:.3} ms predicted ({:.1} % off), one image on one thread",
            latency.measured_ms,
            latency.predicted_ms,
            100.0 * latency.error()
        )
    }));
    let table = recipe.and_then(|recipe| recipe.common.latency);
    lines.extend(table.map(|table| format!("prediction       {}", printable::line(&table.to_string()))));
    lines.extend(result.verify.iter().map(verify_text));
    if !result.front.is_empty() {
        let fresh = if on_test { "; none of these is fresh: scores on these images chose the networks" } else { "" };
        lines.push(format!("front            cheapest first, each trained alone{fresh}"));
        lines.extend(result.front.iter().map(|network| {
            let latency = network.latency_ms.map(|ms| format!(", {ms:.3} ms")).unwrap_or_default();
            format!(
                "                 {} test {}, {} multiply-adds, {} parameters{latency}: {}",
                metric().text(network.test_accuracy, 2),
                metric().name,
                network.macs,
                network.params,
                shown(&run.join(&network.model))
            )
        }));
    }
    lines.push(format!("took             {:.0} s, seed {}", result.seconds, result.seed));
    lines.push(format!("trained network  {}", models(run)));
    lines.join("\n")
}

/// Whether the search was worth it.
fn verdict_text(verdict: &Verdict) -> String {
    let Verdict { best, ahead, may_be_chance, .. } = verdict;
    let side = if ahead.points < 0.0 { "behind" } else { "ahead of" };
    let [low, high] = ahead.interval.map(|end| 100.0 * end);
    let chance = if *may_be_chance { ": may be chance" } else { "" };
    let (points, best) = (100.0 * ahead.points.abs(), printable::line(best));
    format!(
        "the search       {points:.2} points {side} the best of these, {best} (95 %: {low:+.2} to {high:+.2}){chance}"
    )
}

fn more_time_text(more: &MoreTime) -> String {
    let [low, high] = more.gain.interval.map(|end| 100.0 * end);
    format!(
        "more time        {} would bring about {:+.2} points (95 %: {low:+.2} to {high:+.2}), roughly, by the learning curve",
        counted(more.epochs, "epoch"),
        100.0 * more.gain.points
    )
}

/// Whether the scores can be believed.
fn verify_text(verified: &Verified) -> String {
    let number = |tau: Option<f64>| tau.map_or("undefined".to_string(), |tau| format!("{tau:.2}"));
    let interval = verified.interval.map(|[low, high]| format!(" (95 %: {low:.2} to {high:.2})")).unwrap_or_default();
    format!(
        "ranking          tau-b {}{interval} of scores with {} trained alone; #params {}, #MACs {}",
        number(verified.tau_b),
        counted(verified.networks.len(), "network"),
        number(verified.tau_b_params),
        number(verified.tau_b_macs)
    )
}

fn train_text(result: &TrainResult, run: &Path) -> String {
    let mut lines =
        vec![format!("trained          {}, {}", printable::line(&result.arch), counted(result.epochs, "epoch"))];
    if let Some(accuracy) = result.held_out_accuracy {
        let note = "before its last epochs, which are on all training images";
        lines.push(format!("held-out         {} {note}", metric().text(accuracy, 2)));
    }
    match result.test_accuracy {
        Some(value) => lines.push(format!(
            "test {:<12}{}{}",
            metric().name,
            metric().text(value, 2),
            if result.on_test { NOT_FRESH } else { "" }
        )),
        None => lines.push(format!("test {:<12}not looked at (--test)", metric().name)),
    }
    lines.push(format!("cost             {} multiply-adds, {} parameters", result.macs, result.params));
    lines.push(format!("took             {:.0} s, seed {}", result.seconds, result.seed));
    lines.push(format!("trained network  {}", models(run)));
    lines.join("\n")
}

/// The files that the trained network is in.
fn models(run: &Path) -> String {
    let files = [MODEL, ONNX].map(|name| run.join(name));
    let files = files.iter().filter(|file| file.exists()).map(|file| shown(file));
    files.collect::<Vec<_>>().join(", ")
}

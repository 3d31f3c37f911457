//! `report.html`: one page that shows what a run did and found, for people.
//!
//! A page is a list of sections, each a function of what the run left in its folder. What is not there, because the run
//! has not ended or an older program wrote it, leaves out its section.

mod cell;
mod chart;
mod confusion;
mod gan;
mod gradient;
mod judged;
mod network;
mod numbers;
mod page;
mod ranking;
mod record;
mod search;
mod split;
mod story;
mod strategies;
mod train;
mod training;
mod truth;

use std::path::{Path, PathBuf};

use fewshot_nas::recipe::Kind;
use fewshot_nas::run::{RunError, write_output};
use maud::{Markup, html};

use crate::failure::Failure;
use chart::{Bar, Bars, Colour};
use numbers::{counted, duration};
use page::{Section, facts, figure};
use record::{Record, by_family, words};

/// Name of the report in a run's folder.
pub const REPORT: &str = "report.html";

/// Writes the report of the run in the folder `run` to `out`, or into the folder; returns its path.
///
/// # Errors
/// When the folder holds no run that this program can read, or the file cannot be written.
pub fn write(run: &Path, out: Option<&Path>) -> Result<PathBuf, Failure> {
    let page = of(&Record::open(run)?)?;
    let path = out.map_or_else(|| run.join(REPORT), Path::to_path_buf);
    write_output(&path, page.as_bytes(), &[REPORT]).map_err(RunError::from)?;
    Ok(path)
}

/// The page.
fn of(record: &Record) -> Result<String, Failure> {
    let story = match record.recipe.kind {
        Kind::Search => search::story(record)?,
        Kind::Train => train::story(record)?,
        Kind::Ranking => ranking::story(record)?,
        Kind::Truth => truth::story(record)?,
        Kind::Gradient => gradient::story(record)?,
        Kind::Strategies => strategies::story(record)?,
        Kind::Gan => gan::story(record)?,
    };
    let mut sections = story.sections;
    sections.extend(time(record));
    sections.push(about(record));
    let folder = record.run.path().display().to_string();
    let begun = record.events.first().map(|event| event.time.split('T').next().unwrap_or_default());
    let place = begun.map_or_else(|| folder.clone(), |day| format!("{folder}, begun {day}"));
    let lead = html! { (unfinished(record)) (story.lead) };
    Ok(page::page(&story.title, &place, &lead, &sections))
}

/// What a reader of an unfinished run has to know first.
fn unfinished(record: &Record) -> Markup {
    let (done, all) = (record.done(), record.stages.len());
    html! {
        @if done < all || all == 0 {
            p.warning {
                "This run has not ended: " (done) " of " (counted(all as u64, "stage")) " done. The page shows what is there. "
                code { "fewshot resume" } " goes on with the run and writes the page again."
            }
        }
    }
}

/// Where the time went.
fn time(record: &Record) -> Option<Section> {
    let families = by_family(record.seconds());
    let total = |members: &[(&str, f64)]| members.iter().map(|(_, seconds)| seconds).sum::<f64>();
    let longest = families.iter().map(|(_, members)| total(members)).fold(0.0, f64::max);
    let (unit, size) = match longest {
        0.0..300.0 => ("seconds", 1.0),
        300.0..18_000.0 => ("minutes", 60.0),
        _ => ("hours", 3600.0),
    };
    let bar = |(family, members): &(&str, Vec<(&str, f64)>)| {
        let seconds = total(members);
        let times = if members.len() > 1 { format!(" ({})", members.len()) } else { String::new() };
        Bar {
            label: format!("{}{times}", words(family)),
            value: seconds / size,
            text: duration(seconds),
            colour: Colour::of(0),
            interval: None,
            dots: Vec::new(),
        }
    };
    let bars: Vec<Bar> = families.iter().map(bar).collect();
    if bars.is_empty() {
        return None;
    }
    let chart = Bars { label: unit.into(), bars, marks: Vec::new(), alt: "Working time per kind of stage".into() };
    let note = "In brackets: how many stages of the kind there were. Of a stage that was cut, what was worked up to its \
                last checkpoint counts.";
    let body = page::figures(&[figure("Working time per kind of stage", note, &chart.draw())]);
    Some(Section { title: "Where the time went", body })
}

/// Seed, versions, data; how to do it again.
fn about(record: &Record) -> Section {
    let run = &record.run;
    let rows = [
        ("Images", html! { (record.images()) }),
        ("Fingerprint of the data", html! { code { (run.data_fingerprint()) } }),
        ("Seed", html! { (record.recipe.seed) }),
        (
            "Program",
            html! { "fewshot " (run.program()) " on " (run.target()) @if let Some(set) = run.instructions() { " (" (set) ")" } },
        ),
    ];
    let body = html! {
        (facts(&rows))
        p { "This command does the same again, in a new folder. The same program on the same kind of processor (instruction set), with the \
             same images, gives the same bits." }
        // Words are kept whole where a line has to be broken.
        pre.command { @for word in record.repeat_command().split_inclusive(' ') { span { (word) } } }
        details {
            summary { "All settings (run.toml)" }
            pre { (run.settings()) }
        }
    };
    Section { title: "About this run", body }
}

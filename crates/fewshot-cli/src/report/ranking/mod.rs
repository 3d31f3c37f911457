//! The report of a comparison of scores with the truth.

mod arms;
mod charts;
mod found;
mod regions;
mod scatter;
mod tables;

#[cfg(test)]
mod fixture;

use fewshot_nas::experiments::RankingResult;
use fewshot_nas::run::RunError;
use maud::{Markup, html};

use super::numbers::{counted, duration, grouped};
use super::page;
use super::page::{Section, tiles};
use super::record::Record;
use super::story::Story;
use super::training::{self, Repeated};
use crate::failure::Failure;
use arms::{Arm, arms};
use scatter::Scores;

/// Scores and truth of each network, in the run's folder.
const SCORES: &str = "scores.csv";

/// What is shown of a run of kind `ranking`.
///
/// # Errors
/// When its result cannot be read, or its table of scores is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let title = format!("How well do scores rank the networks of {}?", record.recipe.space.name);
    let (result, note) = match record.run.result::<RankingResult>() {
        // Of what another version compared, at least the rest of the run is shown.
        Err(RunError::Damaged { .. }) => (None, "Its result is not of this version of the program and is left out."),
        result => (result?, ""),
    };
    let Some(result) = result else {
        let training = training::body(record).map(|body| Section { title: "Training", body });
        let lead = html! { @if !note.is_empty() { p.warning { (note) } } };
        return Ok(Story { title, lead, sections: training.into_iter().collect() });
    };
    let scores = Scores::read(&record.run.path().join(SCORES))?;
    Ok(Story { title, lead: lead(&result), sections: sections(&result, scores.as_ref()) })
}

fn sections(result: &RankingResult, scores: Option<&Scores>) -> Vec<Section> {
    let arms = arms(result);
    let mut sections = vec![
        Section {
            title: "Who ranks best?",
            body: html! { (charts::tau(result, &arms)) (tables::arms(result, &arms)) },
        },
        Section { title: "What does it cost?", body: charts::cost(result, &arms) },
    ];
    sections.extend(found::body(result, &arms).map(|body| Section { title: "Within the limits", body }));
    let scattered = scores.and_then(|scores| scatter::body(result, &arms, scores));
    sections.extend(scattered.map(|body| Section { title: "Score and truth", body }));
    sections.extend(regions::body(result, &arms).map(|body| Section { title: "The sub-supernets", body }));
    sections.extend(curves(&arms).map(|body| Section { title: "Training", body }));
    sections.push(Section { title: "How to read the numbers", body: rules(result) });
    sections
}

fn lead(result: &RankingResult) -> Markup {
    let arms = arms(result);
    let best = arms.iter().filter_map(|arm| Some((arm, arm.summary(|row| row.metrics.tau_b)?.mean)));
    let best = best.max_by(|a, b| a.1.total_cmp(&b.1));
    let free = result.free.iter().filter_map(|free| Some((&free.method, free.metrics.tau_b?)));
    let free = free.max_by(|a, b| a.1.total_cmp(&b.1));
    let mut numbers = Vec::new();
    numbers.extend(best.map(|(arm, tau)| (format!("{tau:.3}"), format!("tau-b of the best arm, “{}”", arm.name))));
    numbers
        .extend(free.map(|(method, tau)| (format!("{tau:.3}"), format!("tau-b of the best free baseline, {method}"))));
    numbers
        .extend(result.ceiling.map(|tau| (format!("{tau:.3}"), "tau-b of the truth with itself, other seed".into())));
    numbers.push((grouped(result.networks as u64), "networks compared".into()));
    numbers.push((duration(result.seconds), format!("working time, {}", counted(result.seeds.len() as u64, "seed"))));
    html! {
        p.lead {
            (counted(result.networks as u64, "network")) " of the space " (result.space)
            " were put in order by scores from supernets, and the order is compared with the truth: " (result.truth) ". "
            "Scores that are accuracies are those on " (counted(result.images, if result.on_test { "test image" } else { "held-out image" })) ". "
            @if let (Some((arm, tau)), Some((method, free))) = (best, free) {
                "The best arm, “" (arm.name) "”, reaches a tau-b of " (format!("{tau:.3}")) "; " (method)
                ", which costs nothing, " (format!("{free:.3}")) "."
            }
        }
        (tiles(&numbers))
    }
}

/// The training curves of each arm, over its splits and seeds.
fn curves<'a>(arms: &'a [Arm<'a>]) -> Option<Markup> {
    let group = |arm: &'a Arm<'a>| Repeated {
        name: arm.name,
        colour: arm.colour,
        curves: arm.rows.iter().map(|row| row.history.as_slice()).filter(|history| !history.is_empty()).collect(),
    };
    let mut groups = arms.iter().map(group).filter(|group| !group.curves.is_empty()).peekable();
    groups.peek()?;
    let note = "Lines: mean over the supernets of an arm's runs, by epoch of each supernet. Bands: from the lowest run to the \
                highest.";
    let groups: Vec<Repeated<'_>> = groups.collect();
    Some(html! { p.note { (note) } (training::bands(&groups)) })
}

/// What is said of networks that the limits left out.
fn left_out(result: &RankingResult) -> String {
    match result.left_out {
        0 => String::new(),
        count => format!(" {} of the truth are not within the limits and left out.", counted(count as u64, "network")),
    }
}

/// What the metrics mean, over which networks they are, and what is done with ties.
fn rules(result: &RankingResult) -> Markup {
    let networks = counted(result.networks as u64, "network");
    let all = format!(
        "All metrics are over the same {networks}: all that have a truth, and each arm scores every one.{}",
        left_out(result)
    );
    let facts = [
        (
            "Kendall tau-b, Spearman",
            "1: the order of the truth; 0: no better than chance; -1: reversed. Networks that are tied in \
          score or truth count for neither side (tau-b) or share their mean rank (Spearman).",
        ),
        (
            "Scored by",
            "Accuracy and likelihood (e to the minus mean cross entropy) are those on the images named at the top; speed is the likelihood \
          of the training images, over the second half of the steps that each network takes by itself.",
        ),
        ("P@5%", "Of the best-scored 5 %, the share that is among the truly best 5 %."),
        (
            "nDCG",
            "How much of the truth the top of the list holds; its first places weigh most. The gain of a network is the share of the \
             others that its truth beats. nDCG of truth has the truth itself as the gain, as sklearn.metrics.ndcg_score does: \
             accuracies lie so close together that every order is near 1 then. A random order is far above 0: see its row.",
        ),
        ("tau-b in top 10%", "tau-b among the truly best 10 % only: does the score still rank where it matters?"),
        ("truth of the pick", "The truth of the best-scored network."),
        ("best of ten", "The best truth among the ten best-scored: what remains after training ten of them alone."),
        (
            "Fused, structure",
            "Fused is the mean of four ranks among the compared networks: of the score (weight 1), of the live convolutions and \
          of the parameters (0.5 each), and of the longest non-linear path (0.3). Structure is the same without the score.",
        ),
        (
            "Ties",
            "Where a cut by score goes through equal scores, the number is the expected value over a random order among \
          them. Where a cut is by truth, all that are as good as the last one inside belong to it.",
        ),
        (
            "Cost",
            "Multiply-adds of the training of all supernets of the arm, forward and backward, and of the networks' own training; \
          those of the supernet that it starts from are included.",
        ),
    ];
    html! { p { (all) } (page::facts(&facts)) }
}

#[cfg(test)]
mod tests {
    use super::super::chart::check;
    use super::*;

    fn text(result: &RankingResult, scores: Option<&Scores>) -> String {
        let sections = sections(result, scores);
        let body = html! { (lead(result)) @for section in sections { h2 { (section.title) } (section.body) } };
        // `wbr` is the one element that has no end.
        check(&maud::PreEscaped(body.0.replace("<wbr>", "")));
        body.0
    }

    #[test]
    fn a_comparison_shows_arms_baselines_and_ceiling() {
        let (result, scores) = (fixture::result(), fixture::scores());
        let text = text(&result, Some(&scores));
        for part in [
            "few-shot",
            "one-shot, equal cost",
            "#params",
            "ceiling",
            "Score and truth",
            "e0=nor_conv_3x3",
            "Within the limits",
            "tau-b of 2 networks",
            "0.625",
            "2 random networks",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Nothing to draw"));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let mut result = fixture::result();
        result.ceiling = None;
        result.free.clear();
        result.found.clear();
        result.within = 0;
        for row in &mut result.rows {
            row.regions.clear();
            row.history.clear();
            row.metrics.tau_b = None;
            row.metrics.tau_b_ci = None;
        }
        let without = text(&result, None);
        for part in ["ceiling", "Score and truth", "The sub-supernets", "Training", "Within the limits"] {
            assert!(!without.contains(&format!("<h2>{part}")), "{part}");
        }
        result.rows.clear();
        result.networks = 0;
        text(&result, None);
    }
}

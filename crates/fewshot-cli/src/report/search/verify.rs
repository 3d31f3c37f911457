//! Report of how far a search's scores can be believed.

use fewshot_nas::experiments::{SearchResult, Verified, VerifiedNetwork};
use maud::{Markup, html};

use super::super::chart::{Colour, Dot, Scale, Series, Shape, Xy};
use super::super::judged;
use super::super::numbers::percent;
use super::super::page::{Cell, Row, Section, arch, facts, figure, table};
use super::super::record::ScoringFacts;

/// Scores beside accuracies of networks trained alone; nothing unless the search was asked for it.
pub fn section(result: &SearchResult, scoring: &ScoringFacts) -> Option<Section> {
    let images = scoring.judging_images();
    let verified = result.verify.as_ref()?;
    let number = |tau: Option<f64>| tau.map_or("not defined".to_string(), |tau| format!("{tau:.2}"));
    let interval = verified.interval.map(|[low, high]| format!(", 95 % interval {low:.2} to {high:.2}"));
    let rows = [
        ("tau-b of the scores", html! { (number(verified.tau_b)) (interval.unwrap_or_default()) }),
        ("tau-b of #params", html! { (number(verified.tau_b_params)) }),
        ("tau-b of #MACs", html! { (number(verified.tau_b_macs)) }),
    ];
    let body = html! {
        div.figures {
            (figure("Scores and the truth", &note(scoring), &chart(verified, images)))
            (facts(&rows))
        }
        details { summary { "The networks" } (networks(verified, images)) }
    };
    Some(Section { title: "Can the ranking be believed?", body })
}

fn note(scoring: &ScoringFacts) -> String {
    let (scores, accuracies) = (scoring.images(), scoring.judging_images());
    let images = match scores == accuracies {
        true => format!("the same {scores} images give both numbers"),
        false => format!("{scores} images give the scores, {accuracies} images the accuracies"),
    };
    format!(
        "Random networks, spread evenly over the ranks of their scores, were trained alone on the images that train supernets; {images}. \
         A tau-b of 1 is the same order, 0 is none. Where the interval holds 0, the order may be chance."
    )
}

/// Where both numbers are from.
fn alone_on(images: &str) -> String {
    format!("trained alone, {images}")
}

fn chart(verified: &Verified, images: &str) -> Markup {
    let dot = |network: &VerifiedNetwork| Dot {
        x: 100.0 * network.score,
        y: judged::units(network.held_out_accuracy),
        text: format!("{} {}", percent(network.held_out_accuracy), network.arch),
    };
    let dots = Shape::Large(verified.networks.iter().map(dot).collect());
    Xy {
        x: Scale::linear("score in its supernet, %"),
        y: Scale::linear(judged::heading(&alone_on(images))),
        series: vec![Series { name: "a network".into(), colour: Colour::of(0), shape: dots }],
        marks: Vec::new(),
        alt: format!("{} of networks trained alone beside their scores", judged::title(images)),
    }
    .draw()
}

fn networks(verified: &Verified, images: &str) -> Markup {
    let row = |network: &VerifiedNetwork| {
        let numbers = [network.score, network.held_out_accuracy].map(|value| Cell::new(percent(value)));
        Row { grey: false, cells: numbers.into_iter().chain([Cell::words(arch(&network.arch))]).collect() }
    };
    let rows: Vec<Row> = verified.networks.iter().map(row).collect();
    table(&["score in its supernet", &judged::name(&alone_on(images)), "architecture"], &rows)
}

//! Report of a search for a front: accuracy against multiply-adds.

use fewshot_nas::experiments::{FrontNetwork, SearchResult, metric};
use maud::{Markup, html};

use super::super::chart::{Colour, Dot, Scale, Series, Shape, Xy};
use super::super::judged;
use super::super::numbers::{grouped, percent};
use super::super::page::{Cell, Row, Section, arch, figure, figures, table};

/// The front's networks; nothing for a search for one network.
pub fn section(result: &SearchResult) -> Option<Section> {
    if result.front.is_empty() {
        return None;
    }
    let body = html! {
        (figures(&[figure("Accuracy and cost", NOTE, &chart(&result.front))]))
        (networks(&result.front))
    };
    Some(Section { title: "The front", body })
}

const NOTE: &str = "No network that was scored is both cheaper and better scored than one of these. Each was trained alone on \
                    all training images and tested once; scores do not order networks exactly, so that a dearer one may \
                    test worse.";

fn chart(front: &[FrontNetwork]) -> Markup {
    let points =
        |of: fn(&FrontNetwork) -> f64| front.iter().map(move |network| (network.macs as f64, 100.0 * of(network)));
    let dots = |network: &FrontNetwork| Dot {
        x: network.macs as f64,
        y: judged::units(network.test_accuracy),
        text: format!("{} {}", percent(network.test_accuracy), network.arch),
    };
    let tested = Shape::Large(front.iter().map(dots).collect());
    Xy {
        x: Scale::linear("multiply-adds per image, trained alone"),
        y: Scale::linear(metric().heading()),
        series: vec![
            Series {
                name: "score in its supernet".into(),
                colour: Colour::of(0),
                shape: Shape::Line(points(|network| network.score).collect()),
            },
            Series { name: judged::name("trained alone, test"), colour: Colour::of(1), shape: tested },
        ],
        marks: Vec::new(),
        alt: format!("Score and {} of each network of the front beside its multiply-adds", judged::name("test")),
    }
    .draw()
}

fn networks(front: &[FrontNetwork]) -> Markup {
    let is_timed = front.iter().any(|network| network.latency_ms.is_some());
    let best = front.iter().map(|network| network.test_accuracy).fold(0.0, f64::max);
    let row = |network: &FrontNetwork| {
        let accuracy = percent(network.test_accuracy);
        let mut cells = vec![
            if network.test_accuracy == best { Cell::best(accuracy) } else { Cell::new(accuracy) },
            Cell::new(percent(network.score)),
            Cell::new(grouped(network.macs)),
            Cell::new(grouped(network.params)),
        ];
        cells.extend(is_timed.then(|| Cell::new(network.latency_ms.map(|ms| format!("{ms:.3}")).unwrap_or_default())));
        cells.extend([Cell::words(html! { code { (network.model) } }), Cell::words(arch(&network.arch))]);
        Row { grey: false, cells }
    };
    let tested = judged::name("test");
    let mut head = vec![tested.as_str(), "score", "multiply-adds", "parameters"];
    head.extend(is_timed.then_some("predicted ms"));
    head.extend(["model", "architecture"]);
    table(&head, &front.iter().map(row).collect::<Vec<_>>())
}

//! The report of gradient-based searches.

mod alone;
mod arms;

use fewshot_nas::experiments::{GradientResult, GradientRow, PartRow};
use fewshot_nas::gradient::EpochSeen;
use fewshot_space::{CellSkeleton, CellSpace, Decision, Space};
use maud::{Markup, html};

use self::arms::{Means, mark, spread};
use super::chart::{Colour, Scale, Series, Shape, Xy};
use super::numbers::{counted, duration, grouped, short};
use super::page::{self, Cell, Row, Section, figure, figures, tiles};
use super::record::Record;
use super::story::Story;
use super::{cell, judged};
use crate::failure::Failure;

/// What is shown of a run of kind `gradient`.
///
/// # Errors
/// When its result is damaged.
pub fn story(record: &Record) -> Result<Story, Failure> {
    let title = format!("What do gradients find in {}?", record.recipe.space.name);
    let Some(result) = record.run.result::<GradientResult>()? else {
        return Ok(Story { title, lead: html! {}, sections: Vec::new() });
    };
    Ok(Story { title, lead: lead(&result), sections: sections(&result) })
}

fn lead(result: &GradientResult) -> Markup {
    let means = result.arms().into_iter().filter_map(|arm| Some((arm, result.mean(arm, |row| row.truth)?.mean)));
    let best = means.max_by(|a, b| a.1.total_cmp(&b.1));
    let mut numbers = alone::tiles(result);
    numbers.extend(
        best.map(|((method, mode), truth)| (format!("{truth:.2}"), format!("best mean truth: {method}, {mode}"))),
    );
    numbers.extend(
        result.random.as_ref().map(|random| (format!("{:.2}", random.mean), "mean truth of one random network".into())),
    );
    numbers.push((grouped(result.rows.iter().map(|row| row.supernets() as u64).sum()), "supernets searched".into()));
    numbers.push((duration(result.seconds), format!("working time, {}", counted(result.seeds.len() as u64, "seed"))));
    html! {
        p.lead {
            (counted(result.arms().len() as u64, "search method")) " looked for a network of the space " (result.space)
            @if result.rows.iter().any(|row| row.network.is_some()) {
                ". Of several finalists, those of the parts or the best-scored, the one is taken that is best on "
                (grouped(result.images)) " held-out images when it is trained alone; then all that was taken, and random networks, \
                are trained alone by one recipe and tested."
            } @else {
                ". Of several sub-supernets, the one whose result does best on " (grouped(result.images))
                " held-out images is taken. "
                @match &result.truth {
                    Some(truth) => { "What was chosen is looked up in the truth: " (truth) "." }
                    None => { "No table of truths was given, so what the choices are worth is not known." }
                }
            }
        }
        (tiles(&numbers))
    }
}

fn sections(result: &GradientResult) -> Vec<Section> {
    let looked_up = || Section {
        title: "What was found",
        body: html! { @if let Some(chart) = truths(result) { (chart) } (table(result)) (rules()) },
    };
    let mut sections = vec![alone::section(result).unwrap_or_else(looked_up)];
    sections.extend(cells(result).map(|body| Section { title: "The chosen cells", body }));
    sections.push(Section { title: "The parts", body: parts(result) });
    sections.extend(alone::skips(result).map(|body| Section { title: "Skips", body }));
    sections.extend(beliefs(result).map(|body| Section { title: "How the choice came about", body }));
    sections
}

/// Mean truth of each arm, with its seeds as dots.
fn truths(result: &GradientResult) -> Option<Markup> {
    let marks = result.random.iter();
    let marks = marks.flat_map(|random| [mark("one random network", random.mean), mark("best network", random.best)]);
    let means = Means {
        of: &|row| row.truth,
        label: "truth of the choice".into(),
        title: "Truth of the chosen network",
        alt: "Truth per method",
        marks: marks.collect(),
    };
    means.figure(result)
}

fn table(result: &GradientResult) -> Markup {
    let head = [
        "Method",
        "Truth of the choice",
        "Better than",
        "Mean truth of all parts",
        "Random in the part",
        "Supernets",
        "Epochs",
        "Multiply-adds",
        "Steps/s",
        "Flags",
    ];
    let rows = result.arms().into_iter().filter_map(|arm| {
        let first = result.rows_of(arm).next()?;
        let mean = |of: &dyn Fn(&GradientRow) -> Option<f64>| result.mean(arm, of);
        let share =
            mean(&|row| row.better_than).map_or_else(|| "-".into(), |mean| format!("{:.0} %", 100.0 * mean.mean));
        let rate = mean(&|row| Some(row.steps as f64 / row.seconds.max(f64::MIN_POSITIVE)));
        let cells = vec![
            Cell::words(arms::name(arm)),
            Cell::new(spread(mean(&|row| row.truth))),
            Cell::new(share),
            Cell::new(spread(mean(&GradientRow::mean_truth_of_parts))),
            Cell::new(spread(mean(&GradientRow::random_truth))),
            Cell::new(first.parts.len().to_string()),
            Cell::new(first.epochs.to_string()),
            Cell::new(short(mean(&|row| Some(row.macs)).map_or(0.0, |mean| mean.mean))),
            Cell::new(rate.map_or_else(|| "-".into(), |rate| short(rate.mean))),
            Cell::words(result.flags(arm)),
        ];
        Some(Row { grey: false, cells })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.extend(result.random.as_ref().map(|random| {
        let [low, .., high] = random.quantiles;
        let mut cells =
            vec![Cell::words("one random network"), Cell::new(format!("{:.2}", random.mean)), Cell::new("50 %")];
        cells.extend((3..head.len() - 1).map(|_| Cell::new("-")));
        cells.push(Cell::words(format!("90 % lie from {low:.2} to {high:.2}")));
        Row { grey: true, cells }
    }));
    page::table(&head, &rows)
}

fn rules() -> Markup {
    let facts = [
        ("Better than", "Share of all networks of the table whose truth is lower, mean over the seeds."),
        ("Mean truth of all parts", "Mean over what each sub-supernet found: what is won without choosing among them."),
        (
            "Random in the part",
            "Mean truth of the networks in the part that was chosen. What lies above it was found by the \
          gradients; what lies between it and one random network came from the split.",
        ),
        (
            "Flags",
            "Dead: the output does not depend on the input. All skip: nothing but skips is live. Collapsed to skips: \
          every edge with a choice became a skip, so that the split edge alone does the work.",
        ),
        (
            "Multiply-adds, steps/s",
            "Of the searches, forward and backward; transferred weights include what made them. Judging \
          what was chosen is not counted.",
        ),
    ];
    page::facts(&facts)
}

/// What each arm chose with the first seed; nothing in spaces without cells.
fn cells(result: &GradientResult) -> Option<Markup> {
    let drawn = result.arms().into_iter().filter_map(|arm| {
        let row = result.rows_of(arm).next()?;
        let part = row.parts.get(row.chosen)?;
        let worth = match (&row.network, part.truth) {
            (Some(network), _) => format!("{} {:.2} %", judged::name("test"), network.percent()),
            (None, Some(truth)) => format!("truth {truth:.2}"),
            (None, None) => "truth not known".to_string(),
        };
        let title = |cell: &str| format!("{}, {}, seed {}: {worth}{cell}", arm.0, arm.1, row.seed);
        let drawn = cell::cells(&result.space, &part.arch);
        let name = |cell: &str| if drawn.len() > 1 { format!(". {cell}") } else { String::new() };
        Some(drawn.iter().map(|(cell, drawing)| figure(&title(&name(cell)), "", drawing)).collect::<Vec<_>>())
    });
    let drawn: Vec<Markup> = drawn.flatten().collect();
    (!drawn.is_empty()).then(|| figures(&drawn))
}

/// What each supernet of each arm found.
fn parts(result: &GradientResult) -> Markup {
    let head = [
        "Part",
        "Truth",
        "Random in the part",
        "In the supernet",
        "Mixed network",
        "Alone, held-out images",
        "Skips",
        "Flags",
        "Architecture",
    ];
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_string(), |share| format!("{:.1} %", 100.0 * share));
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_string(), |value| format!("{value:.2}"));
    let line = |row: &GradientRow, (index, part): (usize, &PartRow)| {
        let taken = if index == row.chosen && row.parts.len() > 1 { ", taken" } else { "" };
        let flags: Vec<&str> = part.flags.iter().map(|flag| flag.name()).collect();
        let cells = vec![
            Cell::words(format!("seed {}, {}{taken}", row.seed, part.region)),
            Cell::new(number(part.truth)),
            Cell::new(number(part.random_truth)),
            Cell::new(percent(Some(part.path_accuracy))),
            Cell::new(percent(part.mixed_accuracy)),
            Cell::new(alone::reached(part)),
            Cell::new(part.skips.iter().map(|cell| cell.skips.to_string()).collect::<Vec<_>>().join(" and ")),
            Cell::words(flags.join(", ")),
            Cell::words(page::arch(&part.arch)),
        ];
        Row { grey: index != row.chosen, cells }
    };
    html! {
        @for arm in result.arms() {
            @let rows = result.rows_of(arm).flat_map(|row| row.parts.iter().enumerate().map(|part| line(row, part)).collect::<Vec<_>>());
            details {
                summary { (arm.0) ", " (arm.1) }
                (page::table(&head, &rows.collect::<Vec<_>>()))
            }
        }
    }
}

/// The probabilities of each edge over the epochs, of each arm's choice with the first seed.
fn beliefs(result: &GradientResult) -> Option<Markup> {
    let space = CellSpace::by_name(&result.space, CellSkeleton::default_for(&result.space).ok()?).ok()?;
    let note = "Per edge, the probability that the method gives each operation at the end of each epoch; of the choice with \
                the first seed. Equal lines: the method does not prefer any.";
    let drawn = result.arms().into_iter().filter_map(|arm| {
        let row = result.rows_of(arm).next()?;
        let history = &row.parts.get(row.chosen)?.history;
        let edge = |(index, decision): (usize, &Decision)| {
            figure(&decision.name, "", &belief_chart(history, index, decision).draw())
        };
        let charts: Vec<Markup> = space.decisions().iter().enumerate().map(edge).collect();
        (!history.is_empty()).then(|| html! { details { summary { (arm.0) ", " (arm.1) } (figures(&charts)) } })
    });
    let drawn: Vec<Markup> = drawn.collect();
    (!drawn.is_empty()).then(|| html! { p.note { (note) } @for arm in &drawn { (arm) } })
}

fn belief_chart(history: &[EpochSeen], index: usize, decision: &Decision) -> Xy {
    let line = |(option, name): (usize, &String)| {
        // Parts may begin behind a common warm-up.
        let at = |seen: &EpochSeen| Some(((seen.train.epoch + 1) as f64, *seen.beliefs.get(index)?.get(option)?));
        let points = history.iter().filter_map(at).collect();
        Series { name: name.clone(), colour: Colour::of(option), shape: Shape::Line(points) }
    };
    Xy {
        x: Scale::whole("epoch"),
        y: Scale::linear("probability"),
        series: decision.options.iter().enumerate().map(line).collect(),
        marks: Vec::new(),
        alt: format!("Probability of each operation of {} over the epochs", decision.name),
    }
}

#[cfg(test)]
mod tests {
    use fewshot_nas::experiments::{Flag, RandomRow};
    use fewshot_nas::train::EpochRecord;

    use super::super::chart::check;
    use super::*;

    fn result() -> GradientResult {
        let seen = |epoch| EpochSeen {
            train: EpochRecord { epoch, lr: 0.1, loss: 1.0, accuracy: 0.5, held_out: None, held_out_last: None },
            val_accuracy: Some(0.4),
            beliefs: vec![vec![0.2, 0.2, 0.2, 0.2, 0.2]; 6],
            arch: None,
        };
        let part = |arch: &str, flags: Vec<Flag>| PartRow {
            region: "e0=none".into(),
            arch: arch.into(),
            truth: Some(54.3),
            random_truth: Some(80.0),
            path_accuracy: 0.3,
            mixed_accuracy: Some(0.4),
            flags,
            history: vec![seen(0), seen(1)],
            skips: Vec::new(),
            skips_by_epoch: Vec::new(),
            alone: None,
        };
        let skip = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|";
        let row = |mode: &str, parts: Vec<PartRow>| GradientRow {
            method: "darts-v1".into(),
            mode: mode.into(),
            seed: 0,
            epochs: 2,
            macs: 1e12,
            steps: 100,
            seconds: 10.0,
            chosen: parts.len() - 1,
            truth: Some(54.3),
            better_than: Some(0.05),
            parts,
            supernets: None,
            evaluations: None,
            choosing_epochs: None,
            network: None,
        };
        let all_skip = part(skip, vec![Flag::AllSkip]);
        GradientResult {
            space: "nasbench201".into(),
            truth: Some("table t.csv, 15625 networks".into()),
            images: 2000,
            rows: vec![
                row("one-shot", vec![all_skip.clone()]),
                row("few-shot, transfer", vec![part(skip, vec![]), all_skip]),
            ],
            random: Some(RandomRow {
                networks: 15_625,
                mean: 87.1,
                quantiles: [60.0, 85.0, 89.0, 91.0, 93.0],
                best: 94.37,
            }),
            seconds: 20.0,
            seeds: vec![0],
            random_networks: Vec::new(),
            zeros: Vec::new(),
        }
    }

    fn drawn(result: &GradientResult) -> String {
        let body = html! { (lead(result)) @for section in sections(result) { h2 { (section.title) } (section.body) } };
        // `wbr` is the one element that has no end.
        check(&maud::PreEscaped(body.0.replace("<wbr>", "")));
        body.0
    }

    #[test]
    fn choices_cells_and_beliefs_are_shown() {
        let text = drawn(&result());
        for part in [
            "all skip 1 of 1",
            "e0=none",
            ", taken",
            "few-shot, transfer",
            "one random network",
            "probability",
            "edge live",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Nothing to draw"));
    }

    #[test]
    fn a_space_without_cells_has_neither_drawings_of_them_nor_skips() {
        let mut result = result();
        result.space = "proxyless".into();
        for part in result.rows.iter_mut().flat_map(|row| &mut row.parts) {
            part.arch = "k3e3,skip;k5e3,k3e6;k3e6,k3e3".into();
            part.skips_by_epoch = vec![0, 0];
        }
        let text = drawn(&result);
        assert!(text.contains("k5e3") && !text.contains("The chosen cells") && !text.contains("<h2>Skips"), "{text}");
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let mut result = result();
        (result.truth, result.random) = (None, None);
        for row in &mut result.rows {
            (row.truth, row.better_than) = (None, None);
            for part in &mut row.parts {
                (part.truth, part.random_truth) = (None, None);
                part.history.clear();
            }
        }
        let text = drawn(&result);
        assert!(text.contains("is not known") && !text.contains("How the choice came about"));
        assert!(!text.contains("Truth of the chosen network"));
    }
}

//! Training curves.

use fewshot_guard::read_file;
use fewshot_nas::experiments::AUGMENTED;
use fewshot_nas::train::EpochRecord;
use maud::{Markup, html};

use super::chart::{COLOURS, Colour, Dot, Scale, Series, Shape, Xy};
use super::judged;
use super::page::{Section, figure, figures, png};
use super::record::{Record, by_family, words};

/// Curves drawn at most.
const DRAWN: usize = 40;

/// A training curve.
pub struct Curve {
    /// What was trained.
    pub name: String,
    /// One record per epoch.
    pub history: Vec<EpochRecord>,
}

/// The curves of all training stages, by what they trained; nothing where no training is done.
pub fn body(record: &Record) -> Option<Markup> {
    let families = by_family(record.trained());
    let drawn = families.into_iter().map(|(family, members)| {
        let several = members.len() > 1;
        let curve = |(index, (_, trained)): (usize, (&str, fewshot_nas::experiments::Trained))| {
            let name = match trained.arch {
                // Architectures are too long to be names.
                Some(_) if several => format!("{family} {}", index + 1),
                Some(_) => words(family).to_string(),
                None => trained.region,
            };
            Curve { name, history: trained.history }
        };
        let curves: Vec<Curve> = members.into_iter().enumerate().map(curve).collect();
        pair(words(family), &curves)
    });
    let drawn: Vec<Markup> = drawn.collect();
    (!drawn.is_empty()).then(|| html! { @for pair in drawn { (pair) } })
}

/// What training does to images; nothing where the run's folder holds no picture of it.
pub fn changes(record: &Record) -> Option<Section> {
    let picture = read_file(&record.run.path().join(AUGMENTED)).ok()?;
    let drawn = png(&picture, "rows of training images, each above the same images as they are changed");
    let note = "Some images of the first batch, and below each row the same ones as the network gets them: in every epoch otherwise.                 What is blanked has the mean colour of all images.";
    Some(Section { title: "What training does to images", body: figure("As they are, and changed", note, &drawn) })
}

/// Loss and accuracy of what was trained, side by side.
pub fn pair(title: &str, curves: &[Curve]) -> Markup {
    let more = curves.len().saturating_sub(DRAWN);
    let note = if more > 0 { format!("The first {DRAWN} of {} curves.", curves.len()) } else { String::new() };
    let loss = chart("mean training loss", curves, |epoch| epoch.loss);
    let mut accuracy = chart(&judged::heading("training"), curves, |epoch| judged::units(epoch.accuracy));
    if let [curve] = curves {
        accuracy.series.extend(held_out(curve));
    }
    figures(&[
        figure(&format!("Loss: {title}"), &note, &loss.draw()),
        figure(&format!("{}: {title}", judged::title("training")), &note, &accuracy.draw()),
    ])
}

/// Accuracy on held-out images, where it was looked at: of the averaged weights, and of the last ones beside them.
fn held_out(curve: &Curve) -> impl Iterator<Item = Series> {
    let line = |name: &str, colour: usize, of: fn(&EpochRecord) -> Option<f64>| {
        let looks =
            curve.history.iter().filter_map(|epoch| Some(((epoch.epoch + 1) as f64, judged::units(of(epoch)?))));
        let looks: Vec<(f64, f64)> = looks.collect();
        (looks.len() > 1).then(|| Series { name: name.into(), colour: Colour::of(colour), shape: Shape::Line(looks) })
    };
    let lines = [
        line("held-out images, by the averaged weights", 1, |epoch| epoch.held_out),
        line("held-out images, by the weights of that step", 2, |epoch| epoch.held_out_last),
    ];
    lines.into_iter().flatten()
}

/// Few curves have a colour and a name of their own; more are drawn alike, with their mean.
fn chart(label: &str, curves: &[Curve], of: fn(&EpochRecord) -> f64) -> Xy {
    let line = |curve: &Curve| -> Vec<(f64, f64)> {
        curve.history.iter().map(|record| ((record.epoch + 1) as f64, of(record))).collect()
    };
    // A line needs two points.
    let single = curves.iter().all(|curve| curve.history.len() < 2);
    let thin = |curve: &Curve| match single {
        true => Shape::Dots(line(curve).into_iter().map(|(x, y)| Dot { x, y, text: curve.name.clone() }).collect()),
        false => Shape::Thin(line(curve)),
    };
    let series = match curves.len() {
        0..=COLOURS => {
            let one = |(index, curve): (usize, &Curve)| Series {
                name: if curves.len() > 1 { curve.name.clone() } else { String::new() },
                colour: Colour::of(index),
                shape: if curves.len() > 1 || single { thin(curve) } else { Shape::Line(line(curve)) },
            };
            curves.iter().enumerate().map(one).collect()
        }
        count => {
            let one = |curve: &Curve| Series { name: String::new(), colour: Colour::GREY, shape: thin(curve) };
            let all: Vec<&[EpochRecord]> = curves.iter().map(|curve| curve.history.as_slice()).collect();
            let mean = mean(&all, of);
            let mean = Series { name: format!("mean of {count}"), colour: Colour::of(0), shape: Shape::Line(mean) };
            curves.iter().take(DRAWN).map(one).chain([mean]).collect()
        }
    };
    let alt = format!("{label} per epoch");
    Xy { x: Scale::whole("epoch"), y: Scale::linear(label), series, marks: Vec::new(), alt }
}

/// What was trained several times: its name, its colour, and each training curve.
pub struct Repeated<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its colour.
    pub colour: Colour,
    /// Its curves.
    pub curves: Vec<&'a [EpochRecord]>,
}

/// Loss and accuracy of repeated trainings: the mean as a line, from the lowest to the highest as a band.
pub fn bands(groups: &[Repeated<'_>]) -> Markup {
    let loss = band_chart("mean training loss", groups, |epoch| epoch.loss);
    let accuracy = band_chart(&judged::heading("training"), groups, |epoch| judged::units(epoch.accuracy));
    figures(&[figure("Loss", "", &loss.draw()), figure(&judged::title("training"), "", &accuracy.draw())])
}

fn band_chart(label: &str, groups: &[Repeated<'_>], of: fn(&EpochRecord) -> f64) -> Xy {
    let two = |group: &Repeated<'_>| {
        let range = |(epoch, values): (f64, Vec<f64>)| {
            let (low, high) = values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
            (epoch, low, high)
        };
        let band = by_epoch(&group.curves, of).map(range).collect();
        let mean = mean(&group.curves, of);
        [
            Series { name: String::new(), colour: group.colour, shape: Shape::Band(band) },
            Series { name: group.name.to_string(), colour: group.colour, shape: Shape::Line(mean) },
        ]
    };
    let series = groups.iter().flat_map(two).collect();
    let alt = format!("{label} per epoch");
    Xy { x: Scale::whole("epoch"), y: Scale::linear(label), series, marks: Vec::new(), alt }
}

/// Per epoch, from 1, the values of the curves that have it.
fn by_epoch(curves: &[&[EpochRecord]], of: fn(&EpochRecord) -> f64) -> impl Iterator<Item = (f64, Vec<f64>)> {
    let epochs = curves.iter().map(|curve| curve.len()).max().unwrap_or(0);
    (0..epochs)
        .map(move |epoch| ((epoch + 1) as f64, curves.iter().filter_map(|curve| curve.get(epoch).map(of)).collect()))
}

/// The mean over the curves that have the epoch.
fn mean(curves: &[&[EpochRecord]], of: fn(&EpochRecord) -> f64) -> Vec<(f64, f64)> {
    let mean = |(epoch, values): (f64, Vec<f64>)| (epoch, values.iter().sum::<f64>() / values.len() as f64);
    by_epoch(curves, of).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::super::chart::check;
    use super::*;

    fn curve(index: usize, epochs: u64) -> Curve {
        let record = |epoch| EpochRecord {
            epoch,
            lr: 0.1,
            loss: 2.0 / (epoch + 1) as f64,
            accuracy: 0.5,
            held_out: None,
            held_out_last: None,
        };
        Curve { name: format!("part {index}"), history: (0..epochs).map(record).collect() }
    }

    #[test]
    fn averaged_weights_are_drawn_beside_those_of_the_step() {
        let mut followed = curve(0, 4);
        for (epoch, record) in followed.history.iter_mut().enumerate() {
            record.held_out = Some(0.1 * epoch as f64);
        }
        let of_step = |drawn: &Markup| drawn.0.contains("by the weights of that step");
        let drawn = pair("kept", std::slice::from_ref(&followed));
        assert!(drawn.0.contains("by the averaged weights") && !of_step(&drawn));
        followed.history.iter_mut().for_each(|record| record.held_out_last = Some(0.05));
        let drawn = pair("kept", &[followed]);
        check(&drawn);
        assert!(of_step(&drawn));
    }

    #[test]
    fn few_curves_have_names_and_many_a_mean() {
        let few: Vec<Curve> = (0..3).map(|index| curve(index, 5)).collect();
        let drawn = pair("sub-supernets", &few);
        check(&drawn);
        assert!(drawn.0.contains("part 2") && !drawn.0.contains("mean of"));
        let many: Vec<Curve> = (0..50).map(|index| curve(index, 5)).collect();
        let drawn = pair("truth", &many);
        check(&drawn);
        assert!(drawn.0.contains("mean of 50") && drawn.0.contains("first 40 of 50"));
        assert_eq!(drawn.0.matches("line thin").count(), 2 * DRAWN);
    }

    #[test]
    fn curves_of_one_epoch_are_points() {
        let drawn = pair("sub-supernets", &(0..20).map(|index| curve(index, 1)).collect::<Vec<_>>());
        check(&drawn);
        assert_eq!(drawn.0.matches("<circle").count(), 2 * 20);
    }

    #[test]
    fn curves_of_different_length_have_a_mean() {
        let (one, two) = (curve(0, 1), curve(1, 2));
        let curves = vec![one.history.as_slice(), two.history.as_slice()];
        assert_eq!(mean(&curves, |record| record.loss), [(1.0, 2.0), (2.0, 1.0)]);
        let drawn = bands(&[Repeated { name: "few-shot", colour: Colour::of(0), curves }]);
        check(&drawn);
        assert_eq!((drawn.0.matches("<polygon").count(), drawn.0.matches("</svg>few-shot<").count()), (2, 2));
        check(&pair("nothing", &[curve(0, 0)]));
    }
}

//! What the trained network makes of each class.

use fewshot_nas::estimate::Evaluation;
use maud::{Markup, html};

use super::chart::Matrix;
use super::numbers::{grouped, percent};
use super::page::{Cell, Row, Section, figure, figures, table};

/// Classes up to which the matrix is drawn: its squares are still seen then.
const WIDEST: usize = 40;
/// Mistakes that are listed.
const MISTAKES: usize = 8;

/// The section, where the run says what became of its test images.
pub fn section(test: Option<&Evaluation>) -> Option<Section> {
    let test = test.filter(|test| test.is_whole())?;
    let top5 = test.top5().map(|top5| format!(", among the five likeliest classes for {}", percent(top5)));
    let mut drawn = Vec::new();
    if test.classes.len() <= WIDEST {
        let alt = "Test images by class and by the class that they were given";
        let matrix = Matrix { names: &test.classes, counts: &test.confusion, alt };
        let note = "A row is a class, a column the class that its images were given: the darker, the larger the share. \
                    What is right lies on the diagonal.";
        drawn.push(figure("Test images: what was taken for what", note, &matrix.draw()));
    }
    let mistakes = mistakes(test);
    drawn.extend(mistakes.map(|mistakes| figure("The most frequent mistakes", "", &mistakes)));
    let body = html! {
        p {
            "Of " (grouped(test.images)) " test images the right class is the likeliest one for " (percent(test.top1))
            (top5.unwrap_or_default()) ". The mean over the classes, whatever their sizes (balanced accuracy), is "
            (percent(test.balanced_accuracy)) "."
        }
        (figures(&drawn))
        details { summary { "Every class" } (recall(test)) }
    };
    Some(Section { title: "Class by class", body })
}

fn mistakes(test: &Evaluation) -> Option<Markup> {
    let row = |&(right, given, images): &(usize, usize, u64)| {
        let cells =
            vec![Cell::new(&test.classes[right]), Cell::words(&test.classes[given]), Cell::new(grouped(images))];
        Row { grey: false, cells }
    };
    let rows: Vec<Row> = test.mistakes().iter().take(MISTAKES).map(row).collect();
    (!rows.is_empty()).then(|| table(&["class", "taken for", "images"], &rows))
}

fn recall(test: &Evaluation) -> Markup {
    let row = |(class, (name, recall)): (usize, (&String, &Option<f64>))| {
        let images: u64 = test.confusion[class].iter().sum();
        let recall = recall.map_or("no images".to_string(), percent);
        Row { grey: false, cells: vec![Cell::new(name), Cell::new(grouped(images)), Cell::new(recall)] }
    };
    let rows: Vec<Row> = test.classes.iter().zip(&test.recall).enumerate().map(row).collect();
    table(&["class", "test images", "of these right (recall)"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_mistakes_are_named_and_old_runs_have_no_section() {
        let test = Evaluation {
            images: 4,
            top1: 0.5,
            top5: None,
            balanced_accuracy: 0.75,
            classes: vec!["oak & elm".into(), "fir".into()],
            recall: vec![Some(0.5), None],
            confusion: vec![vec![2, 2], vec![0, 0]],
        };
        let page = section(Some(&test)).unwrap().body.0;
        for part in ["50.00 %", "75.00 %", "oak &amp; elm", "no images", "<svg"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        // Among two classes every right one is among five, whatever an older result says.
        let older = Evaluation { top5: Some(1.0), ..test };
        assert!(!page.contains("five likeliest") && section(Some(&older)).unwrap().body.0 == page);
        assert!(section(None).is_none());
    }
}

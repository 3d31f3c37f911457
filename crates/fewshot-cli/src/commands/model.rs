//! Commands that use a trained network: predict, eval, export.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use fewshot_data::{DataError, OpenOptions, Which};
use fewshot_guard::{counted, printable};
use fewshot_nas::device;
use fewshot_nas::estimate::Evaluation;
use fewshot_nas::experiments::recipe_of;
use fewshot_nas::export::{self, Format};
use fewshot_nas::model::{MODEL, Model};
use fewshot_nas::recipe::DataRecipe;
use fewshot_nas::run::RunReader;
use fewshot_space::shares::softmax;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::{print, print_json, use_threads};
use crate::args::{EvalArgs, ExportArgs, ExportFormat, ModelArgs, Part, PredictArgs};
use crate::console::say;
use crate::failure::Failure;

/// Images that are in memory at once.
const CHUNK: usize = 256;
/// Classes up to which the confusion is printed as a table; beyond, only the most frequent mistakes.
const WIDEST: usize = 20;
/// Letters to which the cells of a column are filled up: one endless name must not widen every line.
const WIDEST_CELL: usize = 60;
/// Mistakes printed for each class.
const MISTAKES: usize = 3;

/// What the network says of one image.
#[derive(Debug, Serialize)]
struct Prediction {
    file: String,
    /// The likeliest first.
    classes: Vec<Likely>,
    /// In the order of the model's classes.
    logits: Vec<f32>,
}

/// A class and how likely it is.
#[derive(Debug, Serialize)]
struct Likely {
    class: String,
    /// 0 to 1; all classes together 1.
    probability: f64,
}

pub fn predict(args: PredictArgs) -> Result<(), Failure> {
    use_threads(0)?;
    let mut model = open(&args.model)?;
    model.check_classifies()?;
    let (mut predictions, mut failed) = (Vec::new(), Vec::new());
    let mut images = Vec::new();
    for path in &args.images {
        let (files, notes) = match fewshot_data::image_files(path) {
            // The other images are still wanted, if there are any.
            Err(error @ DataError::NoImages { .. }) if args.images.len() > 1 => {
                say(format_args!("fewshot: {error}"));
                failed.push(json!({ "file": path.display().to_string(), "error": error.to_string() }));
                continue;
            }
            found => found?,
        };
        notes.iter().for_each(|note| say(format_args!("{}: {note}", path.display())));
        if path.is_dir() {
            say(format_args!("{}: {}", path.display(), counted(files.len(), "image")));
        }
        images.extend(files);
    }
    let all = images.len() + failed.len();
    for files in images.chunks(CHUNK) {
        let read: Vec<_> = files.par_iter().map(|file| model.read_image(file)).collect();
        let (mut known, mut pixels) = (Vec::new(), Vec::new());
        for (file, image) in files.iter().zip(read) {
            match image {
                Ok(image) => {
                    known.push(file);
                    pixels.push(image);
                }
                // The others are still wanted.
                Err(error) => {
                    say(format_args!("fewshot: {error}"));
                    failed.push(json!({ "file": file.display().to_string(), "error": error.to_string() }));
                }
            }
        }
        if !pixels.is_empty() {
            let logits = model.logits(&pixels)?;
            let classes = &model.card().classes;
            predictions
                .extend(known.iter().zip(logits).map(|(file, row)| prediction(file, row, classes, args.top as usize)));
        }
    }
    if args.json {
        print_json(&json!({ "images": predictions, "failed": failed }))?;
    } else if !predictions.is_empty() {
        print(&predictions_text(&predictions))?;
    }
    match failed.len() {
        0 => Ok(()),
        failed => Err(Failure::Images { failed, all }),
    }
}

fn prediction(file: &Path, logits: Vec<f32>, classes: &[String], top: usize) -> Prediction {
    let probabilities = softmax(&logits);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let likely = |&index: &usize| Likely { class: classes[index].clone(), probability: probabilities[index] };
    let classes = order.iter().take(top).map(likely).collect();
    Prediction { file: file.display().to_string(), classes, logits }
}

/// One line an image: file, then classes with their probabilities.
fn predictions_text(predictions: &[Prediction]) -> String {
    let likely = |Likely { class, probability }: &Likely| format!("{class} {:.1} %", 100.0 * probability);
    let row = |prediction: &Prediction| {
        let classes = prediction.classes.iter().map(likely);
        std::iter::once(prediction.file.clone()).chain(classes).collect::<Vec<String>>()
    };
    columns(&predictions.iter().map(row).collect::<Vec<_>>(), false)
}

pub fn eval(mut args: EvalArgs) -> Result<(), Failure> {
    use_threads(0)?;
    let mut model = open(&args.model)?;
    // Before its images are looked at, which are read as those of a classifier.
    model.check_classifies()?;
    let shape = model.shape();
    let own = own_data(&args.model.model);
    let (label_column, image_column) = match (&args.data, own) {
        (None, Some(own)) => {
            say(format_args!("images: {}, those of the run", own.path));
            args.data = Some(PathBuf::from(own.path));
            let given = |column: String| (!column.is_empty()).then_some(column);
            (args.label_column.or(given(own.label_column)), args.image_column.or(given(own.image_column)))
        }
        _ => (args.label_column, args.image_column),
    };
    let options = OpenOptions {
        image_size: Some((shape.height, shape.width)),
        channels: Some(shape.channels),
        ground: model.card().ground,
        label_column,
        image_column,
        ..OpenOptions::default()
    };
    let which = match args.part {
        Part::Test => Which::Test,
        Part::Train => Which::Train,
        Part::All => Which::All,
    };
    if model.card().chosen_on_test && which != Which::Train {
        say(
            "the network was chosen by scores on the test images of its run (scoring.on_test): its accuracy on those is no fresh one",
        );
    }
    let classes = model.card().classes.clone();
    let (parts, notes) = match &args.data {
        Some(path) => fewshot_data::open_part(path, &classes, which, &options)?,
        None => fewshot_data::sample_part(&classes, which, &options)?,
    };
    notes.iter().for_each(say);
    let name = parts.first().map_or_else(String::new, |part| part.name().to_string());
    if let Some(part) = parts.iter().find(|part| model.goes_by_order(part)) {
        let pairs = part.classes().iter().zip(&model.card().classes).take(3);
        let pairs: Vec<String> = pairs.map(|(theirs, known)| format!("{theirs} is `{known}`")).collect();
        let pairs = pairs.join(", ");
        say(format_args!(
            "numbers stand for the names of classes, which are taken in order: {}, and so on",
            printable::line(&pairs)
        ));
    }
    let evaluation = model.evaluate(parts)?;
    if args.json { print_json(&evaluation) } else { print(&evaluation_text(&evaluation, args.part, &name)) }
}

/// Where the images of the run in this folder are by now; nothing for other files and folders, and for runs on the embedded sample.
fn own_data(run: &Path) -> Option<DataRecipe> {
    // What is no run, or one that cannot be read, says so itself if that matters.
    let recipe = recipe_of(&RunReader::open(run).ok()?).ok()?;
    Some(recipe.common.data).filter(|data| !data.path.is_empty())
}

fn evaluation_text(evaluation: &Evaluation, part: Part, name: &str) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let of = match part {
        Part::Test => "test images",
        Part::Train => "training images",
        Part::All => "images",
    };
    let mut lines = vec![format!("measured on        {} {of} of {}", evaluation.images, printable::line(name))];
    lines.push(format!("top-1 accuracy     {}", percent(evaluation.top1)));
    lines.extend(evaluation.top5().map(|top5| format!("top-5 accuracy     {}", percent(top5))));
    lines.push(format!("balanced accuracy  {}", percent(evaluation.balanced_accuracy)));
    let mistakes = evaluation.mistakes();
    let mut rows = vec![["class", "images", "recall", "most often taken for"].map(String::from).to_vec()];
    for (class, (name, recall)) in evaluation.classes.iter().zip(&evaluation.recall).enumerate() {
        let images: u64 = evaluation.confusion[class].iter().sum();
        let of_class = mistakes.iter().filter(|(right, ..)| *right == class).take(MISTAKES);
        let taken: Vec<String> =
            of_class.map(|&(_, given, images)| format!("{} {images}", evaluation.classes[given])).collect();
        rows.push(vec![name.clone(), images.to_string(), recall.map_or("-".to_string(), percent), taken.join(", ")]);
    }
    lines.extend([String::new(), columns(&rows, false)]);
    if evaluation.classes.len() <= WIDEST {
        let numbers = (0..evaluation.classes.len()).map(|class| class.to_string());
        let mut rows = vec![std::iter::once("class, given as".to_string()).chain(numbers).collect::<Vec<_>>()];
        for (class, (name, row)) in evaluation.classes.iter().zip(&evaluation.confusion).enumerate() {
            let counts = row.iter().map(u64::to_string);
            rows.push(std::iter::once(format!("{class} {name}")).chain(counts).collect());
        }
        lines.extend([String::new(), columns(&rows, true)]);
    }
    lines.join("\n")
}

/// Rows as lines with aligned columns; all but the first column flush right where they are `numbers`. Cells may hold anything:
/// each stays on its line, and what is wider than [`WIDEST_CELL`] is not waited for.
fn columns(rows: &[Vec<String>], numbers: bool) -> String {
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| printable::line(cell)).collect()).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0).min(WIDEST_CELL)).collect();
    let line = |row: &Vec<Cow<'_, str>>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            if numbers && column > 0 { blanks + cell } else { format!("{cell}{blanks}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub fn export(args: ExportArgs) -> Result<(), Failure> {
    use_threads(0)?;
    let format = match args.format {
        ExportFormat::Onnx => Format::Onnx { fold_norms: !args.keep_norms },
        ExportFormat::Safetensors => Format::Safetensors,
        ExportFormat::Pytorch => Format::PyTorch,
    };
    let folder = if args.model.is_dir() { args.model.as_path() } else { args.model.parent().unwrap_or(Path::new("")) };
    let out = match (args.out, format) {
        (Some(out), _) => out,
        (None, Format::Onnx { .. }) => folder.join(export::ONNX),
        (None, Format::PyTorch) => folder.join("pytorch"),
        (None, Format::Safetensors) => {
            let message = "--out FILE says where to: the model is a safetensors file already, and is copied";
            return Err(Failure::Usage(message.to_string()));
        }
    };
    let source = if args.model.is_dir() { args.model.join(MODEL) } else { args.model.clone() };
    if out.canonicalize().is_ok_and(|out| source.canonicalize().is_ok_and(|source| out == source)) {
        return Err(Failure::Usage(format!("--out {} is the model itself: choose another name", out.display())));
    }
    let model = open(&ModelArgs { model: args.model, device: "cpu".to_string() })?;
    let files = export::export(&model, format, &out)?;
    print(
        &files
            .iter()
            .map(|file| printable::line(&file.display().to_string()).into_owned())
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// The model that was named, where it was wanted.
pub fn open(args: &ModelArgs) -> Result<Model, Failure> {
    let device = device::by_name(&args.device).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Model::open(&args.model, &device)?)
}

#[cfg(test)]
mod tests {
    use fewshot_nas::estimate::Tally;

    use super::*;

    #[test]
    fn probabilities_sum_to_one_and_the_likeliest_come_first() {
        let classes = ["a", "b", "c"].map(String::from);
        let found = prediction(Path::new("x.png"), vec![1.0, 200.0, -3.0], &classes, 2);
        assert_eq!(found.classes.iter().map(|likely| likely.class.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(found.classes[0].probability, 1.0);
    }

    #[test]
    fn the_wider_accuracy_is_shown_where_it_says_anything() {
        for classes in [2, 5, 6, 10] {
            let names: Vec<String> = (0..classes).map(|class| format!("c{class}")).collect();
            let mut tally = Tally::new(classes);
            tally.add(&vec![0.0; classes], &[1]);
            let text = evaluation_text(&tally.finish(&names), Part::Test, "photos");
            assert!(text.contains("top-1 accuracy     0.00 %"), "{text}");
            assert_eq!(text.contains("top-5 accuracy     100.00 %"), classes > 5, "{text}");
        }
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_string(), "1".into(), "22".into()], vec!["long".into(), "333".into()]];
        assert_eq!(columns(&rows, true), "a       1  22\nlong  333");
        assert_eq!(columns(&rows, false), "a     1    22\nlong  333");
        // More letters than a format string can be wide.
        let long = "y".repeat(70_000);
        let rows = [vec![long.clone(), "1".to_string()], vec!["b".to_string(), "2".into()]];
        assert_eq!(columns(&rows, false), format!("{long}  1\n{:60}  2", "b"));
    }
}

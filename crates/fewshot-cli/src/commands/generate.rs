//! The command that lets a generator make images.

use std::path::Path;

use fewshot_data::{grid, has_image_name, png_bytes};
use fewshot_guard::counted;
use fewshot_nas::run::{RunError, create_folder, write_output};
use serde_json::json;

use super::model::open;
use super::{print, print_json, use_threads};
use crate::args::GenerateArgs;
use crate::failure::Failure;

/// Images that are made together.
const BATCH: usize = 100;
/// Images of the grid at most: 20 rows of 20.
const GRID: usize = 400;
/// The grid's name.
const GRID_FILE: &str = "grid.png";

pub fn generate(args: GenerateArgs) -> Result<(), Failure> {
    use_threads(0)?;
    let mut model = open(&args.model)?;
    let (shape, count) = (model.shape(), args.count as usize);
    let folder = &args.out;
    holds_no_others(folder, count)?;
    let mut in_grid = Vec::new();
    let mut files = Vec::with_capacity(count);
    for first in (0..count).step_by(BATCH) {
        let images = model.generate(u64::from(args.seed), first, BATCH.min(count - first))?;
        // A model that makes none leaves no folder.
        create_folder(folder).map_err(RunError::from)?;
        for (place, image) in images.into_iter().enumerate() {
            let file = folder.join(image_file(first + place));
            write_new(&file, &png_bytes(&image, shape)?)?;
            files.push(file.display().to_string());
            if in_grid.len() < GRID {
                in_grid.push(image);
            }
        }
    }
    let columns = (in_grid.len() as f64).sqrt().ceil() as usize;
    let (pixels, whole) = grid(&in_grid, shape, columns)?;
    let file = folder.join(GRID_FILE);
    write_new(&file, &png_bytes(&pixels, whole)?)?;
    let grid = file.display().to_string();
    match args.json {
        true => print_json(&json!({ "images": files, "grid": grid, "seed": args.seed })),
        false => {
            let shown = if count > GRID { format!("the first {GRID}") } else { String::from("all") };
            let made = counted(count, "image");
            print(&format!("{made} of {shape} in {}, {shown} in {GRID_FILE}", super::outcome::shown(folder)))
        }
    }
}

/// Name of the image of this number.
fn image_file(number: usize) -> String {
    format!("{number:05}.png")
}

/// Refuses a folder with images that are none of those to be made: nobody could tell them apart afterwards.
fn holds_no_others(folder: &Path, count: usize) -> Result<(), Failure> {
    // A folder that is not there holds none; one that cannot be read says so when it is written to.
    let Ok(entries) = folder.read_dir() else { return Ok(()) };
    let is_made = |name: &str| {
        let number = name.strip_suffix(".png").and_then(|number| number.parse::<usize>().ok());
        name == GRID_FILE || number.is_some_and(|number| number < count && name == image_file(number))
    };
    let mut others: Vec<String> = entries
        .flatten()
        .filter(|entry| has_image_name(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !is_made(name))
        .collect();
    others.sort();
    match others.first() {
        None => Ok(()),
        Some(first) => Err(holds(folder, &format!("{}, e.g. `{first}`", counted(others.len(), "other image")))),
    }
}

/// Writes a file that is not there yet, or that has these bytes already.
fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if file.is_file() && !std::fs::read(file).is_ok_and(|found| found == bytes) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        return Err(holds(file.parent().unwrap_or(file), &format!("another image called `{name}`")));
    }
    Ok(write_output(file, bytes, &[]).map_err(RunError::from)?)
}

fn holds(folder: &Path, what: &str) -> Failure {
    Failure::Usage(format!(
        "--out {} holds {what}: name a folder that is new or empty, or move what is there",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_other_images_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(holds_no_others(&dir.path().join("new"), 3).is_ok());
        for name in ["00000.png", "00002.png", "grid.png", "notes.txt"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        assert!(holds_no_others(dir.path(), 3).is_ok());
        // Of a call that made more of them.
        let refused = holds_no_others(dir.path(), 2).unwrap_err().to_string();
        assert!(refused.contains("1 other image, e.g. `00002.png`: name a folder that is new"), "{refused}");
        std::fs::write(dir.path().join("2.JPG"), "photo").unwrap();
        assert!(holds_no_others(dir.path(), 3).is_err());

        let file = dir.path().join("00000.png");
        assert!(write_new(&file, b"00000.png").is_ok());
        let refused = write_new(&file, b"other").unwrap_err().to_string();
        assert!(refused.contains("another image called `00000.png`"), "{refused}");
        assert_eq!(std::fs::read(&file).unwrap(), b"00000.png");
    }
}

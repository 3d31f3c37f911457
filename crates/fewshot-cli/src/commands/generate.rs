//! The command that lets a generator make images.

use fewshot_data::{grid, png_bytes};
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
    let mut in_grid = Vec::new();
    let mut files = Vec::with_capacity(count);
    for first in (0..count).step_by(BATCH) {
        let images = model.generate(u64::from(args.seed), first, BATCH.min(count - first))?;
        // A model that makes none leaves no folder.
        create_folder(folder).map_err(RunError::from)?;
        for (place, image) in images.into_iter().enumerate() {
            let file = folder.join(format!("{:05}.png", first + place));
            write_output(&file, &png_bytes(&image, shape)?, &[]).map_err(RunError::from)?;
            files.push(file.display().to_string());
            if in_grid.len() < GRID {
                in_grid.push(image);
            }
        }
    }
    let columns = (in_grid.len() as f64).sqrt().ceil() as usize;
    let (pixels, whole) = grid(&in_grid, shape, columns)?;
    let file = folder.join(GRID_FILE);
    write_output(&file, &png_bytes(&pixels, whole)?, &[]).map_err(RunError::from)?;
    let grid = file.display().to_string();
    match args.json {
        true => print_json(&json!({ "images": files, "grid": grid, "seed": args.seed })),
        false => print(&format!("{count} images of {shape} in {}, all in {GRID_FILE}", super::outcome::shown(folder))),
    }
}

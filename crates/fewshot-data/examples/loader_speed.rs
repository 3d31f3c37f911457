//! Measures how many images a second one background thread prepares for training.
//!
//! `cargo run --release -p fewshot-data --example loader_speed`

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use fewshot_data::{Augment, Dataset, Normalise, Shape, TrainLoader};

const IMAGES: usize = 50_000;
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    for (height, width, channels) in [(28, 28, 1), (32, 32, 3), (96, 96, 3)] {
        let shape = Shape { height, width, channels };
        // Contents do not matter for the time, but the memory must be real, not a shared page of zeros.
        let pixels = (0..IMAGES * shape.bytes()).map(|at| (at % 251) as u8).collect();
        let classes = vec!["a".to_owned(), "b".to_owned()];
        let dataset = Arc::new(Dataset::new("speed", shape, pixels, vec![0; IMAGES], classes)?);
        let indices: Arc<[u32]> = (0..IMAGES as u32).collect();
        let normalise = Normalise::measure(&dataset, &indices)?;
        for augment in [Augment::for_shape(shape), Augment::by_size(shape, 100).0] {
            let (dataset, indices, normalise) = (Arc::clone(&dataset), Arc::clone(&indices), normalise.clone());
            let loader = TrainLoader::new(dataset, indices, normalise, augment, BATCH, 0)?;
            let start = Instant::now();
            let images: usize = loader.epoch(0, 0).map(|batch| batch.labels.len()).sum();
            let seconds = start.elapsed().as_secs_f64();
            println!("{shape}: {:.0} images/s ({augment}; batches of {BATCH})", images as f64 / seconds);
        }
    }
    Ok(())
}

//! Measures how many images a second one background thread prepares for training, and for evaluation.
//!
//! `cargo run --release -p fewshot-data --example loader_speed`

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use fewshot_data::{
    Augment, AutoAugment, AutoForm, Batches, CentreCrop, CutMix, Dataset, EvalLoader, Filter, Jitter, MixUp, Normalise,
    ResizedCrop, Shape, TrainLoader,
};

const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    for (height, width, channels) in [(28, 28, 1), (32, 32, 3), (96, 96, 3)] {
        let images = Images::new(Shape { height, width, channels }, 50_000)?;
        for augment in [Augment::for_shape(images.shape), Augment::by_size(images.shape, 100).0] {
            images.train(augment)?;
        }
    }

    let images = Images::new(Shape { height: 32, width: 32, channels: 3 }, 20_000)?;
    let usual = Augment::for_shape(images.shape);
    for form in [AutoForm::Pil, AutoForm::TensorFlow, AutoForm::LaNet] {
        images.train(Augment { auto_augment: Some(AutoAugment { form }), ..usual })?;
    }
    images.train(Augment { cut_mix: Some(CutMix::default()), ..usual })?;
    images.train(Augment { mix_up: Some(MixUp::default()), ..usual })?;
    let auto_augment = Some(AutoAugment::default());
    images.train(Augment { cutout: 16, auto_augment, cut_mix: Some(CutMix::default()), ..usual })?;

    let images = Images::new(Shape { height: 256, width: 341, channels: 3 }, 1_000)?;
    for filter in [Filter::Bilinear, Filter::Bicubic] {
        let resized_crop = Some(ResizedCrop { filter, ..ResizedCrop::default() });
        println!("{filter:?}:");
        for jitter in [Jitter::default(), Jitter::MILD, Jitter::STRONG] {
            images.train(Augment { flip: true, resized_crop, jitter, ..Augment::none() })?;
        }
        images.evaluate(CentreCrop { filter, ..CentreCrop::default() })?;
    }
    Ok(())
}

struct Images {
    dataset: Arc<Dataset>,
    shape: Shape,
    indices: Arc<[u32]>,
    normalise: Normalise,
}

impl Images {
    fn new(shape: Shape, images: usize) -> Result<Images, Box<dyn Error>> {
        // Contents hardly matter for the time, but the memory must be real, not a shared page of zeros.
        let pixels = (0..images * shape.bytes()).map(|at| (at % 251) as u8).collect();
        let classes = vec!["a".to_owned(), "b".to_owned()];
        let dataset = Arc::new(Dataset::new("speed", shape, pixels, vec![0; images], classes)?);
        let indices: Arc<[u32]> = (0..images as u32).collect();
        let normalise = Normalise::measure(&dataset, &indices)?;
        Ok(Images { dataset, shape, indices, normalise })
    }

    fn train(&self, augment: Augment) -> Result<(), Box<dyn Error>> {
        let (dataset, indices) = (Arc::clone(&self.dataset), Arc::clone(&self.indices));
        let loader = TrainLoader::new(dataset, indices, self.normalise.clone(), augment, BATCH, 0)?;
        self.report(&augment.to_string(), || loader.epoch(0, 0));
        Ok(())
    }

    fn evaluate(&self, crop: CentreCrop) -> Result<(), Box<dyn Error>> {
        let loader = EvalLoader::all(Arc::clone(&self.dataset), self.normalise.clone(), BATCH)?;
        let loader = loader.centre_crop(Some(crop))?;
        self.report(&format!("centre crop {} pixels", crop.side), || loader.batches());
        Ok(())
    }

    fn report(&self, what: &str, batches: impl Fn() -> Batches) {
        let start = Instant::now();
        let images: usize = batches().map(|batch| batch.labels.len()).sum();
        let seconds = start.elapsed().as_secs_f64();
        println!("{}: {:.0} images/s ({what}; batches of {BATCH})", self.shape, images as f64 / seconds);
    }
}

//! Small models for tests: every architecture, with weights and statistics as training leaves them, none of them trivial.

use std::sync::Arc;

use burn::tensor::Device;
use fewshot_data::Normalise;
use fewshot_space::{Arch, CellSkeleton, CellSpace, Space, random};
use rand::RngExt;

use super::{Card, Model, Resize};
use crate::nets::Net;
use crate::run::TensorF32;

/// The space `name` for images of `[height, width, channels]` and three classes.
pub fn space(name: &str, [image_height, image_width, channels_in]: [usize; 3]) -> Arc<CellSpace> {
    let default = CellSkeleton::default_for(name).unwrap();
    let skeleton = CellSkeleton { image_height, image_width, channels_in, classes: 3, width: 4, cells: 1, ..default };
    Arc::new(CellSpace::by_name(name, skeleton).unwrap())
}

/// A model of one architecture.
pub fn model(space: &Arc<CellSpace>, arch: &Arch, seed: u64) -> Model {
    let mut net = Net::standalone(space.clone(), arch, &Device::flex(), seed).unwrap();
    let mut values = net.weights().to_values().unwrap();
    for (name, tensor) in &mut values {
        let range = match name.rsplit('.').next().unwrap() {
            "running_var" => 0.5..2.0,
            "running_mean" | "shift" => -0.5..0.5,
            "scale" => -1.5..1.5,
            _ => continue,
        };
        let mut rng = random::stream(seed, name, 0, 0);
        let drawn = (0..tensor.data().len()).map(|_| rng.random_range(range.clone())).collect();
        *tensor = TensorF32::new(tensor.shape().to_vec(), drawn).unwrap();
    }
    net.weights_mut().load_values(&values).unwrap();
    let channels = space.skeleton().channels_in;
    let card = Card {
        format: Card::FORMAT,
        program: "1.2.3".to_string(),
        space: space.name().to_string(),
        arch: space.format(arch),
        skeleton: space.skeleton().clone(),
        classes: ["cat \"Tom\"", "dog's", "Vogel ü"].map(String::from).to_vec(),
        normalise: Normalise {
            mean: vec![0.4914, 0.48, 0.44][..channels].to_vec(),
            std: vec![0.25, 0.3, 0.2][..channels].to_vec(),
        },
        resize: Resize::CentreCropLanczos3,
        test_accuracy: Some(0.5),
        held_out_accuracy: None,
        epochs: Some(3),
    };
    Model::new(card, net).unwrap()
}

/// Images of bytes.
pub fn images(model: &Model, count: u64) -> Vec<Vec<u8>> {
    let image = |index| {
        let mut rng = random::stream(7, "images", index, 0);
        (0..model.shape().bytes()).map(|_| rng.random_range(0..=255)).collect()
    };
    (0..count).map(image).collect()
}

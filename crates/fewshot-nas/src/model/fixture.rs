//! Small models for tests: every architecture, with weights and statistics as training leaves them, none of them trivial.

use burn::tensor::Device;
use fewshot_data::Normalise;
use fewshot_space::{Arch, random};
use rand::RngExt;

use super::{Card, Model, Resize};
use crate::families::{self, OpenSpace, Skeleton};
use crate::nets::Net;
use crate::run::TensorF32;

/// The space `name` for images of `[height, width, channels]` and three classes; small, where its size is a setting.
pub fn space(name: &str, image: [usize; 3]) -> OpenSpace {
    let mut settings = families::family(name).unwrap().settings();
    // Two reductions and a cell between them and the stem are the least in DARTS; of generators all cells are wanted.
    let cells = if ["darts", "autogan"].contains(&name) { 3 } else { 1 };
    for (key, small) in [("width", 4), ("cells", cells)] {
        if families::is_count(&settings, key) {
            settings.insert(key.to_string(), small.into());
        }
    }
    families::open(name, Skeleton { settings, ..Skeleton::of_images(image, 3) }).unwrap()
}

/// A model of one architecture.
pub fn model(space: &OpenSpace, arch: &Arch, seed: u64) -> Model {
    let mut net = Net::standalone(space.blueprint().clone(), arch, &Device::flex(), seed).unwrap();
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
    let [.., channels] = space.skeleton().image();
    let card = Card {
        format: Card::FORMAT,
        program: "1.2.3".to_string(),
        space: space.blueprint().name().to_string(),
        arch: space.blueprint().format(arch),
        skeleton: space.skeleton().clone(),
        classes: ["cat \"Tom\"", "dog's", "Vogel ü"].map(String::from).to_vec(),
        normalise: Normalise {
            mean: vec![0.4914, 0.48, 0.44][..channels].to_vec(),
            std: vec![0.25, 0.3, 0.2][..channels].to_vec(),
        },
        resize: Resize::CentreCropLanczos3,
        ground: None,
        test_accuracy: Some(0.5),
        chosen_on_test: false,
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

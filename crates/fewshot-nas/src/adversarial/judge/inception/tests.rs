//! The network against PyTorch's, with weights that a formula makes: `tools/inception.py golden` prints the numbers.

use burn::tensor::Device;
use fewshot_data::Shape;
use serde_json::json;

use super::{BATCH, FEATURES, Form, Inception, blocks};
use crate::adversarial::judge::FeatureNet;
use crate::run::{Checkpoint, TensorF32};

const SHAPE: Shape = Shape { height: 20, width: 28, channels: 3 };

/// Numbers of -0.5 to 0.5.
fn drawn(count: usize, number: usize) -> impl Iterator<Item = f64> {
    (0..count as u32).map(move |index| {
        let mut h = index.wrapping_mul(2_654_435_761).wrapping_add((number as u32).wrapping_mul(40_503) + 12_345);
        h ^= h >> 15;
        h = h.wrapping_mul(2_246_822_519);
        h ^= h >> 13;
        f64::from(h) / 2f64.powi(32) - 0.5
    })
}

/// Weights of the whole network, `[height, width, in, out]`.
fn weights(form: Form, classes: usize) -> Checkpoint {
    let mut shapes = vec![(String::from("fc"), vec![FEATURES, classes])];
    for block in blocks() {
        for layer in block.layers() {
            let [height, width] = layer.kernel;
            let shape = vec![height, width, layer.channels_in, layer.channels_out];
            shapes.push((block.full_name(&layer), shape));
        }
    }
    shapes.sort_by_key(|(name, _)| format!("{name}.weight"));
    let mut checkpoint =
        Checkpoint::new(&json!({ "network": "inception-v3", "form": form, "classes": classes })).unwrap();
    for (number, (name, shape)) in shapes.into_iter().enumerate() {
        let count: usize = shape.iter().product();
        let channels = *shape.last().unwrap();
        let scale = (24.0 / (count / channels) as f64).sqrt();
        let kernel = drawn(count, number).map(|value| (value * scale) as f32).collect();
        let bias = drawn(channels, number + 1000).map(|value| (value * 0.2) as f32).collect();
        checkpoint.insert(format!("{name}.weight"), TensorF32::new(shape, kernel).unwrap());
        checkpoint.insert(format!("{name}.bias"), TensorF32::new(vec![channels], bias).unwrap());
    }
    checkpoint
}

fn image() -> Vec<u8> {
    let pixels = (0..SHAPE.height).flat_map(|row| (0..SHAPE.width).map(move |column| (row, column)));
    pixels
        .flat_map(|(row, column)| (0..3).map(move |channel| ((row * 7 + column * 13 + channel * 29) % 256) as u8))
        .collect()
}

/// Some features, their sum, some probabilities, the likeliest class.
type Golden = ([f64; 4], f64, [f64; 3], usize);

const TENSORFLOW: Golden =
    ([0.601166, 0.195805, 0.564655, 0.914287], 769.704022, [0.000402618986, 0.000138123928, 0.001300799260], 830);
const TORCHVISION: Golden =
    ([0.554092, 0.243122, 0.601457, 0.375273], 713.090953, [0.000411144923, 0.000910508179, 0.001194794794], 5);

fn check(form: Form, classes: usize, (features, sum, probabilities, best): Golden) {
    let mut net = Inception::new(weights(form, classes), String::new(), &Device::flex()).unwrap();
    let looks = net.look(&image(), SHAPE).unwrap();
    let near = |found: f64, wanted: f64, what: &str| {
        assert!((found - wanted).abs() <= 1e-3 * wanted.abs().max(1e-3), "{form:?} {what}: {found} for {wanted}");
    };
    for (at, wanted) in [0, 1, 500, 2047].into_iter().zip(features) {
        near(looks.features[at].into(), wanted, "feature");
    }
    near(looks.features.iter().map(|&feature| f64::from(feature)).sum(), sum, "sum");
    for (at, wanted) in [0, 1, 999].into_iter().zip(probabilities) {
        near(looks.probabilities[at], wanted, "probability");
    }
    let likeliest = (0..classes).max_by(|&a, &b| looks.probabilities[a].total_cmp(&looks.probabilities[b]));
    assert_eq!(likeliest, Some(best));
    // In batches each image is looked at for itself.
    let many = net.look(&image().repeat(BATCH + 1), SHAPE).unwrap();
    assert_eq!(many.features[FEATURES * BATCH..], looks.features);
    assert_eq!(many.probabilities.len(), (BATCH + 1) * classes);
}

#[test]
fn the_network_of_2015_is_that_of_pytorch() {
    check(Form::Tensorflow, 1008, TENSORFLOW);
}

#[test]
fn the_network_of_torchvision_is_that_of_pytorch() {
    check(Form::Torchvision, 1000, TORCHVISION);
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let refused = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = weights(Form::Torchvision, 3);
        change(&mut checkpoint);
        Inception::new(checkpoint, String::new(), &Device::flex()).unwrap_err().to_string()
    };
    let said = refused(&|checkpoint| drop(checkpoint.tensors.remove("Mixed_6c.branch7x7_2.weight")));
    assert!(said.contains("Mixed_6c.branch7x7_2.weight"), "{said}");
    let said = refused(&|checkpoint| {
        checkpoint.insert("fc.bias", TensorF32::new(vec![3], vec![0.0, f32::NAN, 0.0]).unwrap());
    });
    assert!(said.contains("`fc.bias` holds NaN"), "{said}");
    let said = refused(&|checkpoint| {
        checkpoint.insert("AuxLogits.fc.bias", TensorF32::new(vec![1], vec![0.0]).unwrap());
    });
    assert!(said.contains("AuxLogits.fc.bias"), "{said}");
    let mut net = Inception::new(weights(Form::Torchvision, 3), String::new(), &Device::flex()).unwrap();
    let said = net.look(&[0; 64], Shape { height: 8, width: 4, channels: 2 }).unwrap_err().to_string();
    assert!(said.contains("1 or 3 channels"), "{said}");
}

//! What tests of networks need, here and elsewhere: a small set of images that can be learned, and losses that finite differences
//! can be taken of.

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_space::random;
use rand::RngExt;

use crate::net::Net;
use crate::values::to_vec;

/// Classes of [`patterns`].
pub const CLASSES: usize = 3;
const IMAGES: usize = 48;

/// Moves all that ReLUs read to where they are linear, as far as trained shifts reach. Gradients are sums of many parts with
/// either sign, so that the few kinks within a finite difference would weigh a lot.
pub fn without_kinks(net: &mut Net) {
    let mut values = net.weights().to_values().expect("weights that can be read");
    let mut moved = 0;
    for (name, value) in values.iter_mut().filter(|(name, _)| name.ends_with("norm.shift")) {
        *value =
            fewshot_run::TensorF32::new(value.shape().to_vec(), vec![2.0; value.data().len()]).expect("as many values");
        moved += usize::from(name == "head.norm.shift");
    }
    assert_eq!(moved, 1);
    net.weights_mut().load_values(&values).expect("the net's own weights");
}

/// `IMAGES` images `[8, 8, 1]` of three classes: a pattern each, and noise. The patterns are those of every seed.
pub fn patterns(seed: u64) -> (Tensor<4>, Vec<u32>) {
    let draw = |purpose: &str, seed: u64, count: usize| -> Vec<f32> {
        let mut rng = random::stream(seed, purpose, 0, 0);
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    };
    let (patterns, noise) = (draw("patterns", 0, CLASSES * 64), draw("noise", seed, IMAGES * 64));
    let pixel = |(index, noise): (usize, &f32)| 0.7 * noise + patterns[index / 64 % CLASSES * 64 + index % 64];
    let data: Vec<f32> = noise.iter().enumerate().map(pixel).collect();
    let images = Tensor::from_data(TensorData::new(data, [IMAGES, 8, 8, 1]), &Device::flex());
    (images, (0..IMAGES).map(|image| (image % CLASSES) as u32).collect())
}

/// Mean cross entropy in double precision: finite differences see what single precision would round away.
pub fn precise_loss(logits: &Tensor<2>, labels: &[u32]) -> f64 {
    let [_, classes] = logits.dims();
    let values = to_vec(logits);
    let one = |(row, &label): (&[f32], &u32)| {
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        sum.ln() - f64::from(row[label as usize])
    };
    values.chunks(classes).zip(labels).map(one).sum::<f64>() / labels.len() as f64
}

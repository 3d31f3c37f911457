//! What Inception v3 makes of one image, block by block: `inception WEIGHTS IMAGE HEIGHT WIDTH OUT`.
//!
//! `WEIGHTS` is a file of `tools/inception.py`, `IMAGE` raw bytes `[height, width, 3]`; `OUT` becomes a safetensors file of the outputs
//! of all blocks, the features and the probabilities. `tools/inception.py check` holds them against PyTorch's.

use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use fewshot_data::Shape;
use fewshot_nas::adversarial::judge::{FeatureNet, Inception};
use fewshot_nas::run::{Checkpoint, TensorF32};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [weights, image, height, width, out] = words.as_slice() else {
        return Err("inception WEIGHTS IMAGE HEIGHT WIDTH OUT".into());
    };
    let shape = Shape { height: height.parse()?, width: width.parse()?, channels: 3 };
    let image = std::fs::read(image)?;
    let mut net = Inception::new(Checkpoint::load(Path::new(weights))?, String::new(), &Device::flex())?;
    let mut outputs = Checkpoint::new(&())?;
    net.trace(&image, shape, |name, x| {
        let values = x.clone().into_data().iter::<f32>().collect();
        outputs.tensors.extend(TensorF32::new(x.dims().to_vec(), values).map(|tensor| (name.to_owned(), tensor)));
    })?;
    let looks = net.look(&image, shape)?;
    outputs.insert("features", TensorF32::new(vec![looks.features.len()], looks.features)?);
    let probabilities: Vec<f32> = looks.probabilities.iter().map(|&probability| probability as f32).collect();
    outputs.insert("probabilities", TensorF32::new(vec![probabilities.len()], probabilities)?);
    Ok(outputs.save(Path::new(out))?)
}

//! Runs every `NAME.onnx` of a folder in [tract](https://github.com/sonos/tract), on the images in `NAME.in`, as many as
//! there are. Writes what comes out to `NAME.batch.out`, all images in one batch, and to `NAME.single.out`, one by one: all
//! values of the first output, then all of the second. The files hold 32-bit floats, little-endian, without a header.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;

fn main() -> TractResult<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| anyhow!("usage: run-onnx FOLDER"))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "onnx") {
            check(&path).with_context(|| format!("{}", path.display()))?;
        }
    }
    Ok(())
}

/// Nothing is said about the network's input but what the file says itself.
fn check(path: &Path) -> TractResult<()> {
    let network = tract_onnx::onnx().model_for_path(path)?.into_optimized()?;
    let fact = network.input_fact(0)?;
    // The first extent is the number of images, a symbol.
    let extents =
        fact.shape.iter().skip(1).map(|extent| Ok(extent.to_usize()?)).collect::<TractResult<Vec<usize>>>()?;
    let network = network.into_runnable()?;
    let images = floats(&fs::read(path.with_extension("in"))?);
    let image: usize = extents.iter().product();
    fs::write(path.with_extension("batch.out"), bytes(&run(&network, &images, &extents)?.concat()))?;
    let mut outputs: Vec<Vec<f32>> = Vec::new();
    for image in images.chunks(image) {
        let found = run(&network, image, &extents)?;
        outputs.resize(found.len(), Vec::new());
        outputs.iter_mut().zip(found).for_each(|(output, found)| output.extend(found));
    }
    Ok(fs::write(path.with_extension("single.out"), bytes(&outputs.concat()))?)
}

/// All outputs for some images of the given extents.
fn run(network: &Arc<TypedRunnableModel>, images: &[f32], extents: &[usize]) -> TractResult<Vec<Vec<f32>>> {
    let count = images.len() / extents.iter().product::<usize>();
    let shape: Vec<usize> = std::iter::once(count).chain(extents.iter().copied()).collect();
    let outputs = network.run(tvec!(Tensor::from_shape(&shape, images)?.into()))?;
    outputs.iter().map(|output| Ok(output.to_plain_array_view::<f32>()?.iter().copied().collect())).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

//! What every family must hold to, as a suite that a family's own tests call, here and outside of this crate.

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_space::{Arch, Region, random, testing};
use rand::RngExt;

use super::{Family, Skeleton};
use crate::nets::{Feature, Net, NormMode, Path, live_cost, to_vec};

/// Architectures that [`check_family`] builds.
const BUILT: usize = 3;
/// Shape of its images, and their number.
const IMAGE: [usize; 3] = [32, 32, 3];
const IMAGES: usize = 2;
const CLASSES: usize = 10;

/// Checks a family on images of 32x32 pixels in 10 classes, with its own settings: the space by
/// [`check_space`](fewshot_space::testing::check_space), and its networks.
///
/// # Panics
/// Saying what is wrong, when
/// - the family has no name or says nothing about itself, its settings are no defaults to open with, or the space has another name;
/// - the space does not pass;
/// - a network alone does not have as many parameters as the space counts, or what can be reached of its graph costs more;
/// - a network alone, or the same architecture in the supernet for the whole space, does not make as many finite numbers as there are
///   classes of an image (a generator, pixels of an image), makes others the second time, or has a training step that reaches no
///   weight.
pub fn check_family(family: &dyn Family) {
    let name = family.name();
    assert!(!name.is_empty() && !family.about().is_empty(), "`{name}` says nothing about itself");
    let skeleton = Skeleton { settings: family.settings(), ..Skeleton::of_images(IMAGE, CLASSES) };
    let blueprint = family.open(&skeleton).unwrap_or_else(|error| panic!("its own settings are no defaults: {error}"));
    assert_eq!(blueprint.name(), name, "the space has another name than its family");
    testing::check_space(blueprint.clone());

    let whole = Region::full(blueprint.clone());
    let mut rng = random::stream(0, "testing/family", 0, 0);
    let mut supernet = Net::supernet(blueprint.clone(), whole.clone(), &Device::flex(), 0);
    for _ in 0..BUILT {
        let arch = whole.sample(&mut rng).expect("the whole space has members");
        let text = blueprint.format(&arch);
        let mut alone = Net::standalone(blueprint.clone(), &arch, &Device::flex(), 0)
            .unwrap_or_else(|error| panic!("{text} cannot be built: {error}"));
        let counted = blueprint.cost(&arch);
        assert_eq!(alone.weights().count(), counted.params, "{text} has other parameters than the space counts");
        let live = live_cost(blueprint.clone(), &arch, IMAGE).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(live.macs <= counted.macs && live.params <= counted.params, "{text}: {live:?} of {counted:?} are live");
        check_net(&mut alone, &arch, &text);
        check_net(&mut supernet, &arch, &text);
    }
}

/// Runs and trains `arch` in `net`.
fn check_net(net: &mut Net, arch: &Arch, text: &str) {
    let path = Path::Shared(arch.clone());
    let mut output = || {
        let input = input(net);
        values(
            net.run(input, &path, NormMode::Batch, None).unwrap_or_else(|error| panic!("{text} cannot run: {error}")),
        )
    };
    let (first, second) = (output(), output());
    let per_image = if net.latent().is_some() { IMAGE.iter().product() } else { CLASSES };
    assert_eq!(first.len(), IMAGES * per_image, "{text}: as many numbers per image");
    assert!(first.iter().all(|value| value.is_finite()), "{text}: an answer that is no number");
    assert_eq!(first, second, "{text}: another answer the second time");
    let input = input(net);
    let (output, leaves) =
        net.run_tracked(input, &path).unwrap_or_else(|error| panic!("{text} cannot be trained: {error}"));
    let mut gradients = match output {
        Feature::Map(map) => map.sum().backward(),
        Feature::Rows(rows) => rows.sum().backward(),
    };
    let reached = leaves.into_iter().flatten().filter_map(|leaf| leaf.grad_remove(&mut gradients)).count();
    assert!(reached > 0, "{text}: no weight gets a gradient");
}

/// Random pixels, or what a generator makes images of.
fn input(net: &Net) -> Feature {
    let mut rng = random::stream(0, "testing/images", 0, 0);
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let [height, width, channels] = IMAGE;
    match net.latent() {
        Some(latent) => {
            let rows = TensorData::new(draw(IMAGES * latent), [IMAGES, latent]);
            Feature::Rows(Tensor::from_data(rows, &Device::flex()))
        }
        None => {
            let pixels = TensorData::new(draw(IMAGES * height * width * channels), [IMAGES, height, width, channels]);
            Feature::Map(Tensor::from_data(pixels, &Device::flex()))
        }
    }
}

fn values(output: Feature) -> Vec<f32> {
    match output {
        Feature::Map(map) => to_vec(&map),
        Feature::Rows(rows) => to_vec(&rows),
    }
}

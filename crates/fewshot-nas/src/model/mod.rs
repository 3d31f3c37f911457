//! A trained network as users have it: one file that says all that is needed to use it, and answers.

mod card;
mod error;
mod foreign;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use fewshot_data::{Batch, DataError, Dataset, EvalLoader, Shape, read_image};
use fewshot_kernels as kernels;
use fewshot_space::{Arch, SpaceError};
use serde_json::Value;

use crate::estimate::{Evaluation, Tally};
use crate::families;
use crate::latent::{latent, pixel_bytes};
use crate::nets::{Graph, NamedValues, Net, NetError, NormMode, to_vec};
use crate::run::{Checkpoint, RunReader, write_atomic};

pub use card::{Card, Resize};
pub use error::ModelError;

/// The trained network in a run's folder.
pub const MODEL: &str = "model.safetensors";

/// Images that go through the network together: enough for all threads, few enough for the cache.
const BATCH: usize = 64;

/// A trained network, and what is known of it.
#[derive(Debug)]
pub struct Model {
    card: Card,
    arch: Arch,
    net: Net,
}

impl Model {
    /// Puts a model together; `net` holds the trained weights.
    ///
    /// # Errors
    /// [`ModelError::Card`] where the parts do not fit together.
    pub fn new(card: Card, net: Net) -> Result<Self, ModelError> {
        let contradiction = |reason| ModelError::Card { path: "new model".to_string(), reason };
        card.check().map_err(contradiction)?;
        let arch = net.region().space().parse(&card.arch).map_err(|error| contradiction(error.to_string()))?;
        net.check(&crate::nets::Path::Shared(arch.clone()))?;
        Ok(Self { card, arch, net })
    }

    /// Reads the model of a run, given its folder, or a model file, and checks all of it.
    ///
    /// # Errors
    /// [`ModelError`] naming the file and what is wrong with it.
    pub fn open(path: &Path, device: &Device) -> Result<Self, ModelError> {
        let file = model_file(path)?;
        let mut checkpoint = Checkpoint::load(&file).map_err(|error| foreign::explained(error, &file))?;
        let card = card(&checkpoint.meta, &file)?;
        let shown = || file.display().to_string();
        let contradiction = |reason: String| ModelError::Card { path: shown(), reason };
        card.check().map_err(contradiction)?;
        let space = families::open(&card.space, card.skeleton.clone());
        let space = space.map_err(|error| match error {
            SpaceError::Unknown { name, .. } => ModelError::UnknownSpace { path: shown(), name },
            other => contradiction(other.to_string()),
        });
        let space = space?.blueprint().clone();
        let arch = space.parse(&card.arch).map_err(|error| contradiction(error.to_string()))?;
        // Before memory is asked for: a skeleton can be far larger than any file.
        let (needed, held) = (space.cost(&arch).params, floats(&checkpoint.tensors));
        if needed > held {
            return Err(contradiction(format!("{held} numbers for a network of {needed} parameters")));
        }
        let mut net = Net::standalone(space, &arch, device, 0)?;
        let mut tensors = NamedValues::new();
        for (name, fresh) in net.weights().to_values()? {
            let tensor = checkpoint.take(&name, fresh.shape())?;
            if !tensor.data().iter().all(|value| value.is_finite()) {
                return Err(contradiction(format!("tensor `{name}` holds NaN or infinity")));
            }
            tensors.insert(name, tensor);
        }
        checkpoint.finish()?;
        net.weights_mut().load_values(&tensors)?;
        Ok(Self { card, arch, net })
    }

    /// What the file says of itself.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// All weights and statistics, by name.
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device.
    pub fn tensors(&self) -> Result<NamedValues, ModelError> {
        Ok(self.net.weights().to_values()?)
    }

    /// What the network computes, from pixels between 0 and 1 to logits.
    ///
    /// # Errors
    /// When its space cannot be exported.
    pub fn graph(&self) -> Result<Graph, NetError> {
        self.net.graph(&self.arch, self.card.image(), &self.card.normalise)
    }

    /// The bytes of the model file. Equal models have equal bytes.
    ///
    /// # Errors
    /// When it does not fit the format.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let mut checkpoint = Checkpoint::new(&self.card)?;
        checkpoint.tensors = self.tensors()?;
        Ok(checkpoint.to_bytes()?)
    }

    /// Writes the model file, whole or not at all.
    ///
    /// # Errors
    /// [`ModelError::File`] naming the file.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        Ok(write_atomic(path, &self.to_bytes()?)?)
    }

    /// Size of the images that the network takes.
    pub fn shape(&self) -> Shape {
        let [height, width, channels] = self.card.image();
        Shape { height, width, channels }
    }

    /// Reads an image file of any size, brought to the network's as the training images were: `[height, width, channels]`.
    ///
    /// # Errors
    /// [`DataError`] naming the file.
    pub fn read_image(&self, path: &Path) -> Result<Vec<u8>, DataError> {
        read_image(path, self.shape(), self.card.ground)
    }

    /// Logits of images `[height, width, channels]`, one row of as many as there are classes per image.
    ///
    /// # Errors
    /// When the images are not of the network's size, there are none, or the answer is no number.
    pub fn logits(&mut self, images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ModelError> {
        let labels = vec![0; images.len()];
        let images = Dataset::new("images", self.shape(), images.concat(), labels, self.card.classes.clone())?;
        let classes = self.card.classes.len();
        let mut rows = Vec::new();
        self.run(images, |logits, _| rows.extend(logits.chunks(classes).map(<[f32]>::to_vec)))?;
        Ok(rows)
    }

    /// Where its network lives.
    pub fn device(&self) -> &Device {
        self.net.weights().device()
    }

    /// What its last layer reads, `[images, features]`, and the logits, `[images, classes]`, of images of the network's size with
    /// values from 0 to 1.
    ///
    /// # Errors
    /// When the network does not end in a linear layer.
    pub fn features(&mut self, images: &Tensor<4>) -> Result<(Tensor<2>, Tensor<2>), ModelError> {
        self.check_classifies()?;
        let per_channel = |values: &[f32]| -> Tensor<4> {
            crate::nets::tensor(values.to_vec(), self.net.weights().device()).reshape([1, 1, 1, values.len()])
        };
        let (mean, std) = (per_channel(&self.card.normalise.mean), per_channel(&self.card.normalise.std));
        let path = crate::nets::Path::Shared(self.arch.clone());
        Ok(self.net.features((images.clone() - mean) / std, &path)?)
    }

    /// How well the network does on labelled images, whose classes must be among its own.
    ///
    /// Classes are matched by name; where either side has numbers for names, by their order.
    ///
    /// # Errors
    /// [`ModelError::OtherClass`], [`ModelError::ClassCount`], [`ModelError::Size`] or [`ModelError::NotFinite`].
    pub fn evaluate(&mut self, parts: Vec<Dataset>) -> Result<Evaluation, ModelError> {
        let mut tally = Tally::new(self.card.classes.len());
        for images in parts {
            if images.shape() != self.shape() {
                return Err(ModelError::Size { found: images.shape(), expected: self.shape() });
            }
            let place = self.match_classes(&images)?;
            self.run(images, |logits, labels| {
                let labels: Vec<u32> = labels.iter().map(|&label| place[label as usize]).collect();
                tally.add(logits, &labels);
            })?;
        }
        Ok(tally.finish(&self.card.classes))
    }

    /// Of a generator, how many latent numbers it makes an image of; none of a network that tells what is on images.
    pub fn latent(&self) -> Option<usize> {
        self.net.latent()
    }

    /// Images number `first` and on, so many, that a generator makes of latent numbers which `seed` draws: bytes `[height, width,
    /// channels]` each.
    ///
    /// # Errors
    /// [`ModelError::MakesNoImages`] of other networks; [`ModelError::NotFinite`].
    pub fn generate(&mut self, seed: u64, first: usize, count: usize) -> Result<Vec<Vec<u8>>, ModelError> {
        let shape = self.shape();
        let rows: Vec<Tensor<2>> =
            (first..first + count).map(|number| latent(&self.net, 1, (seed, number as u64, 0), "generated")).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let made = self.paint(Tensor::cat(rows, 0))?;
        let bytes = pixel_bytes(&to_vec(&made)).ok_or(ModelError::NotFinite)?;
        Ok(bytes.chunks(shape.bytes()).map(<[u8]>::to_vec).collect())
    }

    /// What a generator makes of rows of latent numbers, `[images, height, width, channels]` with values from -1 to 1.
    ///
    /// # Errors
    /// [`ModelError::MakesNoImages`] of other networks.
    pub fn paint(&mut self, rows: Tensor<2>) -> Result<Tensor<4>, ModelError> {
        if self.latent().is_none() {
            return Err(ModelError::MakesNoImages { space: self.card.space.clone() });
        }
        let path = crate::nets::Path::Shared(self.arch.clone());
        let made = kernels::on_kernel_threads(|| self.net.run(rows, &path, NormMode::Running, None))?;
        Ok(made.into_map())
    }

    /// Makes sure that it tells what is on images.
    ///
    /// # Errors
    /// [`ModelError::MakesImages`] of a generator.
    pub fn check_classifies(&self) -> Result<(), ModelError> {
        match self.latent() {
            None => Ok(()),
            Some(_) => Err(ModelError::MakesImages { space: self.card.space.clone() }),
        }
    }

    /// Hands `take` the logits and labels of batch after batch.
    fn run(&mut self, images: Dataset, mut take: impl FnMut(&[f32], &[u32])) -> Result<(), ModelError> {
        self.check_classifies()?;
        let loader = EvalLoader::all(Arc::new(images), self.card.normalise.clone(), BATCH)?;
        let path = crate::nets::Path::Shared(self.arch.clone());
        for Batch { images, shape, labels, .. } in loader.batches() {
            let images = Tensor::<4>::from_data(TensorData::new(images, shape), self.net.weights().device());
            let logits = kernels::on_kernel_threads(|| self.net.score(images, &path, NormMode::Running, None))?;
            let values = to_vec(&logits);
            if !values.iter().all(|value| value.is_finite()) {
                return Err(ModelError::NotFinite);
            }
            take(&values, &labels);
        }
        Ok(())
    }

    /// Whether the classes of `images` can only be matched by their order, since one side has numbers for names and they differ.
    pub fn goes_by_order(&self, images: &Dataset) -> bool {
        let (known, theirs) = (&self.card.classes, images.classes());
        known != theirs && (!named(known) || !named(theirs))
    }

    /// For each class of `images`, its place among the network's.
    fn match_classes(&self, images: &Dataset) -> Result<Vec<u32>, ModelError> {
        let (known, theirs) = (&self.card.classes, images.classes());
        let data = || images.name().to_string();
        if !named(known) || !named(theirs) {
            return match known.len() == theirs.len() {
                true => Ok((0..).zip(theirs).map(|(place, _)| place).collect()),
                false => Err(ModelError::ClassCount { data: data(), found: theirs.len(), expected: known.len() }),
            };
        }
        let place = |class: &String| {
            let place = known.iter().position(|other| other == class);
            place.map(|place| place as u32).ok_or_else(|| ModelError::OtherClass {
                data: data(),
                class: class.clone(),
                known: known.join(", "),
            })
        };
        theirs.iter().map(place).collect()
    }
}

/// Whether classes have names, and not only the numbers that readers give those without.
fn named(classes: &[String]) -> bool {
    classes.iter().enumerate().any(|(index, class)| *class != index.to_string())
}

fn floats(tensors: &NamedValues) -> u64 {
    tensors.values().map(|tensor| tensor.data().len() as u64).sum()
}

/// The model file that `path` means.
fn model_file(path: &Path) -> Result<PathBuf, ModelError> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let file = path.join(MODEL);
    if !file.exists() {
        // What a search or a training found is one architecture; where its model is lost, `resume` makes it again.
        let leaves_none = RunReader::open(path)?.result::<Value>()?.is_some_and(|result| result.get("arch").is_none());
        let path = path.display().to_string();
        return Err(if leaves_none { ModelError::NoneLeft { path } } else { ModelError::NoModel { path } });
    }
    Ok(file)
}

/// The card, in the form that this program knows.
fn card(meta: &Value, file: &Path) -> Result<Card, ModelError> {
    let path = || file.display().to_string();
    let foreign = |reason: String| ModelError::Foreign { path: path(), reason };
    // First the one number that no version may change.
    let format = meta.get("format").and_then(Value::as_u64);
    let format =
        format.ok_or_else(|| foreign("it says no format: perhaps the checkpoint of a training".to_string()))?;
    if format > u64::from(Card::FORMAT) {
        let program = meta.get("program").and_then(Value::as_str).unwrap_or("?").to_string();
        return Err(ModelError::Newer { path: path(), found: format, known: Card::FORMAT, program });
    }
    serde_json::from_value(meta.clone()).map_err(|error| foreign(error.to_string()))
}

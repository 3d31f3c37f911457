//! Named weights and running statistics: what a network *is*, apart from the code that runs it.
//!
//! Everything that moves weights about (optimizer, checkpoint, transfer from a parent supernet) works by name on
//! these flat lists and knows nothing of layers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};

use fewshot_run::TensorF32;
use fewshot_space::random;

use crate::view::View;

/// Index of a trainable parameter in [`Weights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParamId(pub(crate) usize);

impl ParamId {
    /// Its place among [`Weights::params`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// Index of a pair of running statistics in [`Weights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatsId(pub(crate) usize);

/// How a parameter starts. PyTorch's defaults, as NAS-Bench-201 uses them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Uniform on ±1/√fan_in: convolutions, linear layers and their bias.
    Uniform {
        /// Inputs that one output value sums over.
        fan_in: usize,
    },
    /// One value everywhere: batch norm scale (1) and shift (0).
    Constant(f32),
    /// A square matrix that changes nothing: transforms of kernels (Once-for-All).
    Identity,
    /// Normal with mean 0: architecture parameters, and convolutions by the rule of He et al. (ICCV 2015).
    Normal {
        /// Standard deviation.
        deviation: f32,
    },
}

/// One trainable parameter, stored flat; layers view it in the rank they need (free when contiguous).
#[derive(Debug, Clone)]
pub struct Param {
    /// Unique dotted name, e.g. `cells.3.e0.nor_conv_3x3.weight`. Transfer and checkpoints go by it.
    pub name: String,
    /// Shape that the layer sees, e.g. `[3, 3, 16, 16]` (height, width, in, out).
    pub shape: Vec<usize>,
    /// The decision that chooses it, by index; none for what every architecture has.
    pub decision: Option<usize>,
    /// The values, `[product of shape]`, outside any graph.
    pub value: Tensor<1>,
}

/// Running mean and variance of one batch norm, each `[channels]`.
#[derive(Debug, Clone)]
pub struct RunningStats {
    /// Unique dotted name of the batch norm.
    pub name: String,
    /// Running mean.
    pub mean: Tensor<1>,
    /// Running variance (unbiased, as PyTorch keeps it).
    pub var: Tensor<1>,
}

/// All weights of one network on one device.
#[derive(Debug, Clone)]
pub struct Weights {
    pub(crate) params: Vec<Param>,
    pub(crate) stats: Vec<RunningStats>,
    /// The decision that what is registered next belongs to.
    pub(crate) decision: Option<usize>,
    device: Device,
    seed: u64,
    /// Whether parameters have names and shapes, and no values.
    is_outline: bool,
}

/// What [`Weights::transfer_from`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Names taken over from the source.
    pub copied: usize,
    /// Names of ours that the source lacks: they keep their fresh initial values.
    pub fresh: Vec<String>,
}

/// A name or shape that does not fit.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// A tensor that the network needs is missing.
    #[error("the weights lack `{0}`: they belong to another network (space, region, width or cells differ)")]
    Missing(String),
    /// A tensor has another size.
    #[error("weight `{name}` has {found} values where the network needs {expected}: width, classes or channels differ")]
    Size {
        /// Name of the tensor.
        name: String,
        /// Values found.
        found: usize,
        /// Values needed.
        expected: usize,
    },
}

/// Host copies of tensors by name. Sorted, so that equal weights always write equal files.
pub type NamedValues = BTreeMap<String, TensorF32>;

/// Host copy of a flat tensor in the shape that its layer sees.
///
/// # Errors
/// When it has not as many values.
pub fn host(name: &str, shape: &[usize], value: &Tensor<1>) -> Result<TensorF32, WeightsError> {
    let data = to_vec(value);
    let found = data.len();
    let expected = shape.iter().product();
    TensorF32::new(shape.to_vec(), data).map_err(|_| WeightsError::Size { name: name.to_string(), found, expected })
}

impl Weights {
    /// No weights yet. `seed` decides all initial values; each parameter draws from its own stream, keyed by its
    /// name, so that the presence of one operation never changes the start of another.
    pub fn new(device: Device, seed: u64) -> Self {
        Self { params: Vec::new(), stats: Vec::new(), decision: None, device, seed, is_outline: false }
    }

    /// Names and shapes without values, for networks that are looked at and not run: they take no memory.
    pub fn outline(device: Device) -> Self {
        Self { is_outline: true, ..Self::new(device, 0) }
    }

    /// Where the weights live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Trainable values in all.
    pub fn count(&self) -> u64 {
        self.params.iter().map(|p| p.shape.iter().product::<usize>() as u64).sum()
    }

    /// The trainable parameters, in the order of the network.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The trainable parameters, to update their values.
    pub fn params_mut(&mut self) -> &mut [Param] {
        &mut self.params
    }

    /// The running statistics, in the order of the network.
    pub fn stats(&self) -> &[RunningStats] {
        &self.stats
    }

    /// The running statistics, to update them.
    pub fn stats_mut(&mut self) -> &mut [RunningStats] {
        &mut self.stats
    }

    /// Registers a parameter under a name of its own; see [`Weights::new`] for how it starts.
    pub fn add_param(&mut self, name: String, shape: &[usize], init: Init) -> ParamId {
        let len = if self.is_outline { 0 } else { shape.iter().product() };
        let data = match init {
            Init::Constant(value) => vec![value; len],
            Init::Identity => {
                let side = shape.last().copied().unwrap_or(1).max(1);
                (0..len).map(|place| f32::from(u8::from(place / side == place % side))).collect()
            }
            Init::Normal { deviation } => {
                let mut rng = random::stream(self.seed, &format!("init {name}"), 0, 0);
                (0..len).map(|_| deviation * standard_normal(&mut rng)).collect()
            }
            Init::Uniform { fan_in } => {
                let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
                let mut rng = random::stream(self.seed, &format!("init {name}"), 0, 0);
                (0..len).map(|_| rng.random_range(-bound..bound)).collect()
            }
        };
        let value = tensor(data, &self.device);
        self.params.push(Param { name, shape: shape.to_vec(), decision: self.decision, value });
        ParamId(self.params.len() - 1)
    }

    /// Handles on the values of all parameters, in order. Nothing is copied.
    pub fn values(&self) -> Vec<Tensor<1>> {
        self.params.iter().map(|param| param.value.clone()).collect()
    }

    /// Puts values in the place of all parameters, in order; each must have the parameter's length.
    pub fn set_values(&mut self, values: Vec<Tensor<1>>) {
        self.params.iter_mut().zip(values).for_each(|(param, value)| param.value = value);
    }

    /// Tracked copies of all parameters, in order: what they go into has gradients by them.
    pub fn leaves(&self) -> Vec<Tensor<1>> {
        self.params.iter().map(|param| param.value.clone().autodiff().require_grad()).collect()
    }

    /// A parameter of values of both signs, none of them so small that arithmetic on it is slow: to time what reads it.
    pub(crate) fn add_made_up(&mut self, name: &str, shape: &[usize]) -> ParamId {
        let value = made_up(shape.iter().product(), &self.device);
        self.params.push(Param { name: name.to_string(), shape: shape.to_vec(), decision: None, value });
        ParamId(self.params.len() - 1)
    }

    pub(crate) fn add_stats(&mut self, name: String, channels: usize) -> StatsId {
        let mean = tensor(vec![0.0; channels], &self.device);
        let var = tensor(vec![1.0; channels], &self.device);
        self.stats.push(RunningStats { name, mean, var });
        StatsId(self.stats.len() - 1)
    }

    /// Copies every parameter and running statistic that `source` has under the same name.
    ///
    /// The kept operation of a split edge has the same name in parent and child, so it comes along like any other
    /// (and, the optimizer being built afterwards, goes on training: the published code forgot that).
    ///
    /// # Errors
    /// When a shared name has more values here along an axis: the two are not nets of one skeleton.
    pub fn transfer_from(&mut self, source: &Weights) -> Result<Transfer, WeightsError> {
        self.transfer_as(source, str::to_string)
    }

    /// The same, where `source` has under `theirs(name)` what goes under `name` here.
    ///
    /// # Errors
    /// As [`Weights::transfer_from`].
    pub fn transfer_as(&mut self, source: &Weights, theirs: impl Fn(&str) -> String) -> Result<Transfer, WeightsError> {
        self.transfer_cut(source, theirs, |_, _| None)
    }

    /// The same, where a parameter that is smaller here is what `cut`, given its name there and its shape here, sees of the
    /// source's; its first values along each axis where that says nothing.
    ///
    /// # Errors
    /// As [`Weights::transfer_from`].
    pub fn transfer_cut(
        &mut self,
        source: &Weights,
        theirs: impl Fn(&str) -> String,
        cut: impl Fn(&str, &[usize]) -> Option<View>,
    ) -> Result<Transfer, WeightsError> {
        let params: BTreeMap<&str, &Param> = source.params.iter().map(|p| (p.name.as_str(), p)).collect();
        let stats: BTreeMap<&str, &RunningStats> = source.stats.iter().map(|s| (s.name.as_str(), s)).collect();
        let mut done = Transfer { copied: 0, fresh: Vec::new() };
        for own in &mut self.params {
            let Some(found) = params.get(theirs(&own.name).as_str()) else {
                done.fresh.push(own.name.clone());
                continue;
            };
            own.value = match cut(&found.name, &own.shape) {
                Some(view) => view.flat(&mut |view| source.params[view.param.0].value.clone()),
                None => first_values(found, own)?,
            };
            done.copied += 1;
        }
        for own in &mut self.stats {
            match stats.get(theirs(&own.name).as_str()) {
                Some(found) => {
                    let channels = own.mean.dims()[0];
                    own.mean = first_channels(&own.name, &found.mean, channels)?;
                    own.var = first_channels(&own.name, &found.var, channels)?;
                    done.copied += 1;
                }
                None => done.fresh.push(own.name.clone()),
            }
        }
        Ok(done)
    }

    /// Host copy of all parameters and running statistics (`NAME.running_mean`, `NAME.running_var`).
    ///
    /// # Errors
    /// When a tensor cannot be read back from the device in full.
    pub fn to_values(&self) -> Result<NamedValues, WeightsError> {
        let mut values = NamedValues::new();
        for p in &self.params {
            values.insert(p.name.clone(), host(&p.name, &p.shape, &p.value)?);
        }
        for s in &self.stats {
            for (part, value) in [("running_mean", &s.mean), ("running_var", &s.var)] {
                let name = format!("{}.{part}", s.name);
                let tensor = host(&name, &value.dims(), value)?;
                values.insert(name, tensor);
            }
        }
        Ok(values)
    }

    /// Takes all values from a host copy; names that the network lacks are ignored (optimizer state may ride along).
    ///
    /// # Errors
    /// When a needed name is missing or has another size; the weights are then unchanged.
    pub fn load_values(&mut self, values: &NamedValues) -> Result<(), WeightsError> {
        let fetch = |name: &str, expected: usize| -> Result<Tensor<1>, WeightsError> {
            let stored = values.get(name).ok_or_else(|| WeightsError::Missing(name.to_string()))?;
            let found = stored.data().len();
            if found != expected {
                return Err(WeightsError::Size { name: name.to_string(), found, expected });
            }
            Ok(tensor(stored.data().to_vec(), &self.device))
        };
        let params =
            self.params.iter().map(|p| fetch(&p.name, p.shape.iter().product())).collect::<Result<Vec<_>, _>>()?;
        let stats = self
            .stats
            .iter()
            .map(|s| {
                let channels = s.mean.dims()[0];
                Ok((
                    fetch(&format!("{}.running_mean", s.name), channels)?,
                    fetch(&format!("{}.running_var", s.name), channels)?,
                ))
            })
            .collect::<Result<Vec<_>, WeightsError>>()?;
        for (own, value) in self.params.iter_mut().zip(params) {
            own.value = value;
        }
        for (own, (mean, var)) in self.stats.iter_mut().zip(stats) {
            own.mean = mean;
            own.var = var;
        }
        Ok(())
    }
}

/// The values of `source` that `own` has room for, the first along each axis: a narrow network starts from the first channels of
/// a wide one.
fn first_values(source: &Param, own: &Param) -> Result<Tensor<1>, WeightsError> {
    if source.shape == own.shape {
        return Ok(source.value.clone());
    }
    let fits =
        source.shape.len() == own.shape.len() && own.shape.iter().zip(&source.shape).all(|(own, all)| own <= all);
    if !fits {
        return Err(WeightsError::Size {
            name: own.name.clone(),
            found: source.shape.iter().product(),
            expected: own.shape.iter().product(),
        });
    }
    let values = to_vec(&source.value);
    let mut taken = Vec::with_capacity(own.shape.iter().product());
    take_first(&values, &source.shape, &own.shape, &mut taken);
    Ok(tensor(taken, &source.value.device()))
}

/// The same of running statistics.
fn first_channels(name: &str, source: &Tensor<1>, channels: usize) -> Result<Tensor<1>, WeightsError> {
    let found = source.dims()[0];
    match found.cmp(&channels) {
        Ordering::Equal => Ok(source.clone()),
        Ordering::Greater => Ok(source.clone().narrow(0, 0, channels)),
        Ordering::Less => Err(WeightsError::Size { name: name.to_string(), found, expected: channels }),
    }
}

/// Row by row, axis by axis.
fn take_first(values: &[f32], all: &[usize], own: &[usize], taken: &mut Vec<f32>) {
    match (all, own) {
        ([_, rest @ ..], [count, own @ ..]) => {
            let row: usize = rest.iter().product();
            values.chunks(row.max(1)).take(*count).for_each(|row| take_first(row, rest, own, taken));
        }
        _ => taken.extend_from_slice(values),
    }
}

/// A draw from the standard normal distribution (Box and Muller).
fn standard_normal(rng: &mut impl Rng) -> f32 {
    // 1 − u lies in (0, 1], whose logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

/// So many values of both signs, none of them so small that arithmetic on it is slow.
pub(crate) fn made_up(count: usize, device: &Device) -> Tensor<1> {
    tensor((0..count).map(|index| 0.1 + (index % 17) as f32 / 16.0 - 0.7).collect(), device)
}

/// A flat tensor from host values.
pub fn tensor(data: Vec<f32>, device: &Device) -> Tensor<1> {
    let len = data.len();
    Tensor::from_data(TensorData::new(data, [len]), device)
}

/// Host copy of a tensor of 32-bit floats, row-major.
pub fn to_vec<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    // All our tensors are created as f32 on a device that supports it, so the read cannot change type.
    tensor.clone().into_data().convert::<f32>().try_into_vec::<f32>().unwrap_or_default()
}

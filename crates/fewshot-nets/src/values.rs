//! Named values on the host and flat tensors: how they start, and what is taken over of others.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};

use fewshot_run::TensorF32;
use fewshot_space::random;

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
    /// Uniform on ±√(6/(fan_in + fan_out)), the rule of Glorot and Bengio (AISTATS 2010).
    Xavier {
        /// Inputs that one output value sums over.
        fan_in: usize,
        /// Outputs that one input value goes into.
        fan_out: usize,
    },
    /// Normal around a mean: batch norm scales of generators.
    Around {
        /// Of the distribution.
        mean: f32,
        /// Its standard deviation.
        deviation: f32,
    },
    /// Normal with mean 0: architecture parameters, and convolutions by the rule of He et al. (ICCV 2015).
    Normal {
        /// Standard deviation.
        deviation: f32,
    },
}

/// What [`Weights::transfer_from`](crate::Weights::transfer_from) did.
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

/// The first `len` values of what is called `name` and starts so.
pub(crate) fn initial(name: &str, seed: u64, shape: &[usize], len: usize, init: Init) -> Vec<f32> {
    match init {
        Init::Constant(value) => vec![value; len],
        Init::Identity => {
            let side = shape.last().copied().unwrap_or(1).max(1);
            (0..len).map(|place| f32::from(u8::from(place / side == place % side))).collect()
        }
        Init::Normal { deviation } => {
            let mut rng = random::stream(seed, &format!("init {name}"), 0, 0);
            (0..len).map(|_| deviation * standard_normal(&mut rng)).collect()
        }
        Init::Around { mean, deviation } => {
            let mut rng = random::stream(seed, &format!("init {name}"), 0, 0);
            (0..len).map(|_| mean + deviation * standard_normal(&mut rng)).collect()
        }
        Init::Xavier { fan_in, fan_out } => {
            let bound = (6.0 / (fan_in + fan_out).max(1) as f32).sqrt();
            let mut rng = random::stream(seed, &format!("init {name}"), 0, 0);
            (0..len).map(|_| rng.random_range(-bound..bound)).collect()
        }
        Init::Uniform { fan_in } => {
            let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
            let mut rng = random::stream(seed, &format!("init {name}"), 0, 0);
            (0..len).map(|_| rng.random_range(-bound..bound)).collect()
        }
    }
}

/// The values of a source that `shape` has room for, the first along each axis: a narrow network starts from the first channels of
/// a wide one.
pub(crate) fn first_values(
    (held, value): (&[usize], &Tensor<1>),
    name: &str,
    shape: &[usize],
) -> Result<Tensor<1>, WeightsError> {
    if held == shape {
        return Ok(value.clone());
    }
    let fits = held.len() == shape.len() && shape.iter().zip(held).all(|(own, all)| own <= all);
    if !fits {
        let (found, expected) = (held.iter().product(), shape.iter().product());
        return Err(WeightsError::Size { name: name.to_string(), found, expected });
    }
    let mut taken = Vec::with_capacity(shape.iter().product());
    take_first(&to_vec(value), held, shape, &mut taken);
    Ok(tensor(taken, &value.device()))
}

/// The same of running statistics.
pub(crate) fn first_channels(name: &str, source: &Tensor<1>, channels: usize) -> Result<Tensor<1>, WeightsError> {
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

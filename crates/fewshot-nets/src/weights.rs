//! Named weights and running statistics: what a network *is*, apart from the code that runs it.
//!
//! Everything that moves weights about (optimizer, checkpoint, transfer from a parent supernet) works by name on
//! these flat lists and knows nothing of layers.

use burn::tensor::{Device, Tensor};

use crate::buffers::{Buffer, BufferId};
use crate::values::{Init, NamedValues, WeightsError, host, initial, made_up, tensor};

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
    pub(crate) buffers: Vec<Buffer>,
    /// The decision that what is registered next belongs to.
    pub(crate) decision: Option<usize>,
    device: Device,
    seed: u64,
    /// Whether parameters have names and shapes, and no values.
    is_outline: bool,
}

impl Weights {
    /// No weights yet. `seed` decides all initial values; each parameter draws from its own stream, keyed by its
    /// name, so that the presence of one operation never changes the start of another.
    pub fn new(device: Device, seed: u64) -> Self {
        let (params, stats, buffers) = (Vec::new(), Vec::new(), Vec::new());
        Self { params, stats, buffers, decision: None, device, seed, is_outline: false }
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
        let value = tensor(initial(&name, self.seed, shape, len, init), &self.device);
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

    /// Registers a buffer under a name of its own; it starts as a parameter of that name would.
    pub fn add_buffer(&mut self, name: String, shape: &[usize], init: Init) -> BufferId {
        let len = if self.is_outline { 0 } else { shape.iter().product() };
        let value = tensor(initial(&name, self.seed, shape, len, init), self.device());
        self.buffers.push(Buffer { name, shape: shape.to_vec(), value });
        BufferId(self.buffers.len() - 1)
    }

    /// The buffers, in the order of the network.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The buffers, to put new values of the same length into them.
    pub fn buffers_mut(&mut self) -> &mut [Buffer] {
        &mut self.buffers
    }

    /// Values in all buffers; [`Weights::count`] has none of them.
    pub fn buffer_count(&self) -> u64 {
        self.buffers.iter().map(|buffer| buffer.shape.iter().product::<usize>() as u64).sum()
    }

    /// The values of one buffer.
    pub fn buffer(&self, id: BufferId) -> Tensor<1> {
        self.buffers[id.0].value.clone()
    }

    /// Puts values in the place of those of one buffer, as many.
    pub fn set_buffer(&mut self, id: BufferId, value: Tensor<1>) {
        let own = &mut self.buffers[id.0];
        debug_assert_eq!(own.value.dims(), value.dims(), "{}", own.name);
        own.value = value;
    }

    /// Host copy of all parameters, buffers and running statistics (`NAME.running_mean`, `NAME.running_var`).
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
        for buffer in &self.buffers {
            values.insert(buffer.name.clone(), host(&buffer.name, &buffer.shape, &buffer.value)?);
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
        let buffers: Vec<_> =
            self.buffers.iter().map(|b| fetch(&b.name, b.shape.iter().product())).collect::<Result<_, _>>()?;
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
        for (own, value) in self.buffers.iter_mut().zip(buffers) {
            own.value = value;
        }
        Ok(())
    }
}

//! The operations that networks are made of. Each has a file that says all of it: what comes out, what it costs, how it is run,
//! how it is written as ONNX and as PyTorch code, and by which text its time is known.

mod activation;
mod channels;
mod conv;
mod depthwise;
mod head;
mod instance_norm;
mod norm;
mod pool;
mod resize;
mod scale;
mod source;
mod subsample;
mod sum;
mod transposed;
mod upsample;
mod weigh;

use fewshot_space::Cost;

pub use activation::Activation;
pub use channels::{Concat, PadChannels, Shuffle, Slice};
pub use conv::Conv;
pub use depthwise::Depthwise;
pub use head::{GlobalAvgPool, GlobalSumPool, Linear, ToMap};
pub use instance_norm::InstanceNorm;
pub use norm::BatchNorm;
pub use pool::{AvgPool, MaxPool};
pub use resize::Resize;
pub use scale::{DropPath, ScaleChannels};
pub use source::{Input, Normalise, Zeros};
pub use subsample::Subsample;
pub use sum::Add;
pub use transposed::TransposedConv;
pub use upsample::{Interpolation, Upsample};
pub use weigh::{FactorId, Weigh};

use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::weights::Weights;
use crate::write::{OnnxNode, TorchNode, WriteError};

/// What is known of an operation.
pub trait Operation {
    /// The text by which its time is known, without its input's size: `relu conv3x3 norm add 8`. Operations of one text, on
    /// inputs of one size, take as long as each other.
    fn label(&self) -> String;

    /// The size of what it makes of values of these sizes.
    fn size(&self, inputs: &[Size]) -> Size;

    /// What it costs where it makes a value of this size.
    fn cost(&self, _output: Size) -> Cost {
        Cost::ZERO
    }

    /// Whether zeros come out where nothing but zeros goes in, whatever the weights.
    fn keeps_zeros(&self) -> bool {
        false
    }

    /// Moves what it reads of weights into `weights`, made up and of just the size that is read: to time it.
    fn rehouse(&mut self, _weights: &mut Weights) {}

    /// Computes it.
    fn run(&self, pass: &mut Pass<'_>, inputs: Inputs) -> Feature;

    /// Writes it as ONNX nodes.
    ///
    /// # Errors
    /// When a tensor is missing, or the format has no such operation.
    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError>;

    /// The PyTorch expression for it.
    ///
    /// # Errors
    /// When there is none.
    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError>;
}

/// An operation of a [`Graph`](crate::Graph).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described where it is defined")]
pub enum Op {
    Input(Input),
    Normalise(Normalise),
    Zeros(Zeros),
    Conv(Conv),
    Depthwise(Depthwise),
    BatchNorm(BatchNorm),
    Activation(Activation),
    Add(Add),
    AvgPool(AvgPool),
    MaxPool(MaxPool),
    PadChannels(PadChannels),
    Resize(Resize),
    Concat(Concat),
    Slice(Slice),
    Shuffle(Shuffle),
    Weigh(Weigh),
    ScaleChannels(ScaleChannels),
    DropPath(DropPath),
    Subsample(Subsample),
    GlobalAvgPool(GlobalAvgPool),
    Linear(Linear),
    InstanceNorm(InstanceNorm),
    TransposedConv(TransposedConv),
    Upsample(Upsample),
    GlobalSumPool(GlobalSumPool),
    ToMap(ToMap),
}

/// The one list of operations: what `$body` does with each.
macro_rules! each {
    ($op:expr, $inner:ident => $body:expr) => {
        match $op {
            Op::Input($inner) => $body,
            Op::Normalise($inner) => $body,
            Op::Zeros($inner) => $body,
            Op::Conv($inner) => $body,
            Op::Depthwise($inner) => $body,
            Op::BatchNorm($inner) => $body,
            Op::Activation($inner) => $body,
            Op::Add($inner) => $body,
            Op::AvgPool($inner) => $body,
            Op::MaxPool($inner) => $body,
            Op::PadChannels($inner) => $body,
            Op::Resize($inner) => $body,
            Op::Concat($inner) => $body,
            Op::Slice($inner) => $body,
            Op::Shuffle($inner) => $body,
            Op::Weigh($inner) => $body,
            Op::ScaleChannels($inner) => $body,
            Op::DropPath($inner) => $body,
            Op::Subsample($inner) => $body,
            Op::GlobalAvgPool($inner) => $body,
            Op::Linear($inner) => $body,
            Op::InstanceNorm($inner) => $body,
            Op::TransposedConv($inner) => $body,
            Op::Upsample($inner) => $body,
            Op::GlobalSumPool($inner) => $body,
            Op::ToMap($inner) => $body,
        }
    };
}

impl std::ops::Deref for Op {
    type Target = dyn Operation;

    fn deref(&self) -> &Self::Target {
        each!(self, op => op)
    }
}

impl std::ops::DerefMut for Op {
    fn deref_mut(&mut self) -> &mut Self::Target {
        each!(self, op => op)
    }
}

/// Lets [`GraphBuilder::push`](crate::GraphBuilder::push) take the operation itself.
macro_rules! into_op {
    ($($name:ident),*) => { $(
        impl From<$name> for Op {
            fn from(op: $name) -> Op {
                Op::$name(op)
            }
        }
    )* };
}

into_op!(
    Input,
    Normalise,
    Zeros,
    Conv,
    Depthwise,
    BatchNorm,
    Activation,
    Add,
    AvgPool,
    MaxPool,
    PadChannels,
    Resize,
    Concat,
    Slice,
    Shuffle,
    Weigh,
    ScaleChannels,
    DropPath,
    Subsample,
    GlobalAvgPool,
    Linear,
    InstanceNorm,
    TransposedConv,
    Upsample,
    GlobalSumPool,
    ToMap
);

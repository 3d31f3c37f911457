//! The operations that networks are made of. Each has a file that says all of it: what comes out, what it costs, how it is run,
//! how it is written as ONNX and as PyTorch code, and by which text its time is known.

mod activation;
mod channels;
mod conv;
mod depthwise;
mod head;
mod instance_norm;
mod list;
mod norm;
mod operation;
mod pool;
mod resize;
mod scale;
mod source;
mod subsample;
mod sum;
mod transposed;
mod upsample;
mod weigh;

pub use activation::Activation;
pub use channels::{Concat, PadChannels, Shuffle, Slice};
pub use conv::Conv;
pub use depthwise::Depthwise;
pub use head::{GlobalAvgPool, GlobalSumPool, Linear, ToMap};
pub use instance_norm::InstanceNorm;
pub use list::Op;
pub use operation::Operation;
pub use pool::{AvgPool, MaxPool};
pub use resize::Resize;
pub use scale::{DropPath, ScaleChannels};
pub use source::{Input, Normalise, Zeros};
pub use subsample::Subsample;
pub use sum::Add;
pub use transposed::TransposedConv;
pub use upsample::{Interpolation, Upsample};
pub use weigh::Weigh;

pub use crate::norm::BatchNorm;
pub use crate::pass::FactorId;

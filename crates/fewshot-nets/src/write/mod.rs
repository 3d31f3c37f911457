//! What operations write themselves with, for other programs: ONNX nodes, PyTorch code.

mod error;
mod onnx;
pub mod proto;
mod torch;

pub use error::WriteError;
pub use onnx::{OnnxNode, OnnxWriter, conv_attributes, input_first, nhwc_to_nchw};
pub use proto::AttributeProto;
pub use torch::{TorchCode, TorchLayer, TorchNode, conv_arguments};

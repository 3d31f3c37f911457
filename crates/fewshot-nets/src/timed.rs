//! The operations that a network is run by, as things that can be timed one by one.

use std::fmt;

use burn::tensor::Device;
use smallvec::SmallVec;

use crate::geometry::Size;
use crate::op::Op;
use crate::pass::{Feature, Inputs, NormMode, Pass};
use crate::values::made_up;
use crate::weights::Weights;

/// One operation on one image, as the kernels do it: with what they do in the same pass over memory.
///
/// Its text is its name: blocks of one name take as long as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What is done.
    pub op: Op,
    /// Heights, widths and channels of what is read.
    pub inputs: Vec<Size>,
}

/// `relu conv3x3 norm add 8 of 16x16x8`, `avg_pool3x3/1 of 16x16x8`.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [height, width, channels] = self.inputs[0];
        write!(f, "{} of {height}x{width}x{channels}", self.op.label())
    }
}

impl Block {
    /// The operation itself on made-up values, ready to be done again and again.
    pub fn ready(&self, device: &Device) -> Box<dyn FnMut()> {
        let mut weights = Weights::new(device.clone(), 0);
        let mut op = self.op.clone();
        op.rehouse(&mut weights);
        let value = |(place, &[height, width, channels]): (usize, &Size)| {
            let flat = made_up(height * width * channels, device);
            match (&op, place) {
                (Op::Linear(_) | Op::ToMap(_), _) | (Op::ScaleChannels(_), 1) => {
                    Feature::Rows(flat.reshape([1, channels]))
                }
                _ => Feature::Map(flat.reshape([1, height, width, channels])),
            }
        };
        let inputs: SmallVec<[Feature; 2]> = self.inputs.iter().enumerate().map(value).collect();
        Box::new(move || {
            let mut pass = Pass::score(&mut weights, NormMode::Running, None);
            drop(op.run(&mut pass, Inputs::new(inputs.clone())));
        })
    }
}

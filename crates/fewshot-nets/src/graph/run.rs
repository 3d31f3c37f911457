//! Graphs at work on tensors.

use smallvec::SmallVec;

use super::Graph;
use crate::geometry::Size;
use crate::op::Op;
use crate::pass::{Feature, Inputs, Pass};

impl Graph {
    /// Runs it on `input`, images `[batch, height, width, channels]` or rows `[batch, values]`, and hands each root to `done`, with its place among the roots, as soon
    /// as it is there. A value goes to its last reader itself, which may then work in place.
    ///
    /// # Errors
    /// The first of `done`, which ends the run.
    ///
    /// # Panics
    /// When the input is not of the graph's size, or an operation is given what it cannot work on: the body is wrong then.
    pub fn run<E>(
        &self,
        pass: &mut Pass<'_>,
        input: impl Into<Feature>,
        mut done: impl FnMut(usize, Feature) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = self.readers();
        let mut values: Vec<Option<Feature>> = vec![None; self.nodes.len()];
        pass.factors.clone_from(&self.factors);
        let mut given = Some(input.into());
        for (index, node) in self.nodes.iter().enumerate() {
            let mut inputs: SmallVec<[Feature; 2]> = SmallVec::new();
            for &input in &node.inputs {
                inputs.push(take(&mut values[input], &mut left[input]));
            }
            if let Op::Input(_) = node.op {
                inputs.extend(given.take());
            }
            pass.place = index;
            let value = node.op.run(pass, Inputs::new(inputs));
            if left[index] > 0 {
                values[index] = Some(value);
            }
            // Several roots may be one value.
            for (place, _) in self.roots.iter().enumerate().filter(|(_, root)| **root == index) {
                done(place, take(&mut values[index], &mut left[index]))?;
            }
        }
        Ok(())
    }

    /// Bytes that the values of one image take at most at one time, in a run without gradients.
    pub fn peak_bytes(&self) -> usize {
        let mut left = self.readers();
        let (mut held, mut peak) = (0_usize, 0_usize);
        for (index, node) in self.nodes.iter().enumerate() {
            held += bytes(node.size);
            peak = peak.max(held);
            let read = node.inputs.iter().chain(self.roots.iter().filter(|root| **root == index));
            for &value in read {
                left[value] -= 1;
                if left[value] == 0 {
                    held -= bytes(self.nodes[value].size);
                }
            }
        }
        peak
    }
}

fn bytes(size: Size) -> usize {
    size.iter().product::<usize>() * size_of::<f32>()
}

/// The value, itself where nobody reads it later.
fn take(value: &mut Option<Feature>, left: &mut usize) -> Feature {
    *left -= 1;
    let value = if *left == 0 { value.take() } else { value.clone() };
    value.expect("a value is kept until its last reader had it")
}

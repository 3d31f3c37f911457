//! Maps of another size.

use burn::tensor::{Tensor, TensorData};

use super::Operation;
use crate::geometry::Size;
use crate::pass::{Feature, Inputs, Pass};
use crate::write::{OnnxNode, TorchNode, WriteError};

/// A map of another height and width: each new pixel is the mean of those near it, weighted by a triangle that is as wide as the larger
/// of old and new pixels, so that fine patterns do not alias (bilinear with antialiasing, as in Pillow and PyTorch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resize {
    /// New height.
    pub height: usize,
    /// New width.
    pub width: usize,
}

impl Operation for Resize {
    fn label(&self) -> String {
        format!("resize {}x{}", self.height, self.width)
    }

    fn size(&self, inputs: &[Size]) -> Size {
        [self.height, self.width, inputs[0][2]]
    }

    fn keeps_zeros(&self) -> bool {
        true
    }

    fn run(&self, pass: &mut Pass<'_>, mut inputs: Inputs) -> Feature {
        let x = inputs.map();
        let [images, height, width, channels] = x.dims();
        let matrix = |old: usize, new: usize| {
            let matrix: Tensor<2> = Tensor::from_data(TensorData::new(weights(old, new), [new, old]), pass.device());
            if x.is_autodiff() { matrix.autodiff() } else { matrix }
        };
        let rows = matrix(height, self.height).reshape([1, self.height, height]);
        let columns = matrix(width, self.width).reshape([1, self.width, width]);
        let x = rows.matmul(x.reshape([images, height, width * channels]));
        let x = columns.matmul(x.reshape([images * self.height, width, channels]));
        Feature::Map(x.reshape([images, self.height, self.width, channels]))
    }

    /// As a product from the right for columns, one from the left for rows: every runtime computes them alike.
    fn onnx(&self, node: OnnxNode<'_, '_>) -> Result<(), WriteError> {
        let OnnxNode { writer, mut inputs, out, sizes } = node;
        let [height, width, _] = sizes[0];
        let columns = weights(width, self.width);
        let turned: Vec<f32> =
            (0..width * self.width).map(|place| columns[place % self.width * width + place / self.width]).collect();
        inputs.push(writer.floats(&format!("{out}_columns"), &[width, self.width], &turned));
        let narrowed = format!("{out}_narrowed");
        writer.push("MatMul", inputs, narrowed.clone(), Vec::new());
        let rows = writer.floats(&format!("{out}_rows"), &[self.height, height], &weights(height, self.height));
        writer.push("MatMul", vec![rows, narrowed], out, Vec::new());
        Ok(())
    }

    fn pytorch(&self, node: TorchNode<'_>) -> Result<String, WriteError> {
        let (x, Resize { height, width }) = (&node.inputs[0], self);
        Ok(format!("F.interpolate({x}, size=({height}, {width}), mode=\"bilinear\", antialias=True)"))
    }
}

/// How much each of `old` places counts for each of `new` ones along the same side, `[new, old]`; rows add up to 1.
fn weights(old: usize, new: usize) -> Vec<f32> {
    let scale = old as f64 / new as f64;
    let support = scale.max(1.0);
    let mut all = Vec::with_capacity(old * new);
    for place in 0..new {
        let centre = (place as f64 + 0.5) * scale;
        let of = |other: usize| (1.0 - ((other as f64 + 0.5 - centre) / support).abs()).max(0.0);
        let sum: f64 = (0..old).map(of).sum();
        all.extend((0..old).map(|other| (of(other) / sum) as f32));
    }
    all
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use smallvec::smallvec;

    use super::*;
    use crate::{Weights, to_vec};

    #[test]
    fn weights_by_hand() {
        assert_eq!(weights(4, 4), [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.]);
        // Halved: three quarters of the two inside, a quarter of each neighbour; at the end without the one that is not there.
        assert_eq!(weights(4, 2), [3. / 7., 3. / 7., 1. / 7., 0., 0., 1. / 7., 3. / 7., 3. / 7.]);
        assert_eq!(weights(2, 4), [1., 0., 0.75, 0.25, 0.25, 0.75, 0., 1.]);
    }

    #[test]
    fn rows_and_columns_are_resized_each_by_its_own_weights() {
        let mut net = Weights::new(Device::flex(), 0);
        let mut pass = Pass::train_frozen(&mut net);
        // Two channels: the row, and the column.
        let data: Vec<f32> = (0..12).flat_map(|place| [(place / 4) as f32, (place % 4) as f32]).collect();
        let x = Tensor::<4>::from_data(TensorData::new(data, [1, 3, 4, 2]), &Device::flex());
        let op = Resize { height: 3, width: 2 };
        assert_eq!(op.size(&[[3, 4, 2]]), [3, 2, 2]);
        let out = op.run(&mut pass, Inputs::new(smallvec![Feature::Map(x)])).into_map();
        let columns = [(3. + 2.) / 7., (1. + 6. + 9.) / 7.];
        for (place, pair) in to_vec(&out).chunks(2).enumerate() {
            let wanted = [(place / 2) as f32, columns[place % 2]];
            assert!(pair.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-6), "{place}: {pair:?}");
        }
    }
}

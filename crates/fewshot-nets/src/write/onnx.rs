//! ONNX nodes on NCHW values, for operations on NHWC ones.

use burn::tensor::{Device, Tensor};

use super::WriteError;
use super::proto::{AttributeProto, NodeProto, TensorProto};
use crate::geometry::{Size, Window};
use crate::values::NamedValues;
use crate::view::{Transform, View};

/// One operation on its way into a file.
pub struct OnnxNode<'a, 'w> {
    /// Takes nodes and tensors.
    pub writer: &'a mut OnnxWriter<'w>,
    /// Names of what is read.
    pub inputs: Vec<String>,
    /// Sizes of what is read.
    pub sizes: Vec<Size>,
    /// Name of what is made.
    pub out: String,
}

/// The nodes and tensors of a file so far.
pub struct OnnxWriter<'w> {
    tensors: &'w NamedValues,
    /// Names of the file's outputs, which are also those of the nodes that make them.
    outputs: &'w [&'w str],
    /// The nodes.
    pub nodes: Vec<NodeProto>,
    /// The tensors.
    pub initializers: Vec<TensorProto>,
}

impl<'w> OnnxWriter<'w> {
    /// Nothing yet, of a network with these weights.
    pub fn new(tensors: &'w NamedValues, outputs: &'w [&'w str]) -> Self {
        Self { tensors, outputs, nodes: Vec::new(), initializers: Vec::new() }
    }

    /// A node with one output.
    pub fn push(&mut self, op_type: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        // Where outputs go by the names of the nodes that make them (tract in Python), these are the names they have elsewhere.
        let name = match self.outputs.contains(&output.as_str()) {
            true => output.clone(),
            false => format!("{op_type}_{output}"),
        };
        self.nodes.push(NodeProto { input, output: vec![output], name, op_type: op_type.to_string(), attribute });
    }

    /// The values that an operation sees of a parameter.
    ///
    /// # Errors
    /// When the weights lack it.
    pub fn values(&self, view: &View) -> Result<Vec<f32>, WriteError> {
        if matches!(view.transform, Transform::Spectral(_)) {
            return Err(WriteError::Spectral(view.name.to_string()));
        }
        if view.is_whole() {
            return self.part(&view.name, view.held.iter().product());
        }
        let mut missing = None;
        let mut fetch = |view: &View| -> Tensor<1> {
            let count = view.held.iter().product();
            let values = self.part(&view.name, count).unwrap_or_else(|error| {
                missing.get_or_insert(error);
                vec![0.0; count]
            });
            view.read_of(crate::tensor(values, &Device::flex()))
        };
        let seen = crate::to_vec(&view.flat(&mut fetch));
        missing.map_or(Ok(seen), Err)
    }

    /// A stored tensor of so many values.
    ///
    /// # Errors
    /// When there is none, or of another size.
    pub fn part(&self, name: &str, count: usize) -> Result<Vec<f32>, WriteError> {
        let stored = self.tensors.get(name).ok_or_else(|| WriteError::MissingTensor(name.to_string()))?;
        if stored.data().len() != count {
            return Err(WriteError::Shape(name.to_string()));
        }
        Ok(stored.data().to_vec())
    }

    /// A tensor of numbers; its name.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, shape, TensorProto::FLOAT, raw)
    }

    /// A list of whole numbers; its name.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, &[values.len()], TensorProto::INT64, raw)
    }

    fn initializer(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let dims = shape.iter().map(|&extent| extent as i64).collect();
        // A layer that two nodes use is written once.
        if self.initializers.iter().all(|known| known.name != name) {
            self.initializers.push(TensorProto { dims, data_type, name: name.to_string(), raw_data });
        }
        name.to_string()
    }
}

/// `[k, k, in, out]` → `[out, in, k, k]`.
pub fn nhwc_to_nchw(values: &[f32], sides: [usize; 4]) -> Vec<f32> {
    let [_, _, input, output] = sides;
    taps(values, sides, (0..output).flat_map(|out| (0..input).map(move |channel| (channel, out))))
}

/// `[k, k, in, out]` → `[in, out, k, k]`.
pub fn input_first(values: &[f32], sides: [usize; 4]) -> Vec<f32> {
    let [_, _, input, output] = sides;
    taps(values, sides, (0..input).flat_map(|channel| (0..output).map(move |out| (channel, out))))
}

/// Of values `[k, k, in, out]` those that go from one channel to another, for each pair in turn.
fn taps(
    values: &[f32],
    [height, width, input, output]: [usize; 4],
    pairs: impl Iterator<Item = (usize, usize)>,
) -> Vec<f32> {
    let of_pair = |(channel, out)| (0..height * width).map(move |tap| values[(tap * input + channel) * output + out]);
    pairs.flat_map(of_pair).collect()
}

/// What ONNX says of a window.
pub fn conv_attributes(window: Window) -> Vec<AttributeProto> {
    let ints = |values: [usize; 2]| values.map(|value| value as i64).to_vec();
    let [rows, columns] = window.padding.map(|padding| padding as i64);
    let mut attributes = vec![
        AttributeProto::ints("kernel_shape", ints(window.kernel)),
        AttributeProto::ints("strides", ints([window.stride; 2])),
        AttributeProto::ints("pads", vec![rows, columns, rows, columns]),
    ];
    if window.dilation > 1 {
        attributes.push(AttributeProto::ints("dilations", ints([window.dilation; 2])));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::{input_first, nhwc_to_nchw};

    #[test]
    fn weights_are_turned_by_hand() {
        // A 1×2 kernel from two channels to three: value = 100·column + 10·in + out.
        let values: Vec<f32> = (0..2)
            .flat_map(|column| {
                (0..2).flat_map(move |input| (0..3).map(move |out| (100 * column + 10 * input + out) as f32))
            })
            .collect();
        let turned = nhwc_to_nchw(&values, [1, 2, 2, 3]);
        assert_eq!(turned, [0., 100., 10., 110., 1., 101., 11., 111., 2., 102., 12., 112.]);
        let turned = input_first(&values, [1, 2, 2, 3]);
        assert_eq!(turned, [0., 100., 1., 101., 2., 102., 10., 110., 11., 111., 12., 112.]);
    }
}

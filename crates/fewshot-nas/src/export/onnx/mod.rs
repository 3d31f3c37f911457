//! ONNX: `images` `[N, channels, height, width]` with values from 0 to 1 (red, green, blue, or grey) → `logits` and
//! `probabilities` `[N, classes]`. The normalisation is part of the graph, so that nobody can forget it.

pub(super) mod proto;
mod reorder;

use prost::Message;

use super::ExportError;
use super::fold::{fold_norms, tensor};
use crate::model::Model;
use crate::nets::{Graph, NamedValues, Node, Op, Value, Window};
use proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// Version of the operators: of 2022, read by every runtime that is kept, and with all that is needed.
const OPSET: i64 = 17;
/// Version of the file format that goes with it.
const IR: i64 = 8;
/// What protobuf readers accept.
const LARGEST: usize = i32::MAX as usize;

/// Name of the input.
pub const IMAGES: &str = "images";
/// Name of the first output, `[N, classes]`.
pub const LOGITS: &str = "logits";
/// Name of the second output, `[N, classes]`, each row of which sums to 1.
pub const PROBABILITIES: &str = "probabilities";

/// The bytes of an ONNX file.
///
/// # Errors
/// When the network cannot be traced, or does not fit the format.
pub fn bytes(model: &Model, fold: bool) -> Result<Vec<u8>, ExportError> {
    let (mut graph, mut tensors) = (model.graph()?, model.tensors()?);
    if fold {
        (graph, tensors) = fold_norms(graph, tensors)?;
    }
    let graph = reorder::pad_before_pool(graph);
    let mut writer = Writer { tensors: &tensors, nodes: Vec::new(), initializers: Vec::new() };
    for (value, node) in graph.nodes.iter().enumerate() {
        writer.node(&graph, value, node)?;
    }
    let softmax = AttributeProto::int("axis", 1);
    writer.push("Softmax", vec![LOGITS.to_string()], PROBABILITIES.to_string(), vec![softmax]);

    let card = model.card();
    let [height, width, channels] = graph.image;
    let rows = || vec![batch(), size(card.classes.len())];
    let graph = GraphProto {
        node: writer.nodes,
        name: card.space.clone(),
        initializer: writer.initializers,
        input: vec![value_info(IMAGES, vec![batch(), size(channels), size(height), size(width)])],
        output: vec![value_info(LOGITS, rows()), value_info(PROBABILITIES, rows())],
    };
    let onnx = ModelProto {
        ir_version: IR,
        producer_name: "fewshot".to_string(),
        producer_version: card.program.clone(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata(model)?,
    };
    match onnx.encoded_len() {
        bytes if bytes > LARGEST => Err(ExportError::TooLarge { bytes }),
        _ => Ok(onnx.encode_to_vec()),
    }
}

/// The fields of the card, each as JSON where it is no text.
fn metadata(model: &Model) -> Result<Vec<StringStringEntryProto>, ExportError> {
    let serde_json::Value::Object(card) = serde_json::to_value(model.card())? else {
        return Ok(Vec::new());
    };
    let entry = |(key, value): (String, serde_json::Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        StringStringEntryProto { key, value }
    };
    Ok(card.into_iter().map(entry).collect())
}

/// Writes operations on NHWC values as nodes on NCHW ones.
struct Writer<'a> {
    tensors: &'a NamedValues,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Writer<'_> {
    fn node(&mut self, graph: &Graph, value: Value, node: &Node) -> Result<(), ExportError> {
        let out = name(graph, value);
        let mut inputs: Vec<String> = node.inputs.iter().map(|&input| name(graph, input)).collect();
        match &node.op {
            Op::Image => {}
            Op::Normalise { mean, std } => {
                let per_channel = [1, mean.len(), 1, 1];
                inputs.push(self.floats("mean", &per_channel, mean));
                let centred = format!("{out}_centred");
                self.push("Sub", inputs, centred.clone(), Vec::new());
                let std = self.floats("std", &per_channel, std);
                self.push("Div", vec![centred, std], out, Vec::new());
            }
            Op::Conv { layer, kernel, input, output, stride, padding, bias } => {
                let weight = tensor(self.tensors, &format!("{layer}.weight"))?.data();
                let weight = channels_first(weight, [*kernel, *kernel, *input, *output]);
                inputs.push(self.floats(&format!("{layer}.weight"), &[*output, *input, *kernel, *kernel], &weight));
                if *bias {
                    inputs.push(self.stored(&format!("{layer}.bias"))?);
                }
                self.push("Conv", inputs, out, window(Window { kernel: *kernel, stride: *stride, padding: *padding }));
            }
            Op::Depthwise { layer, kernel, channels, stride, padding, bias } => {
                let weight = tensor(self.tensors, &format!("{layer}.weight"))?.data();
                // One channel in and as many out as there are channels: the same order as that of a dense one.
                let weight = channels_first(weight, [*kernel, *kernel, 1, *channels]);
                inputs.push(self.floats(&format!("{layer}.weight"), &[*channels, 1, *kernel, *kernel], &weight));
                if *bias {
                    inputs.push(self.stored(&format!("{layer}.bias"))?);
                }
                let mut attributes = window(Window { kernel: *kernel, stride: *stride, padding: *padding });
                attributes.push(AttributeProto::int("group", *channels as i64));
                self.push("Conv", inputs, out, attributes);
            }
            Op::BatchNorm { layer, channels, affine, eps } => {
                for (part, constant) in [("scale", 1.0), ("shift", 0.0)] {
                    let part = format!("{layer}.{part}");
                    inputs.push(match affine {
                        true => self.stored(&part)?,
                        false => self.floats(&part, &[*channels], &vec![constant; *channels]),
                    });
                }
                for part in ["running_mean", "running_var"] {
                    inputs.push(self.stored(&format!("{layer}.{part}"))?);
                }
                self.push("BatchNormalization", inputs, out, vec![AttributeProto::float("epsilon", *eps)]);
            }
            Op::Relu => self.push("Relu", inputs, out, Vec::new()),
            Op::Add => self.push("Add", inputs, out, Vec::new()),
            Op::AvgPool(pool) => {
                let mut attributes = window(*pool);
                attributes.push(AttributeProto::int("count_include_pad", 0));
                self.push("AveragePool", inputs, out, attributes);
            }
            Op::MaxPool(pool) => self.push("MaxPool", inputs, out, window(*pool)),
            Op::PadChannels { added } => {
                // Before each axis, then behind each.
                let pads = [0, 0, 0, 0, 0, *added as i64, 0, 0];
                inputs.push(self.ints(&format!("{out}_pads"), &pads));
                // The default, but pnnx (of ncnn) reads no Pad that does not say it.
                self.push("Pad", inputs, out, vec![AttributeProto::string("mode", "constant")]);
            }
            Op::Zeros => {
                inputs.push(self.floats(&format!("{out}_factor"), &[1, 1, 1, 1], &[0.0]));
                self.push("Mul", inputs, out, Vec::new());
            }
            Op::GlobalAvgPool => {
                let pooled = format!("{out}_pooled");
                self.push("GlobalAveragePool", inputs, pooled.clone(), Vec::new());
                self.push("Flatten", vec![pooled], out, vec![AttributeProto::int("axis", 1)]);
            }
            Op::Linear { layer, .. } => {
                inputs.push(self.stored(&format!("{layer}.weight"))?);
                inputs.push(self.stored(&format!("{layer}.bias"))?);
                self.push("Gemm", inputs, out, Vec::new());
            }
        }
        Ok(())
    }

    fn push(&mut self, op_type: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        // Where outputs go by the names of the nodes that make them (tract in Python), these are the names they have elsewhere.
        let name = match output.as_str() {
            LOGITS | PROBABILITIES => output.clone(),
            _ => format!("{op_type}_{output}"),
        };
        self.nodes.push(NodeProto { input, output: vec![output], name, op_type: op_type.to_string(), attribute });
    }

    /// A tensor of the network as it is; its name.
    fn stored(&mut self, name: &str) -> Result<String, ExportError> {
        let stored = tensor(self.tensors, name)?;
        Ok(self.floats(name, stored.shape(), stored.data()))
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, shape, TensorProto::FLOAT, raw)
    }

    fn ints(&mut self, name: &str, values: &[i64]) -> String {
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

fn name(graph: &Graph, value: Value) -> String {
    match value {
        0 => IMAGES.to_string(),
        value if value == graph.logits() => LOGITS.to_string(),
        value => format!("x{value}"),
    }
}

/// `[k, k, in, out]` → `[out, in, k, k]`.
fn channels_first(values: &[f32], [height, width, input, output]: [usize; 4]) -> Vec<f32> {
    let mut turned = Vec::with_capacity(values.len());
    for out in 0..output {
        for channel in 0..input {
            turned.extend((0..height * width).map(|tap| values[(tap * input + channel) * output + out]));
        }
    }
    turned
}

fn window(Window { kernel, stride, padding }: Window) -> Vec<AttributeProto> {
    vec![
        AttributeProto::ints("kernel_shape", vec![kernel as i64; 2]),
        AttributeProto::ints("strides", vec![stride as i64; 2]),
        AttributeProto::ints("pads", vec![padding as i64; 4]),
    ]
}

/// As many images as the user gives.
fn batch() -> DimensionProto {
    DimensionProto { dim_value: None, dim_param: Some("N".to_string()) }
}

fn size(extent: usize) -> DimensionProto {
    DimensionProto { dim_value: Some(extent as i64), dim_param: None }
}

fn value_info(name: &str, dim: Vec<DimensionProto>) -> ValueInfoProto {
    let tensor = TensorTypeProto { elem_type: TensorProto::FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_string(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    use super::channels_first;

    #[test]
    fn weights_are_turned_by_hand() {
        // A 1×2 kernel from two channels to three: value = 100·column + 10·in + out.
        let values: Vec<f32> = (0..2)
            .flat_map(|column| {
                (0..2).flat_map(move |input| (0..3).map(move |out| (100 * column + 10 * input + out) as f32))
            })
            .collect();
        let turned = channels_first(&values, [1, 2, 2, 3]);
        assert_eq!(turned, [0., 100., 10., 110., 1., 101., 11., 111., 2., 102., 12., 112.]);
    }
}

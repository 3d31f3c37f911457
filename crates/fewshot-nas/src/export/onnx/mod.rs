//! ONNX: `images` `[N, channels, height, width]` with values from 0 to 1 (red, green, blue, or grey) → `logits` and
//! `probabilities` `[N, classes]`. The normalisation is part of the graph, so that nobody can forget it. Of a generator, `latent`
//! `[N, numbers]` → `images` with values from 0 to 1.

mod reorder;

use prost::Message;

use super::ExportError;
use crate::model::Model;
use crate::nets::write::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::nets::write::{OnnxNode, OnnxWriter};
use crate::nets::{Fusion, Size, Value};

/// Version of the operators: of 2022, read by every runtime that is kept, and with all that is needed.
const OPSET: i64 = 17;
/// Version of the file format that goes with it.
const IR: i64 = 8;
/// What protobuf readers accept.
const LARGEST: usize = i32::MAX as usize;

/// Name of a generator's input.
pub const LATENT: &str = "latent";
/// Name of the input; of a generator, of the output.
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
    let (mut graph, tensors) = (model.graph()?, model.tensors()?);
    if fold {
        graph = graph.fused(Fusion::Weights);
    }
    let graph = reorder::pad_before_pool(graph);
    let ends = if model.latent().is_some() { &GENERATOR } else { &CLASSIFIER };
    let mut writer = OnnxWriter::new(&tensors, ends.outputs);
    let name = |value: Value| match value {
        0 => ends.input.to_string(),
        value if value == graph.output() => ends.outputs[0].to_string(),
        value => format!("x{value}"),
    };
    for (value, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().map(|&input| name(input)).collect();
        let (sizes, out) = (graph.input_sizes(node), name(value));
        node.op.onnx(OnnxNode { writer: &mut writer, inputs, sizes, out })?;
    }
    let card = model.card();
    let images = |[height, width, channels]: Size| vec![batch(), size(channels), size(height), size(width)];
    let rows = |[.., values]: Size| vec![batch(), size(values)];
    let made = graph.nodes[graph.output()].size;
    let (input, output) = match model.latent() {
        Some(_) => (vec![value_info(LATENT, rows(graph.input()))], vec![value_info(IMAGES, images(made))]),
        None => {
            let softmax = AttributeProto::int("axis", 1);
            writer.push("Softmax", vec![LOGITS.to_string()], PROBABILITIES.to_string(), vec![softmax]);
            let outputs = ends.outputs.iter().map(|name| value_info(name, rows([1, 1, card.classes.len()])));
            (vec![value_info(IMAGES, images(graph.input()))], outputs.collect())
        }
    };
    let graph =
        GraphProto { node: writer.nodes, name: card.space.clone(), initializer: writer.initializers, input, output };
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

/// What a network's input and outputs are called.
struct Ends {
    input: &'static str,
    outputs: &'static [&'static str],
}

const CLASSIFIER: Ends = Ends { input: IMAGES, outputs: &[LOGITS, PROBABILITIES] };
const GENERATOR: Ends = Ends { input: LATENT, outputs: &[IMAGES] };

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

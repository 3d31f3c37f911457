//! PyTorch: a file of readable code, written for one architecture, that loads the model file beside it.

use std::fmt::Write;

use fewshot_guard::printable;

use super::ExportError;
use crate::model::Model;
use crate::nets::{Graph, Op, Window};

/// What is the same in every file: reading weights and images.
const LOADER: &str = include_str!("model.py.in");

/// A layer with weights: its attribute in the class, its name in the file of weights, and the code that makes it.
struct Layer {
    attribute: String,
    name: String,
    make: String,
}

/// The code of `model.py`.
///
/// # Errors
/// When the network cannot be traced.
pub fn code(model: &Model) -> Result<String, ExportError> {
    let graph = model.graph()?;
    let card = model.card();
    let layers = layers(&graph);
    // What a model file says of itself comes from whoever made it, so it is in the code as literals only.
    let classes: Vec<String> = card.classes.iter().map(|class| printable::python(class)).collect();
    let [height, width, channels] = graph.image;
    let mut out = format!(
        "\"\"\"A network as fewshot wrote it. Needs PyTorch, and Pillow to read images.\n\n\
         \x20   import model\n    probabilities = model.load()(images).softmax(1)\n\n\
         `python model.py IMAGE..` prints the likeliest classes. The weights are in model.safetensors beside this file.\n\
         \"\"\"\n\nimport json\nimport struct\nimport sys\nfrom pathlib import Path\n\nimport torch\n\
         import torch.nn.functional as F\nfrom torch import nn\n\nPROGRAM = {program}\nSPACE = {space}\nARCH = {arch}\nCLASSES = [{classes}]\n\
         # Channels, height, width.\nIMAGE = ({channels}, {height}, {width})\n\
         # The colour that transparent images are laid on, if any.\nGROUND = {ground}\n# The layers, and their names in the file.\n\
         LAYERS = {{\n",
        space = printable::python(&card.space),
        program = printable::python(&card.program),
        arch = printable::python(&card.arch),
        classes = classes.join(", "),
        ground =
            card.ground.map_or_else(|| "None".to_string(), |[red, green, blue]| format!("({red}, {green}, {blue})")),
    );
    // Writing to a String cannot fail.
    for Layer { attribute, name, .. } in &layers {
        let _ = writeln!(out, "    {}: {},", printable::python(attribute), printable::python(name));
    }
    let _ = write!(
        out,
        "}}\n\n\nclass Network(nn.Module):\n    \"\"\"Images [N, {channels}, {height}, {width}], values from 0 to 1 -> logits \
         [N, {}].\"\"\"\n\n    def __init__(self):\n        super().__init__()\n",
        card.classes.len()
    );
    for node in &graph.nodes {
        if let Op::Normalise { mean, std } = &node.op {
            for (name, values) in [("mean", mean), ("std", std)] {
                let _ = writeln!(
                    out,
                    "        self.register_buffer(\"{name}\", torch.tensor({values:?}).view(1, -1, 1, 1))"
                );
            }
        }
    }
    for Layer { attribute, make, .. } in &layers {
        let _ = writeln!(out, "        self.{attribute} = {make}");
    }
    out.push_str("\n    def forward(self, images):\n");
    for (value, node) in graph.nodes.iter().enumerate().skip(1) {
        let inputs: Vec<String> = node.inputs.iter().map(|&input| variable(input)).collect();
        let _ = writeln!(out, "        {} = {}", variable(value), expression(&node.op, &inputs, &layers));
    }
    let _ = write!(out, "        return {}\n\n\n{LOADER}", variable(graph.logits()));
    Ok(out)
}

fn variable(value: usize) -> String {
    if value == 0 { "images".to_string() } else { format!("x{value}") }
}

/// Layers in the order of their use, each once.
fn layers(graph: &Graph) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for node in &graph.nodes {
        let (name, make) = match &node.op {
            Op::Conv { layer, kernel, input, output, stride, padding, bias } => {
                let bias = if *bias { "True" } else { "False" };
                let rest = format!("stride={stride}, padding={padding}, bias={bias}");
                (layer, format!("nn.Conv2d({input}, {output}, {kernel}, {rest})"))
            }
            Op::Depthwise { layer, kernel, channels, stride, padding, bias } => {
                let bias = if *bias { "True" } else { "False" };
                let rest = format!("stride={stride}, padding={padding}, groups={channels}, bias={bias}");
                (layer, format!("nn.Conv2d({channels}, {channels}, {kernel}, {rest})"))
            }
            Op::BatchNorm { layer, channels, affine, eps } => {
                let affine = if *affine { "" } else { ", affine=False" };
                (layer, format!("nn.BatchNorm2d({channels}, eps={eps:e}{affine})"))
            }
            Op::Linear { layer, input, output } => (layer, format!("nn.Linear({input}, {output})")),
            _ => continue,
        };
        if layers.iter().all(|known| known.name != *name) {
            let mut attribute = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            while layers.iter().any(|known| known.attribute == attribute)
                || ["mean", "std"].contains(&attribute.as_str())
            {
                attribute.push('_');
            }
            layers.push(Layer { attribute, name: name.clone(), make });
        }
    }
    layers
}

fn expression(op: &Op, inputs: &[String], layers: &[Layer]) -> String {
    let x = inputs.first().map_or("", String::as_str);
    match op {
        Op::Image => x.to_string(),
        Op::Normalise { .. } => format!("({x} - self.mean) / self.std"),
        Op::Conv { layer, .. }
        | Op::Depthwise { layer, .. }
        | Op::BatchNorm { layer, .. }
        | Op::Linear { layer, .. } => {
            let attribute = layers.iter().find(|known| known.name == *layer).map_or("", |layer| &layer.attribute);
            format!("self.{attribute}({x})")
        }
        Op::Relu => format!("F.relu({x})"),
        Op::Add => inputs.join(" + "),
        Op::AvgPool(Window { kernel, stride, padding }) => {
            format!("F.avg_pool2d({x}, {kernel}, {stride}, {padding}, count_include_pad=False)")
        }
        Op::MaxPool(Window { kernel, stride, padding }) => format!("F.max_pool2d({x}, {kernel}, {stride}, {padding})"),
        Op::PadChannels { added } => format!("F.pad({x}, (0, 0, 0, 0, 0, {added}))"),
        Op::Zeros => format!("torch.zeros_like({x})"),
        Op::GlobalAvgPool => format!("{x}.mean((2, 3))"),
    }
}

//! PyTorch: a file of readable code, written for one architecture, that loads the model file beside it.

use std::fmt::Write;

use fewshot_guard::printable;

use super::ExportError;
use crate::model::Model;
use crate::nets::Value;
use crate::nets::write::{TorchCode, TorchLayer, TorchNode};

/// What is the same in every file: reading weights.
const LOADER: &str = include_str!("model.py.in");
/// What goes on from there: reading images and telling what is on them.
const PREDICTS: &str = include_str!("predict.py.in");
/// Or writing images.
const GENERATES: &str = include_str!("generate.py.in");

/// What code calls where a convolution standardises its weight.
const STANDARDISED: &str = "

def standardised(weight):
    \"\"\"Each output's weights with mean 0 and deviation 1.\"\"\"
    rows = weight.flatten(1)
    rows = (rows - rows.mean(1, keepdim=True)) / (rows.std(1, keepdim=True) + 1e-5)
    return rows.reshape(weight.shape)
";

/// The code of `model.py`.
///
/// # Errors
/// When the network cannot be traced.
pub fn code(model: &Model) -> Result<String, ExportError> {
    let graph = model.graph()?;
    let card = model.card();
    let given = if model.latent().is_some() { "latent" } else { "images" };
    let variable = |value: Value| if value == 0 { given.to_string() } else { format!("x{value}") };
    let mut code = TorchCode::default();
    let mut steps = String::new();
    for (value, node) in graph.nodes.iter().enumerate().skip(1) {
        let inputs = node.inputs.iter().map(|&input| variable(input)).collect();
        let (sizes, out) = (graph.input_sizes(node), variable(value));
        let expression = node.op.pytorch(TorchNode { code: &mut code, inputs, sizes, out })?;
        // Writing to a String cannot fail.
        let _ = writeln!(steps, "        {} = {expression}", variable(value));
    }
    // What a model file says of itself comes from whoever made it, so it is in the code as literals only.
    let classes: Vec<String> = card.classes.iter().map(|class| printable::python(class)).collect();
    let [height, width, channels] = card.image();
    let (about, takes, uses) = match model.latent() {
        None => (
            "Needs PyTorch, and Pillow to read images.\n\n\
             \x20   import model\n    probabilities = model.load()(images).softmax(1)\n\n\
             `python model.py IMAGE..` prints the likeliest classes.",
            format!(
                "Images [N, {channels}, {height}, {width}], values from 0 to 1 -> logits [N, {}].",
                card.classes.len()
            ),
            PREDICTS,
        ),
        Some(latent) => (
            "Needs PyTorch, and Pillow to write images.\n\n\
             \x20   import model\n    images = model.load()(torch.randn(16, model.LATENT))\n\n\
             `python model.py COUNT FOLDER` writes images.",
            format!(
                "Latent numbers [N, {latent}], normal -> images [N, {channels}, {height}, {width}], values from 0 to 1."
            ),
            GENERATES,
        ),
    };
    let mut out = format!(
        "\"\"\"A network as fewshot wrote it. {about} The weights are in model.safetensors beside this file.\n\
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
    for TorchLayer { attribute, name, .. } in &code.layers {
        let _ = writeln!(out, "    {}: {},", printable::python(attribute), printable::python(name));
    }
    out.push_str("}\n");
    if let Some(latent) = model.latent() {
        let _ = writeln!(out, "# Numbers that an image is made of.\nLATENT = {latent}");
    }
    if code.standardises {
        out.push_str(STANDARDISED);
    }
    let _ = write!(
        out,
        "\n\nclass Network(nn.Module):\n    \"\"\"{takes}\"\"\"\n\n    def __init__(self):\n        super().__init__()\n"
    );
    for (name, values) in &code.buffers {
        let _ = writeln!(out, "        self.register_buffer(\"{name}\", torch.tensor({values:?}).view(1, -1, 1, 1))");
    }
    for TorchLayer { attribute, make, .. } in &code.layers {
        let _ = writeln!(out, "        self.{attribute} = {make}");
    }
    let _ = writeln!(out, "\n    def forward(self, {given}):");
    out.push_str(&steps);
    let _ = write!(out, "        return {}\n\n\n{LOADER}{uses}", variable(graph.output()));
    Ok(out)
}

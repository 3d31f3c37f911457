//! PyTorch code for operations.

use crate::geometry::{Size, Window};
use crate::view::{Transform, View};

/// One operation on its way into code.
pub struct TorchNode<'a> {
    /// Takes layers and buffers.
    pub code: &'a mut TorchCode,
    /// What is read, as expressions.
    pub inputs: Vec<String>,
    /// Sizes of what is read.
    pub sizes: Vec<Size>,
    /// The variable that is made.
    pub out: String,
}

/// A layer with weights: its attribute in the class, its name in the file of weights, and the code that makes it.
#[derive(Debug)]
pub struct TorchLayer {
    /// Of the class.
    pub attribute: String,
    /// In the file.
    pub name: String,
    /// An expression.
    pub make: String,
}

/// What the class of a network holds so far.
#[derive(Debug, Default)]
pub struct TorchCode {
    /// Layers in the order of their use, each once.
    pub layers: Vec<TorchLayer>,
    /// Tensors of one number per channel, by name.
    pub buffers: Vec<(String, Vec<f32>)>,
    /// Whether `standardised`, which the file must define, is called.
    pub standardises: bool,
}

impl TorchCode {
    /// The attribute of a layer, which `make` makes.
    pub fn layer(&mut self, name: &str, make: String) -> String {
        if let Some(known) = self.layers.iter().find(|known| known.name == name) {
            return known.attribute.clone();
        }
        let mut attribute = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        while self.layers.iter().any(|known| known.attribute == attribute)
            || ["mean", "std"].contains(&attribute.as_str())
        {
            attribute.push('_');
        }
        self.layers.push(TorchLayer { attribute: attribute.clone(), name: name.to_string(), make });
        attribute
    }

    /// Registers a tensor of one number per channel.
    pub fn buffer(&mut self, name: &str, values: &[f32]) {
        self.buffers.push((name.to_string(), values.to_vec()));
    }

    /// A convolution of `x` by a layer that `make` makes, its weight transformed where the view says so.
    pub fn convolved(&mut self, weight: &View, make: String, window: Window, groups: usize, x: &str) -> String {
        let attribute = self.layer(weight.layer(), make);
        if weight.transform != Transform::Standardise {
            return format!("self.{attribute}({x})");
        }
        self.standardises = true;
        let Window { stride, padding: [rows, columns], dilation, .. } = window;
        let (weight, bias) = (format!("standardised(self.{attribute}.weight)"), format!("self.{attribute}.bias"));
        format!("F.conv2d({x}, {weight}, {bias}, {stride}, ({rows}, {columns}), {dilation}, {groups})")
    }
}

/// The arguments of `nn.Conv2d` after its channels.
pub fn conv_arguments(window: Window, groups: usize, bias: bool) -> String {
    let pair = |[rows, columns]: [usize; 2]| match rows == columns {
        true => rows.to_string(),
        false => format!("({rows}, {columns})"),
    };
    let (kernel, padding) = (pair(window.kernel), pair(window.padding));
    let dilation = if window.dilation > 1 { format!(", dilation={}", window.dilation) } else { String::new() };
    let groups = if groups > 1 { format!(", groups={groups}") } else { String::new() };
    let bias = if bias { "True" } else { "False" };
    format!("{kernel}, stride={}, padding={padding}{dilation}{groups}, bias={bias}", window.stride)
}

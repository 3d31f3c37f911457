//! A path of the DARTS search network: cells of depthwise-separable and dilated convolutions.

use burn::tensor::Tensor;
use fewshot_kernels::{Conv, global_avg_pool};

use super::layers::{Forward, Layers};

/// A separable convolution: `blocks` times ReLU → depthwise → 1×1 → batch norm.
#[derive(Clone, Copy)]
struct Separable {
    kernel: usize,
    dilation: usize,
    blocks: usize,
}

/// The operations of a cell's edges, in turn: `sep_conv_3x3`, `sep_conv_5x5`, `dil_conv_3x3`, `dil_conv_5x5`.
const OPS: [Separable; 4] = [
    Separable { kernel: 3, dilation: 1, blocks: 2 },
    Separable { kernel: 5, dilation: 1, blocks: 2 },
    Separable { kernel: 3, dilation: 2, blocks: 1 },
    Separable { kernel: 5, dilation: 2, blocks: 1 },
];
/// What it is called in reports.
pub const ARCHITECTURE: &str = "sep_conv_3x3 sep_conv_5x5 dil_conv_3x3 dil_conv_5x5";

/// The two states that each node of a cell adds up; states 0 and 1 are the cell's inputs.
const INPUTS: [[usize; 2]; 4] = [[0, 1], [0, 2], [1, 3], [2, 4]];

/// Stem to three times `width` channels, `cells` normal cells of `width` channels a node, classifier.
pub fn network(width: usize, cells: usize, classes: usize) -> Forward {
    Box::new(move |layers, images| {
        let stem = layers.conv_norm(images, 3, 3 * width, Conv::same(3), None);
        let (mut before, mut previous) = (stem.clone(), stem);
        for _ in 0..cells {
            let next = cell(layers, before, previous.clone(), width);
            (before, previous) = (previous, next);
        }
        layers.linear(global_avg_pool(previous), classes)
    })
}

/// Both inputs brought to `width` channels, four nodes of two edges each, their concatenation.
fn cell(layers: &mut Layers, before: Tensor<4>, previous: Tensor<4>, width: usize) -> Tensor<4> {
    let reduce = Conv::same(1).with_relu();
    let mut states = vec![
        layers.conv_plain_norm(before, 1, width, reduce, None),
        layers.conv_plain_norm(previous, 1, width, reduce, None),
    ];
    let mut ops = OPS.iter().copied().cycle();
    for inputs in INPUTS {
        let mut sum = None;
        for (input, op) in inputs.into_iter().zip(&mut ops) {
            sum = Some(separable(layers, states[input].clone(), op, sum));
        }
        states.extend(sum);
    }
    Tensor::cat(states.split_off(2), 3)
}

fn separable(layers: &mut Layers, mut x: Tensor<4>, op: Separable, mut sum: Option<Tensor<4>>) -> Tensor<4> {
    let Separable { kernel, dilation, blocks } = op;
    let width = x.dims()[3];
    for block in 1..=blocks {
        x = layers.depthwise(x, kernel, Conv::same(kernel).with_dilation(dilation).with_relu());
        let add = if block == blocks { sum.take() } else { None };
        x = layers.conv_plain_norm(x, 1, width, Conv::same(1), add);
    }
    x
}

//! What Inception v3 is made of (Szegedy et al. 2016, <https://arxiv.org/abs/1512.00567>), by the names of PyTorch's state dicts.

/// A step of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A convolution with its bias, and a ReLU.
    Conv(Layer),
    /// Two convolutions of one input, their channels one behind the other: 1x3 and 3x1.
    Fork(Layer, Layer),
    /// Mean over 3x3 pixels around each.
    Average,
    /// Mean as before; the largest of 3x3 pixels in the network of 2015, whose last block differs from the others in that.
    AverageOrLargest,
    /// Largest of 3x3 pixels, every second one, inside of the image.
    Reduce,
}

/// A convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) name: &'static str,
    /// Height and width.
    pub(super) kernel: [usize; 2],
    pub(super) channels_in: usize,
    pub(super) channels_out: usize,
    pub(super) stride: usize,
    /// Whether the image is surrounded by zeros so that it keeps its size.
    pub(super) is_padded: bool,
}

/// Branches that read one input, their channels one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Empty for the layers before the blocks.
    pub(super) name: &'static str,
    pub(super) branches: Vec<Vec<Step>>,
}

impl Block {
    /// Name of the block, or of what its only step is.
    pub(super) fn label(&self) -> &'static str {
        match self.branches.as_slice() {
            [only] if self.name.is_empty() => match only.as_slice() {
                [Step::Conv(layer)] => layer.name,
                _ => "maxpool",
            },
            _ => self.name,
        }
    }

    /// Name of a layer of this block.
    pub(super) fn full_name(&self, layer: &Layer) -> String {
        match self.name {
            "" => layer.name.to_owned(),
            block => format!("{block}.{}", layer.name),
        }
    }

    /// All its convolutions.
    pub(super) fn layers(&self) -> Vec<Layer> {
        let of = |step: &Step| match *step {
            Step::Conv(layer) => vec![layer],
            Step::Fork(one, other) => vec![one, other],
            Step::Average | Step::AverageOrLargest | Step::Reduce => vec![],
        };
        self.branches.iter().flatten().flat_map(of).collect()
    }
}

/// A layer that keeps the image's size.
const fn same(name: &'static str, kernel: [usize; 2], channels_in: usize, channels_out: usize) -> Layer {
    Layer { name, kernel, channels_in, channels_out, stride: 1, is_padded: true }
}

/// A 3x3 layer inside of the image.
const fn inside(name: &'static str, channels_in: usize, channels_out: usize, stride: usize) -> Layer {
    Layer { name, kernel: [3, 3], channels_in, channels_out, stride, is_padded: false }
}

fn conv(name: &'static str, kernel: [usize; 2], channels_in: usize, channels_out: usize) -> Step {
    Step::Conv(same(name, kernel, channels_in, channels_out))
}

const ONE: [usize; 2] = [1, 1];
const THREE: [usize; 2] = [3, 3];
const ROW_OF_SEVEN: [usize; 2] = [1, 7];
const COLUMN_OF_SEVEN: [usize; 2] = [7, 1];

/// The whole network up to the features: 2048 channels.
pub(super) fn blocks() -> Vec<Block> {
    let alone = |step: Step| Block { name: "", branches: vec![vec![step]] };
    let mut all = vec![
        alone(Step::Conv(inside("Conv2d_1a_3x3", 3, 32, 2))),
        alone(Step::Conv(inside("Conv2d_2a_3x3", 32, 32, 1))),
        alone(conv("Conv2d_2b_3x3", THREE, 32, 64)),
        alone(Step::Reduce),
        alone(conv("Conv2d_3b_1x1", ONE, 64, 80)),
        alone(Step::Conv(inside("Conv2d_4a_3x3", 80, 192, 1))),
        alone(Step::Reduce),
    ];
    let pooled = [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)];
    all.extend(pooled.map(|(name, channels, pooled)| of_five(name, channels, pooled)));
    all.push(first_reduction("Mixed_6a", 288));
    let narrow = [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)];
    all.extend(narrow.map(|(name, narrow)| of_seven(name, 768, narrow)));
    all.push(second_reduction("Mixed_7a", 768));
    all.push(forked("Mixed_7b", 1280, Step::Average));
    all.push(forked("Mixed_7c", 2048, Step::AverageOrLargest));
    all
}

/// 1x1, 5x5, twice 3x3, and a mean.
fn of_five(name: &'static str, channels: usize, pooled: usize) -> Block {
    let branches = vec![
        vec![conv("branch1x1", ONE, channels, 64)],
        vec![conv("branch5x5_1", ONE, channels, 48), conv("branch5x5_2", [5, 5], 48, 64)],
        vec![
            conv("branch3x3dbl_1", ONE, channels, 64),
            conv("branch3x3dbl_2", THREE, 64, 96),
            conv("branch3x3dbl_3", THREE, 96, 96),
        ],
        vec![Step::Average, conv("branch_pool", ONE, channels, pooled)],
    ];
    Block { name, branches }
}

/// Half the image.
fn first_reduction(name: &'static str, channels: usize) -> Block {
    let branches = vec![
        vec![Step::Conv(inside("branch3x3", channels, 384, 2))],
        vec![
            conv("branch3x3dbl_1", ONE, channels, 64),
            conv("branch3x3dbl_2", THREE, 64, 96),
            Step::Conv(inside("branch3x3dbl_3", 96, 96, 2)),
        ],
        vec![Step::Reduce],
    ];
    Block { name, branches }
}

/// Kernels of seven pixels in a row and in a column.
fn of_seven(name: &'static str, channels: usize, narrow: usize) -> Block {
    let branches = vec![
        vec![conv("branch1x1", ONE, channels, 192)],
        vec![
            conv("branch7x7_1", ONE, channels, narrow),
            conv("branch7x7_2", ROW_OF_SEVEN, narrow, narrow),
            conv("branch7x7_3", COLUMN_OF_SEVEN, narrow, 192),
        ],
        vec![
            conv("branch7x7dbl_1", ONE, channels, narrow),
            conv("branch7x7dbl_2", COLUMN_OF_SEVEN, narrow, narrow),
            conv("branch7x7dbl_3", ROW_OF_SEVEN, narrow, narrow),
            conv("branch7x7dbl_4", COLUMN_OF_SEVEN, narrow, narrow),
            conv("branch7x7dbl_5", ROW_OF_SEVEN, narrow, 192),
        ],
        vec![Step::Average, conv("branch_pool", ONE, channels, 192)],
    ];
    Block { name, branches }
}

/// Half the image again.
fn second_reduction(name: &'static str, channels: usize) -> Block {
    let branches = vec![
        vec![conv("branch3x3_1", ONE, channels, 192), Step::Conv(inside("branch3x3_2", 192, 320, 2))],
        vec![
            conv("branch7x7x3_1", ONE, channels, 192),
            conv("branch7x7x3_2", ROW_OF_SEVEN, 192, 192),
            conv("branch7x7x3_3", COLUMN_OF_SEVEN, 192, 192),
            Step::Conv(inside("branch7x7x3_4", 192, 192, 2)),
        ],
        vec![Step::Reduce],
    ];
    Block { name, branches }
}

/// Branches that part at their end.
fn forked(name: &'static str, channels: usize, pool: Step) -> Block {
    let fork = |row, column| Step::Fork(same(row, [1, 3], 384, 384), same(column, [3, 1], 384, 384));
    let branches = vec![
        vec![conv("branch1x1", ONE, channels, 320)],
        vec![conv("branch3x3_1", ONE, channels, 384), fork("branch3x3_2a", "branch3x3_2b")],
        vec![
            conv("branch3x3dbl_1", ONE, channels, 448),
            conv("branch3x3dbl_2", THREE, 448, 384),
            fork("branch3x3dbl_3a", "branch3x3dbl_3b"),
        ],
        vec![pool, conv("branch_pool", ONE, channels, 192)],
    ];
    Block { name, branches }
}

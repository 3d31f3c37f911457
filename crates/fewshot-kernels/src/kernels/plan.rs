//! What a convolution's shape decides once, before any pixel is touched.

use super::blocks::Blocks;
use super::layout::Planar;
use super::outer::Group;
use super::shape::Shape;
use super::tile::tile_size;
use crate::Conv;
use crate::simd::Level;

/// One dense pass of the tile kernel: the forward pass is one, the input gradient has one for
/// each place of an input pixel between the strides.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    /// First row and column of the output, and the step to the next ones.
    pub first: [usize; 2],
    pub step: usize,
    pub rows: usize,
    pub columns: usize,
    /// Taps that take part, with their channels in the order of `offsets`.
    pub taps: Vec<Tap>,
    pub offsets: Vec<usize>,
}

/// One factor of a sum: a kernel tap and an input channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tap {
    pub y: usize,
    pub x: usize,
    pub channel: usize,
}

/// How a set of passes reads and writes.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub blocks: Blocks,
    pub layout: Planar,
    /// Floats of scratch; columns of the last tile may hang over its end.
    pub scratch: usize,
    /// Floats of scratch from one output row of a pass to the next.
    pub x_row: usize,
    pub passes: Vec<Pass>,
}

/// Columns when each row is covered by whole tiles, whatever the block.
fn tiled(blocks: &Blocks, registers: usize, columns: usize) -> usize {
    blocks
        .widths
        .iter()
        .map(|&vectors| columns.next_multiple_of(tile_size(registers, vectors, columns)))
        .max()
        .unwrap_or(columns)
}

/// Registers that the tile kernel sees at a level.
fn registers(level: Level) -> usize {
    match level {
        Level::Avx512 | Level::Neon => 32,
        Level::Avx2 | Level::Plain => 16,
    }
}

impl Plan {
    /// The forward pass.
    pub(crate) fn forward(shape: &Shape, level: Level) -> Self {
        let Conv { stride, padding, dilation, .. } = shape.conv;
        let [kernel_h, kernel_w] = shape.kernel;
        let blocks = Blocks::new(shape.cout, level);
        let reach = ((kernel_w - 1) * dilation) / stride + 1;
        let columns =
            (tiled(&blocks, registers(level), shape.out[1]) + reach).max((shape.width + 2 * padding).div_ceil(stride));
        let layout = Planar {
            channels: shape.cin,
            top: padding,
            left: padding,
            rows: shape.height + 2 * padding,
            columns,
            stride,
        };
        let mut pass = Pass {
            first: [0, 0],
            step: 1,
            rows: shape.out[0],
            columns: shape.out[1],
            taps: Vec::new(),
            offsets: Vec::new(),
        };
        for y in 0..kernel_h {
            for channel in 0..shape.cin {
                for x in 0..kernel_w {
                    pass.taps.push(Tap { y, x, channel });
                    let offset = layout.offset(y * dilation, channel, x * dilation);
                    pass.offsets.push(offset);
                }
            }
        }
        Self { blocks, scratch: layout.len(), x_row: stride * layout.row(), layout, passes: vec![pass] }
    }

    /// The gradient of the input, from that of the output.
    ///
    /// Input row `i` takes part in output row `o` through tap `k` when
    /// `i + padding = stride * o + dilation * k`. For the input rows `stride * t + r` that makes
    /// a fixed set of taps, each with `o = t + (r + padding - dilation * k) / stride`.
    pub(crate) fn backward(shape: &Shape, level: Level) -> Self {
        let stride = shape.conv.stride;
        let blocks = Blocks::new(shape.cin, level);
        let axis = |size: usize, kernel: usize| -> Vec<(usize, Vec<(usize, isize)>)> {
            (0..stride.min(size))
                .map(|r| {
                    let taps = (0..kernel).filter_map(|k| {
                        let distance = (r + shape.conv.padding) as isize - (shape.conv.dilation * k) as isize;
                        let stride = stride as isize;
                        (distance.rem_euclid(stride) == 0).then(|| (k, distance.div_euclid(stride)))
                    });
                    ((size - r).div_ceil(stride), taps.collect())
                })
                .collect()
        };
        let ys = axis(shape.height, shape.kernel[0]);
        let xs = axis(shape.width, shape.kernel[1]);
        // Zeros before the first output row or column, and one past the last that is read.
        let reach = |phases: &[(usize, Vec<(usize, isize)>)], tiles: bool| {
            let all = || phases.iter().flat_map(|(count, taps)| taps.iter().map(move |tap| (*count, tap.1)));
            let before = all().map(|(_, d)| (-d).max(0) as usize).max().unwrap_or(0);
            let after = all()
                .map(|(count, d)| {
                    let count = if tiles { tiled(&blocks, registers(level), count) } else { count };
                    (count as isize + d).max(0) as usize
                })
                .max()
                .unwrap_or(0);
            (before, after)
        };
        let (top, after_y) = reach(&ys, false);
        let (left, after_x) = reach(&xs, true);
        let layout = Planar {
            channels: shape.cout,
            top,
            left,
            rows: top + after_y.max(shape.out[0]),
            columns: left + after_x.max(shape.out[1]),
            stride: 1,
        };
        let mut passes = Vec::new();
        for (r_y, (rows, taps_y)) in ys.iter().enumerate() {
            for (r_x, (columns, taps_x)) in xs.iter().enumerate() {
                let mut pass = Pass {
                    first: [r_y, r_x],
                    step: stride,
                    rows: *rows,
                    columns: *columns,
                    taps: Vec::new(),
                    offsets: Vec::new(),
                };
                for &(y, d_y) in taps_y {
                    for channel in 0..shape.cout {
                        for &(x, d_x) in taps_x {
                            pass.taps.push(Tap { y, x, channel });
                            pass.offsets.push(layout.offset(
                                (d_y + top as isize) as usize,
                                channel,
                                (d_x + left as isize) as usize,
                            ));
                        }
                    }
                }
                passes.push(pass);
            }
        }
        Self { blocks, scratch: layout.len(), x_row: layout.row(), layout, passes }
    }
}

/// Rows of the weight gradient that lie side by side in the padded image: a whole kernel row, or
/// one tap when dilation pulls the taps apart.
pub(crate) fn groups(shape: &Shape) -> Vec<Group> {
    let dilation = shape.conv.dilation;
    let row = (shape.width + 2 * shape.conv.padding) * shape.cin;
    let [kernel_h, kernel_w] = shape.kernel;
    let mut groups = Vec::new();
    for y in 0..kernel_h {
        if dilation == 1 {
            groups.push(Group { offset: y * row, rows: kernel_w * shape.cin, to: y * kernel_w * shape.cin });
        } else {
            groups.extend((0..kernel_w).map(|x| Group {
                offset: y * dilation * row + x * dilation * shape.cin,
                rows: shape.cin,
                to: (y * kernel_w + x) * shape.cin,
            }));
        }
    }
    groups
}

//! The sizes of a network of cells, in one place: costs are counted from them and networks are built from them.

use std::fmt;

use super::skeleton::DartsSkeleton;

/// The two kinds of cell; all cells of a kind are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellKind {
    /// Keeps the size of the map.
    Normal,
    /// Halves the map: operations on its two inputs have stride 2.
    Reduction,
}

impl CellKind {
    /// Both, in the order of the decisions.
    pub const ALL: [CellKind; 2] = [CellKind::Normal, CellKind::Reduction];

    /// Its name in texts: `normal`, `reduce`.
    pub fn name(self) -> &'static str {
        match self {
            CellKind::Normal => "normal",
            CellKind::Reduction => "reduce",
        }
    }

    /// Stride of an operation that reads state `from` of the cell (0 and 1 are its inputs).
    pub fn stride(self, from: usize) -> usize {
        if self == CellKind::Reduction && from < 2 { 2 } else { 1 }
    }
}

impl fmt::Display for CellKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One cell of a network: where it stands, and all its sizes.
///
/// State 1 is \[ReLU, 1x1 convolution, batch normalisation\] of the previous cell's output. State 0 is the same of
/// the output before that, unless the previous cell halved the map: then it is a factorized reduction. That is a ReLU
/// and two 1x1 convolutions of stride 2 to half of the channels each, one of the map and one of the map shifted by
/// one pixel along both sides (past an odd side it reads zeros); their concatenation, and batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellPlace {
    /// Position in the network, from 0.
    pub index: usize,
    /// Which of the two cells it is.
    pub kind: CellKind,
    /// Channels of the output before the previous cell's (the stem's, for the first two cells).
    pub before_previous: usize,
    /// Channels of the previous cell's output.
    pub previous: usize,
    /// Channels of every state of this cell.
    pub channels: usize,
    /// Channels of its output, a concatenation of states.
    pub output: usize,
    /// Whether the previous cell halved the map, so that state 0 is a factorized reduction.
    pub reduces_first: bool,
    /// Height and width of the cell's states 0 and 1.
    pub input_size: (usize, usize),
    /// Height and width of its nodes and its output.
    pub size: (usize, usize),
}

/// The classifier beside the network that helps its training (Szegedy et al. 2015), and is no part of what is kept or
/// counted.
///
/// Of the output of cell [`after`](AuxiliaryHead::after): ReLU, average pooling over 5x5 with stride 3 without
/// padding, 1x1 convolution to 128 channels, batch normalisation, ReLU, 2x2 convolution without padding to 768
/// channels, batch normalisation, ReLU, global average pooling, linear layer with bias. On maps of 8x8, as CIFAR's
/// are there, what the last pooling reads is one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuxiliaryHead {
    /// Position of the cell whose output it reads.
    pub after: usize,
    /// Channels of that output.
    pub channels: usize,
    /// Height and width of that output.
    pub size: (usize, usize),
    /// Height and width behind the first pooling.
    pub pooled: (usize, usize),
}

impl AuxiliaryHead {
    /// Side and stride of the first pooling's windows.
    pub const POOL: (usize, usize) = (5, 3);
    /// Channels behind the first convolution and the second.
    pub const CHANNELS: (usize, usize) = (128, 768);
    /// Side of the second convolution's kernel.
    pub const KERNEL: usize = 2;
}

impl DartsSkeleton {
    /// Channels behind the stem, which keeps the image's size.
    pub fn stem_channels(&self) -> usize {
        self.width.saturating_mul(3)
    }

    /// Whether cell `index` halves the map.
    pub fn is_reduction(&self, index: usize) -> bool {
        index == self.cells / 3 || index == self.cells.saturating_mul(2) / 3
    }

    /// All cells from first to last. [Check](DartsSkeleton::check) a skeleton from outside first: there is one entry
    /// per cell.
    pub fn layout(&self) -> Vec<CellPlace> {
        let mut places = Vec::new();
        let (mut before_previous, mut previous) = (self.stem_channels(), self.stem_channels());
        let (mut channels, mut size) = (self.width, (self.image_height, self.image_width));
        let mut reduces_first = false;
        for index in 0..self.cells {
            let kind = if self.is_reduction(index) { CellKind::Reduction } else { CellKind::Normal };
            let input_size = size;
            if kind == CellKind::Reduction {
                channels = channels.saturating_mul(2);
                size = (size.0.div_ceil(2), size.1.div_ceil(2));
            }
            let output = channels.saturating_mul(self.design.concat().len());
            places.push(CellPlace {
                index,
                kind,
                before_previous,
                previous,
                channels,
                output,
                reduces_first,
                input_size,
                size,
            });
            (before_previous, previous) = (previous, output);
            reduces_first = kind == CellKind::Reduction;
        }
        places
    }

    /// Channels that the classifier reads.
    pub fn last_channels(&self) -> usize {
        self.layout().last().map_or(self.stem_channels(), |place| place.output)
    }

    /// The auxiliary head, behind the second reduction; `None` where the map is too small for it, below 8 pixels a
    /// side.
    pub fn auxiliary(&self) -> Option<AuxiliaryHead> {
        let after = self.cells.saturating_mul(2) / 3;
        let place = *self.layout().get(after)?;
        let (window, stride) = AuxiliaryHead::POOL;
        let pooled =
            |side: usize| Some(side.checked_sub(window)? / stride + 1).filter(|&side| side >= AuxiliaryHead::KERNEL);
        let pooled = (pooled(place.size.0)?, pooled(place.size.1)?);
        Some(AuxiliaryHead { after, channels: place.output, size: place.size, pooled })
    }
}

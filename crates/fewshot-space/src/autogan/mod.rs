//! `autogan`: the generators of AutoGAN (Gong et al., ICCV 2019, <https://arxiv.org/abs/1908.03835>).

mod discriminator;
mod generator;
mod layout;
mod skeleton;
mod space;
mod text;

pub use discriminator::{Discriminator, DiscriminatorBlock};
pub use generator::{ConvBlock, Generator, GeneratorCell, Norm, Upsampling};
pub use layout::{CELL_DECISIONS, CELLS};
pub use skeleton::{AutoGanSkeleton, NAME};
pub use space::{AutoGanSpace, AutoGanSplit};

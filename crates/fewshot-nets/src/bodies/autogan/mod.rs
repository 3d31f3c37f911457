//! Generators and discriminators of AutoGAN (Gong et al., ICCV 2019), as [`Generator`](fewshot_space::autogan::Generator) and
//! [`DiscriminatorShape`](fewshot_space::autogan::Discriminator) describe them.
//!
//! A generator reads rows of latent numbers and makes images with values from -1 to 1. A shared generator holds both kinds of block
//! and all upsamplings of each cell, whose weights the choices of normalisation, upsampling, shortcut and skips have in common; one
//! alone has its own layers and nothing else. Layers go by the same names at every level, so that a generator grows by
//! [`Net::child_in`](crate::Net::child_in). Batch norms keep their scale, shift and running statistics wherever they stand: they are
//! what the published supernet shares.

mod cell;
mod discriminator;
mod generator;
mod layers;

pub use discriminator::DiscriminatorNet;

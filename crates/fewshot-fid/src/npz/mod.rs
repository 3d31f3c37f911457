//! Statistics of images in `.npz` files: the array `mu` (d numbers) and the array `sigma` (d x d), as `numpy.savez(path, mu=mu,
//! sigma=sigma)` writes them. pytorch-fid, clean-fid and the authors of FID (TTUR) keep theirs so.
//!
//! An `.npz` file is a zip archive of `.npy` files. Read are numbers of 8 and 4 bytes in either byte order, stored by rows or
//! columns, as they are or deflated (`savez_compressed`), beside any other arrays. Written are numbers of 8 bytes as they are.

mod entries;
mod header;
mod read;
mod write;

pub use read::{Statistics, read};
pub use write::{to_bytes, write};

#[cfg(test)]
mod header_tests;
#[cfg(test)]
mod tests;

//! The layouts of data sets that are read, one file each.
//!
//! A new layout is one file here that implements `Reader`, and one entry in `READERS` (`list.rs`).
//! The contract suite (`tests/contract.rs`) then runs it through the same checks as the others.

mod cifar;
mod class_folders;
mod folder;
mod hugging_face;
pub(crate) mod idx;
mod labels;
mod list;
mod numbered;
mod parquet_file;
mod part_name;
mod reader;
mod sharded;
mod shards;
mod web_dataset;

pub use class_folders::UNLABELLED;
pub(crate) use class_folders::{WITHOUT_CLASSES, unlabelled};
pub(crate) use list::detect;
pub use list::readers;
pub(crate) use part_name::doubt;
pub(crate) use reader::{Found, Part, Reader};

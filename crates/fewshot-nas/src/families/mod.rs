//! Families of spaces: what a name stands for, which settings its networks have, and how it is opened for a shape of data.
//!
//! The program, recipes, model files and reports know spaces through the list here alone. It begins with those that come with
//! the program; [`register`] adds one from elsewhere, which then is searched, resumed, reported and exported like these.

mod cells;
mod darts;
mod family;
mod generators;
mod mbconv;
mod open_space;
mod registry;
mod skeleton;
mod stages;
pub mod testing;

pub use family::Family;
pub use open_space::OpenSpace;
pub use registry::{
    all, classifiers, default_space, family, is_count, least_classes, names, no_setting, open, register, settings,
};
pub use skeleton::{SettingError, Settings, Skeleton};

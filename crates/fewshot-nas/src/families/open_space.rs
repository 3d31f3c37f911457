//! A space that is opened for a shape of data.

use std::any::Any;
use std::sync::Arc;

use fewshot_space::{AutoGanSpace, CellSpace, StageSpace};

use super::Skeleton;
use crate::nets::{Blueprint, DartsNetworks};

/// A space, and the skeleton that it was opened for.
#[derive(Clone, Debug)]
pub struct OpenSpace {
    blueprint: Arc<dyn Blueprint>,
    skeleton: Skeleton,
}

impl OpenSpace {
    pub(super) fn new(blueprint: Arc<dyn Blueprint>, skeleton: Skeleton) -> Self {
        Self { blueprint, skeleton }
    }

    /// How its networks are built.
    pub fn blueprint(&self) -> &Arc<dyn Blueprint> {
        &self.blueprint
    }

    /// What is given and not decided.
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// As a space of cells, where it is one.
    pub fn cells(&self) -> Option<&CellSpace> {
        self.as_any().downcast_ref()
    }

    /// As the space of stages, where it is that.
    pub fn stages(&self) -> Option<&StageSpace> {
        self.as_any().downcast_ref()
    }

    /// As networks of DARTS cells, where it is of these.
    pub fn darts(&self) -> Option<&DartsNetworks> {
        self.as_any().downcast_ref()
    }

    /// As the space of generators, where it is that.
    pub fn generators(&self) -> Option<&AutoGanSpace> {
        self.as_any().downcast_ref()
    }

    fn as_any(&self) -> &dyn Any {
        self.blueprint.as_ref()
    }
}

//! The space of stages, whose sizes are all decisions.

use std::sync::Arc;

use fewshot_space::{SpaceError, StageSkeleton, StageSpace};

use super::{Family, Settings, Skeleton};
use crate::nets::Blueprint;

/// It.
pub struct StageFamily;

impl Family for StageFamily {
    fn name(&self) -> &'static str {
        fewshot_space::stages::NAME
    }

    fn about(&self) -> &'static str {
        "three stages of plain, residual, separable or inverted blocks, sizes decided too"
    }

    /// It is too large to be listed.
    fn defaults(&self, kind: &str) -> Settings {
        if kind != "search" {
            return Settings::new();
        }
        let keys = ["supernet.sampling", "children.sampling"];
        keys.into_iter().map(|key| (key.to_string(), "per_network".into())).collect()
    }

    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
        let &Skeleton { image_height, image_width, channels_in, classes, .. } = skeleton;
        Ok(Arc::new(StageSpace::new(StageSkeleton { image_height, image_width, channels_in, classes })))
    }
}

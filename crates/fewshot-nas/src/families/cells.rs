//! Spaces of cells: one cell everywhere in a fixed network.

use std::sync::Arc;

use fewshot_space::{CellSkeleton, CellSpace, SpaceError, cell1296, nasbench201};
use serde_json::{Value, to_value};

use super::{Family, Settings, Skeleton};
use crate::nets::{Blueprint, halves_evenly};

/// One of them; settings are width, cells per stage and what lies between stages.
pub struct CellFamily {
    name: &'static str,
    about: &'static str,
    /// With the published settings.
    default: fn() -> CellSkeleton,
}

impl CellFamily {
    /// NAS-Bench-201.
    pub const NASBENCH201: Self = Self {
        name: nasbench201::NAME,
        about: "cells of six edges with five operations (NAS-Bench-201)",
        default: nasbench201::default_skeleton,
    };
    /// The space of the proof of concept.
    pub const CELL1296: Self = Self {
        name: cell1296::NAME,
        about: "cells of four edges with six operations (proof of concept)",
        default: cell1296::default_skeleton,
    };
}

impl Family for CellFamily {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn settings(&self) -> Settings {
        let Ok(Value::Object(mut fields)) = to_value((self.default)()) else { return Settings::new() };
        fields.retain(|key, _| ["width", "cells", "reduction"].contains(&key.as_str()));
        fields
    }

    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
        let refuse = |reason: String| SpaceError::Settings { space: self.name.into(), reason };
        let skeleton: CellSkeleton =
            to_value(skeleton).and_then(serde_json::from_value).map_err(|error| refuse(error.to_string()))?;
        let (height, width) = (skeleton.image_height, skeleton.image_width);
        let space = CellSpace::by_name(self.name, skeleton)?;
        // Reductions pool height and width alike.
        if !halves_evenly(height, width) {
            return Err(SpaceError::Uneven { height, width });
        }
        Ok(Arc::new(space))
    }
}

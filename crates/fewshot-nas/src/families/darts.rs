//! The cells of NASNet and DARTS.

use std::sync::Arc;

use fewshot_space::darts::{CellDesign, DartsSkeleton, NAME};
use fewshot_space::{DartsSpace, SpaceError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, from_value, json, to_value};

use super::{Family, Settings, Skeleton};
use crate::nets::{Blueprint, DartsNetworks, DartsSwitches};

/// It. Published networks are larger than what it is by default: 36 channels and 20 cells on CIFAR-10.
pub struct DartsFamily;

#[derive(Serialize, Deserialize)]
struct DartsSettings {
    width: usize,
    cells: usize,
    /// `lanas`: the five nodes and four operations of one-shot LaNAS, which may share an edge.
    design: CellDesign,
    drop_path: f64,
    auxiliary: bool,
    standardise: bool,
}

impl Default for DartsSettings {
    fn default() -> Self {
        // One normal cell before, between and behind the reductions: what a search on a laptop can train.
        let design = CellDesign::Darts;
        Self { width: 8, cells: 5, design, drop_path: 0.0, auxiliary: false, standardise: false }
    }
}

impl Family for DartsFamily {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "normal and reduction cells of four nodes with seven operations (NASNet, DARTS)"
    }

    fn settings(&self) -> Settings {
        let Ok(Value::Object(fields)) = to_value(DartsSettings::default()) else { return Settings::new() };
        fields
    }

    /// It is too large to be listed, so that paths are drawn network by network. The edge is one that every network has.
    fn defaults(&self, kind: &str) -> Settings {
        if kind != "search" {
            return Settings::new();
        }
        Settings::from_iter([
            ("supernet.sampling".to_string(), "per_network".into()),
            ("children.sampling".to_string(), "per_network".into()),
            ("split.decisions".to_string(), json!(["normal.0-2"])),
        ])
    }

    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
        let refuse = |reason: String| SpaceError::Settings { space: NAME.into(), reason };
        let settings = Value::Object(skeleton.settings.clone());
        let settings: DartsSettings = from_value(settings).map_err(|error| refuse(error.to_string()))?;
        let DartsSettings { width, cells, design, drop_path, auxiliary, standardise } = settings;
        // What rounds to 1 would leave nothing.
        if !(0.0..1.0).contains(&drop_path) || drop_path as f32 >= 1.0 {
            return Err(refuse(format!("drop_path = {drop_path} is out of range: give 0 up to but not including 1")));
        }
        let &Skeleton { image_height, image_width, channels_in, classes, .. } = skeleton;
        let skeleton = DartsSkeleton { image_height, image_width, channels_in, classes, width, cells, design };
        let space = DartsSpace::new(skeleton).map_err(|error| SpaceError::Skeleton { space: NAME.into(), error })?;
        let switches = DartsSwitches { drop_path: drop_path as f32, auxiliary, standardise };
        Ok(Arc::new(DartsNetworks::new(Arc::new(space), switches)))
    }
}

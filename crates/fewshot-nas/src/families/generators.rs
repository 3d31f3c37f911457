//! The space of generators.

use std::sync::Arc;

use fewshot_space::autogan::{self, CELLS};
use fewshot_space::{AutoGanSkeleton, AutoGanSpace, SpaceError};
use serde_json::json;

use super::{Family, Settings, Skeleton};
use crate::nets::Blueprint;

/// Generators of AutoGAN, for the images that they make.
pub struct GeneratorFamily;

impl Family for GeneratorFamily {
    fn name(&self) -> &'static str {
        autogan::NAME
    }

    fn about(&self) -> &'static str {
        "AutoGAN's generators of images: three cells that grow from 4 to 32 pixels, found without labels"
    }

    fn makes_images(&self) -> bool {
        true
    }

    fn preset(&self) -> Option<&'static str> {
        Some("autogan")
    }

    fn settings(&self) -> Settings {
        let AutoGanSkeleton { channels, latent, .. } = AutoGanSkeleton::cifar10();
        let settings = [("width", json!(channels)), ("latent", json!(latent)), ("cells", json!(CELLS))];
        settings.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
        let [height, width, channels_out] = skeleton.image();
        let cells = skeleton.number("cells", 1..=CELLS).map_err(|error| error.of(autogan::NAME))?;
        let grows = 1 << cells;
        if height != width || !height.is_multiple_of(grows) {
            let reason = format!(
                "images of {height}x{width} pixels: {cells} cells make square ones of a multiple of {grows} pixels a side"
            );
            return Err(SpaceError::Settings { space: autogan::NAME.into(), reason });
        }
        let channels = skeleton.number("width", 1..=2048).map_err(|error| error.of(autogan::NAME))?;
        let latent = skeleton.number("latent", 1..=1 << 16).map_err(|error| error.of(autogan::NAME))?;
        let skeleton = AutoGanSkeleton { level: cells - 1, latent, channels, bottom: height / grows, channels_out };
        Ok(Arc::new(AutoGanSpace::new(skeleton)?))
    }
}

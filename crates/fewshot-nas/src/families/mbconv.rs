//! Spaces of inverted bottlenecks, whose networks for large images are the published ones.

use std::sync::Arc;

use fewshot_space::mbconv::{MbScale, ofa, proxyless};
use fewshot_space::{OfaMbv3Skeleton, OfaMbv3Space, ProxylessSkeleton, ProxylessSpace, SpaceError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Family, Settings, Skeleton};
use crate::nets::Blueprint;

/// The shortest side in pixels, from which on images get the published stages and strides.
const LARGE: usize = 96;
/// The shortest side from which on the stem of smaller ones halves them.
const HALVED: usize = 48;

/// Opens a space for what is given of it.
type Make = fn(Given, &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError>;

/// One of them. What fits images of one size fits others badly, so that stages and strides are chosen by the images where they
/// are not given: from 96 pixels on the published network; below that the three stages of the tiny scale, whose stem halves
/// images from 48 pixels on. The published stages on images below 96 pixels halve them once less, below 48 twice less.
pub struct MbFamily {
    name: &'static str,
    about: &'static str,
    /// How it is opened.
    make: Make,
    has_resolutions: bool,
    /// What its searches set otherwise than presets of other spaces.
    search: fn() -> Value,
}

/// Settings as they are given.
#[derive(Deserialize)]
struct Given {
    /// Multiplier of all widths, 0.1 to 4.
    width: f64,
    scale: Scale,
    /// 0: by the images.
    stem_stride: usize,
    /// 0: by the images.
    first_stride: usize,
    /// Sides with commas between them; `image`: that of the images.
    #[serde(default)]
    resolutions: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scale {
    /// By the images.
    Auto,
    Full,
    Tiny,
}

/// What is chosen by the images where it is not given.
struct Chosen {
    scale: MbScale,
    stem_stride: usize,
    first_stride: usize,
}

impl Given {
    fn chosen(&self, skeleton: &Skeleton) -> Chosen {
        let side = skeleton.image_height.min(skeleton.image_width);
        let scale = match self.scale {
            Scale::Full => MbScale::Full,
            Scale::Tiny => MbScale::Tiny,
            Scale::Auto if side < LARGE => MbScale::Tiny,
            Scale::Auto => MbScale::Full,
        };
        let (stem, first) = match scale {
            MbScale::Tiny => (1 + usize::from(side >= HALVED), 2),
            MbScale::Full if side < HALVED => (1, 1),
            MbScale::Full if side < LARGE => (2, 1),
            MbScale::Full => (2, 2),
        };
        let or = |given: usize, chosen: usize| if given == 0 { chosen } else { given };
        Chosen { scale, stem_stride: or(self.stem_stride, stem), first_stride: or(self.first_stride, first) }
    }
}

impl MbFamily {
    /// Once-for-all on MobileNetV3.
    pub const OFA_MBV3: Self = Self {
        name: ofa::NAME,
        about: "stages of inverted bottlenecks with nested kernels, widths and depths (Once-for-all, MobileNetV3)",
        make: ofa_mbv3,
        has_resolutions: true,
        search: ofa_search,
    };
    /// ProxylessNAS.
    pub const PROXYLESS: Self = Self {
        name: proxyless::NAME,
        about: "one inverted bottleneck, or none, per layer (ProxylessNAS)",
        make: proxyless,
        has_resolutions: false,
        search: proxyless_search,
    };
}

impl Family for MbFamily {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn settings(&self) -> Settings {
        let mut settings = json!({ "width": 1.0, "scale": "auto", "stem_stride": 0, "first_stride": 0 });
        if self.has_resolutions {
            settings["resolutions"] = "image".into();
        }
        match settings {
            Value::Object(fields) => fields,
            _ => Settings::new(),
        }
    }

    fn defaults(&self, kind: &str) -> Settings {
        match (kind, (self.search)()) {
            ("search", Value::Object(settings)) => settings,
            _ => Settings::new(),
        }
    }

    fn open(&self, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
        let refuse =
            |error: serde_json::Error| SpaceError::Settings { space: self.name.into(), reason: error.to_string() };
        let given = serde_json::from_value(Value::Object(skeleton.settings.clone())).map_err(refuse)?;
        (self.make)(given, skeleton)
    }
}

/// Progressive shrinking with the shares and rates of the published phases (Cai et al., ICLR 2020, appendix), two sub-networks a
/// step where there are several, since training here is on one machine. The block that is split is there in every network.
fn ofa_search() -> Value {
    json!({
        "supernet.sampling": "per_decision",
        "supernet.lr": 0.08,
        "supernet.clip": 0.0,
        "supernet.decay_norms": false,
        "supernet.label_smoothing": 0.1,
        "children.sampling": "per_decision",
        "children.lr": 0.0025,
        "children.clip": 0.0,
        "children.decay_norms": false,
        "children.label_smoothing": 0.1,
        "children.paths": 2,
        "children.distill": 1.0,
        "split.decisions": ["s2.b1.k"],
        "shrink": [
            { "name": "full", "last": { "k": 1, "depth": 1, "e": 1 }, "share": 30.0, "warmup": 1.0 },
            { "name": "kernel", "last": { "depth": 1, "e": 1 }, "share": 10.0, "lr": 0.375, "distill": 1.0 },
            { "name": "depth-1", "last": { "depth": 2, "e": 1 }, "share": 3.0, "lr": 0.03125, "paths": 2, "distill": 1.0 },
            { "name": "depth-2", "last": { "e": 1 }, "share": 10.0, "lr": 0.09375, "paths": 2, "distill": 1.0 },
            { "name": "width-1", "last": { "e": 2 }, "share": 3.0, "lr": 0.03125, "paths": 2, "distill": 1.0, "sort": true },
            { "name": "width-2", "share": 10.0, "lr": 0.09375, "paths": 2, "distill": 1.0, "sort": true },
        ],
    })
}

/// The layer that is split is the first of a stage, which every network has.
fn proxyless_search() -> Value {
    json!({
        "supernet.sampling": "per_network",
        "children.sampling": "per_network",
        "split.decisions": ["s2.b1"],
    })
}

fn ofa_mbv3(given: Given, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
    let &Skeleton { image_height: height, image_width: width, channels_in, classes, .. } = skeleton;
    let refuse = |reason: String| SpaceError::Settings { space: ofa::NAME.into(), reason };
    if height != width {
        let reason =
            format!("images of {height}x{width} pixels: give it square ones with `--image-size`, e.g. {height}");
        return Err(refuse(reason));
    }
    let resolutions = match given.resolutions.trim() {
        "image" => vec![height],
        sides => {
            let side = |side: &str| {
                let problem = || format!("resolutions = `{sides}`: give sides as `128,160,192`, or `image`");
                side.trim().parse().map_err(|_| refuse(problem()))
            };
            sides.split(',').map(side).collect::<Result<Vec<usize>, _>>()?
        }
    };
    let Chosen { scale, stem_stride, first_stride } = given.chosen(skeleton);
    let width = given.width;
    let skeleton = OfaMbv3Skeleton { scale, width, channels_in, classes, resolutions, stem_stride, first_stride };
    Ok(Arc::new(OfaMbv3Space::new(skeleton)?))
}

fn proxyless(given: Given, skeleton: &Skeleton) -> Result<Arc<dyn Blueprint>, SpaceError> {
    let &Skeleton { image_height, image_width, channels_in, classes, .. } = skeleton;
    let Chosen { scale, stem_stride, first_stride } = given.chosen(skeleton);
    let width = given.width;
    Ok(Arc::new(ProxylessSpace::new(ProxylessSkeleton {
        scale,
        image_height,
        image_width,
        channels_in,
        classes,
        width,
        stem_stride,
        first_stride,
    })?))
}

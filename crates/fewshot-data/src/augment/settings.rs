//! Which changes there are, which of them are on, and whether they suit the images.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AutoAugment, CutMix, Jitter, Key, MixUp, Mixture, ResizedCrop};
use crate::{DataError, Shape};

/// What is done to each training image, in this order: flip, zoom, pad and crop (or resized crop, flip), AutoAugment, jitter,
/// scale to 0..1, normalise, light, cut out, erase, mix with others. All of it is off by default.
///
/// The order is that of NAS-Bench-201 (X. Dong and Y. Yang, ICLR 2020) and of the CIFAR practice before it, and for
/// ImageNet that of torchvision. Padding comes before normalising, so its pixels are black, not the mean colour; the cut-out
/// square comes after, so it is the mean colour.
///
/// Switching one of them on or off changes nothing of what is drawn for AutoAugment, resized crop, jitter, CutMix and mixup,
/// which have random streams of their own.
///
/// [`Display`](fmt::Display) names what is on, for example `flip, crop 8 pixels, cutout 16 pixels`, or `no change`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Augment {
    /// Mirror left and right with probability 1/2. Not for images that mirroring makes wrong, such as digits and text.
    pub flip: bool,
    /// Pixels of black padding on each side before a random crop of the original size. 0: none. Below the shorter side.
    pub crop_pad: usize,
    /// Side in pixels of a square of zeros at a uniformly drawn centre, cut at the borders (T. DeVries and G. W.
    /// Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017; there 16 for CIFAR-10). 0:
    /// none. At most twice the longer side.
    pub cutout: usize,
    /// Per cent of the images, 0 to 100, that get a rectangle of zeros (Z. Zhong et al., "Random Erasing Data
    /// Augmentation", AAAI 2020): 2 % to 25 % of the area, up to 3.3 times as high as wide or the other way round,
    /// anywhere within the image. 0: none.
    pub erase: usize,
    /// Per cent, 0 to 90, by which an image is at most enlarged or shrunk around its centre: the factor is uniform in
    /// `1 - zoom/100` to `1 + zoom/100`, the same for height and width. Sampled bilinearly and rounded to grey levels;
    /// what is outside of the image is black. 0: none.
    pub zoom: usize,
    /// Per cent, 0 to 90, by which contrast and brightness change at most: a value `v` (0 to 1) of a channel becomes
    /// `(v - mean) * contrast + mean * brightness`, with the mean that images are normalised with, and two factors
    /// uniform in `1 - light/100` to `1 + light/100` that all channels share. The results are not cut to 0..1. 0: none.
    pub light: usize,
    /// A random part of the image, resized, in place of `crop_pad` and `zoom`. `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_crop: Option<ResizedCrop>,
    /// Operations from a policy. `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_augment: Option<AutoAugment>,
    /// Brightness, contrast, saturation, hue. All 0: none.
    #[serde(skip_serializing_if = "Jitter::is_off")]
    pub jitter: Jitter,
    /// Boxes of other images, with soft targets. `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_mix: Option<CutMix>,
    /// Means with other images, with soft targets; not together with `cut_mix`. `None`: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix_up: Option<MixUp>,
}

/// Images a class below which [`Augment::by_size`] takes strong changes.
const FEW: usize = 1000;

impl Augment {
    /// No change at all.
    pub const fn none() -> Augment {
        Augment {
            flip: false,
            crop_pad: 0,
            cutout: 0,
            erase: 0,
            zoom: 0,
            light: 0,
            resized_crop: None,
            auto_augment: None,
            jitter: Jitter { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 },
            cut_mix: None,
            mix_up: None,
        }
    }

    /// The shape that images of `shape` have afterwards.
    pub fn output(&self, shape: Shape) -> Shape {
        match self.resized_crop {
            Some(ResizedCrop { side, .. }) => Shape { height: side, width: side, ..shape },
            None => shape,
        }
    }

    /// The usual choice for images of this shape: flip, and pad by an eighth of the shorter side (4 for CIFAR's 32, 2
    /// for 16 pixels); greyscale by a fourteenth (2 for the 28 of Fashion-MNIST, whose objects fill the frame). Nothing
    /// else.
    pub fn for_shape(shape: Shape) -> Augment {
        let part = if shape.channels == 1 { 14 } else { 8 };
        Augment { flip: true, crop_pad: shape.height.min(shape.width) / part, ..Augment::none() }
    }

    /// A choice by the shape and the number of training images a class (the mean over the classes), and a line that
    /// tells it, for example `flip, crop 8 pixels, erase 50 %, zoom 15 %, light 20 %, because there are fewer than 1000
    /// images a class`.
    ///
    /// - grey images: as [`for_shape`](Augment::for_shape), since little is known of what else leaves a digit, a garment
    ///   or an X-ray what it is;
    /// - coloured, fewer than 1,000 a class: networks learn such a set by heart, so besides flip and crop half of the
    ///   images get a random rectangle, all are zoomed by up to 15 % and lit by up to 20 %;
    /// - coloured, 1,000 or more: besides flip and crop a mild cutout, a quarter of the shorter side.
    pub fn by_size(shape: Shape, images_per_class: usize) -> (Augment, String) {
        let usual = Augment::for_shape(shape);
        let (augment, because) = if shape.channels == 1 {
            (usual, "the images are grey".to_owned())
        } else if images_per_class < FEW {
            let strong = Augment { erase: 50, zoom: 15, light: 20, ..usual };
            (strong, format!("there are fewer than {FEW} images a class"))
        } else {
            let mild = Augment { cutout: shape.height.min(shape.width) / 4, ..usual };
            (mild, format!("there are at least {FEW} images a class"))
        };
        let text = format!("{augment}, because {because}");
        (augment, text)
    }

    /// Refuses values that do not suit images of this shape.
    pub(crate) fn check(&self, shape: Shape) -> Result<(), DataError> {
        let shorter = shape.height.min(shape.width);
        if self.crop_pad >= shorter {
            return Err(DataError::setting("`crop_pad`", self.crop_pad, format!("below the shorter side, {shorter}")));
        }
        let output = self.output(shape);
        let most = 2 * output.height.max(output.width);
        if self.cutout > most {
            return Err(DataError::setting("`cutout`", self.cutout, format!("at most twice the longer side, {most}")));
        }
        for (name, value, most) in
            [("`erase`", self.erase, 100), ("`zoom`", self.zoom, 90), ("`light`", self.light, 90)]
        {
            if value > most {
                return Err(DataError::setting(name, value, format!("0 to {most} per cent")));
            }
        }
        if self.resized_crop.is_some() && (self.crop_pad, self.zoom) != (0, 0) {
            let found = format!("on, `crop_pad` {} and `zoom` {}", self.crop_pad, self.zoom);
            return Err(DataError::setting("`resized_crop`", found, "off, or both of them 0"));
        }
        if self.cut_mix.is_some() && self.mix_up.is_some() {
            return Err(DataError::setting("`cut_mix`", "on, and so is `mix_up`", "off if the other one is on"));
        }
        self.resized_crop.map_or(Ok(()), |crop| crop.check())?;
        self.jitter.check()?;
        self.cut_mix.map_or(Ok(()), |cut_mix| cut_mix.check())?;
        self.mix_up.map_or(Ok(()), |mix_up| mix_up.check())
    }

    /// What is mixed into the image of `key`, one of `images` of `shape`, in this order.
    pub(crate) fn mixtures(&self, shape: Shape, images: usize, key: Key) -> Vec<Mixture> {
        if let Some(cut_mix) = &self.cut_mix {
            return Mixture::of_cut_mix(cut_mix, shape, images, key);
        }
        self.mix_up.iter().map(|mix_up| Mixture::of_mix_up(mix_up, images, key)).collect()
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Augment { flip, crop_pad, cutout, erase, zoom, light, .. } = *self;
        let Augment { resized_crop, auto_augment, jitter, cut_mix, mix_up, .. } = *self;
        let mut parts = Vec::new();
        if flip {
            parts.push("flip".to_owned());
        }
        let strengths = [
            ("crop", crop_pad, "pixels"),
            ("cutout", cutout, "pixels"),
            ("erase", erase, "%"),
            ("zoom", zoom, "%"),
            ("light", light, "%"),
        ];
        let on = strengths.into_iter().filter(|&(_, value, _)| value > 0);
        parts.extend(on.map(|(name, value, unit)| format!("{name} {value} {unit}")));
        parts.extend(resized_crop.map(|crop| format!("resized crop {} pixels", crop.side)));
        parts.extend(auto_augment.map(|auto| format!("AutoAugment ({})", auto.form)));
        let strengths = [
            ("brightness", jitter.brightness),
            ("contrast", jitter.contrast),
            ("saturation", jitter.saturation),
            ("hue", jitter.hue),
        ];
        let on = strengths.into_iter().filter(|&(_, strength)| strength > 0.0);
        parts.extend(on.map(|(name, strength)| format!("{name} {:.0} %", 100.0 * strength)));
        parts.extend(cut_mix.map(|cut_mix| format!("CutMix {:.0} %", 100.0 * cut_mix.probability)));
        parts.extend(mix_up.map(|mix_up| format!("mixup {}", mix_up.alpha)));
        if parts.is_empty() { f.write_str("no change") } else { f.write_str(&parts.join(", ")) }
    }
}

//! The policy that was found for CIFAR-10.

/// What a step does, whatever its level is in pixels, degrees or factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::augment) enum Kind {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "in the search space and its tables, but not in the policy found")
    )]
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
    Invert,
}

/// One operation of a sub-policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::augment) struct Step {
    pub kind: Kind,
    /// How often it is applied, in tenths.
    pub tenths: u32,
    /// 0 to 9.
    pub level: usize,
}

const fn step(kind: Kind, tenths: u32, level: usize) -> Step {
    Step { kind, tenths, level }
}

/// The 25 sub-policies of E. D. Cubuk et al., "AutoAugment: Learning Augmentation Strategies from Data" (CVPR 2019);
/// each image gets one of them, its two steps in this order.
pub(in crate::augment) const CIFAR10: [[Step; 2]; 25] = {
    use Kind::*;
    [
        [step(Invert, 1, 7), step(Contrast, 2, 6)],
        [step(Rotate, 7, 2), step(TranslateX, 3, 9)],
        [step(Sharpness, 8, 1), step(Sharpness, 9, 3)],
        [step(ShearY, 5, 8), step(TranslateY, 7, 9)],
        [step(AutoContrast, 5, 8), step(Equalize, 9, 2)],
        [step(ShearY, 2, 7), step(Posterize, 3, 7)],
        [step(Color, 4, 3), step(Brightness, 6, 7)],
        [step(Sharpness, 3, 9), step(Brightness, 7, 9)],
        [step(Equalize, 6, 5), step(Equalize, 5, 1)],
        [step(Contrast, 6, 7), step(Sharpness, 6, 5)],
        [step(Color, 7, 7), step(TranslateX, 5, 8)],
        [step(Equalize, 3, 7), step(AutoContrast, 4, 8)],
        [step(TranslateY, 4, 3), step(Sharpness, 2, 6)],
        [step(Brightness, 9, 6), step(Color, 2, 8)],
        [step(Solarize, 5, 2), step(Invert, 0, 3)],
        [step(Equalize, 2, 0), step(AutoContrast, 6, 0)],
        [step(Equalize, 2, 8), step(Equalize, 6, 4)],
        [step(Color, 9, 9), step(Equalize, 6, 6)],
        [step(AutoContrast, 8, 4), step(Solarize, 2, 8)],
        [step(Brightness, 1, 3), step(Color, 7, 0)],
        [step(Solarize, 4, 5), step(AutoContrast, 9, 3)],
        [step(TranslateY, 9, 9), step(TranslateY, 7, 9)],
        [step(AutoContrast, 9, 2), step(Solarize, 8, 3)],
        [step(Equalize, 8, 8), step(Invert, 1, 3)],
        [step(TranslateY, 7, 9), step(AutoContrast, 9, 1)],
    ]
};

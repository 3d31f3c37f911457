//! Networks as one would make them by hand, at the user's limits: what a search has to be better than.

use fewshot_space::stages::{DEPTH, STEMS, WIDTHS};
use fewshot_space::{Arch, Feature, Filter, Space, StageBlock, StageSpace};

/// A hand-made network.
#[derive(Debug, Clone)]
pub struct HandMade {
    /// `plain`, `residual` or `separable`.
    pub name: &'static str,
    /// In the space `stages`.
    pub arch: Arch,
}

/// The kinds: name, block, and blocks per stage.
const KINDS: [(&str, StageBlock, [usize; 3]); 3] = [
    ("plain", StageBlock::Conv, [1, 1, 1]),
    ("residual", StageBlock::Residual, [1, 1, 1]),
    ("separable", StageBlock::Separable(3), [1, 2, 2]),
];
/// Channels of the first stage below which one would rather shrink the image at once.
const NARROW: usize = 16;

/// One network per kind that keeps the limits: of all widths the largest, behind the stem that shrinks the image least and still
/// leaves room for [`NARROW`] channels. A kind of which none is small enough is left out.
pub fn within(space: &dyn Space, limits: &[Filter]) -> Vec<HandMade> {
    let fits = |arch: &Arch| limits.iter().all(|limit| limit.feature.of(space, arch) <= limit.max);
    let of_kind = |(name, block, depths): (&'static str, StageBlock, [usize; 3])| {
        debug_assert!(depths.iter().all(|depth| (1..=DEPTH).contains(depth)));
        let widest = |stem: usize| {
            let archs = WIDTHS.iter().map(|&width| (width, StageSpace::by_hand(stem, width, block, depths)));
            archs.rev().find(|(_, arch)| fits(arch))
        };
        let candidates: Vec<(usize, Arch)> = STEMS.iter().filter_map(|&stem| widest(stem)).collect();
        let roomy = candidates.iter().find(|(width, _)| *width >= NARROW);
        let (_, arch) = roomy.or_else(|| candidates.iter().max_by_key(|(width, _)| *width))?;
        Some(HandMade { name, arch: arch.clone() })
    };
    KINDS.into_iter().filter_map(of_kind).collect()
}

/// Upper limits of a search, as filters.
pub fn upper_limits(filters: &[Filter]) -> Vec<Filter> {
    filters.iter().map(|filter| Filter::at_most(filter.feature, filter.max)).collect()
}

/// Those of the limits that can be told without timing anything.
pub fn static_limits(filters: &[Filter]) -> Vec<Filter> {
    upper_limits(filters).into_iter().filter(|filter| filter.feature != Feature::Latency).collect()
}

#[cfg(test)]
mod tests {
    use fewshot_space::StageSkeleton;

    use super::*;

    #[test]
    fn they_fill_the_limit_and_keep_it() {
        let skeleton = StageSkeleton { image_height: 32, image_width: 32, channels_in: 3, classes: 5 };
        let space = StageSpace::new(skeleton);
        for limit in [400_000, 3_000_000, 20_000_000, 100_000_000] {
            let made = within(&space, &[Filter::at_most(Feature::Macs, limit)]);
            assert_eq!(made.iter().map(|network| network.name).collect::<Vec<_>>(), ["plain", "residual", "separable"]);
            for network in made {
                let macs = space.cost(&network.arch).macs;
                assert!(macs <= limit && 3 * macs >= limit, "{} has {macs} of {limit}", space.format(&network.arch));
            }
        }
        assert!(within(&space, &[Filter::at_most(Feature::Macs, 1000)]).is_empty());
    }
}

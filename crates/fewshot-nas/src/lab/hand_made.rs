//! Networks as one would make them by hand, at the user's limits: what a search has to be better than.

use fewshot_space::stages::WIDTHS;
use fewshot_space::{Arch, Feature, Filter, Space, StageBlock, StageSpace};

/// A hand-made network.
#[derive(Debug, Clone)]
pub struct HandMade {
    /// `plain`, `residual` or `separable`.
    pub name: &'static str,
    /// In the space `stages`.
    pub arch: Arch,
}

/// A kind of network: its block, and the stems and numbers of blocks per stage that one would try, from costly to cheap.
struct Kind {
    name: &'static str,
    block: StageBlock,
    shapes: &'static [(usize, [usize; 3])],
}

/// The kinds. What their shapes are worth was tried on 2,500 images of CIFAR-10 (docs/results.md): deep networks of few channels are
/// points above shallow ones of many.
const KINDS: [Kind; 3] = [
    Kind {
        name: "plain",
        block: StageBlock::Conv,
        shapes: &[(1, [2, 2, 2]), (2, [2, 3, 3]), (2, [2, 2, 2]), (2, [1, 1, 1]), (4, [2, 2, 2]), (4, [1, 1, 1])],
    },
    Kind {
        name: "residual",
        block: StageBlock::Residual,
        shapes: &[
            (1, [2, 2, 2]),
            (1, [1, 1, 1]),
            (2, [2, 2, 2]),
            (2, [1, 2, 1]),
            (2, [1, 1, 1]),
            (4, [2, 2, 2]),
            (4, [1, 1, 1]),
        ],
    },
    Kind {
        name: "separable",
        block: StageBlock::Separable(3),
        shapes: &[(1, [1, 2, 2]), (2, [1, 2, 2]), (4, [1, 2, 2])],
    },
];
/// Channels of the first stage that are enough: with fewer, one would rather take the next shape.
const ENOUGH: usize = 12;

/// One network per kind that keeps the limits: of its shapes, each as wide as it can be, the first that has [`ENOUGH`] channels and
/// comes as near to the limits as networks of the search do; where none does, the first that is so near, the first that has
/// so many, or the widest. A kind of which none is small enough is left out.
pub fn within(space: &dyn Space, limits: &[Filter]) -> Vec<HandMade> {
    let fits = |arch: &Arch| limits.iter().all(|limit| limit.feature.of(space, arch) <= limit.max);
    let of_kind = |&Kind { name, block, shapes }: &Kind| {
        let widest = |&(stem, depths): &(usize, [usize; 3])| {
            let archs = WIDTHS.iter().map(|&width| (width, StageSpace::by_hand(stem, width, block, depths)));
            archs.rev().find(|(_, arch)| fits(arch))
        };
        let candidates: Vec<(usize, Arch)> = shapes.iter().filter_map(widest).collect();
        let is_roomy = |(width, _): &&(usize, Arch)| *width >= ENOUGH;
        let is_near =
            |(_, arch): &&(usize, Arch)| limits.iter().all(|limit| limit.feature.of(space, arch) >= limit.min);
        let (_, arch) = candidates
            .iter()
            .find(|made| is_roomy(made) && is_near(made))
            .or_else(|| candidates.iter().find(is_near))
            .or_else(|| candidates.iter().find(is_roomy))
            // Of equal widths the first.
            .or_else(|| candidates.iter().rev().max_by_key(|(width, _)| *width))?;
        Some(HandMade { name, arch: arch.clone() })
    };
    KINDS.iter().filter_map(of_kind).collect()
}

/// Those of the limits that can be told without timing anything.
pub fn static_limits(filters: &[Filter]) -> Vec<Filter> {
    filters.iter().filter(|filter| filter.feature != Feature::Latency).cloned().collect()
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

    #[test]
    fn they_get_deeper_rather_than_wider() {
        let skeleton = StageSkeleton { image_height: 32, image_width: 32, channels_in: 3, classes: 5 };
        let space = StageSpace::new(skeleton);
        let made = within(&space, &[Filter::at_most(Feature::Macs, 3_000_000)]);
        let texts: Vec<String> = made.iter().map(|network| space.format(&network.arch)).collect();
        assert_eq!(texts[0], "stem=2,width=12,block1=conv,depth1=2,block2=conv,depth2=3,block3=conv,depth3=3");
        assert_eq!(
            texts[1],
            "stem=2,width=12,block1=residual,depth1=1,block2=residual,depth2=2,block3=residual,depth3=1"
        );
    }
}

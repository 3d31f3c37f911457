//! Tests of the crate as its users see it.

mod autogan;
mod contract;
mod cost;
mod darts;
mod mbconv;
mod nasbench201;
mod partition;
mod proxyless;
mod random;
mod region;
mod relaxed;
mod sampling;
mod spec;
mod stages;
mod text;
mod toys;
mod variation;

use fewshot_space::{
    Arch, AutoGanSkeleton, AutoGanSpace, CellSpace, OfaMbv3Skeleton, OfaMbv3Space, ProxylessSkeleton, ProxylessSpace,
    Region, Space, StageSkeleton, StageSpace, cell1296, nasbench201 as nb201, random as streams,
};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

fn nasbench() -> Arc<CellSpace> {
    Arc::new(nb201::nasbench201(nb201::default_skeleton()))
}

fn cell() -> Arc<CellSpace> {
    Arc::new(cell1296::cell1296(cell1296::default_skeleton()))
}

fn stages() -> Arc<StageSpace> {
    Arc::new(StageSpace::new(StageSkeleton { image_height: 32, image_width: 32, channels_in: 3, classes: 5 }))
}

fn ofa(skeleton: OfaMbv3Skeleton) -> Arc<OfaMbv3Space> {
    Arc::new(OfaMbv3Space::new(skeleton).expect("the skeleton is within its ranges"))
}

fn proxyless(skeleton: ProxylessSkeleton) -> Arc<ProxylessSpace> {
    Arc::new(ProxylessSpace::new(skeleton).expect("the skeleton is within its ranges"))
}

fn autogan(skeleton: AutoGanSkeleton) -> Arc<AutoGanSpace> {
    Arc::new(AutoGanSpace::new(skeleton).expect("the skeleton is within its ranges"))
}

/// Stream number `n` for tests.
fn rng(n: u64) -> ChaCha8Rng {
    streams::stream(n, "test", 0, 0)
}

/// Every architecture of a small space, inert decisions and all: the plain product of all options, in order.
fn all_codes(space: &dyn Space) -> Vec<Arch> {
    let mut codes = vec![Vec::new()];
    for decision in space.decisions() {
        let extend = |code: Vec<u8>| {
            (0..decision.options.len() as u8).map(move |option| {
                let mut longer = code.clone();
                longer.push(option);
                longer
            })
        };
        codes = codes.into_iter().flat_map(extend).collect();
    }
    codes.into_iter().map(Arch::new).collect()
}

/// Which decisions matter, by following each chain of conditions to its end: not how the crate does it.
fn is_active(space: &dyn Space, arch: &Arch, decision: usize) -> bool {
    match space.decisions()[decision].active_if {
        None => true,
        Some(condition) => {
            condition.options.contains(arch.get(condition.decision)) && is_active(space, arch, condition.decision)
        }
    }
}

/// The region's members by definition: of all codes those that it contains and whose inert decisions are at option 0.
fn members_by_definition(region: &Region) -> Vec<Arch> {
    let space = region.space().as_ref();
    let is_canonical = |arch: &Arch| {
        (0..arch.options().len()).all(|decision| arch.get(decision) == 0 || is_active(space, arch, decision))
    };
    let is_allowed = |arch: &Arch| {
        (0..arch.options().len())
            .all(|decision| !is_active(space, arch, decision) || region.allowed(decision).contains(arch.get(decision)))
    };
    let passes = |arch: &Arch| {
        region.filters().iter().all(|filter| {
            let value = filter.feature.of(space, arch);
            filter.min <= value && value <= filter.max
        })
    };
    let mut members = all_codes(space);
    members.retain(|arch| is_canonical(arch) && is_allowed(arch) && passes(arch));
    members
}

//! What a forward pass costs.

use fewshot_space::{Region, Space, random};

use crate::gradient::ForwardMacs;
use crate::lab::ExperimentError;

/// Draws that tell how likely a decision matters, and what a path costs where not all do.
const DRAWS: u64 = 500;

/// Multiply-adds of one image forward in a supernet over `region`. Where there is a choice, partial channels cost
/// 1/partial² as much. Where an architecture does not use all edges, the cost of a path is the mean over draws.
pub fn forward_macs(space: &dyn Space, region: &Region, partial: usize) -> Result<ForwardMacs, ExperimentError> {
    let relaxed = space.relaxed(region.product());
    let fixed = relaxed.fixed_macs() as f64;
    let share = 1.0 / (partial * partial) as f64;
    let mut macs = ForwardMacs { mixed: fixed, path: fixed };
    for row in 0..relaxed.rows().len() {
        let options = relaxed.macs(row);
        let sum: f64 = options.iter().map(|&macs| share * macs as f64).sum();
        macs.mixed += sum;
        macs.path += sum / options.len() as f64;
    }
    let mut drawn = 0.0;
    let mut leaves_out = false;
    for draw in 0..DRAWS {
        let arch = region.sample(&mut random::stream(0, "path cost", draw, 0))?;
        let active = space.active(&arch);
        leaves_out |= relaxed.rows().iter().any(|row| !active[row.decision]);
        drawn += space.cost(&arch).macs as f64 / DRAWS as f64;
    }
    if leaves_out {
        macs.path = drawn;
    }
    Ok(macs)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fewshot_space::{Arch, CellSkeleton, OptionSet, nasbench201};

    use super::*;

    #[test]
    fn forward_passes_cost_what_the_cost_model_says() {
        let space = Arc::new(nasbench201::nasbench201(nasbench201::default_skeleton()));
        let whole = Region::full(space.clone());
        let macs = forward_macs(space.as_ref(), &whole, 1).unwrap();
        // Published: 3.93 M per 1x1 edge, 35.4 M per 3x3 edge; about 55 M for the mean architecture.
        assert!((macs.path / 1e6 - 55.0).abs() < 1.0, "{macs:?}");
        let fixed = macs.path - 6.0 * (3.93e6 + 35.4e6) / 5.0;
        assert!((macs.mixed - fixed - 6.0 * (3.93e6 + 35.4e6)).abs() < 1e6, "{macs:?}");
        let partial = forward_macs(space.as_ref(), &whole, 4).unwrap();
        assert!((partial.mixed - fixed - 6.0 * (3.93e6 + 35.4e6) / 16.0).abs() < 1e6, "{partial:?}");
        // A settled edge works on all channels.
        let split = whole.restrict(0, OptionSet::single(3)).unwrap();
        let split = forward_macs(space.as_ref(), &split, 4).unwrap();
        assert!((split.mixed - fixed - 35.4e6 - 5.0 * (3.93e6 + 35.4e6) / 16.0).abs() < 1e6, "{split:?}");
        // A supernet is counted as large as it is, whatever networks the region is for.
        let narrow = CellSkeleton { width: 8, ..nasbench201::default_skeleton() };
        let narrow = Arc::new(nasbench201::nasbench201(narrow));
        let own = forward_macs(narrow.as_ref(), &Region::full(narrow.clone()), 1).unwrap();
        assert!(own.mixed < 0.5 * macs.mixed);
        assert_eq!(forward_macs(narrow.as_ref(), &whole, 1).unwrap().mixed, own.mixed);
        let arch = Region::single(space.clone(), &Arch::new(vec![3; 6])).unwrap();
        assert_eq!(
            forward_macs(space.as_ref(), &arch, 1).unwrap().path,
            space.cost(&Arch::new(vec![3; 6])).macs as f64
        );
    }
}

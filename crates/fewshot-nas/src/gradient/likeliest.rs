//! The architecture that probabilities of options speak for most, where some are over a limit.

use fewshot_space::{Arch, Region, RegionError, random};

/// Draws of the region from which the climb begins.
const STARTS: u64 = 32;

/// The likeliest architecture of `region` where decision `d` takes option `o` with the chance `shares[d][o]`, by itself: `best`, the
/// likeliest without limits, if it keeps them. Else the likeliest that is found by a climb from each of some draws, along changes of
/// one decision.
///
/// # Errors
/// When the region is empty.
pub fn likeliest(region: &Region, best: Arch, shares: &[Vec<f64>]) -> Result<Arch, RegionError> {
    if region.contains(&best) {
        return Ok(best);
    }
    let log = |share: f64| share.max(1e-12).ln();
    let likelihood =
        |arch: &Arch| (0..shares.len()).map(|decision| log(shares[decision][arch.get(decision)])).sum::<f64>();
    let mut likeliest: Option<(f64, Arch)> = None;
    for start in 0..STARTS {
        let drawn = region.sample(&mut random::stream(0, "likeliest", start, 0))?;
        let top = climbed(region, drawn, shares);
        let height = likelihood(&top);
        if likeliest.as_ref().is_none_or(|(highest, _)| height > *highest) {
            likeliest = Some((height, top));
        }
    }
    Ok(likeliest.map_or(best, |(_, arch)| arch))
}

/// `arch` with likelier options as long as one change of a decision keeps to the region; the greatest gain first.
fn climbed(region: &Region, mut arch: Arch, shares: &[Vec<f64>]) -> Arch {
    loop {
        let mut changes: Vec<(f64, usize, usize)> = Vec::new();
        for (decision, shares) in shares.iter().enumerate() {
            let now = shares[arch.get(decision)];
            let better = region.allowed(decision).iter().filter(|&option| shares[option] > now);
            changes.extend(better.map(|option| (shares[option] / now.max(1e-12), decision, option)));
        }
        // The first of equal gains, so that the same shares lead to the same network.
        changes.sort_by(|a, b| b.0.total_cmp(&a.0));
        let changed = |&(_, decision, option): &(f64, usize, usize)| {
            let mut options = arch.options().to_vec();
            options[decision] = option as u8;
            Some(Arch::new(options)).filter(|changed| region.contains(changed))
        };
        // Each change makes the network likelier, so this ends.
        match changes.iter().find_map(changed) {
            Some(changed) => arch = changed,
            None => return arch,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fewshot_space::{Feature, Filter, ProxylessSkeleton, ProxylessSpace};

    use super::*;

    #[test]
    fn limits_leave_the_likeliest_of_those_that_keep_them() {
        let space = Arc::new(ProxylessSpace::new(ProxylessSkeleton::tiny()).unwrap());
        let whole = Region::full(space.clone());
        // Large operations are likelier.
        let share = |options: usize| (0..options).map(|option| (1 + option % 4) as f64 / 11.0).collect::<Vec<f64>>();
        let shares: Vec<Vec<f64>> = whole.product().iter().map(|options| share(options.len())).collect();
        let best = Arch::new(vec![3; 6]);
        assert_eq!(likeliest(&whole, best.clone(), &shares).unwrap(), best);
        let limited = whole.filtered(Filter::at_most(Feature::Macs, 9_000_000));
        let found = likeliest(&limited, best.clone(), &shares).unwrap();
        assert!(limited.contains(&found) && !limited.contains(&best));
        let value = |arch: &Arch| (0..6).map(|row| shares[row][arch.get(row)].ln()).sum::<f64>();
        // Of all that keep the limit at most few are likelier.
        let all: Vec<Arch> = limited.iter().collect();
        let likelier = all.iter().filter(|arch| value(arch) > value(&found) + 1e-9).count();
        assert!(likelier <= all.len() / 1000, "{likelier} of {}", all.len());
    }
}

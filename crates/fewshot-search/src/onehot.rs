//! Architectures as zeros and ones, for linear models.

use fewshot_space::{Arch, Region};

/// One column per option that a decision with a choice may take in a region; an architecture has a one for each active
/// decision.
#[derive(Debug, Clone)]
pub(super) struct OneHot {
    /// Per decision and option: its column.
    columns: Vec<Vec<Option<usize>>>,
    width: usize,
}

impl OneHot {
    /// The columns of a region.
    pub fn new(region: &Region) -> OneHot {
        let mut width = 0;
        let mut columns = Vec::new();
        for (index, decision) in region.space().decisions().iter().enumerate() {
            let allowed = region.allowed(index);
            let mut column = |option: usize| {
                let is_choice = allowed.contains(option) && allowed.len() > 1;
                is_choice.then(|| {
                    width += 1;
                    width - 1
                })
            };
            columns.push((0..decision.options.len()).map(&mut column).collect());
        }
        OneHot { columns, width }
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The columns that hold a one.
    pub fn of(&self, region: &Region, arch: &Arch) -> Vec<usize> {
        let active = region.space().active(arch).into_iter().enumerate().filter(|(_, active)| *active);
        active.filter_map(|(decision, _)| self.columns[decision][arch.get(decision)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use fewshot_space::OptionSet;

    use super::*;
    use crate::testing::landscape::Chain;

    #[test]
    fn only_choices_have_columns_and_only_active_decisions_ones() {
        let region = Chain::region(2).restrict(1, OptionSet::single(2)).unwrap();
        let region = region.restrict(2, [0, 3].into_iter().collect()).unwrap();
        let onehot = OneHot::new(&region);
        assert_eq!(onehot.width(), 3 + 2);
        assert_eq!(onehot.of(&region, &Arch::new(vec![2, 2, 3])), [2, 4]);
        assert_eq!(onehot.of(&region, &Arch::new(vec![1, 2, 0])), [1]);
    }
}

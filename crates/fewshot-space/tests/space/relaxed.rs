//! Relaxations that are not a space's own.

use fewshot_space::{OptionSet, Region, Space};

use crate::nasbench;

#[test]
fn cells_have_a_row_per_open_edge_and_take_the_largest() {
    let space = nasbench();
    let region = Region::full(space.clone()).restrict(2, OptionSet::from_iter([1, 3])).unwrap();
    let region = region.restrict(4, OptionSet::single(4)).unwrap();
    let relaxed = space.relaxed(region.product());
    let rows: Vec<(usize, usize)> = relaxed.rows().iter().map(|row| (row.decision, row.options.len())).collect();
    assert_eq!(rows, [(0, 5), (1, 5), (2, 2), (3, 5), (5, 5)]);
    // Of equal ones the first.
    let equal = |count: usize| vec![1.0 / count as f64; count];
    let mut shares: Vec<Vec<f64>> = rows.iter().map(|(_, count)| equal(*count)).collect();
    shares[2] = vec![0.4, 0.6];
    shares[4] = vec![0.1, 0.1, 0.6, 0.1, 0.1];
    assert_eq!(relaxed.derive(&shares, None).options(), [0, 0, 3, 0, 4, 2]);
}

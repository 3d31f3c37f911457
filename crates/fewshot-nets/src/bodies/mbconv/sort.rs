//! The channels of a slot by what they matter (Once-for-All: Cai et al., ICLR 2020, section 3.3).

use burn::tensor::Tensor;

use super::block::MbLayers;
use crate::op::BatchNorm;
use crate::values::{tensor, to_vec};
use crate::view::View;
use crate::weights::Weights;

/// Puts the channels within a block first whose weights in the last convolution are largest in sum, then the hidden units of
/// squeeze-and-excitation by what goes out of them. Each stays among those that lie between two widths, so that every block of
/// the slot stays the function that it is.
pub(super) fn sort(layers: &MbLayers, weights: &mut Weights) {
    let (project, _) = &layers.project;
    let order = by_importance(&sums(&project.weight, 2, weights), &layers.widths.mid);
    if let Some((expand, norm)) = &layers.expand {
        reorder(&expand.weight, 3, &order, weights);
        reorder_norm(norm, &order, weights);
    }
    reorder(&layers.depthwise.weight, 2, &order, weights);
    reorder_norm(&layers.inner, &order, weights);
    reorder(&project.weight, 2, &order, weights);
    let Some(squeeze) = &layers.squeeze else { return };
    reorder(&squeeze.reduce.weight, 0, &order, weights);
    reorder(&squeeze.excite.weight, 1, &order, weights);
    squeeze.excite.bias.iter().for_each(|bias| reorder(bias, 0, &order, weights));

    let order = by_importance(&sums(&squeeze.excite.weight, 0, weights), &layers.widths.hidden);
    reorder(&squeeze.excite.weight, 0, &order, weights);
    reorder(&squeeze.reduce.weight, 1, &order, weights);
    squeeze.reduce.bias.iter().for_each(|bias| reorder(bias, 0, &order, weights));
}

/// Places in their new order: by how many of the `widths` end before them, then the most important first, then as they were.
fn by_importance(importance: &[f64], widths: &[usize]) -> Vec<usize> {
    let group = |place: usize| widths.iter().filter(|width| **width <= place).count();
    let mut order: Vec<usize> = (0..importance.len()).collect();
    order.sort_by(|&a, &b| group(a).cmp(&group(b)).then(importance[b].total_cmp(&importance[a])));
    order
}

/// For each place along `axis` of a parameter, the sum of the magnitudes there.
fn sums(view: &View, axis: usize, weights: &Weights) -> Vec<f64> {
    let mut sums = vec![0.0; view.held[axis]];
    let inner: usize = view.held[axis + 1..].iter().product();
    for (row, values) in to_vec(&weights.params()[view.param.index()].value).chunks(inner).enumerate() {
        sums[row % view.held[axis]] += values.iter().map(|value| f64::from(value.abs())).sum::<f64>();
    }
    sums
}

fn reorder(view: &View, axis: usize, order: &[usize], weights: &mut Weights) {
    let inner: usize = view.held[axis + 1..].iter().product();
    let value = &mut weights.params_mut()[view.param.index()].value;
    *value = reordered(value, inner, order);
}

fn reorder_norm(norm: &BatchNorm, order: &[usize], weights: &mut Weights) {
    for view in norm.affine.iter().flat_map(|(scale, shift)| [scale, shift]) {
        reorder(view, 0, order, weights);
    }
    if let Some(stats) = &norm.stats {
        let kept = &mut weights.stats_mut()[stats.stats.0];
        kept.mean = reordered(&kept.mean, 1, order);
        kept.var = reordered(&kept.var, 1, order);
    }
}

/// Rows of `inner` values, as many in turn as there are places in `order`, each turn in that order.
fn reordered(value: &Tensor<1>, inner: usize, order: &[usize]) -> Tensor<1> {
    let values = to_vec(value);
    let mut moved = Vec::with_capacity(values.len());
    for turn in values.chunks(inner * order.len()) {
        for &place in order {
            moved.extend_from_slice(&turn[place * inner..][..inner]);
        }
    }
    tensor(moved, &value.device())
}

#[cfg(test)]
mod tests {
    use super::by_importance;

    #[test]
    fn the_most_important_come_first_within_their_width() {
        assert_eq!(by_importance(&[1.0, 3.0, 2.0, 9.0, 3.0], &[5]), [3, 1, 4, 2, 0]);
        assert_eq!(by_importance(&[1.0, 3.0, 2.0, 9.0, 3.0], &[2, 3, 5]), [1, 0, 2, 3, 4]);
    }
}

//! The first values of a flat tensor along each of its axes: what a narrow layer reads of a wide one's weights.

use std::ops::Range;

use burn::tensor::Tensor;
use smallvec::SmallVec;

/// Extents along axes, up to four.
pub type Shape = SmallVec<[usize; 4]>;

pub(crate) fn count(extents: &Shape) -> usize {
    extents.iter().product()
}

/// The first values along each axis of a flat tensor that holds `held`, flat; the tensor itself where that is all.
pub(crate) fn corner(whole: Tensor<1>, held: &Shape, seen: &Shape) -> Tensor<1> {
    if held == seen {
        return whole;
    }
    match held.len() {
        1 => corner_of::<1>(whole, held, seen),
        2 => corner_of::<2>(whole, held, seen),
        3 => corner_of::<3>(whole, held, seen),
        _ => corner_of::<4>(whole, held, seen),
    }
}

fn corner_of<const D: usize>(whole: Tensor<1>, held: &Shape, seen: &Shape) -> Tensor<1> {
    whole.reshape(extents::<D>(held)).slice(first::<D>(seen)).reshape([count(seen)])
}

/// A flat tensor that holds `held` with the first values along each axis taken from `values`.
pub(crate) fn corner_put(whole: Tensor<1>, held: &Shape, seen: &Shape, values: Tensor<1>) -> Tensor<1> {
    if held == seen {
        return values;
    }
    match held.len() {
        1 => corner_put_in::<1>(whole, held, seen, values),
        2 => corner_put_in::<2>(whole, held, seen, values),
        3 => corner_put_in::<3>(whole, held, seen, values),
        _ => corner_put_in::<4>(whole, held, seen, values),
    }
}

fn corner_put_in<const D: usize>(whole: Tensor<1>, held: &Shape, seen: &Shape, values: Tensor<1>) -> Tensor<1> {
    let values = values.reshape(extents::<D>(seen));
    whole.reshape(extents::<D>(held)).slice_assign(first::<D>(seen), values).reshape([count(held)])
}

pub(crate) fn extents<const D: usize>(shape: &Shape) -> [usize; D] {
    assert!(shape.len() == D, "a parameter of shape {shape:?} where {D} axes are wanted");
    std::array::from_fn(|axis| shape[axis])
}

fn first<const D: usize>(seen: &Shape) -> [Range<usize>; D] {
    extents::<D>(seen).map(|extent| 0..extent)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::to_vec;

    fn shape(extents: &[usize]) -> Shape {
        Shape::from_slice(extents)
    }

    #[test]
    fn corners_are_cut_and_put_back() {
        let whole = crate::tensor((0..24).map(|value| value as f32).collect(), &Device::flex());
        let (held, seen) = (shape(&[2, 3, 4]), shape(&[1, 2, 3]));
        let cut = corner(whole.clone(), &held, &seen);
        assert_eq!(to_vec(&cut), [0.0, 1.0, 2.0, 4.0, 5.0, 6.0]);
        let put = to_vec(&corner_put(whole.clone(), &held, &seen, cut.mul_scalar(-1.0)));
        let expected: Vec<f32> = to_vec(&whole)
            .into_iter()
            .map(|value| if [1.0, 2.0, 4.0, 5.0, 6.0].contains(&value) { -value } else { value })
            .collect();
        assert_eq!(put, expected);
    }
}

//! Gradients of what a pass saw of a parameter: all of it, or its first values along each axis.
//!
//! A path of a supernet of elastic width reads a small corner of its widest weights. What it does not read has no gradient and is not
//! touched: neither by the pass, nor by an update, so that a step costs what the path costs and not what the supernet holds.

use burn::tensor::{Gradients, Tensor};
use smallvec::SmallVec;

use crate::corner::{Shape, corner, corner_put, count};

/// A parameter as one training pass used it, tracked.
#[derive(Debug, Clone)]
pub struct Leaf {
    held: Shape,
    /// What was seen of it: one corner, but where operations of one pass see different ones.
    parts: SmallVec<[(Shape, Tensor<1>); 1]>,
}

impl Leaf {
    /// One that all is seen of.
    pub fn whole(values: Tensor<1>) -> Self {
        let held = Shape::from_slice(&values.dims());
        Self { parts: SmallVec::from_iter([(held.clone(), values)]), held }
    }

    /// One that nothing is seen of as yet.
    pub(crate) fn unseen(held: Shape) -> Self {
        Self { held, parts: SmallVec::new() }
    }

    /// The tracked values of a corner, made where it was not seen before.
    pub(crate) fn corner(&mut self, seen: &Shape, values: impl FnOnce() -> Tensor<1>) -> Tensor<1> {
        match self.parts.iter().find(|(known, _)| known == seen) {
            Some((_, values)) => values.clone(),
            None => {
                let values = values().autodiff().require_grad();
                self.parts.push((seen.clone(), values.clone()));
                values
            }
        }
    }

    /// Its gradient, of what was seen.
    pub fn slope(self, gradients: &mut Gradients) -> Option<Slope> {
        let held = self.held;
        let slopes = self.parts.into_iter().filter_map(|(seen, values)| {
            Some(Slope { held: held.clone(), seen, values: values.grad_remove(gradients)? })
        });
        slopes.reduce(Slope::plus)
    }

    /// Its gradient, flat, 0 where nothing was seen.
    pub fn grad_remove(self, gradients: &mut Gradients) -> Option<Tensor<1>> {
        self.slope(gradients).map(Slope::into_whole)
    }
}

/// The gradient of a parameter, of all of it or of its first values along each axis; that of the others is 0.
#[derive(Debug, Clone)]
pub struct Slope {
    held: Shape,
    seen: Shape,
    values: Tensor<1>,
}

impl From<Tensor<1>> for Slope {
    /// Of a whole parameter.
    fn from(values: Tensor<1>) -> Self {
        let held = Shape::from_slice(&values.dims());
        Self { seen: held.clone(), held, values }
    }
}

impl Slope {
    /// Whether it is that of a whole parameter.
    pub fn is_whole(&self) -> bool {
        self.held == self.seen
    }

    /// The gradient of what was seen, flat.
    pub fn values(&self) -> &Tensor<1> {
        &self.values
    }

    /// The same, multiplied.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { values: self.values.mul_scalar(factor), ..self }
    }

    /// The gradient of the whole parameter, flat.
    pub fn into_whole(self) -> Tensor<1> {
        match self.is_whole() {
            true => self.values,
            false => corner_put(zeros(count(&self.held), &self.values), &self.held, &self.seen, self.values),
        }
    }

    /// The sum with another gradient of the same parameter.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        if self.seen == other.seen {
            return Self { values: self.values + other.values, ..self };
        }
        let seen: Shape = self.seen.iter().zip(&other.seen).map(|(one, other)| *one.max(other)).collect();
        let [one, other] = [self, other].map(|slope| {
            let Self { held, seen: own, values } = slope;
            (held, if own == seen { values } else { corner_put(zeros(count(&seen), &values), &seen, &own, values) })
        });
        Self { held: one.0, seen, values: one.1 + other.1 }
    }

    /// The values of `whole`, flat and of the parameter's size, that were seen.
    pub(crate) fn seen_of(&self, whole: &Tensor<1>) -> Tensor<1> {
        corner(whole.clone(), &self.held, &self.seen)
    }

    /// `whole` with `values` in the place of those that were seen; in place, where nothing else holds it.
    pub(crate) fn put(&self, whole: Tensor<1>, values: Tensor<1>) -> Tensor<1> {
        corner_put(whole, &self.held, &self.seen, values)
    }
}

/// Zeros where `like` lives.
fn zeros(count: usize, like: &Tensor<1>) -> Tensor<1> {
    Tensor::zeros([count], &like.device())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::to_vec;

    fn shape(extents: &[usize]) -> Shape {
        Shape::from_slice(extents)
    }

    fn slope(seen: &[usize], value: f32) -> Slope {
        let seen = shape(seen);
        let values = crate::tensor(vec![value; count(&seen)], &Device::flex());
        Slope { held: shape(&[2, 3]), seen, values }
    }

    #[test]
    fn sums_reach_as_far_as_both() {
        assert_eq!(to_vec(&slope(&[1, 3], 1.0).plus(slope(&[2, 1], 5.0)).into_whole()), [6.0, 1.0, 1.0, 5.0, 0.0, 0.0]);
        let same = slope(&[1, 2], 1.0).plus(slope(&[1, 2], 2.0));
        assert_eq!((to_vec(same.values()), same.is_whole()), (vec![3.0, 3.0], false));
        assert_eq!(to_vec(&same.scaled(2.0).into_whole()), [6.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_parameter_that_is_seen_twice_has_the_sum() {
        let whole = crate::tensor(vec![1.0, 2.0, 3.0], &Device::flex());
        let held = shape(&[3]);
        let mut leaf = Leaf::unseen(held.clone());
        let mut see = |seen: &[usize]| leaf.corner(&shape(seen), || corner(whole.clone(), &held, &shape(seen)));
        let loss = see(&[2]).sum() * 2.0 + see(&[3]).powi_scalar(2).sum() + see(&[2]).sum();
        let gradient = leaf.grad_remove(&mut loss.backward()).unwrap();
        assert_eq!(to_vec(&gradient), [5.0, 7.0, 6.0]);
    }
}

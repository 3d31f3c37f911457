//! Feature maps times factors of each image: one per channel, or one for all of it.

use rayon::prelude::*;

use super::norm::{self, Added, Repeated, Scale};
use crate::simd::{Level, dispatch};

/// `out = factors * x` with as many factors per image as `factors` has values per image of `image` floats.
pub(crate) fn forward(level: Level, x: &[f32], factors: &[f32], image: usize, out: &mut [f32]) {
    let each = factors.len() / (x.len() / image);
    let zero = Repeated::new(&vec![0.0; each]);
    let images = out.par_chunks_exact_mut(image).zip(x.par_chunks_exact(image)).zip(factors.par_chunks_exact(each));
    images.for_each(|((to, a), factors)| {
        let by_a = &Repeated::new(factors);
        dispatch(level, Scale { a: Some(a), by_a, constant: &zero, added: Added::Nothing, to });
    });
}

/// Gradient of the factors: per image and channel the sum of `g * x`.
pub(crate) fn factor_gradient(level: Level, x: &[f32], g: &[f32], image: usize, to: &mut [f32]) {
    let channels = to.len() / (x.len() / image);
    let zero = vec![0.0; channels];
    let images = to.par_chunks_exact_mut(channels).zip(x.par_chunks_exact(image)).zip(g.par_chunks_exact(image));
    images.for_each(|((to, x), g)| {
        let sums = norm::gradient_sums(level, g, x, &zero, image);
        for (to, [_, product]) in to.iter_mut().zip(sums) {
            *to = product as f32;
        }
    });
}

//! Per-channel passes over NHWC data: moments, normalising, and the gradients of both.
//!
//! Channels repeat with a period that need not be a whole number of vectors. Per-channel values
//! are therefore repeated until they fill whole vectors, and a pass goes round and round them.

use rayon::prelude::*;

use super::batch::images_per_piece;
use super::moments::Moments;
use crate::simd::{Kernel, Level, Simd, dispatch};

/// Vectors to go round before an accumulator is met again, so that adding to it in memory does
/// not wait for the last store.
const ROUND: usize = 8;

/// Widest vector of all levels; a period that suits it suits the others.
const WIDEST: usize = 16;

/// Floats of one round: whole vectors and whole pixels.
fn period(channels: usize) -> usize {
    let (mut a, mut b) = (channels, WIDEST);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let period = channels * WIDEST / a;
    period * (ROUND * WIDEST).div_ceil(period)
}

/// Per-channel values repeated to a whole round.
#[derive(Debug, Clone)]
pub(crate) struct Repeated(Vec<f32>);

impl Repeated {
    pub(crate) fn new(values: &[f32]) -> Self {
        Self(values.iter().copied().cycle().take(period(values.len())).collect())
    }
}

/// `by_a[c] * a + by_b[c] * b + constant[c]`.
#[derive(Debug, Clone)]
pub(crate) struct Fold {
    pub by_a: Repeated,
    pub by_b: Repeated,
    pub constant: Repeated,
}

/// `to = fold(a, b)` over one piece that begins with channel 0.
pub(crate) struct Combine<'a> {
    pub a: &'a [f32],
    pub b: &'a [f32],
    pub fold: &'a Fold,
    pub to: &'a mut [f32],
}

impl Kernel for Combine<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let Self { a, b, fold, to } = self;
        assert!(a.len() == to.len() && b.len() == to.len());
        let factors = [&fold.by_a.0[..], &fold.by_b.0, &fold.constant.0];
        // SAFETY: the instruction set is the caller's promise; the lengths are equal.
        unsafe {
            combine::<Wide, true, true>(a.as_ptr(), b.as_ptr(), factors, to.as_mut_ptr(), to.len());
        }
    }
}

/// What is added to `by_a[c] * a + constant[c]`.
#[derive(Clone, Copy)]
pub(crate) enum Added<'a> {
    Nothing,
    /// What the target holds already.
    Target,
    Other(&'a [f32]),
}

/// `to = by_a[c] * a + constant[c] + added` over one piece that begins with channel 0.
pub(crate) struct Scale<'a> {
    /// `None` for the target itself, which is then changed in place.
    pub a: Option<&'a [f32]>,
    pub by_a: &'a Repeated,
    pub constant: &'a Repeated,
    pub added: Added<'a>,
    pub to: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        let len = self.to.len();
        assert!(self.a.is_none_or(|a| a.len() == len));
        let factors = [&self.by_a.0[..], &self.by_a.0, &self.constant.0];
        let to = self.to.as_mut_ptr();
        let a = self.a.map_or(to.cast_const(), <[f32]>::as_ptr);
        // SAFETY: the instruction set is the caller's promise; the lengths are equal, and where
        // the target is also read each float is read before it is written.
        unsafe {
            match self.added {
                Added::Nothing => combine::<Wide, false, false>(a, a, factors, to, len),
                Added::Target => combine::<Wide, true, false>(a, to, factors, to, len),
                Added::Other(b) => {
                    assert!(b.len() == len);
                    combine::<Wide, true, false>(a, b.as_ptr(), factors, to, len);
                }
            }
        }
    }
}

/// # Safety
/// `a`, `to` and, with `B`, `b` hold `len` floats.
#[inline(always)]
unsafe fn combine<S: Simd, const B: bool, const BY_B: bool>(
    a: *const f32,
    b: *const f32,
    [by_a, by_b, constant]: [&[f32]; 3],
    to: *mut f32,
    len: usize,
) {
    let round = by_a.len();
    assert!(round.is_multiple_of(S::LANES) && by_b.len() == round && constant.len() == round);
    let (mut at, mut i) = (0, 0);
    // SAFETY: `i` stays below the common length, the last vector is cut to it; `at` goes round
    // the repeated factors in whole vectors.
    unsafe {
        while i + S::LANES <= len {
            let mut value =
                S::fma(S::load(a.add(i)), S::load(by_a.as_ptr().add(at)), S::load(constant.as_ptr().add(at)));
            if B {
                let b = S::load(b.add(i));
                value = if BY_B { S::fma(b, S::load(by_b.as_ptr().add(at)), value) } else { S::add(b, value) };
            }
            S::store(to.add(i), value);
            i += S::LANES;
            at += S::LANES;
            if at == round {
                at = 0;
            }
        }
        let rest = len - i;
        if rest > 0 {
            let mut value = S::fma(
                S::load_part(a.add(i), rest),
                S::load(by_a.as_ptr().add(at)),
                S::load(constant.as_ptr().add(at)),
            );
            if B {
                let b = S::load_part(b.add(i), rest);
                value = if BY_B { S::fma(b, S::load(by_b.as_ptr().add(at)), value) } else { S::add(b, value) };
            }
            S::store_part(to.add(i), value, rest);
        }
    }
}

/// Per channel the sums of `a` and of `a * (b - center)`, or with `b` left out of `a - center`
/// and its square.
struct Sums<'a> {
    a: &'a [f32],
    b: Option<&'a [f32]>,
    center: &'a Repeated,
    /// Two sums per channel, added to.
    to: &'a mut [[f64; 2]],
}

impl Kernel for Sums<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) {
        // SAFETY: the instruction set is the caller's promise.
        unsafe {
            match self.b {
                Some(b) => self.sums::<Wide, true>(b),
                None => {
                    let a = self.a;
                    self.sums::<Wide, false>(a)
                }
            }
        }
    }
}

impl Sums<'_> {
    #[inline(always)]
    unsafe fn sums<S: Simd, const B: bool>(self, b: &[f32]) {
        let center = &self.center.0;
        let round = center.len();
        assert!(round.is_multiple_of(S::LANES) && self.a.len() == b.len());
        let mut acc = vec![0.0f32; 2 * round];
        let (first, second) = acc.split_at_mut(round);
        // In single precision only so many terms are added before a sum moves on to double.
        let strip = round * 256;
        for (a, b) in self.a.chunks(strip).zip(b.chunks(strip)) {
            first.fill(0.0);
            second.fill(0.0);
            let (mut at, mut i) = (0, 0);
            // SAFETY: `i` stays below the common length of `a` and `b`, the last vector is cut
            // to it; `at` goes round `center`, `first` and `second` in whole vectors.
            unsafe {
                while i < a.len() {
                    let rest = (a.len() - i).min(S::LANES);
                    let whole = rest == S::LANES;
                    let middle = S::load(center.as_ptr().add(at));
                    let (u, v) = if whole {
                        (S::load(a.as_ptr().add(i)), S::load(b.as_ptr().add(i)))
                    } else {
                        (S::load_part(a.as_ptr().add(i), rest), S::load_part(b.as_ptr().add(i), rest))
                    };
                    let v = S::sub(v, middle);
                    let u = if B { u } else { v };
                    let f = first.as_mut_ptr().add(at);
                    let s = second.as_mut_ptr().add(at);
                    let sum = S::add(S::load(f), u);
                    let product = S::fma(u, v, S::load(s));
                    if whole {
                        S::store(f, sum);
                        S::store(s, product);
                    } else {
                        S::store_part(f, sum, rest);
                        S::store_part(s, product, rest);
                    }
                    i += S::LANES;
                    at += S::LANES;
                    if at == round {
                        at = 0;
                    }
                }
            }
            let channels = self.to.len();
            for (first, second) in first.chunks(channels).zip(second.chunks(channels)) {
                for ((to, first), second) in self.to.iter_mut().zip(first).zip(second) {
                    to[0] += f64::from(*first);
                    to[1] += f64::from(*second);
                }
            }
        }
    }
}

/// Mean and variance per channel of NHWC data with `image` floats per image.
pub(crate) fn moments(level: Level, x: &[f32], image: usize, channels: usize) -> Moments {
    let piece = images_per_piece(x.len() / image.max(1)) * image;
    let parts: Vec<(Vec<[f64; 3]>, usize)> = x
        .par_chunks(piece.max(1))
        .map(|x| {
            // Shifted by the first pixel, so that the variance is no small difference of large
            // sums.
            let center = Repeated::new(&x[..channels]);
            let mut sums = vec![[0.0; 2]; channels];
            let kernel = Sums { a: x, b: None, center: &center, to: &mut sums };
            dispatch(level, kernel);
            let part = sums.iter().zip(x).map(|([sum, square], shift)| [f64::from(*shift), *sum, *square]).collect();
            (part, x.len() / channels)
        })
        .collect();
    let counts: Vec<usize> = parts.iter().map(|(_, count)| *count).collect();
    let parts: Vec<[f64; 3]> = parts.into_iter().flat_map(|(part, _)| part).collect();
    Moments::merge(&parts, &counts, channels)
}

/// Per channel the sums of `g` and of `g * (y - mean)`.
pub(crate) fn gradient_sums(level: Level, g: &[f32], y: &[f32], mean: &[f32], image: usize) -> Vec<[f64; 2]> {
    let center = Repeated::new(mean);
    let piece = (images_per_piece(g.len() / image.max(1)) * image).max(1);
    let parts: Vec<Vec<[f64; 2]>> = g
        .par_chunks(piece)
        .zip(y.par_chunks(piece))
        .map(|(g, y)| {
            let mut sums = vec![[0.0; 2]; mean.len()];
            let kernel = Sums { a: g, b: Some(y), center: &center, to: &mut sums };
            dispatch(level, kernel);
            sums
        })
        .collect();
    let mut total = vec![[0.0; 2]; mean.len()];
    for part in parts {
        for (total, part) in total.iter_mut().zip(part) {
            total[0] += part[0];
            total[1] += part[1];
        }
    }
    total
}

/// Per channel the sum of all values.
pub(crate) fn channel_sums(level: Level, x: &[f32], image: usize, channels: usize) -> Vec<f64> {
    let sums = gradient_sums(level, x, x, &vec![0.0; channels], image);
    sums.into_iter().map(|[sum, _]| sum).collect()
}

/// `to = by_a[c] * a + constant[c] + added` over a batch of images of `image` floats;
/// without `a` in place.
pub(crate) fn scale(
    level: Level,
    a: Option<&[f32]>,
    by_a: &Repeated,
    constant: &Repeated,
    added: Added<'_>,
    to: &mut [f32],
    image: usize,
) {
    let image = image.max(1);
    to.par_chunks_mut(image).enumerate().for_each(|(n, to)| {
        let range = n * image..n * image + to.len();
        let added = match added {
            Added::Other(b) => Added::Other(&b[range.clone()]),
            other => other,
        };
        let kernel = Scale { a: a.map(|a| &a[range]), by_a, constant, added, to };
        dispatch(level, kernel);
    });
}

/// `to = fold(a, b)` over a batch.
pub(crate) fn combine_batch(level: Level, a: &[f32], b: &[f32], fold: &Fold, to: &mut [f32], image: usize) {
    to.par_chunks_mut(image.max(1))
        .zip(a.par_chunks(image.max(1)))
        .zip(b.par_chunks(image.max(1)))
        .for_each(|((to, a), b)| dispatch(level, Combine { a, b, fold, to }));
}

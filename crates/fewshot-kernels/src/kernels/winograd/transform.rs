//! The transforms of Winograd's F(4x4, 3x3), on vectors of channels.
//!
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` ([Lavin and Gray 2016](https://arxiv.org/abs/1509.09308)) with the matrices of
//! Toom and Cook for the points 0, ±a, ±b and infinity. Lavin and Gray's a = 1, b = 2 loses about two bits more than
//! a = 3/4, b = 3/2, whose squares are exact too and which is as precise as the direct sum (7 to 9 e-7 of the largest
//! value over 32 channels; 3e-6 with theirs).

use crate::simd::Simd;

/// Side of an input tile and of the transformed tile.
pub(super) const SIDE: usize = 6;
/// Side of an output tile.
pub(super) const OUT: usize = 4;
/// Places of a transformed tile.
pub(super) const PLACES: usize = SIDE * SIDE;

const A: f32 = 0.75;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// `Bᵀ d` of one column.
#[inline(always)]
unsafe fn input<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller promises the instruction set.
    unsafe {
        let (product, sum) = (S::splat(A2 * B2), S::splat(-(A2 + B2)));
        let (a2, b2) = (S::splat(-A2), S::splat(-B2));
        let (even_a, odd_a) = (S::fma(b2, d[2], d[4]), S::fma(b2, d[1], d[3]));
        let (even_b, odd_b) = (S::fma(a2, d[2], d[4]), S::fma(a2, d[1], d[3]));
        [
            S::fma(product, d[0], S::fma(sum, d[2], d[4])),
            S::fma(S::splat(A), odd_a, even_a),
            S::fma(S::splat(-A), odd_a, even_a),
            S::fma(S::splat(B), odd_b, even_b),
            S::fma(S::splat(-B), odd_b, even_b),
            S::fma(product, d[1], S::fma(sum, d[3], d[5])),
        ]
    }
}

/// `Aᵀ m` of one column.
#[inline(always)]
unsafe fn output<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: the caller promises the instruction set.
    unsafe {
        let (sum_a, difference_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (sum_b, difference_b) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(m[0], S::add(sum_a, sum_b)),
            S::fma(S::splat(A), difference_a, S::mul(S::splat(B), difference_b)),
            S::fma(S::splat(A2), sum_a, S::mul(S::splat(B2), sum_b)),
            S::fma(S::splat(A2 * A), difference_a, S::fma(S::splat(B2 * B), difference_b, m[5])),
        ]
    }
}

/// `A g` of one column: the transpose of [`output`].
#[inline(always)]
unsafe fn gradient<S: Simd>(g: [S::V; 4]) -> [S::V; 6] {
    // SAFETY: the caller promises the instruction set.
    unsafe {
        let (even_a, even_b) = (S::fma(S::splat(A2), g[2], g[0]), S::fma(S::splat(B2), g[2], g[0]));
        let odd_a = S::fma(S::splat(A2 * A), g[3], S::mul(S::splat(A), g[1]));
        let odd_b = S::fma(S::splat(B2 * B), g[3], S::mul(S::splat(B), g[1]));
        [g[0], S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), g[3]]
    }
}

/// `1 / Π (p - q)` over the other finite points q, for the points 0, ±a and ±b.
const F0: f32 = 1.0 / (A2 * B2);
const FA: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
const FB: f32 = 1.0 / (2.0 * B2 * (B2 - A2));

/// `G g` of one column.
#[inline(always)]
unsafe fn weight<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
    // SAFETY: the caller promises the instruction set.
    unsafe {
        let even_a = S::fma(S::splat(FA * A2), g[2], S::mul(S::splat(FA), g[0]));
        let even_b = S::fma(S::splat(FB * B2), g[2], S::mul(S::splat(FB), g[0]));
        let (a, b) = (S::splat(FA * A), S::splat(FB * B));
        let (minus_a, minus_b) = (S::splat(-FA * A), S::splat(-FB * B));
        [
            S::mul(S::splat(F0), g[0]),
            S::fma(a, g[1], even_a),
            S::fma(minus_a, g[1], even_a),
            S::fma(b, g[1], even_b),
            S::fma(minus_b, g[1], even_b),
            g[2],
        ]
    }
}

/// `Gᵀ u` of one column: the transpose of [`weight`].
#[inline(always)]
unsafe fn weight_gradient<S: Simd>(u: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: the caller promises the instruction set.
    unsafe {
        let (sum_a, difference_a) = (S::add(u[1], u[2]), S::sub(u[1], u[2]));
        let (sum_b, difference_b) = (S::add(u[3], u[4]), S::sub(u[3], u[4]));
        let even = S::fma(S::splat(FB), sum_b, S::mul(S::splat(F0), u[0]));
        [
            S::fma(S::splat(FA), sum_a, even),
            S::fma(S::splat(FA * A), difference_a, S::mul(S::splat(FB * B), difference_b)),
            S::fma(S::splat(FA * A2), sum_a, S::fma(S::splat(FB * B2), sum_b, u[5])),
        ]
    }
}

/// Applies a one-dimensional transform to all columns, then to all rows.
macro_rules! two_dimensional {
    ($(#[$doc:meta])* $name:ident, $one:ident, $from:literal -> $to:literal) => {
        $(#[$doc])*
        #[inline(always)]
        #[allow(clippy::needless_range_loop)] // Plain indices unroll into registers.
        pub(super) unsafe fn $name<S: Simd>(from: [[S::V; $from]; $from]) -> [[S::V; $to]; $to] {
            // SAFETY: the caller promises the instruction set.
            unsafe {
                let zero = S::splat(0.0);
                let mut half = [[zero; $from]; $to];
                for x in 0..$from {
                    let mut column = [zero; $from];
                    for y in 0..$from {
                        column[y] = from[y][x];
                    }
                    let column = $one::<S>(column);
                    for y in 0..$to {
                        half[y][x] = column[y];
                    }
                }
                let mut to = [[zero; $to]; $to];
                for y in 0..$to {
                    to[y] = $one::<S>(half[y]);
                }
                to
            }
        }
    };
}

two_dimensional!(
    /// `Bᵀ d B`: a tile of the input.
    input_tile, input, 6 -> 6
);
two_dimensional!(
    /// `Aᵀ m A`: a tile of the output.
    output_tile, output, 6 -> 4
);
two_dimensional!(
    /// `A g Aᵀ`: a tile of the output's gradient.
    gradient_tile, gradient, 4 -> 6
);
two_dimensional!(
    /// `G g Gᵀ`: a kernel.
    weight_tile, weight, 3 -> 6
);
two_dimensional!(
    /// `Gᵀ u G`: a kernel's gradient.
    weight_gradient_tile, weight_gradient, 6 -> 3
);
